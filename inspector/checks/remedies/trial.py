"""A remedy tried on the model before it is shown: the restore, asked again with the remedy applied."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import msgspec

from inspector.checks.machine.assumed import fill_unknown
from inspector.checks.machine.destination import Destination, modelled
from inspector.checks.restore.creation import ending
from inspector.checks.restore.result import FAILS, LOADS, UNCERTAIN, Verdict, WayOut
from inspector.checks.restore.summary import restore
from inspector.checks.vmms.base import Vmm
from inspector.errors import InspectorError
from inspector.policies.setup import VcpuSetup
from inspector.sources.dump import Vcpu

_BETTER = (LOADS, UNCERTAIN, FAILS)


class Trial(msgspec.Struct, frozen=True):
    """What is restored, where, and by which rule."""

    vcpus: tuple[Vcpu, ...]
    target: Destination
    rule: Vmm

    def without(self, ids: Collection[int]) -> Trial:
        """The saved vCPUs without these registers."""
        return msgspec.structs.replace(
            self, vcpus=tuple(_with(v, {i: x for i, x in v.values.items() if i not in ids}) for v in self.vcpus)
        )

    def replacing(self, values: Mapping[tuple[int, int], int]) -> Trial:
        """The saved vCPUs with other values: (vCPU, register id) -> value."""
        return msgspec.structs.replace(
            self,
            vcpus=tuple(_with(v, {i: values.get((v.index, i), x) for i, x in v.values.items()}) for v in self.vcpus),
        )

    def dropping(self, ids: Collection[int], rule: Vmm) -> Trial:
        """A VMM with the tolerances of `rule` and for these ids besides."""
        more = dict(rule.tolerances) | dict.fromkeys(ids, None)
        return msgspec.structs.replace(self, rule=msgspec.structs.replace(rule, tolerances=more))

    def created(self, setup: VcpuSetup) -> Trial | None:
        """The destination's vCPU created with other features; None where its host is not known."""
        if self.target.host is None:
            return None
        host, _ = fill_unknown(self.target.host, self.vcpus[0].values)
        return msgspec.structs.replace(self, target=modelled(host, self.target.policy, setup, self.target.label))

    def outcome(self) -> Outcome:
        """The restore, asked again. Raises InspectorError when it cannot be asked."""
        results = restore(self.vcpus, self.target, self.rule, brief=True)
        verdict = ending(self.vcpus, self.target, self.rule, results)
        return Outcome(verdict, frozenset(f.id for r in results for f in r.findings if f.fatal))


class Outcome(msgspec.Struct, frozen=True):
    """What a trial gives."""

    verdict: Verdict
    fatal: frozenset[int]
    """registers that still fail the restore"""

    def betters(self, before: Outcome) -> bool:
        """True when the verdict is better, or fewer registers fail and no other one does."""
        return _BETTER.index(self.verdict) < _BETTER.index(before.verdict) or self.fatal < before.fatal


class Candidate(msgspec.Struct, frozen=True):
    """A way out that is not proved yet."""

    way: WayOut
    trial: Trial | None
    """None: it cannot be tried here, and is not shown"""


def _with(vcpu: Vcpu, values: dict[int, int]) -> Vcpu:
    return msgspec.structs.replace(vcpu, values=values)


def proved(candidates: Sequence[Candidate], before: Outcome) -> list[WayOut]:
    """The ways that make the restore better, with what they settle as the trial shows it."""
    found = []
    for one in candidates:
        outcome = None if one.trial is None else _ask(one.trial.outcome)
        if outcome is None or not outcome.betters(before):
            continue
        settled = tuple(i for i in one.way.ids if i not in outcome.fatal)
        found.append(msgspec.structs.replace(one.way, ids=settled, settles_all=outcome.verdict == LOADS))
    return found


def _ask(outcome: Callable[[], Outcome]) -> Outcome | None:
    try:
        return outcome()
    except InspectorError:
        return None
