"""Measure the table, or a part of it, and compare with the figures that were kept last.

    python -m tests.benchmarks [--only start,screens] [--pairs 9] [--python PATH] [--keep] [--no-counts]

The wheel is built and installed into an environment of its own (`--python` takes one that has it). Ratios are medians
of pairs measured in turn. `--keep` writes the figures, and the README's table
from them (`--only= --keep` the table alone). Exit code 1 when a measured
row misses its goal.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import tempfile
from importlib import import_module
from pathlib import Path

from tests.benchmarks.bench import Bench, install
from tests.benchmarks.table import BY_KEY, ROWS, Figure, keep, line, read_kept, write_readme

GROUPS = ("start", "screens", "streams", "logs", "fleet")
"""Modules in `rows/`; each has `figures(bench)`, which yields figures as they are ready."""
_WIDTHS = (50, 18, 13, 8, 4, 13, 0)


def main() -> int:
    """Measure and print; 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(GROUPS), help=f"some of {', '.join(GROUPS)}")
    parser.add_argument("--pairs", type=int, default=9, help="pairs for each ratio (9)")
    parser.add_argument("--python", default="", help="a Python that has the wheel installed")
    parser.add_argument("--keep", action="store_true", help="keep the figures, and write the README's table")
    parser.add_argument("--no-counts", action="store_true", help="count no instructions")
    options = parser.parse_args()
    before, found = read_kept(), list[Figure]()
    _print(["work", "against", "measured", "goal", "met", "was", "details"])
    with tempfile.TemporaryDirectory() as folder:
        python = options.python or (install(Path(folder)) if options.only else "")
        bench = Bench(Path(folder), options.pairs, python)
        if options.no_counts:
            bench.valgrind = None
        for name in filter(None, options.only.split(",")):
            for figure in import_module(f"tests.benchmarks.rows.{name}").figures(bench):
                found.append(figure)
                old = before.get(figure.key)
                _print(line(BY_KEY[figure.key], figure, old.figure if old else None))
    measured = {one.key for one in found}
    for row in ROWS:
        if row.key not in measured:
            _print(line(row, None))
    if options.keep:
        write_readme(keep(found, _run()))
    return int(any(one.value > BY_KEY[one.key].goal for one in found))


def _run() -> str:
    """Date and machine."""
    cores = f"{len(os.sched_getaffinity(0))} {platform.machine()} cores"
    return f"{datetime.date.today().isoformat()}, {cores}, Python {platform.python_version()}"


def _print(cells: list[str]) -> None:
    pairs = zip(cells, _WIDTHS, strict=True)
    print("  ".join(f"{cell:<{width}}" for cell, width in pairs).rstrip(), flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
