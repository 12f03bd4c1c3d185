"""What an error text says: the register, the field and the reason."""
