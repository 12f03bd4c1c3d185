"""What takes part in a comparison of dumps: which view of which dump, and what it is called."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from inspector.app.shell.view import View, short_name, views_of
from inspector.sources.dump import Dump


class Side(NamedTuple):
    """One thing that is compared: a vCPU, template or host of a dump."""

    dump: Dump
    view: int = 0

    @property
    def shown(self) -> View:
        """Its registers."""
        views = views_of(self.dump)
        return views[min(self.view, len(views) - 1)]

    @property
    def source(self) -> str:
        """Where its dump comes from."""
        return self.dump.provenance.source


def side_name(side: Side, every: bool = False) -> str:
    """`neoverse-n2-linux-6.1`; with the vCPU or host where the dump has several, or where `every` asks for it."""
    name = short_name(side.dump) or side.dump.provenance.format
    views = views_of(side.dump)
    guests = [view for view in views if view.one_vcpu is not None]
    plain = len(views) == 1 or (len(guests) == 1 and side.shown.one_vcpu is not None)
    return name if plain and not every else f"{name} {side.shown.title}"


def all_sides(dumps: Iterable[Dump]) -> list[Side]:
    """One side for each dump: its first vCPU, else what it has."""
    found = []
    for dump in dumps:
        views = views_of(dump)
        first = next((place for place, view in enumerate(views) if view.one_vcpu is not None), 0)
        found.append(Side(dump, first))
    return found
