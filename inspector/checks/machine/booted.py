"""What a VMM changes of a fresh vCPU before the guest starts: Firecracker writes CLIDR_EL1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from inspector.checks.machine.machine import Machine
from inspector.checks.vmms.base import Vmm
from inspector.checks.vmms.firecracker import CLIDR_REPLACED, Firecracker, clidr_of_caches
from inspector.checks.vmms.table import rivals_of
from inspector.kvm.exposure import FieldExposure, RegisterExposure
from inspector.kvm.vm import Vm
from inspector.policies.rulebook import rulebook
from inspector.registers.bits import ones
from inspector.registers.ids import CLIDR_EL1
from inspector.sources.dump import Dump

_RULE = "Firecracker writes the host's cache topology"
_REFERENCE = "override_clidr(), src/vmm/src/arch/aarch64/mod.rs of Firecracker"
_UNKNOWN = "depends on the cache topology in the host's sysfs (cpu0/cache/index*/level and type), which is not known"
_GATED = (
    "is uncertain on this kernel, which resets it when a guest starts a vCPU (PSCI CPU_ON): from Sep 2026 Firecracker "
    "goes by the host's release before it writes it (pull request 6172)"
)


class Booted(NamedTuple):
    """What a guest's vCPU shows after the VMM's own writes."""

    registers: tuple[RegisterExposure, ...]
    notes: tuple[str, ...] = ()


def as_booted(registers: Sequence[RegisterExposure], machine: Machine, dump: Dump, rule: Vmm) -> Booted:
    """`registers` of a fresh vCPU as they are when `rule` has started a VM."""
    if rule.basis:
        return _of_unknown_version(registers, machine, dump, rule)
    if not isinstance(rule, Firecracker) or not rule.writes_clidr:
        return Booted(tuple(registers))
    notes: list[str] = []
    shown = tuple(_booted(one, machine, dump, rule, notes) if one.id == CLIDR_EL1 else one for one in registers)
    return Booted(shown, tuple(notes))


def _of_unknown_version(
    registers: Sequence[RegisterExposure], machine: Machine, dump: Dump, rule: Vmm
) -> Booted:  # fmt: skip
    """The same where more than one entry of the table may be the rule, or nothing is known of the version."""
    known = msgspec.structs.replace(rule, basis="", rivals=())
    cases = [as_booted(registers, machine, dump, one) for one in (known, *rivals_of(rule))]
    unsure = len({one.registers for one in cases}) > 1 or (rule.unread and isinstance(rule, Firecracker))
    if not unsure:
        return Booted(cases[0].registers, (rule.basis, *cases[0].notes))
    reason = f"is uncertain: {rule.basis}"
    shown = tuple(
        _unknown(one, reason) if one.id == CLIDR_EL1 and one.exposed is not None else one for one in registers
    )
    return Booted(shown, (f"CLIDR_EL1 {reason}",))


def _booted(
    register: RegisterExposure, machine: Machine, dump: Dump, rule: Vmm, notes: list[str]
) -> RegisterExposure:  # fmt: skip
    if register.exposed is None:
        return register
    exposure = machine.exposure
    if exposure.raw_caches:
        notes.append(f"{rule.title}: this kernel takes no CLIDR_EL1 but the host's own, so KVM's value stays")
        return register
    caches = _caches(dump)
    wanted = clidr_of_caches(register.exposed, caches) if caches else _shown_topology(register.exposed, dump)
    if wanted is None:
        notes.append(f"{rule.title}: CLIDR_EL1 {_UNKNOWN}; a collector's dump of the host holds it")
        return _unknown(register)
    refused = Vm(machine.host, exposure.policy, machine.setup).vcpu(0).set_one_reg(CLIDR_EL1, wanted)
    if refused:
        notes.append(f"{rule.title}: KVM refuses CLIDR_EL1 {wanted:#x}, so its own value stays")
        return register
    resets = wanted != register.exposed and rulebook(exposure.policy).has("clidr-reset-by-cpu-on")
    if resets and isinstance(rule, Firecracker) and rule.clidr_gated:
        notes.append(f"{rule.title}: CLIDR_EL1 {_GATED}")
        return _unknown(register, _GATED)
    if resets:
        notes.append(
            f"{rule.title}: only vCPU 0 keeps it: this kernel resets CLIDR_EL1 to KVM's own {register.exposed:#x} when "
            "the guest starts a vCPU (PSCI CPU_ON), so a guest's vCPUs differ"
        )
    source = "sysfs as the dump holds it" if caches else "the CLIDR_EL1 that this vCPU was started with"
    notes.append(
        f"{rule.title}: CLIDR_EL1 is written at boot, cache types and LoC from {source}; CCSIDR_EL1 stays KVM's"
    )
    fields = tuple(_with(field, wanted) for field in register.fields)
    guest = None if register.guest is None else wanted
    return msgspec.structs.replace(register, exposed=wanted, guest=guest, fields=fields)


def _caches(dump: Dump) -> Sequence[Mapping[str, str]]:
    """The sysfs caches of the host's first CPU; empty where the dump has none."""
    with_caches = [cpu for cpu in sorted(dump.cpus, key=lambda cpu: cpu.index) if cpu.caches]
    return with_caches[0].caches if with_caches else ()


def _shown_topology(fresh: int, dump: Dump) -> int | None:
    """CLIDR_EL1 of a vCPU that Firecracker started, where it is not what KVM makes up."""
    if "firecracker" not in dump.provenance.format:
        return None
    saved = next((v.values[CLIDR_EL1] for v in dump.vcpus if CLIDR_EL1 in v.values), fresh)
    return None if saved == fresh else fresh & ~CLIDR_REPLACED | saved & CLIDR_REPLACED


def _with(field: FieldExposure, value: int) -> FieldExposure:
    part = value >> field.lsb & ones(field.msb - field.lsb + 1)
    if part == field.exposed:
        return field
    return msgspec.structs.replace(
        field, exposed=part, rule=_RULE, reference=_REFERENCE, reason="from the host's sysfs"
    )


def _unknown(register: RegisterExposure, reason: str = _UNKNOWN) -> RegisterExposure:
    fields = tuple(
        msgspec.structs.replace(field, exposed=None, rule=_RULE, reference=_REFERENCE, reason=reason)
        if ones(field.msb - field.lsb + 1) << field.lsb & CLIDR_REPLACED
        else field
        for field in register.fields
    )
    return msgspec.structs.replace(
        register,
        known=register.known & ~CLIDR_REPLACED,
        guest_known=register.guest_known & ~CLIDR_REPLACED,
        fields=fields,
    )
