"""What would make a refused vCPU load; every remedy is simulated before it is offered."""
