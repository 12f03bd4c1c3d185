"""Migrate: would this vCPU load there."""
