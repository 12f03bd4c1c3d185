"""Which of many saved VMs load on one host: each is checked as `migrate` checks one, and equal answers are counted."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from inspector.checks.fleet.packing import digest_of
from inspector.checks.fleet.part import Aim, Member, Part, Toward, Unread, in_order, member, nothing_read
from inspector.checks.fleet.tally import Tally
from inspector.checks.fleet.written import read_back
from inspector.checks.machine.destination import SAME_HOST, SameHost
from inspector.checks.machine.question import Given
from inspector.checks.restore.migration import migrate
from inspector.checks.restore.result import FAILS, LOADS, UNCERTAIN, MigrationReport, Verdict
from inspector.checks.vmms.table import find_vmm
from inspector.errors import EXIT_NO, EXIT_YES, InspectorError, SourceError
from inspector.policies.release import Choice, choose
from inspector.readable import readable
from inspector.registers.catalog import by_id
from inspector.sources.dump import Dump, Vcpu

_ORDER: tuple[Verdict, ...] = (FAILS, UNCERTAIN, LOADS)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One answer, and the VMs that get it."""

    verdict: Verdict
    vmm: str
    kernel: str
    """the destination's policy"""
    fatal: tuple[str, ...]
    """registers that stop the load, in the VMM's order"""
    uncertain: tuple[str, ...]
    """registers whose fate depends on what is not known"""
    changed: tuple[str, ...]
    """registers that are accepted and read back otherwise"""
    file: str = ""
    """why the VMM does not read the file at all; empty where it does"""
    basis: str = ""
    """what the answer rests on where the VMM's version is not a known one"""


class Loading(msgspec.Struct, frozen=True, kw_only=True):
    """The answers for all VMs: those that fail first, of them the most frequent."""

    destination: str
    dumps: int
    outcomes: tuple[tuple[Outcome, int, tuple[str, ...]], ...]
    """(answer, how many VMs get it, the first of their names)"""
    unread: Unread = Unread()
    """sources that were to be checked too"""

    def count(self, verdict: Verdict) -> int:
        """How many get it."""
        return sum(count for outcome, count, _ in self.outcomes if outcome.verdict == verdict)

    @property
    def exit_code(self) -> int:
        """0 when every one loads, 1 when one fails or may fail, or could not be read."""
        return EXIT_YES if self.count(LOADS) == self.dumps and not self.unread else EXIT_NO


def add_loading(tally: Tally, dump: Dump, position: int, toward: Toward) -> None:
    """Take in one saved VM. Raises InspectorError as `migrate` does."""
    add_answer(tally, answer_to(dump, toward), dump, position)


def add_answer(tally: Tally, answer: MigrationReport, dump: Dump, position: int) -> None:
    """Take in what was answered for a saved VM, which is number `position` of those that were given."""
    about = dump.provenance
    add_outcome(tally, outcome_of(answer), member(position, 0, about.source, about.source, about.host.shown))


def answer_to(dump: Dump, toward: Toward) -> MigrationReport:
    """Would it load there? Without the ways out and the findings that decide nothing. Raises InspectorError as
    `migrate` does."""
    given = Given(_choice(toward.kernel), toward.vmm, toward.features, toward.gic, toward.host, toward.assume)
    return migrate(dump, _side(toward), given, ways_out=False, brief=True)


def add_outcome(tally: Tally, outcome: Outcome, vm: Member) -> None:
    """Take in the answer for one saved VM."""
    tally.dumps += 1
    tally.add(Vcpu(index=0, values={}), msgspec.json.encode(outcome), vm)


def outcome_of(answer: MigrationReport) -> Outcome:
    """What is counted of an answer."""

    def names(ids: list[int]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(by_id(reg_id).name for reg_id in ids))

    return Outcome(
        verdict=answer.verdict,
        vmm=answer.vmm,
        kernel=answer.kernel,
        fatal=names([one.id for one in answer.fatal]),
        uncertain=names([one.id for one in answer.of_kind("uncertain")]),
        changed=names([one.id for one in answer.of_kind("changed")]),
        basis=find_vmm(answer.vmm).basis,
        file=next((step.text for step in answer.steps if step.name == "file" and not step.passed), ""),
    )


@lru_cache(maxsize=1)
def _choice(kernel: str | None) -> Choice | None:
    return choose(kernel) if kernel is not None else None


def _side(toward: Toward) -> Dump | SameHost:
    return read_back(toward.dump, toward.destination) if toward.dump else SAME_HOST


def aim_of(toward: Toward) -> Aim:
    """What tells apart parts about different destinations, or about one that is asked otherwise."""
    choice = _choice(toward.kernel)
    kernel = b"" if choice is None else msgspec.json.encode([choice.policy, [one.name for one in choice.candidates]])
    unnamed = msgspec.structs.replace(toward, destination="", kernel=None)
    return Aim(digest_of(kernel + msgspec.msgpack.encode(unnamed)), toward.destination)


def loading_of(part: Part) -> Loading:
    """The answers that a part holds. Raises InspectorError for a part of nothing, or one that is damaged."""
    if part.aim is None or not part.dumps:
        raise nothing_read(part) or InspectorError("nothing to check", "", "name at least one saved VM")
    found = []
    for group in in_order(part):
        try:
            outcome = msgspec.json.decode(part.pieces[group.about], type=readable(Outcome))
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise SourceError(f"is a damaged part ({error})", "a part") from None
        found.append((outcome, group.count, tuple(member.label for member in group.members)))
    found.sort(key=lambda row: (_ORDER.index(row[0].verdict), -row[1], row[2]))
    return Loading(destination=part.aim.label, dumps=part.dumps, outcomes=tuple(found), unread=part.unread)
