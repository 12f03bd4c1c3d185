"""Patch: what a kernel patch changes."""
