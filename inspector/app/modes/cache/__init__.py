"""Cache: the caches that a vCPU sees."""
