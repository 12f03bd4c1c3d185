"""From a dump to its part: pure functions, which any engine may call on any machine.

`summarise_bytes` takes the bytes of a file and gives the bytes of a part, so that an engine needs to know neither.
"""

from __future__ import annotations

import msgspec

from inspector.checks.baseline.folded import add_host
from inspector.checks.compare.sets import subjects_of
from inspector.checks.fleet.loading import Toward, add_loading, aim_of
from inspector.checks.fleet.part import Member, Part, Question
from inspector.checks.fleet.tally import Tally
from inspector.errors import one_line
from inspector.sources.dump import Dump, View


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of every dump."""

    question: Question
    declared: View | None = None
    """whose values texts hold (`--as`)"""
    secrets_out: bool = False
    """leave out what registers with a guest's secrets hold, also as digests"""
    alone: bool = False
    """there is one dump only: its vCPUs are compared"""
    toward: Toward | None = None
    """for `migrate`: where to"""
    limit: int = 1
    """as `--limit` takes it"""


def add_compared(tally: Tally, dump: Dump, position: int, alone: bool = False) -> None:
    """Take in what is compared of a dump. Raises InspectorError for a dump without registers."""
    given = dump.provenance
    vcpus, notes = subjects_of(dump, alone)
    tally.dumps += 1
    tally.notes += [(position, one_line(note)) for note in notes]
    for vcpu, label in vcpus:
        member = Member(position=position, label=label, source=given.source, vcpu=vcpu.index, host=given.host.shown)
        tally.add(vcpu, given.kernel.shown.encode(), member)


def add_dump(tally: Tally, dump: Dump, position: int, asked: Asked) -> None:
    """Take in what is asked of a dump. Raises InspectorError for a dump that has nothing of it."""
    if asked.question == "baseline":
        add_host(tally, dump, position)
    elif asked.question == "migrate":
        assert asked.toward is not None
        add_loading(tally, dump, position, asked.toward)
    else:
        add_compared(tally, dump, position, asked.alone)


def tally_of(asked: Asked) -> Tally:
    """What takes in dumps for that question."""
    return Tally(asked.question, asked.secrets_out, aim_of(asked.toward) if asked.toward is not None else None)


def summarise(dump: Dump, position: int, asked: Asked) -> Part:
    """The part of one dump, which is number `position` of those that were given."""
    tally = tally_of(asked)
    add_dump(tally, dump, position, asked)
    return tally.part()
