"""Browse: every register of a dump, decoded."""
