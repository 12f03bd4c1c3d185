"""The two sides of a summary: the host, and the vCPU that a dump holds or that a kernel would show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from inspector.checks.machine.known_host import cores_of, el0_host_of, host_of
from inspector.checks.machine.machine import Machine, machine
from inspector.checks.machine.own_vcpu import first_vcpu
from inspector.checks.machine.question import NOTHING_GIVEN, Given
from inspector.errors import InspectorError
from inspector.kvm.host import HostState
from inspector.kvm.words.kernel_exposures import explain_under_each
from inspector.policies.setup import VcpuSetup
from inspector.registers.bits import ALL, Partial, mask_of, ones
from inspector.registers.caches import CacheTopology, read_caches
from inspector.registers.encoding import POISON, is_demux
from inspector.registers.features import Feature, feature
from inspector.registers.ids import CLIDR_EL1, SVE_VLS, id_of
from inspector.registers.naming import by_id
from inspector.sources.dump import Dump, Vcpu, of_unlike_cpus

SideKey = Literal["host", "vcpu"]


class Side(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What is known of one side."""

    key: SideKey
    title: str
    """`host`, `vCPU 0`, `vCPU under Linux 6.12.107`"""
    values: HostState
    """register values and their known bits; of a vCPU too, so that both sides are asked alike"""
    caches: CacheTopology | None = None
    setup: VcpuSetup | None = None
    """how the vCPU was created; None for a host"""
    lengths: int | None = None
    """SVE_VLS, first word; None where it is not known"""
    cores: tuple[tuple[str, int], ...] = ()
    """of a host of unlike CPUs: (which, MIDR_EL1)"""
    flags: frozenset[str] = frozenset()
    """HWCAP flags that the source printed"""
    note: str = ""
    """what this side rests on, where that limits it"""

    def possible(self, reg_id: int, msb: int, lsb: int) -> tuple[int, ...] | None:
        """Every raw value that a field may have; None for one of more than eight bits that is not known."""
        mask = mask_of(msb, lsb)
        if self.values.knows(reg_id, mask):
            return (self.values.value(reg_id) >> lsb & mask >> lsb,)
        return self.values.could_be(reg_id, mask) if msb - lsb < 8 else None

    def field(self, register: str, name: str) -> int | None:
        """A field's raw value; None where it is not known."""
        reg_id = id_of(register)
        schema = by_id(reg_id).schema
        span = schema.span(name) if schema else None
        if span is None:
            raise KeyError(f"{register}.{name}")
        held = self.possible(reg_id, span.msb, span.lsb)
        return held[0] if held is not None and len(held) == 1 else None

    def register(self, name: str) -> int | None:
        """A register's value; None where a bit of it is not known."""
        reg_id = id_of(name)
        size = by_id(reg_id).size
        known = self.values.knows(reg_id, ones(size * 8))
        value = self.values.value(reg_id)
        return value if known and value != POISON else None

    def has(self, name: str) -> bool | None:
        """Whether a feature is there; None where that depends on what is not known."""
        return self.has_feature(feature(name))

    def has_feature(self, one: Feature) -> bool | None:
        """The same, of a feature."""
        # A flag says that a field is at least some value, which bits that are known one by one cannot say.
        answer = one.present(self.possible)
        return True if answer is None and self.flags.intersection(one.flags) else answer


class Sides(msgspec.Struct, frozen=True, kw_only=True):
    """Both sides, as far as a dump shows them."""

    dump: Dump
    host: Side | None = None
    vcpu: Side | None = None
    machine: Machine | None = None
    """the host under the kernel that is asked, or under that of the dump; None where neither is known"""
    as_saved: bool = False
    """the vCPU side is a saved vCPU; else what the kernel shows a fresh one"""
    notes: tuple[str, ...] = ()

    @property
    def both(self) -> bool:
        """Host and vCPU are known."""
        return self.host is not None and self.vcpu is not None


def sides_of(dump: Dump, given: Given = NOTHING_GIVEN, vcpu: Vcpu | None = None) -> Sides:
    """Host and vCPU of a dump: the saved vCPU, or where anything is given, what the kernel shows a fresh one.

    Raises InspectorError when a kernel is asked that has no answer.
    """
    asked = given != NOTHING_GIVEN
    try:
        found: Machine | None = machine(dump, given, _saved(vcpu))
        notes = found.notes if found else ()
    except InspectorError as error:
        if asked:
            raise
        found, notes = None, (f"no kernel to ask: {error}",)
    return sides_under(dump, found, vcpu, asked=asked, notes=notes)


def sides_under(
    dump: Dump, found: Machine | None, vcpu: Vcpu | None = None, *, asked: bool = False, notes: tuple[str, ...] = ()
) -> Sides:
    """The same, where the machine is known already (`asked`: it was chosen, so that it and no saved vCPU is shown)."""
    saved = vcpu or _shown_vcpu(dump)
    if saved is not None and saved.kind in ("host", "list"):
        saved = None
    side = None
    if saved is not None and not asked:
        side = _saved_side(saved)
    elif found is not None:
        side = _exposed_side(found)
    return Sides(
        dump=dump, host=_host_side(dump, found), vcpu=side, machine=found, as_saved=saved is not None and not asked,
        notes=tuple(dict.fromkeys((*dump.notes, *notes))),
    )  # fmt: skip


