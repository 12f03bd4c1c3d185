"""One write, made and explained: which field, which rule, why, and what would pass instead.

The gates decide and have the words (gates/); here they become a Verdict.
"""

from __future__ import annotations

from errno import ENOENT, ENOEXEC

from inspector.kvm.exposure import Exposure
from inspector.kvm.gates.gate import Gate, Part, Write
from inspector.kvm.gates.invariant import Invariant
from inspector.kvm.verdict import JudgedField, Verdict
from inspector.kvm.vm import Vcpu
from inspector.policies.model import Rule
from inspector.registers.bits import ALL, extract
from inspector.registers.encoding import ARCH_ARM64, is_demux
from inspector.registers.ids import CLIDR_EL1
from inspector.registers.naming import name_of


def explain_write(vcpu: Vcpu, reg_id: int, value: int, size_ok: bool = True) -> Verdict:
    """KVM_SET_ONE_REG, explained. `size_ok` False: the id states a size that the register does not have."""
    gate = vcpu.gate(reg_id)
    before_error, before = vcpu.get_one_reg(reg_id)
    if not size_ok and vcpu.initialised:
        reason = "the id states a size that this register does not have"
        return Verdict(id=reg_id, value=value, errno=before_error or ENOENT, before=before, after=before, reason=reason)
    parts = gate.parts(vcpu, value) if gate is not None else ()
    fields = _fields(parts, vcpu.value(reg_id), value)
    suggestion = None
    errno = vcpu.set_one_reg(reg_id, value)
    if errno and gate is not None:
        suggestion = gate.nearest(vcpu, value)
    _, after = vcpu.get_one_reg(reg_id)
    rule, reason = _why(vcpu, gate, reg_id, Write(value, errno, after, parts))
    uncertain = gate.doubtful(parts, value) if gate is not None else ()
    if isinstance(gate, Invariant) and uncertain and not vcpu.vm.exposure.known.get(reg_id):
        before = after = suggestion = None
        reason = f"{name_of(reg_id)} takes only the host's value, which is not known."
    elif errno and (open_question := _open_question(reg_id, fields, uncertain)):
        suggestion, reason = None, open_question
    return Verdict(
        id=reg_id, value=value, errno=errno, before=before, after=after, fields=fields, rule=rule.name if rule else "",
        reference=rule.reference if rule else "", reason=reason, would_pass=suggestion, uncertain=uncertain,
        by_nature=gate is not None and gate.by_nature,
    )  # fmt: skip


def peek_write(vcpu: Vcpu, reg_id: int, value: int) -> Verdict:
    """The verdict on a write that is not made."""
    with vcpu.undone():
        return explain_write(vcpu, reg_id, value)


def _fields(parts: tuple[Part, ...], now: int, value: int) -> tuple[JudgedField, ...]:
    """The judged parts with what they hold and what is written."""
    return tuple(
        JudgedField(
            name=part.name, msb=part.msb, lsb=part.lsb, now=extract(now, part.msb, part.lsb),
            written=extract(value, part.msb, part.lsb), limit=part.limit, writable=part.writable, safe=part.safe,
            accepted=part.accepted, reason=part.reason, fate=part.fate,
        )
        for part in parts
    )  # fmt: skip


def _open_question(reg_id: int, fields: tuple[JudgedField, ...], uncertain: tuple[str, ...]) -> str:
    """The sentence for a refusal that rests on fields of which nobody knows what the host has; empty for others."""
    bad = [f for f in fields if not f.accepted]
    if not bad or any(f.name not in uncertain for f in bad):
        return ""
    first = bad[0]
    bound = "up to what" if first.writable else "where it is what"
    return (
        f"{name_of(reg_id)}.{first.name} = {first.written} is accepted only {bound} the host has, which is not known."
    )


def _why(vcpu: Vcpu, gate: Gate | None, reg_id: int, write: Write) -> tuple[Rule | None, str]:
    """The rule that decided and one sentence."""
    name = name_of(reg_id)
    if write.errno == ENOEXEC:
        return None, "the vCPU was not initialised: KVM_ARM_VCPU_INIT comes first."
    if gate is not None:
        return gate.why(write)
    if not write.errno:
        return None, "plain storage: KVM keeps what is written."
    if _waits_for_clidr(vcpu.vm.exposure, reg_id):
        return None, f"{name} exists where the host's CLIDR_EL1 has such a cache, which is not known."
    if reg_id >> 56 != ARCH_ARM64:
        return None, f"{name} is not an arm64 register id: bits 63:56 are not 0x60."
    return None, f"{name} does not exist on this kernel with these vCPU features."


def _waits_for_clidr(exposure: Exposure, reg_id: int) -> bool:
    """True for a CCSIDR_EL1 of a cache that the host's CLIDR_EL1 may have, where the kernel passes it through and it is
    not known."""
    return exposure.raw_caches and is_demux(reg_id) and reg_id & 0xFFFF < 14 and not exposure.host.knows(CLIDR_EL1, ALL)
