"""What a dump gives to a comparison: its vCPUs or its machine, as sets of registers.

A fleet of ten thousand dumps has a handful of distinct feature-register sets (what the host and its kernel decide),
and as many distinct guest states as dumps.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import msgspec

from inspector.checks.machine.known_host import el0_host_of
from inspector.errors import InspectorError
from inspector.registers.bits import ALL
from inspector.registers.encoding import (
    ARCH_ARM64,
    CLASS_BITMAP,
    CLASS_DEMUX,
    CLASS_FIRMWARE,
    ccsidr_id,
    split_id,
    sysreg_id,
    sysreg_of,
)
from inspector.registers.ids import ID_SPACE, MPIDR_EL1, SVE_VLS
from inspector.sources.dump import EXCERPTS, Constraint, Dump, Kind, Vcpu
from inspector.untrusted import Untrusted

Scope = Literal["auto", "all", "features"]
"""all: every register makes a column differ; features: only what host and kernel decide; auto: all for few dumps."""

_NAMED = frozenset(
    (sysreg_id(3, 1, 0, 0, 1), sysreg_id(3, 1, 0, 0, 7), sysreg_id(3, 3, 0, 0, 1), sysreg_id(3, 3, 0, 0, 7), SVE_VLS)
)


@lru_cache(maxsize=4096)
def is_feature_register(reg_id: int) -> bool:
    """True for what host, kernel and VMM decide: identification and ID space, caches, CTR, firmware, vector lengths.

    MPIDR_EL1 is left out: it numbers the vCPU.
    """
    if reg_id in _NAMED:
        return True
    parts = split_id(reg_id)
    if parts.cls in (CLASS_DEMUX, CLASS_FIRMWARE, CLASS_BITMAP) and parts.arch == ARCH_ARM64:
        return True
    reg = sysreg_of(reg_id)
    return reg is not None and (reg.op0, reg.op1, reg.crn) == (3, 0, 0) and reg.crm <= 7 and reg_id != MPIDR_EL1


def is_listing(kind: str) -> bool:
    """True for KVM's register list: an id that is not in it does not exist there, else it was just not read."""
    return kind in ("vcpu", "list")


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """One vCPU (or host) that is compared."""

    label: str
    """the source's name, with the vCPU where the source has several"""
    source: str
    vcpu: int
    kind: str = "vcpu"
    kernel: str = ""
    host: str = ""


class RegisterSet(msgspec.Struct, frozen=True, kw_only=True):
    """Registers that one or more subjects have in common."""

    ids: tuple[int, ...]
    """ascending; all listed ids, whether or not their value is in `values`"""
    values: tuple[int | None, ...]
    """parallel to `ids`; None where only the id is known or the value is no feature"""
    masks: tuple[tuple[int, int], ...] = ()
    """(id, known bits) of registers that are known or given only in part"""
    kind: Kind = "vcpu"

    @property
    def listing(self) -> bool:
        """As `is_listing`."""
        return is_listing(self.kind)

    def mapping(self) -> dict[int, int]:
        """id -> value of the registers of whose value something is known."""
        blank = {i for i, mask in self.masks if not mask}
        return {i: v for i, v in zip(self.ids, self.values, strict=True) if v is not None and i not in blank}


def subjects_of(dump: Dump, alone: bool = False) -> tuple[list[tuple[Vcpu, str]], list[str]]:
    """(the vCPUs of a dump that are worth a column of their own, each with its label; notes).

    vCPUs of one VM that agree in all feature registers stand for each other; a dump of several VMs (a kvm-recording) is
    represented by the one that QEMU would create, unless it is the only dump. Raises InspectorError for a dump without
    registers.
    """
    where = dump.provenance.source
    vcpus = [compared(dump, v) for v in dump.vcpus if v.lists] or [v for v in [machine_registers(dump)] if v.lists]
    if not vcpus:
        raise InspectorError("holds no registers to compare", where)
    notes: list[str] = []
    if not alone:
        vcpus = _representatives(dump, vcpus, notes)
    if len(vcpus) == 1:
        return [(vcpus[0], where)], notes
    return list(zip(vcpus, _labels(where, [vcpu.label for vcpu in vcpus]), strict=True)), notes


