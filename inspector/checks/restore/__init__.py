"""Would this saved vCPU load on that destination, register by register."""
