"""Which kernels one host can run so that VMs move between them, and what a machine type has to fix for it."""
