"""Which of many saved VMs load on one host: each is checked as `migrate` checks one, and equal answers are counted."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import msgspec

from inspector.checks.fleet.packing import digest_of
from inspector.checks.fleet.part import Aim, Member, Part, in_order
from inspector.checks.fleet.tally import Tally
from inspector.checks.fleet.written import read_back
from inspector.checks.machine.destination import SAME_HOST, SameHost, source_vcpus
from inspector.checks.machine.machine import asked_setup
from inspector.checks.restore.migration import migrate
from inspector.checks.restore.result import FAILS, LOADS, UNCERTAIN, MigrationReport, Verdict
from inspector.checks.vmms.table import restoring_vmm
from inspector.errors import EXIT_NO, EXIT_YES, InspectorError, SourceError
from inspector.policies.release import Choice, choose
from inspector.policies.setup import Gic
from inspector.registers.catalog import by_id
from inspector.sources.dump import Dump, Vcpu
from inspector.sources.vcpu_setup import setup_of

_ORDER: tuple[Verdict, ...] = (FAILS, UNCERTAIN, LOADS)


class Toward(msgspec.Struct, frozen=True, kw_only=True):
    """The destination of all of them, as the arguments of `migrate` say it."""

    destination: str
    """what the user calls it"""
    dump: bytes = b""
    """of the destination, as `written` gives it: another machine may not have the file; nothing for `same-host`"""
    kernel: str | None = None
    vmm: str = ""
    features: str | None = None
    gic: Gic | None = None
    host: str = ""
    assume: Literal["core"] | None = None


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


class Loading(msgspec.Struct, frozen=True, kw_only=True):
    """The answers for all VMs: those that fail first, of them the most frequent."""

    destination: str
    dumps: int
    outcomes: tuple[tuple[Outcome, int, tuple[str, ...]], ...]
    """(answer, how many VMs get it, the first of their names)"""

    def count(self, verdict: Verdict) -> int:
        """How many get it."""
        return sum(count for outcome, count, _ in self.outcomes if outcome.verdict == verdict)

    @property
    def exit_code(self) -> int:
        """0 when every one loads, 1 when one fails or may fail."""
        return EXIT_YES if self.count(LOADS) == self.dumps else EXIT_NO


def add_loading(tally: Tally, dump: Dump, position: int, toward: Toward) -> None:
    """Take in one saved VM. Raises InspectorError as `migrate` does."""
    setup = None
    if toward.features is not None or toward.gic is not None:
        family = restoring_vmm(dump.provenance, toward.vmm).family
        setup = asked_setup(toward.features, toward.gic, setup_of(source_vcpus(dump)[0][0], family))
    choice = _choice(toward.kernel)
    answer = migrate(
        dump, _side(toward), choice.policy if choice else None, toward.vmm, setup,
        toward.host, toward.assume, candidates=choice.candidates if choice else (), ways_out=False,
        brief=True,
    )  # fmt: skip
    given = dump.provenance
    add_outcome(tally, outcome_of(answer), Member(position, 0, given.source, given.source, given.host.shown))


def add_outcome(tally: Tally, outcome: Outcome, member: Member) -> None:
    """Take in the answer for one saved VM."""
    tally.dumps += 1
    tally.add(Vcpu(index=0, values={}), msgspec.json.encode(outcome), member)


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
    if part.aim is None:
        raise InspectorError("nothing to check", "", "name at least one saved VM")
    found = []
    for group in in_order(part):
        try:
            outcome = msgspec.json.decode(part.pieces[group.about], type=Outcome)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise SourceError(f"is a damaged part ({error})", "a part") from None
        found.append((outcome, group.count, tuple(member.label for member in group.members)))
    found.sort(key=lambda row: (_ORDER.index(row[0].verdict), -row[1], row[2]))
    return Loading(destination=part.aim.label, dumps=part.dumps, outcomes=tuple(found))
