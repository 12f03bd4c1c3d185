"""Explain: paste an error text."""
