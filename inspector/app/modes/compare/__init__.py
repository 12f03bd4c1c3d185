"""Compare: sides next to each other."""
