"""Many dumps: what they hold in common, and how they differ. The files of the large fleets take 5 GB."""

from __future__ import annotations

from collections.abc import Iterator

from tests.benchmarks.bench import Bench
from tests.benchmarks.compare_fleet import measure, write_fleet
from tests.benchmarks.table import Figure

_FLEETS = (
    ("compare-10k", 10_000, 100, ()),
    ("baseline-10k", 10_000, 10_000, ("--baseline",)),
    ("compare-100k", 100_000, 100, ()),
    ("baseline-100k", 100_000, 100_000, ("--baseline",)),
)
"""key of the row, dumps, kinds of host among them, options"""


def figures(bench: Bench) -> Iterator[Figure]:
    """CPU of whole commands, and the memory of all their processes together."""
    for key, count, kinds, options in _FLEETS:
        names = write_fleet(bench.folder / f"fleet-{count}-{kinds}", count, kinds)
        wall, cpu, memory, _, _ = measure([*bench.program, "compare", *options, "--files-from", str(names)])
        yield Figure(key, round(cpu, 2), f"{wall:.1f} s wall, {memory:.0f} MB")
        yield Figure(f"{key}-memory", round(memory, 1))
