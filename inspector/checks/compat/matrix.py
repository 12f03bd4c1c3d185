"""Source kernel by destination kernel, on one host: does a VM that is started on the one load on the other?

The saved VM is a fresh vCPU as the VMM creates it under the source kernel, the destination the same under the other.
For each pair that fails, remedies.py looks for the shortest list of settings with which it loads in both directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Literal

import msgspec

from inspector.checks.compat.remedies import PairRemedy, remedy_for
from inspector.checks.compat.sides import Side, Trials
from inspector.checks.machine.assumed import assumptions
from inspector.checks.machine.destination import modelled
from inspector.checks.machine.known_host import known_host, with_given
from inspector.checks.machine.offers import offers_of
from inspector.checks.machine.question import NOTHING_GIVEN, Given
from inspector.checks.restore.result import FAILS, UNCERTAIN, Finding
from inspector.checks.vmms.base import Saved, Vmm
from inspector.checks.vmms.table import find_vmm, rivals_of, unlike
from inspector.errors import EXIT_NO, EXIT_YES, InspectorError, one_line
from inspector.kvm.cases import candidates_of, left_out
from inspector.kvm.host import HostState
from inspector.kvm.host_inputs import Fact, facts
from inspector.policies.points import policy_names
from inspector.policies.release import choose
from inspector.policies.series import kept_for_years, series_ends
from inspector.policies.setup import QEMU_SETUP, VcpuSetup, possible_setup
from inspector.progress import steps
from inspector.sources.dump import Dump

_MOST = 6
"""how many policies of one kernel are asked: every pair of two kernels' is a restore"""
CellVerdict = Literal["loads", "changes", "fails", "uncertain"]


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One source kernel and one destination kernel."""

    source: str
    destination: str
    verdict: CellVerdict
    """changes: it loads, and some values do not read back as saved"""
    refused: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()
    """saved registers that the destination lacks and that fail the load"""
    changed: tuple[int, ...] = ()
    uncertain: tuple[int, ...] = ()
    """registers whose answer depends on what is not known of the host or of the kernel"""
    first: Finding | None = None
    run: str = ""
    """why the vCPU never runs, or may not, though every value is taken; empty where it runs"""
    remedy: PairRemedy | None = None
    """for a cell that fails: what makes the pair load in both directions, or why nothing does"""


class CompatMatrix(msgspec.Struct, frozen=True, kw_only=True):
    """Every pair of kernels on one host."""

    host: str
    vmm: str
    vmm_title: str
    features: str
    kernels: tuple[str, ...]
    cells: tuple[Cell, ...]
    """source by source, in the order of `kernels`"""
    notes: tuple[str, ...] = ()
    host_facts: tuple[Fact, ...] = ()
    """the facts of the host on which some cell rests, as each kernel takes them"""

    @property
    def exit_code(self) -> int:
        """0 when every VM moves between all of these kernels, 1 when one does not, or that is not known."""
        return EXIT_YES if all(cell.verdict in ("loads", "changes") for cell in self.cells) else EXIT_NO

    def cell(self, source: str, destination: str) -> Cell:
        """The cell of a pair of kernels; KeyError for names that are not in `kernels`."""
        for cell in self.cells:
            if (cell.source, cell.destination) == (source, destination):
                return cell
        raise KeyError((source, destination))


def usual_kernels() -> tuple[str, ...]:
    """The newest known release of every series that is kept for years, and the newest of all."""
    kept = filter(kept_for_years, series_ends().values())
    return tuple(dict.fromkeys((*kept, policy_names()[-1])))


def compat_matrix(
    dump: Dump,
    kernels: Sequence[str] = (),
    given: Given = NOTHING_GIVEN,
    *,
    remedies: bool = True,
) -> CompatMatrix:
    """The matrix of the host behind `dump`.

    `kernels`: names as `--kernel` takes them, by default `usual_kernels`; `given`: the rest. `remedies=False` leaves
    the search for settings out. Raises InspectorError where the dump shows no host or fewer than two kernels remain,
    PolicyError for a kernel that is not known.
    """
    rule = find_vmm(given.vmm or "qemu")
    matrix = _matrix(dump, kernels, given, rule, remedies)
    if not rule.basis:
        return matrix
    others = [_matrix(dump, kernels, given, rival, False) for rival in rivals_of(rule)]
    unsure = unlike(rule, *([cell.verdict for cell in one.cells] for one in (matrix, *others)))
    cells = [
        msgspec.structs.replace(cell, verdict="uncertain", remedy=None) if open_ else cell
        for cell, open_ in zip(matrix.cells, unsure, strict=True)
    ]
    return msgspec.structs.replace(matrix, cells=tuple(cells), notes=(rule.basis, *matrix.notes))


def _matrix(dump: Dump, kernels: Sequence[str], given: Given, rule: Vmm, remedies: bool) -> CompatMatrix:
    """The matrix by one entry of the table of VMMs."""
    known = known_host(dump)
    behind, assumed = with_given(known.host, given)
    chosen = {name: choose(name) for name in dict.fromkeys(kernels or usual_kernels())}
    if len(chosen) < 2:
        raise InspectorError(
            "needs two kernels or more",
            "--kernels",
            "names of kernels, comma-separated; `vcpu-inspector kernels` lists them",
        )
    wanted = _wanted(rule, known.setup, behind, given)
    notes = [
        *known.notes,
        *assumptions(behind, wanted),
        *assumed,
        *(_told(name, choice.text) for name, choice in chosen.items() if choice.text),
    ]
    sides: dict[str, tuple[Side, ...]] = {}
    for name, choice in chosen.items():
        each = candidates_of(choice.policy, choice.candidates, _MOST)
        targets = [modelled(behind, policy, wanted, name, asked=given.features is not None) for policy in each]
        notes += [*targets[0].notes, left_out(choice.policy, choice.candidates, _MOST)]
        sides[name] = tuple(map(Side.of, targets))
    bearing = [fact for side, *_ in sides.values() for fact in facts(side.exposure)]
    features_told = next(iter(sides.values()))[0].target.setup.describe()
    trials = Trials(rule)
    pairs = [(source, destination) for source in sides for destination in sides]
    cells = tuple(_cells(*pair, sides, trials, remedies) for pair in steps("restoring between kernels", pairs))
    return CompatMatrix(
        host=one_line(known.label), vmm=rule.name, vmm_title=rule.title, features=features_told,
        kernels=tuple(sides), cells=cells, notes=tuple(dict.fromkeys(map(one_line, filter(None, notes)))),
        host_facts=tuple(dict.fromkeys(bearing)),
    )  # fmt: skip


def _told(name: str, text: str) -> str:
    """How the policy of a kernel was chosen, with the kernel's name."""
    return text if text.startswith(name) else f"{name}: {text}"


