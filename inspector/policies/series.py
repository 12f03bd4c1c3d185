"""Releases by their numbers: the stable series that each is of, and the newest modelled release of a series."""

from __future__ import annotations

from inspector.policies.points import points

_KEPT = 40
"""Stable releases from which a series counts as one of those that are kept for years."""


def series_of(release: str) -> str:
    """`6.12` of a release or a policy's name: `6.12.57`, `6.12.57+mask-ccidx`."""
    return ".".join(release.partition("+")[0].split(".")[:2])


def numbers_of(release: str) -> tuple[int, ...]:
    """(6, 12, 57) of `6.12.57`, to put releases in order. Raises ValueError for one with other letters."""
    return tuple(map(int, release.split(".")))


def series_ends() -> dict[str, str]:
    """Every mainline series with its newest modelled release, oldest first: `6.12` -> `6.12.107`."""
    return {f"{major}.{minor}": f"{major}.{minor}.{point}" for major, minor, point in points()}


def kept_for_years(release: str) -> bool:
    """Whether the series of a newest release is one that gets stable releases for years."""
    return int(release.rpartition(".")[2]) >= _KEPT