def changed_sides(sides: Sides, registers: Mapping[int, Partial]) -> Sides:
    """The sides where some of the vCPU's registers read otherwise than they did: after writes to them."""
    if sides.vcpu is None:
        return sides
    held = sides.vcpu.values
    values = {**held.values, **{i: one.value for i, one in registers.items()}}
    known = {**held.known, **{i: one.known for i, one in registers.items()}}
    whole = {i: value for i, value in values.items() if known.get(i, 0) & ALL}
    lengths = whole.get(SVE_VLS)
    side = msgspec.structs.replace(
        sides.vcpu, values=HostState(values=values, known=known), caches=_caches(whole),
        lengths=None if lengths is None else lengths & ALL,
    )  # fmt: skip
    return msgspec.structs.replace(sides, vcpu=side)


def _saved(vcpu: Vcpu | None) -> Vcpu | None:
    return vcpu if vcpu is not None and vcpu.kind == "vcpu" else None


def _shown_vcpu(dump: Dump) -> Vcpu | None:
    """The vCPU that a dump is looked at by: the first with values, else a template."""
    return first_vcpu(dump) or next((one for one in dump.vcpus if one.kind == "template"), None)


def _saved_side(vcpu: Vcpu) -> Side:
    known = dict.fromkeys(vcpu.values, ALL) | {i: one.mask for i, one in vcpu.constraints.items()}
    values = {i: one.value for i, one in vcpu.constraints.items()} | dict(vcpu.values)
    lengths = vcpu.values.get(SVE_VLS)
    return Side(
        key="vcpu", title="template" if vcpu.kind == "template" else f"vCPU {vcpu.label}",
        values=HostState(values=values, known=known), caches=_caches(values), setup=vcpu.setup,
        lengths=None if lengths is None else lengths & ALL, flags=frozenset(vcpu.flags),
    )  # fmt: skip


def _caches(values: Mapping[int, int], ccsidr: Mapping[int, int] | None = None) -> CacheTopology | None:
    """The cache hierarchy, where its registers are there."""
    if CLIDR_EL1 not in values and not ccsidr and not any(is_demux(i) for i in values):
        return None
    return read_caches(values, ccsidr)


def _exposed_side(found: Machine) -> Side:
    """What the kernel shows a fresh vCPU; where it may be one of several, what all of them show alike."""
    exposures = (found.exposure, *found.others)
    values: dict[int, int] = {}
    known: dict[int, int] = {}
    for reg_id in found.exposure.listed:
        if found.others or found.policy.stands_for:
            one = explain_under_each(exposures, reg_id)
            values[reg_id], known[reg_id] = one.exposed or 0, one.known
        else:
            values[reg_id], known[reg_id] = found.exposure.values[reg_id], found.exposure.known[reg_id]
    lengths = values.get(SVE_VLS) if known.get(SVE_VLS) else None
    whole = {i: value for i, value in values.items() if known[i] & ALL}
    return Side(
        key="vcpu", title=f"vCPU under {found.question.title}", values=HostState(values=whole, known=known),
        caches=_caches(whole), setup=found.setup, lengths=None if lengths is None else lengths & ALL,
    )  # fmt: skip


def _host_side(dump: Dump, found: Machine | None) -> Side | None:
    """The host: its raw registers, what a process reads of it, what a saved vCPU shows of it, or one of its CPUs."""
    state = host_of(dump) or el0_host_of(dump)
    note, raw = "", dump.host is not None and dump.host.view == "raw"
    if found is not None:
        state = found.host
        if dump.host is None:
            note = "of the host only what this vCPU shows is known"
    if dump.host is not None and dump.host.view == "el0":
        note = "what Linux hides from programs of the host is not known"
    title = "host"
    if (state is None or not state.known) and (one := _first_cpu(dump)) is not None:
        state = _cpu_state(one)
        if of_unlike_cpus(dump):
            title, note = one.name.shown or one.label, "one of unlike CPUs, of which nothing known holds for all"
    if state is None:
        return None
    ccsidr = dump.host.ccsidr if dump.host is not None and raw else None
    caches = _caches(dump.host.values, ccsidr) if dump.host is not None and raw else None
    return Side(
        key="host", title=title, values=state, caches=caches, lengths=state.sve_lengths, cores=cores_of(dump),
        note=note, flags=_flags(dump),
    )  # fmt: skip


def _first_cpu(dump: Dump) -> Vcpu | None:
    """The first CPU of a host that shows something."""
    return next((vcpu for vcpu in dump.vcpus if vcpu.kind == "host" and (vcpu.values or vcpu.constraints)), None)


def _cpu_state(one: Vcpu) -> HostState:
    """What is known of one CPU."""
    values = {i: part.value for i, part in one.constraints.items()} | dict(one.values)
    known = dict.fromkeys(one.values, ALL) | {i: part.mask for i, part in one.constraints.items()}
    return HostState(values=values, known=known, ccsidr_known=False)


def _flags(dump: Dump) -> frozenset[str]:
    """Flags of every CPU of the host."""
    told = [frozenset(vcpu.flags) for vcpu in dump.vcpus if vcpu.kind == "host" and vcpu.flags]
    return frozenset.intersection(*told) if told else frozenset()
