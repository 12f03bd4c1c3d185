"""Which host, kernel and vCPU options are behind a dump."""
