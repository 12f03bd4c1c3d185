"""The KVM that answers: what a kernel of given rules lists, exposes, accepts and keeps."""
