"""Windows over a mode."""
