"""What each VMM does when it restores a vCPU, and what it prints."""
