"""What a change to KVM does to guests and to saved VMs: two kernels, side by side on several hosts."""
