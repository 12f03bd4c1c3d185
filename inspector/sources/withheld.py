"""A dump that can be given away: the registers that hold a guest's secrets are in it, their values are not."""

from __future__ import annotations

import msgspec

from inspector.registers.secrets import is_secret
from inspector.sources.dump import Constraint, Dump, Vcpu

_NOTHING = Constraint(mask=0, value=0)


def withhold(dump: Dump) -> Dump:
    """`dump` without the values of general, vector and debug registers, pointers and keys; a note says how many.

    Such a register stays listed, as one of which no bit is known: whoever compares or restores the dump answers
    "not known" for it, never 0.
    """
    vcpus = tuple(map(_withheld, dump.vcpus))
    count = max((len(vcpu.withheld) for vcpu in vcpus), default=0)
    if vcpus == dump.vcpus:
        return dump
    return msgspec.structs.replace(dump, vcpus=vcpus, notes=(*dump.notes, note_of(count)))


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


def _withheld(vcpu: Vcpu) -> Vcpu:
    if vcpu.kind in ("template", "list"):
        return vcpu
    secret = [reg_id for reg_id in (*vcpu.values, *vcpu.constraints) if is_secret(reg_id)]
    if not any(reg_id in vcpu.values for reg_id in secret):
        return vcpu
    return msgspec.structs.replace(
        vcpu,
        values={reg_id: value for reg_id, value in vcpu.values.items() if not is_secret(reg_id)},
        constraints={**vcpu.constraints, **dict.fromkeys(secret, _NOTHING)},
        guest={reg_id: value for reg_id, value in vcpu.guest.items() if not is_secret(reg_id)},
        offsets={reg_id: offset for reg_id, offset in vcpu.offsets.items() if not is_secret(reg_id)},
    )
