"""vcpu-inspector: read, compare and predict arm64 KVM vCPU registers."""

__version__ = "0.1.0"
