"""What the program costs: `python -m tests.benchmarks` measures the whole table.

Each row's work, peer and goal stand in `table.py`; a module in `rows/` measures some of them.
"""
