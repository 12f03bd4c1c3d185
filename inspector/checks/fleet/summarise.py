"""From a dump to its part: pure functions, which any engine may call on any machine.

`summarise_bytes` takes the bytes of a file and gives the bytes of a part, so that an engine needs to know neither.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from inspector.checks.compare.sets import subjects_of
from inspector.checks.fleet.part import Part, Question, Toward, member, skipped
from inspector.checks.fleet.tally import Tally
from inspector.errors import InspectorError, encodable, one_line
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
    skip: bool = False
    """count sources that cannot be read, and go on without them"""
    advice: str = ""
    """what the error of such a source says besides, where they are not skipped"""


def add_compared(tally: Tally, dump: Dump, position: int, alone: bool = False) -> None:
    """Take in what is compared of a dump. Raises InspectorError for a dump without registers."""
    given = dump.provenance
    vcpus, notes = subjects_of(dump, alone)
    tally.dumps += 1
    tally.notes += [(position, one_line(note)) for note in notes]
    for vcpu, label in vcpus:
        tally.add(
            vcpu,
            encodable(given.kernel.shown).encode(),
            member(position, vcpu.index, label, given.source, given.host.shown),
        )


def add_dump(tally: Tally, dump: Dump, position: int, asked: Asked) -> None:
    """Take in what is asked of a dump. Raises InspectorError for a dump that has nothing of it."""
    # Each question with what it needs: to compare registers nothing has to be restored.
    if asked.question == "baseline":
        from inspector.checks.baseline.folded import add_host

        add_host(tally, dump, position)
    elif asked.question == "migrate":
        from inspector.checks.fleet.loading import add_loading

        assert asked.toward is not None
        add_loading(tally, dump, position, asked.toward)
    else:
        add_compared(tally, dump, position, asked.alone)


def add_source(tally: Tally, read: Callable[[], Dump], position: int, source: str, asked: Asked) -> None:
    """Take in what is asked of the dump that `read` gives. Raises InspectorError for a source that cannot be read, or
    has nothing of it, unless such are to be skipped."""
    try:
        add_dump(tally, read(), position, asked)
    except InspectorError as error:
        if not asked.skip:
            raise advised(error, asked.advice) from None
        tally.skip(skipped(position, source, error))


def advised(error: InspectorError, advice: str) -> InspectorError:
    """The error with another hint behind its own."""
    return type(error)(error.what, error.where, "; ".join(filter(None, (error.hint, advice))))


def tally_of(asked: Asked) -> Tally:
    """What takes in dumps for that question."""
    if asked.toward is None:
        return Tally(asked.question, asked.secrets_out, None)
    from inspector.checks.fleet.loading import aim_of

    return Tally(asked.question, asked.secrets_out, aim_of(asked.toward))


def summarise(dump: Dump, position: int, asked: Asked) -> Part:
    """The part of one dump, which is number `position` of those that were given."""
    tally = tally_of(asked)
    add_dump(tally, dump, position, asked)
    return tally.part()
