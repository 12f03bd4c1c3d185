"""A baseline in the forms that others read: Firecracker CPU template, QEMU properties, our own dump."""

from __future__ import annotations

import json

from inspector.checks.baseline.baseline import Baseline
from inspector.registers import catalog
from inspector.registers.encoding import hex_id, size_of
from inspector.registers.ids import CTR_EL0, ID_SPACE
from inspector.sources.dump import Constraint, Dump, Provenance, Vcpu
from inspector.untrusted import Untrusted

_PROPERTY_REGISTERS = frozenset((*ID_SPACE, CTR_EL0))
_TEMPLATE_BYTES = 16
"""Templates cannot say more than 128 bits; the vector lengths are therefore left to the VMM."""


def bitmap(mask: int, bits: int, width: int) -> str:
    """A template bitmap: `0b`, then a letter per bit from the top; 0 and 1 are set, x is left alone."""
    letters = (("1" if bits >> n & 1 else "0") if mask >> n & 1 else "x" for n in reversed(range(width)))
    return "0b" + "".join(letters)


def firecracker_template(answer: Baseline) -> str:
    """A CPU template that makes every host's vCPU show the common set; only what has to change is named."""
    modifiers = [
        {"addr": hex_id(reg_id), "bitmap": bitmap(mask, bits, size_of(reg_id) * 8)}
        for reg_id, (mask, bits) in sorted(answer.changes.items())
        if size_of(reg_id) <= _TEMPLATE_BYTES
    ]
    template = {"kvm_capabilities": [], "vcpu_features": [], "reg_modifiers": modifiers}
    return json.dumps(template, indent=2) + "\n"


def qemu_properties(answer: Baseline) -> str:
    """`-cpu host,SYSREG_<REGISTER>_<FIELD>=N,...` for the fields that have to change; empty when there are none.

    The properties are those of the customizable host model proposed for QEMU; a QEMU without it refuses them by name.
    """
    settable = answer.changes.keys() & _PROPERTY_REGISTERS
    given = [f"SYSREG_{f.register}_{f.name}={f.common}" for f in answer.fields if f.id in settable]
    return f"-cpu host,{','.join(given)}" if given else ""


def baseline_dump(answer: Baseline) -> Dump:
    """The feature registers of a vCPU at the baseline, as a dump of ours.

    Registers that the hosts cannot show alike are left out, and the notes name them; so they do what is not known of
    every host.
    """
    left_out = sorted({o.register for o in answer.obstacles})
    notes = [f"the greatest common feature set of {answer.host_count} hosts: {', '.join(answer.hosts[:8])}"]
    if left_out:
        notes.append(f"left out, because the hosts cannot be made to agree: {', '.join(left_out)}")
    if answer.known:
        names = ", ".join(catalog.by_id(reg_id).name for reg_id in sorted(answer.known))
        notes.append(f"given only in the bits that are known of every host: {names}")
    values = {i: value for i, value in sorted(answer.values.items()) if i not in answer.known}
    parts = {i: Constraint(mask, answer.values[i]) for i, mask in sorted(answer.known.items())}
    return Dump(
        provenance=Provenance(
            source="baseline",
            tool=Untrusted("vcpu-inspector compare --baseline"),
            kernel=Untrusted(answer.one_kernel),
        ),
        vcpus=(Vcpu(index=0, name=Untrusted("baseline"), values=values, constraints=parts, setup=answer.setup),),
        notes=tuple(notes),
    )
