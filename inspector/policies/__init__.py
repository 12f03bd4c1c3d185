"""What each kernel release and patch changes, as data."""