def _wanted(rule: Vmm, own: VcpuSetup, host: HostState, given: Given) -> VcpuSetup:
    """The features with which VMs are started there."""
    if asked := given.setup(own):
        return asked
    if rule.family == "firecracker":
        return msgspec.structs.replace(rule.made(Saved(VcpuSetup(gic="v3")), offers_of(host, None)).setup, gic="v3")
    if rule.own_rule:
        return rule.made(Saved(msgspec.structs.replace(own, gic="v3")), offers_of(host, own)).setup
    return possible_setup(QEMU_SETUP, host.capability) if not host.sanitised else own


def _cells(
    source: str, destination: str, sides: dict[str, tuple[Side, ...]], trials: Trials, remedies: bool
) -> Cell:  # fmt: skip
    """The cell of two names: under every policy that each of the two kernels may have. A kernel and itself has one."""
    both = product(sides[source], sides[destination])
    pairs = zip(sides[source], sides[source], strict=True) if source == destination else both
    first, *others = (_cell(source, destination, pair, trials) for pair in pairs)
    told = {(one.verdict, one.refused, one.missing) for one in (first, *others)}
    if len({one.verdict for one in (first, *others)}) > 1:
        ids = [i for one in (first, *others) for i in (*one.refused, *one.missing, *one.uncertain, *one.changed)]
        sure = [i for i in ids if all(i in (*refused, *missing) for _, refused, missing in told)]
        open_ = tuple(i for i in dict.fromkeys(ids) if i not in sure)
        return msgspec.structs.replace(
            first, verdict="uncertain", refused=tuple(i for i in first.refused if i in sure),
            missing=tuple(i for i in first.missing if i in sure), changed=(), uncertain=open_, first=None,
        )  # fmt: skip
    # A list that mends one of the kernels that a name may mean, or the one that answers in its place, is no promise.
    modelled_both = not any(side.target.policy.stands_for for name in (source, destination) for side in sides[name])
    wanted = remedies and source != destination and len(told) == 1 and modelled_both
    if first.verdict in ("fails", "uncertain") and wanted:
        remedy = remedy_for(sides[source][0], sides[destination][0], trials)
        return msgspec.structs.replace(first, remedy=remedy)
    return first


def _cell(source: str, destination: str, pair: tuple[Side, Side], trials: Trials) -> Cell:
    result = trials.restored(*pair)
    verdict, run = trials.verdict(*pair), trials.run(*pair)
    fatal = [f for f in result.findings if f.fails_load]
    changed = tuple(f.id for f in result.findings if f.kind == "changed" and not f.expected and f.feature != "pmu")
    unsure = tuple(f.id for f in result.findings if not f.certain and _matters(f))
    told: CellVerdict = "fails" if verdict == FAILS else "uncertain" if verdict == UNCERTAIN or unsure else "loads"
    if any(side.target.policy.stands_for for side in pair):
        told = "uncertain"
    if told == "loads" and changed:
        told = "changes"
    return Cell(
        source=source, destination=destination, verdict=told,
        refused=tuple(f.id for f in fatal if f.kind == "refused"),
        missing=tuple(f.id for f in fatal if f.kind == "only_in_source"),
        changed=changed, uncertain=unsure, first=fatal[0] if fatal else None,
        run="" if run is None else run.text,
    )  # fmt: skip


def _matters(finding: Finding) -> bool:
    """False for a value of the PMU that is taken, and of which it is not known whether it is kept."""
    return finding.feature != "pmu" or finding.fatal or any(case.errno for case in finding.cases)
