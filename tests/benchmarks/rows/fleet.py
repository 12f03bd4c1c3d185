"""Many dumps: what they hold in common, and how they differ."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.bench import Bench
from tests.benchmarks.compare_fleet import write_fleet
from tests.benchmarks.table import Figure


def figures(bench: Bench) -> Iterator[Figure]:
    """CPU and memory of whole commands."""
    names = write_fleet(bench.folder / "fleet", 10_000, 100)
    yield from _compare(bench, "compare-10k", names)


def _compare(bench: Bench, key: str, names: Path) -> Iterator[Figure]:
    cost = bench.cost([*bench.program, "compare", "--files-from", str(names)])
    yield Figure(key, round(cost.cpu, 2), f"{cost.wall:.1f} s wall, {cost.memory:.0f} MB")