def _labels(where: str, names: Sequence[str]) -> list[str]:
    """What each vCPU is called; those of one number by their place in the source too."""
    again = {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else ()
    return [
        f"{where} vCPU {name}" + (f", number {place + 1} in the file" if name in again else "")
        for place, name in enumerate(names)
    ]


def compared(dump: Dump, vcpu: Vcpu) -> Vcpu:
    """`vcpu` with what is known of its registers; of a machine also its raw CCSIDR_EL1.

    What a process of a host reads of a field that Linux hides from it says nothing of the host: those bits are not
    known.
    """
    if vcpu.kind == "vcpu" and dump.provenance.format in EXCERPTS and not set(ID_SPACE) <= set(vcpu.ids):
        # KVM lists all of the ID space for every vCPU: these are values that somebody took out, and no list.
        return msgspec.structs.replace(vcpu, kind="host")
    if vcpu.kind != "host" or dump.host is None:
        return vcpu
    if dump.host.view != "el0":
        return msgspec.structs.replace(vcpu, values={**vcpu.values, **_raw_caches(dump)})
    own = msgspec.structs.replace(dump.host, values=vcpu.values)
    seen = None if dump.host.known else el0_host_of(msgspec.structs.replace(dump, host=own))
    if seen is None:
        return vcpu
    known = dict(vcpu.constraints)
    for reg_id, value in vcpu.values.items():
        mask = seen.known.get(reg_id, 0)
        known[reg_id] = Constraint(mask, value & mask)
    whole = {reg_id: value for reg_id, value in vcpu.values.items() if known[reg_id].mask & ALL == ALL}
    parts = {reg_id: part for reg_id, part in known.items() if reg_id not in whole}
    return msgspec.structs.replace(vcpu, values=whole, constraints=parts)


def machine_registers(dump: Dump) -> Vcpu:
    """The machine's registers of a dump, as far as they are known, in the form of a vCPU's; empty without any."""
    host = dump.host
    if host is None:
        return Vcpu(index=0, values={}, kind="host", name=Untrusted("host"))
    parts = {i: Constraint(mask, host.values.get(i, 0) & mask) for i, mask in host.known.items() if mask & ALL != ALL}
    whole = {i: value for i, value in host.values.items() if i not in parts}
    return compared(dump, Vcpu(index=0, values=whole, kind="host", name=Untrusted("host"), constraints=parts))


def _raw_caches(dump: Dump) -> dict[int, int]:
    """A machine's raw CCSIDR_EL1 under the ids by which a vCPU lists them."""
    return {ccsidr_id(csselr): value for csselr, value in dump.host.ccsidr.items()} if dump.host else {}


def _representatives(dump: Dump, vcpus: Sequence[Vcpu], notes: list[str]) -> list[Vcpu]:
    where = dump.provenance.source
    guests = [v for v in vcpus if v.kind != "host"] or list(vcpus)
    if len(guests) == 1:
        return guests
    if all(v.kind == "host" for v in guests):
        notes.append(f"{where}: its CPUs are of {len(guests)} kinds, and each kind has a column")
        return guests
    if not dump.one_vm:
        chosen = next((v for v in guests if v.name == "qemu"), guests[0])
        notes.append(f"{where} holds {len(guests)} VMs; compared: {chosen.label}")
        return [chosen]
    distinct: dict[tuple[tuple[int, int], ...], Vcpu] = {}
    for vcpu in guests:
        distinct.setdefault(tuple(sorted((i, v) for i, v in vcpu.values.items() if is_feature_register(i))), vcpu)
    if len(distinct) > 1:
        notes.append(f"{where}: its vCPUs do not agree in their feature registers, so each kind has a column")
    return list(distinct.values())
