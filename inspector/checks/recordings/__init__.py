"""Does the model agree with what a real kernel answered."""
