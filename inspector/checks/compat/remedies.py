"""For two kernels between which a VM does not move: the shortest list of settings with which it loads both ways.

Every list is tried on the model in both directions before it is shown. QEMU: registers that its machine type hides (or
finds missing), vCPU features that it turns off, the PSCI version. Firecracker: a CPU template. Nothing that a running
guest needs is hidden.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import NamedTuple

import msgspec

from inspector.checks.compat.sides import Side, Trials
from inspector.checks.remedies.templates import template_lines
from inspector.checks.restore.result import Finding
from inspector.checks.vmms.base import PMU, POINTER_AUTH, SVE
from inspector.checks.vmms.needed import needed
from inspector.policies.setup import feature_of
from inspector.registers.catalog import by_id
from inspector.registers.encoding import hex_id
from inspector.registers.ids import PSCI_VERSION
from inspector.registers.naming import name_of

_OPTIONS = {PMU: "pmu", SVE: "sve", POINTER_AUTH: "pauth"}
"""vCPU feature -> QEMU's property of the CPU"""


class Property(msgspec.Struct, frozen=True):
    """One entry of a QEMU machine type's list of compatibility properties (GlobalProperty)."""

    type: str
    name: str
    value: str

    @property
    def entry(self) -> str:
        """The entry in C, to paste."""
        return f'{{ "{self.type}", "{self.name}", "{self.value}" }},'


class PairRemedy(msgspec.Struct, frozen=True, kw_only=True):
    """What makes a pair of kernels load in both directions."""

    works: bool
    """tried on the model, in both directions; False where nothing does, and `why` says so"""
    why: str
    this_way: bool = False
    """nothing works both ways, but this list does from the source to the destination"""
    properties: tuple[Property, ...] = ()
    tolerances: tuple[int, ...] = ()
    """the same registers as a build of QEMU 11.1 names them: arm_register_cpreg_mig_tolerance()"""
    template: tuple[str, ...] = ()
    """Firecracker's CPU template, JSON"""

    @property
    def lines(self) -> tuple[str, ...]:
        """In a form to paste."""
        return (*(one.entry for one in self.properties), *self.template)

    @property
    def tolerance_lines(self) -> tuple[str, ...]:
        """For kvm_arm_set_cpreg_mig_tolerances() of QEMU 11.1 and newer."""
        return tuple(
            f"arm_register_cpreg_mig_tolerance(cpu, {hex_id(i)}, 0, 0, ToleranceNotOnBothEnds);"
            for i in self.tolerances
        )


class _Try(NamedTuple):
    """One list: what is off, which PSCI version, which registers are hidden."""

    off: tuple[str, ...] = ()
    psci: int | None = None

    @property
    def size(self) -> int:
        return len(self.off) + (self.psci is not None)


def remedy_for(source: Side, destination: Side, trials: Trials) -> PairRemedy:
    """The shortest list for this pair under the rule of `trials`."""
    if trials.rule.family in ("qemu", "libvirt"):
        return _for_qemu(source, destination, trials)
    if trials.rule.family == "firecracker":
        return _for_firecracker(source, destination, trials)
    names = _names(trials.fatal(source, destination))
    return PairRemedy(works=False, why=f"{trials.rule.title} has no option that changes a saved register: {names}")


def _names(findings: Iterable[Finding]) -> str:
    names = list(dict.fromkeys(by_id(f.id).name for f in findings))
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def _both(source: Side, destination: Side, trials: Trials) -> list[Finding]:
    """What fails in either direction."""
    return trials.fatal(source, destination) + trials.fatal(destination, source)


def _for_qemu(source: Side, destination: Side, trials: Trials) -> PairRemedy:
    for both in (True, False):
        fatal = trials.fatal(source, destination) + (trials.fatal(destination, source) if both else [])
        for attempt in _attempts(fatal, source, destination):
            sides = _apply(attempt, source, destination)
            if sides is None:
                continue
            hidden = _to_hide(*sides, trials, both=both)
            one, other = (side.hiding(hidden) for side in sides)
            if trials.loads(one, other, both=both):
                why = "" if both else _nothing(source, destination, trials).why
                return _qemu_remedy(attempt, hidden, why)
    return _nothing(source, destination, trials)


