"""How bytes get here: sockets within a time, QEMU's monitor, and files unpacked within bounds."""
