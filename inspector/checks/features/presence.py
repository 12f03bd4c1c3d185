"""Every feature of the architecture on both sides, and why a guest lacks what its host has."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import msgspec

from inspector.checks.features.sides import Side, Sides
from inspector.errors import InspectorError, one_line
from inspector.kvm.exposure import FieldExposure, RegisterExposure
from inspector.kvm.words.kernel_exposures import explain_under_each
from inspector.policies.setup import FEATURES, VcpuFeature, VcpuSetup
from inspector.registers.features import Feature, Term, all_features, named, search

if TYPE_CHECKING:
    from inspector.checks.history import FieldChange
    from inspector.checks.vmms.base import Vmm

Standing = Literal["shown", "lost", "absent", "added", "unknown"]


class FeatureState(msgspec.Struct, frozen=True, kw_only=True):
    """One feature on both sides."""

    name: str
    text: str
    """title and meaning"""
    host: bool | None
    """None where it is not known, or where there is no such side"""
    vcpu: bool | None
    state: Standing
    condition: str
    """the fields that show it: `ID_AA64ISAR0_EL1.ATOMIC >= 2`; empty where no ID register does"""
    places: tuple[str, ...]
    """REGISTER.FIELD, each"""
    aliases: tuple[str, ...] = ()
    rule: str = ""
    """the rule by which the kernel hides it from this vCPU"""
    reason: str = ""
    reference: str = ""
    since: str = ""
    """`since Linux 6.3`"""
    needs: str = ""
    """the vCPU feature without which it is hidden, by the word of --features"""
    option: str = ""
    """the same as an option of QEMU"""

    @property
    def lost(self) -> bool:
        """The host has it and the vCPU lacks it."""
        return self.state == "lost"

    @property
    def missing(self) -> bool:
        """The vCPU lacks it, and the host has it or may have it; of a host alone, what that lacks."""
        return self.lost or (self.vcpu is False and self.host is None)


def wanted_features(names: Sequence[str]) -> tuple[Feature, ...] | None:
    """The features that names or words mean, each once; None for no names. Raises InspectorError for a text that means
    none."""
    if not names:
        return None
    found: dict[str, Feature] = {}
    for name in names:
        meant = named(name) or tuple(search(name))
        if not meant:
            raise InspectorError("names no feature", one_line(name)[:80], "for example FEAT_SVE2, asimddp, pointer")
        found |= {one.name: one for one in meant}
    return tuple(found.values())


def states_of(sides: Sides, wanted: Sequence[Feature] | None = None) -> tuple[FeatureState, ...]:
    """The wanted features (default: all) on both sides."""
    shown = _Shown(sides)
    return tuple(_state(one, sides, shown) for one in (all_features() if wanted is None else wanted))


class _Shown:
    """What the kernel does to registers, each explained once."""

    def __init__(self, sides: Sides) -> None:
        self.sides = sides
        self._told: dict[int, RegisterExposure] = {}

    @cached_property
    def setup(self) -> VcpuSetup | None:
        """How the vCPU was created."""
        found = self.sides.machine
        own = self.sides.vcpu.setup if self.sides.vcpu is not None else None
        return own or (found.setup if found is not None else None)

    def field(self, term: Term) -> FieldExposure | None:
        """A field between host and vCPU; None without a kernel, or where it does not know the register."""
        found = self.sides.machine
        if found is None:
            return None
        if term.reg_id not in self._told:
            self._told[term.reg_id] = explain_under_each((found.exposure, *found.others), term.reg_id)
        fields = self._told[term.reg_id].fields
        return next((one for one in fields if one.msb >= term.msb and one.lsb <= term.lsb), None)


def _state(one: Feature, sides: Sides, shown: _Shown) -> FeatureState:
    host, vcpu = (_has(side, one) for side in (sides.host, sides.vcpu))
    state = FeatureState(
        name=one.name, text=one.text, host=host, vcpu=vcpu, state=_standing(host, vcpu, sides),
        condition=one.condition, places=tuple(term.place for term in one.terms), aliases=one.aliases,
    )  # fmt: skip
    if not state.missing or not sides.both:
        return state
    return _explained(state, one, sides, shown)


def _has(side: Side | None, one: Feature) -> bool | None:
    return None if side is None else side.has_feature(one)


def _standing(host: bool | None, vcpu: bool | None, sides: Sides) -> Standing:
    if sides.vcpu is None or sides.host is None:
        known = host if sides.vcpu is None else vcpu
        return "unknown" if known is None else "shown" if known else "absent"
    if vcpu is None:
        return "unknown"
    if vcpu:
        return "added" if host is False else "shown"
    return "unknown" if host is None else "lost" if host else "absent"


def _explained(state: FeatureState, one: Feature, sides: Sides, shown: _Shown) -> FeatureState:
    """Why the vCPU lacks it: the rule of the kernel and since when, and which vCPU feature would bring it."""
    needs = _option(one, shown.setup)
    option = _qemu().option(needs.word, "on") if needs is not None and _optional(needs) else ""
    state = msgspec.structs.replace(state, needs=needs.word if needs else "", option=option)
    changed = _deciding(one, sides, shown)
    if changed is not None:
        term, field = changed
        change = _change(term, field)
        return msgspec.structs.replace(
            state, rule=field.rule, reason=field.reason, reference=field.reference,
            since=change.since_words if change is not None else "",
        )  # fmt: skip
    if sides.as_saved and sides.machine is not None and state.lost:
        reason = f"{sides.machine.question.title} would show it: the VMM, or a write to the vCPU, took it away"
        return msgspec.structs.replace(state, reason=reason)
    return state


def _optional(needs: VcpuFeature) -> bool:
    return needs.word in _qemu().options


def _qemu() -> Vmm:
    # Why a feature is lost is asked of few: the other lines and features need no VMM, and no history of the kernels.
    from inspector.checks.vmms.table import find_vmm

    return find_vmm("qemu")


def _option(one: Feature, setup: VcpuSetup | None) -> VcpuFeature | None:
    """The vCPU feature that this vCPU was created without and that its fields need."""
    if setup is None:
        return None
    places = {term.place.upper() for term in one.terms}
    needed = {term.place.upper() for way in one.needs for term in way}
    lacking = [each for each in FEATURES if not setup.includes(each)]
    for wanted in (places, needed):
        for each in lacking:
            if wanted & {place.upper() for place in each.fields}:
                return each
    return None


def _deciding(one: Feature, sides: Sides, shown: _Shown) -> tuple[Term, FieldExposure] | None:
    """The first field behind a feature that the kernel takes away, of those that the host has where that is known."""
    host = sides.host

    def wanted(term: Term) -> bool:
        held = () if host is None else host.possible(term.reg_id, term.msb, term.lsb) or ()
        return host is None or any(value in term.raws for value in held)

    needed = [term for way in one.needs for term in way]
    for term in (*filter(wanted, one.terms), *filter(wanted, needed)):
        field = shown.field(term)
        if field is not None and field.rule and field.exposed is not None and field.exposed not in term.raws:
            return term, field
    return None


def _change(term: Term, field: FieldExposure) -> FieldChange | None:
    """Since when the kernels do this to the field: a rule of one name may do other things in other releases."""
    from inspector.checks.history import field_history

    changes = [one for one in field_history(term.reg_id, term.msb, term.lsb).changes if one.rule == field.rule]
    same = [one for one in changes if one.reason == field.reason and one.reference == field.reference]
    return same[-1] if same else changes[-1] if len(changes) == 1 else None
