"""What a CPU is and what a guest gets of it: the summary, and every feature of the architecture by name."""
