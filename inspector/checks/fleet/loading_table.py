"""The table of many saved VMs and one destination: a row for each VM, with its answer and what stops it first."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from inspector.checks.fleet.files import encode_part
from inspector.checks.fleet.loading import add_answer, answer_to
from inspector.checks.fleet.part import Skipped, Toward
from inspector.checks.fleet.stores import Waiting
from inspector.checks.fleet.summarise import Asked, tally_of
from inspector.checks.fleet.table import UNREAD, Cell, Table, rows_of
from inspector.checks.fleet.tally import Tally
from inspector.checks.restore.result import MigrationReport
from inspector.errors import one_line
from inspector.registers.catalog import by_id
from inspector.sources import load
from inspector.sources.dump import Dump

_TEXTS = ("source", "host", "destination", "kernel", "vmm", "verdict", "register", "errno", "fields")
"""kernel: the destination's policy; register: the one that stops the load first, or of an uncertain answer may stop it
first; errno: what its write gets; fields: those of it that are not accepted"""
_NUMBERS = ("vcpu", "fatal", "uncertain", "changed")
"""vcpu: the one that the register is of; the others: how many writes stop the load, depend on what is not known of the
destination, and are read back otherwise, in all vCPUs"""


class LoadingTable(Table):
    """The columns about `toward`; no values of registers are among them.

    `tally`: counts what the rows tell, so that nothing is answered once for the table and again for the report.
    """

    def __init__(self, toward: Toward, unread: bool = False, tally: Tally | None = None) -> None:
        self._toward, self._tally = toward, tally
        self._more: tuple[Cell, ...] = (None,) if unread else ()

    @property
    def names(self) -> list[str]:
        return [*_TEXTS, *_NUMBERS, *([UNREAD] if self._more else [])]

    @property
    def numbers(self) -> frozenset[str]:
        return frozenset(_NUMBERS)

    def unread(self, one: Skipped) -> list[Cell]:
        if self._tally is not None:
            self._tally.skip(one)
        return super().unread(one)

    def rows(self, dump: Dump, position: int) -> list[list[Cell]]:
        answer, given = answer_to(dump, self._toward), dump.provenance
        if self._tally is not None:
            add_answer(self._tally, answer, dump, position)
        told: list[Cell] = [
            one_line(given.source), given.host.shown, one_line(self._toward.destination), answer.kernel, answer.vmm,
            answer.verdict,
        ]  # fmt: skip
        return [[*told, *_stopped_by(answer), *self._more]]


def counted_rows(places: Sequence[tuple[int, str]], asked: Asked) -> tuple[bytes, list[list[Cell]]]:
    """(the part of some saved VMs as bytes, their rows); each is (position, path). Raises InspectorError for one that
    cannot be read, unless `asked.skip`."""
    assert asked.toward is not None
    tally = tally_of(asked)
    found = (Waiting(position, path, partial(load, path, declared=asked.declared)) for position, path in places)
    rows = list(rows_of(found, LoadingTable(asked.toward, asked.skip, tally), asked))
    return encode_part(tally.part()), rows


def _stopped_by(answer: MigrationReport) -> list[Cell]:
    unsure = answer.of_kind("uncertain")
    counts: list[Cell] = [len(answer.fatal), len(unsure), len(answer.of_kind("changed"))]
    first = answer.first or next(iter(unsure), None)
    if first is None:
        return [None, None, None, None, *counts]
    fields = ", ".join(field.name for field in first.fields if not field.accepted or not field.certain)
    return [by_id(first.id).name, first.errno_name or None, one_line(fields) or None, first.vcpu, *counts]
