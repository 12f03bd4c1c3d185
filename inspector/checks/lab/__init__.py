"""Real kernels of the lab, asked side by side, with the model's answers beside theirs."""
