"""Source kernel by destination kernel, on one host: does a VM that is started on the one load on the other?

The saved VM is a fresh vCPU as the VMM creates it under the source kernel, the destination the same under the other.
For each pair that fails, remedies.py looks for the shortest list of settings with which it loads in both directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from inspector.checks.compat.remedies import PairRemedy, remedy_for
from inspector.checks.compat.sides import Side, Trials
from inspector.checks.machine.destination import modelled
from inspector.checks.machine.known_host import known_host, with_given
from inspector.checks.machine.machine import asked_setup
from inspector.checks.machine.offers import offers_of
from inspector.checks.restore.result import FAILS, LOADS, UNCERTAIN, Finding
from inspector.checks.restore.summary import verdict_of
from inspector.checks.vmms.base import Saved, Vmm
from inspector.checks.vmms.table import find_vmm
from inspector.errors import EXIT_NO, EXIT_YES, InspectorError, one_line
from inspector.kvm.host import HostState
from inspector.kvm.host_inputs import Fact, facts
from inspector.policies.loader import policy_names
from inspector.policies.release import choose
from inspector.policies.series import kept_for_years, series_ends
from inspector.policies.setup import QEMU_SETUP, Gic, VcpuSetup, possible_setup
from inspector.sources.dump import Dump

CellVerdict = Literal["loads", "changes", "fails", "uncertain"]
LONG = 40
"""stable releases from which a series counts as one of those that are kept for years"""


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
    vmm: str = "",
    features: str | None = None,
    gic: Gic | None = None,
    host: str = "",
    remedies: bool = True,
    assume: Literal["core"] | None = None,
) -> CompatMatrix:
    """The matrix of the host behind `dump`.

    `kernels`: names as `--kernel` takes them, by default `usual_kernels`; `features`, `gic`, `host`, `assume`: as the
    options take them. `remedies=False` leaves the search for settings out. Raises InspectorError where the dump shows
    no host or fewer than two kernels remain, PolicyError for a kernel that is not known.
    """
    rule = find_vmm(vmm or "qemu")
    known = known_host(dump)
    behind, assumed = with_given(known.host, host, assume)
    chosen = {name: choose(name) for name in dict.fromkeys(kernels or usual_kernels())}
    if len(chosen) < 2:
        raise InspectorError(
            "needs two kernels or more",
            "--kernels",
            "names of kernels, comma-separated; `vcpu-inspector kernels` lists them",
        )
    wanted = _wanted(rule, known.setup, behind, features, gic)
    notes = [*known.notes, *assumed, *(_told(name, choice.text) for name, choice in chosen.items() if choice.text)]
    sides: dict[str, Side] = {}
    for name, choice in chosen.items():
        target = modelled(behind, choice.policy, wanted, name, asked=features is not None)
        notes += target.notes
        sides[name] = Side.of(target)
    bearing = [fact for side in sides.values() for fact in facts(side.target.build(1).exposure)]
    features_told = next(iter(sides.values())).target.setup.describe()
    trials = Trials(rule)
    cells = tuple(
        _cell(source, destination, sides, trials, remedies) for source in sides for destination in sides
    )  # fmt: skip
    return CompatMatrix(
        host=one_line(known.label), vmm=rule.name, vmm_title=rule.title, features=features_told,
        kernels=tuple(sides), cells=cells, notes=tuple(dict.fromkeys(map(one_line, notes))),
        host_facts=tuple(dict.fromkeys(bearing)),
    )  # fmt: skip


def _told(name: str, text: str) -> str:
    """How the policy of a kernel was chosen, with the kernel's name."""
    return text if text.startswith(name) else f"{name}: {text}"


def _wanted(
    rule: Vmm, own: VcpuSetup, host: HostState, features: str | None, gic: Gic | None
) -> VcpuSetup:  # fmt: skip
    """The features with which VMs are started there."""
    if asked := asked_setup(features, gic, own):
        return asked
    if rule.family == "firecracker":
        return msgspec.structs.replace(rule.made(Saved(VcpuSetup(gic="v3")), offers_of(host, None)).setup, gic="v3")
    if rule.own_rule:
        return rule.made(Saved(msgspec.structs.replace(own, gic="v3")), offers_of(host, own)).setup
    return possible_setup(QEMU_SETUP, host.capability) if not host.sanitised else own


def _cell(source: str, destination: str, sides: dict[str, Side], trials: Trials, remedies: bool) -> Cell:
    result = trials.restored(sides[source], sides[destination])
    verdict = verdict_of(trials.rule, [result])
    fatal = [f for f in result.findings if f.fatal]
    changed = tuple(f.id for f in result.findings if f.kind == "changed" and not f.expected and f.feature != "pmu")
    unsure = tuple(f.id for f in result.findings if not f.certain)
    told: CellVerdict = "fails" if verdict == FAILS else "uncertain" if verdict == UNCERTAIN or unsure else "loads"
    if any(sides[name].target.policy.stands_for for name in (source, destination)):
        told = "uncertain"
    if told == "loads" and changed:
        told = "changes"
    remedy = None
    if verdict != LOADS and remedies and source != destination:
        remedy = remedy_for(sides[source], sides[destination], trials)
    return Cell(
        source=source, destination=destination, verdict=told,
        refused=tuple(f.id for f in fatal if f.kind == "refused"),
        missing=tuple(f.id for f in fatal if f.kind == "only_in_source"),
        changed=changed, uncertain=unsure, first=next((f for f in fatal if f.certain), None), remedy=remedy,
    )  # fmt: skip