def _attempts(fatal: Sequence[Finding], source: Side, destination: Side) -> list[_Try]:
    """Every list of options that can matter, the shortest first."""
    wrong = {f"{name_of(f.id)}.{field.name}" for f in fatal for field in f.fields if not field.accepted}
    useful = [
        word for word in _OPTIONS
        if source.target.setup.includes(feature_of(word)) and wrong & feature_of(word).fields
    ]  # fmt: skip
    versions = [side.values.get(PSCI_VERSION) for side in (source, destination)]
    least = min((v for v in versions if v is not None), default=None)
    pscis = [None, least] if any(f.id == PSCI_VERSION for f in fatal) else [None]
    offs = [off for count in range(len(useful) + 1) for off in combinations(useful, count)]
    return sorted((_Try(off, psci) for off in offs for psci in pscis), key=lambda one: one.size)


def _apply(attempt: _Try, source: Side, destination: Side) -> tuple[Side, Side] | None:
    sides: list[Side] = []
    for side in (source, destination):
        made: Side | None = side
        if attempt.off:
            setup = side.target.setup
            for word in attempt.off:
                setup = setup.without(feature_of(word))
            made = side.created(setup)
        if made is not None and attempt.psci is not None:
            made = made.setting({PSCI_VERSION: attempt.psci})
        if made is None:
            return None
        sides.append(made)
    return sides[0], sides[1]


def _to_hide(one: Side, other: Side, trials: Trials, *, both: bool = True) -> tuple[int, ...]:
    """Registers that only one of the two lists, that fail a load, and that a guest can do without."""
    found = _both(one, other, trials) if both else trials.fatal(one, other)
    unknown = [f for f in found if f.kind == "only_in_source"]
    return tuple(sorted({f.id for f in unknown if not needed(f.id, f.value)}))


def _qemu_remedy(attempt: _Try, hidden: tuple[int, ...], not_back: str) -> PairRemedy:
    properties = [Property("arm-cpu", _OPTIONS[word], "off") for word in attempt.off]
    if attempt.psci is not None:
        properties.append(Property("arm-cpu", "kvm-psci-version", f"{attempt.psci >> 16}.{attempt.psci & 0xFFFF}"))
    if hidden:
        properties.append(Property("arm-cpu", "x-mig-hidden-regs", ",".join(map(hex_id, hidden))))
    why = "loads in both directions with these properties on both sides"
    if not_back:
        why = f"loads in this direction with these properties on both sides; the way back stays shut: {not_back}"
    return PairRemedy(
        works=not not_back, why=why, this_way=bool(not_back), properties=tuple(properties), tolerances=hidden
    )


def _nothing(source: Side, destination: Side, trials: Trials) -> PairRemedy:
    """Why no list of properties works: what remains when everything that may be hidden is."""
    hidden = _to_hide(source, destination, trials)
    left = _both(source.hiding(hidden), destination.hiding(hidden), trials)
    state = [f for f in left if f.kind == "only_in_source"]
    refused = [f for f in left if f.kind == "refused"]
    parts = []
    if refused:
        parts.append(
            f"no property of {trials.rule.title} changes {_names(refused)}, which one of the two kernels refuses"
        )
    if state:
        parts.append(f"hiding {_names(state)} would lose the guest's own state")
    return PairRemedy(works=False, why="; ".join(parts) or "the answer depends on what is not known of the host")


def _for_firecracker(source: Side, destination: Side, trials: Trials) -> PairRemedy:
    """A template of values that both kernels take from a VMM, so that each accepts the other's."""
    fatal = _both(source, destination, trials)
    unlisted = [f for f in fatal if f.kind == "only_in_source"]
    if unlisted:
        why = f"no template takes a register away: {_names(unlisted)} (snapshot-editor removes them from one snapshot)"
        return PairRemedy(works=False, why=why)
    wanted: dict[int, int] = {}
    for finding in fatal:
        value = finding.would_pass if finding.would_pass is not None else finding.destination
        if value is not None:
            wanted[finding.id] = min(value, wanted.get(finding.id, value))
    one, other = source.setting(wanted), destination.setting(wanted)
    if one is None or other is None or not trials.loads(one, other):
        why = f"a kernel of the two does not let a template set a value that the other accepts: {_names(fatal)}"
        return PairRemedy(works=False, why=why)
    changes = {reg_id: (_other_value(reg_id, value, source, destination), value) for reg_id, value in wanted.items()}
    why = "loads in both directions when the VMs of both hosts are started with this CPU template"
    return PairRemedy(works=True, why=why, template=tuple(template_lines(changes)))


def _other_value(reg_id: int, value: int, source: Side, destination: Side) -> int:
    """The value that the template changes: that of the side that differs."""
    own = source.values[reg_id]
    return own if own != value else destination.values[reg_id]
