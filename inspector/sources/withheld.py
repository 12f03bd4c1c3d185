"""A dump that can be given away: the registers that hold a guest's secrets are in it, their values are not."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from inspector.registers.secrets import is_secret
from inspector.sources.dump import Constraint, Cpu, Dump, Host, Vcpu

_NOTHING = Constraint(mask=0, value=0)


def withhold(dump: Dump) -> Dump:
    """`dump` without the values of general, vector and debug registers, pointers and keys; a note says how many.

    Such a register stays listed, as one of which no bit is known: whoever compares or restores the dump answers
    "not known" for it, never 0.
    """
    vcpus = tuple(map(_withheld, dump.vcpus))
    host, cpus, el0 = _host_withheld(dump.host), tuple(map(_cpu_withheld, dump.cpus)), _told(dump.el0)
    if vcpus == dump.vcpus and host == dump.host and cpus == dump.cpus and len(el0) == len(dump.el0):
        return dump
    hosts = len(dump.host.values) - len(host.values) if host is not None and dump.host is not None else 0
    count = max((len(vcpu.withheld) for vcpu in vcpus), default=0) or hosts
    notes = (*dump.notes, note_of(count)) if count else dump.notes
    return msgspec.structs.replace(dump, vcpus=vcpus, host=host, cpus=cpus, el0=el0, notes=notes)


def unnamed(dump: Dump) -> Dump:
    """A dump of a live source without the name of the host: of its address the kind stays (`ssh:`)."""
    about = dump.provenance
    if about.format != "live":
        return dump
    kind = about.source.partition(":")[0]
    return msgspec.structs.replace(dump, provenance=msgspec.structs.replace(about, source=f"{kind}:"))


def note_of(count: int) -> str:
    """What the user has to know of `count` registers per vCPU."""
    what = "1 register" if count == 1 else f"{count} registers"
    kinds = "general, vector, debug registers, pointers, keys"
    return f"values of {what} withheld: {kinds} (--secrets shows them, $ on screen)"


def _told(values: Mapping[int, int]) -> dict[int, int]:
    return {reg_id: value for reg_id, value in values.items() if not is_secret(reg_id)}


def _host_withheld(host: Host | None) -> Host | None:
    """A machine has secrets as well, the keys and pointers of its own kernel: nothing is known of them then."""
    if host is None or not any(map(is_secret, (*host.values, *host.known))):
        return host
    return msgspec.structs.replace(host, values=_told(host.values), known=_told(host.known))


def _cpu_withheld(cpu: Cpu) -> Cpu:
    return msgspec.structs.replace(cpu, values=_told(cpu.values)) if any(map(is_secret, cpu.values)) else cpu


def _withheld(vcpu: Vcpu) -> Vcpu:
    if vcpu.kind in ("template", "list"):
        return vcpu
    secret = [reg_id for reg_id in (*vcpu.values, *vcpu.constraints) if is_secret(reg_id)]
    if not any(reg_id in vcpu.values for reg_id in secret):
        return vcpu
    return msgspec.structs.replace(
        vcpu,
        values=_told(vcpu.values),
        constraints={**vcpu.constraints, **dict.fromkeys(secret, _NOTHING)},
        guest=_told(vcpu.guest),
        offsets=_told(vcpu.offsets),
    )
