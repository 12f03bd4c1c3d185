"""Attempted writes to one vCPU, simulated or for real."""
