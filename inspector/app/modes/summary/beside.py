"""A second dump beside the summary: another host, or a vCPU where that is all it shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from inspector.app.shell.view import short_name
from inspector.checks.features.sides import sides_of
from inspector.checks.features.summary import lines_of
from inspector.sources.dump import Dump


class Beside(NamedTuple):
    """What the second dump shows."""

    source: str
    title: str
    words: Mapping[str, str]
    """by the key of a line; a line about which it shows nothing is left out"""


def beside(dump: Dump) -> Beside:
    """The host of a dump in the words of the summary's lines, or its vCPU where no host is known."""
    sides = sides_of(dump)
    side = sides.host or sides.vcpu
    words = {one.key: text for one in lines_of(sides) if (text := one.host if sides.host else one.vcpu) is not None}
    source = dump.provenance.source
    return Beside(source, f"{side.title if side else 'nothing'} of {short_name(dump)}", words)
