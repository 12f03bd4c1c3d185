"""Fuzzers: one for each loader, and for everything else that reads what a stranger wrote."""
