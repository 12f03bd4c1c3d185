"""What one asks of dumps and kernels, one room for each question."""
