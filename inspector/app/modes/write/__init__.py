"""Write: attempt a write."""
