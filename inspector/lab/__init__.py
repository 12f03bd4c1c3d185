"""The lab: a real KVM of any kernel, under an emulated arm64 machine that has EL2. Nothing of it runs on this host."""
