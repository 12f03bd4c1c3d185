"""One folder for each mode of the screens."""
