"""One write, made and explained: which field, which rule, why, and what would pass instead.

The gates decide and have the words (gates/); here they become a Verdict.
"""

from __future__ import annotations

from collections.abc import Collection
from errno import ENOENT, ENOEXEC

import msgspec

from inspector.kvm.cases import Case, Outcome, refused
from inspector.kvm.exposure import Exposure
from inspector.kvm.gates.doubts import Doubt
from inspector.kvm.gates.fixed_bits import FIXED_BITS
from inspector.kvm.gates.gate import Gate, Part, Write
from inspector.kvm.limits import LIMITED
from inspector.kvm.listing import Membership
from inspector.kvm.verdict import JudgedField, Verdict
from inspector.kvm.vm import Vcpu
from inspector.policies.model import CONDITION_WORDS, Rule
from inspector.registers.bits import extract, mask_of
from inspector.registers.encoding import ARCH_ARM64, every_bit_of
from inspector.registers.ids import ID_SPACE
from inspector.registers.naming import name_of

_PLAIN = "plain storage: KVM keeps what is written."


def explain_write(vcpu: Vcpu, reg_id: int, value: int, size_ok: bool = True, kept: int = 0) -> Verdict:
    """KVM_SET_ONE_REG, explained. `size_ok` False: the id states a size that the register does not have.

    `kept`: bits that are written back as the register holds them, whatever that is; in `value` they are as the model
    assumes them.
    """
    before_error, before = vcpu.get_one_reg(reg_id)
    if not size_ok and vcpu.initialised:
        reason = "the id states a size that this register does not have"
        return Verdict(id=reg_id, value=value, errno=before_error or ENOENT, before=before, after=before, reason=reason)
    before_known = known_bits(vcpu, reg_id)
    if reg_id in vcpu.vm.plain and not kept and vcpu.keeps(reg_id, value):
        return Verdict(
            id=reg_id, value=value, errno=0, before=before if before_known else None, before_known=before_known,
            after=value, after_known=every_bit_of(reg_id), reason=_PLAIN,
        )  # fmt: skip
    gate = vcpu.gate(reg_id)
    parts = gate.parts(vcpu, value) if gate is not None else ()
    doubts = gate.doubts(vcpu, value) if gate is not None else ()
    doubts = _about(doubts, parts, kept, vcpu.value(reg_id) ^ value) if kept else doubts
    undecided = {doubt.part for doubt in doubts}
    certain = not doubts or any(not part.accepted and part.name not in undecided for part in parts)
    fields = _fields(parts, vcpu, reg_id, value, before_known, undecided) if parts else ()
    errno = vcpu.set_one_reg(reg_id, value)
    if not errno:
        vcpu.opens(reg_id)[reg_id] |= kept
    _, after = vcpu.get_one_reg(reg_id)
    sure = tuple(part for part in parts if part.name not in undecided)
    rule, reason = _why(vcpu, gate, reg_id, Write(value, errno, after, sure if errno else parts))
    verdict = Verdict(
        id=reg_id, value=value, errno=errno, before=before if before_known else None, before_known=before_known,
        after=after, value_known=~kept if kept else -1,
        after_known=_after_known(vcpu, reg_id, value, after, errno, before_known),
        fields=fields, rule=rule.name if rule else "",
        reference=rule.reference if rule else "", reason=reason, by_nature=gate is not None and gate.by_nature,
    )  # fmt: skip
    if not certain:
        return _uncertain(verdict, doubts)
    membership = vcpu.vm.exposure.doubtful.get(reg_id) if vcpu.initialised else None
    if membership is not None:
        return _uncertain(verdict, (_listing_doubt(vcpu.vm.exposure, verdict, membership),))
    if not errno or gate is None or kept:
        return verdict
    suggestion = gate.nearest(vcpu, value)
    if suggestion is None or any(case.errno for doubt in gate.doubts(vcpu, suggestion) for case in doubt.cases):
        return verdict
    return msgspec.structs.replace(verdict, would_pass=suggestion)


def _about(doubts: tuple[Doubt, ...], parts: tuple[Part, ...], kept: int, changed: int) -> tuple[Doubt, ...]:
    """The doubts without those about parts that are written back as they are, with bits that are not known."""
    masks = {part.name: mask_of(part.msb, part.lsb) for part in parts}
    unchanged = {name for name, mask in masks.items() if mask & kept and not mask & changed}
    return tuple(doubt for doubt in doubts if doubt.part not in unchanged)


def _after_known(vcpu: Vcpu, reg_id: int, value: int, after: int | None, errno: int, before: int) -> int:
    """The bits that are known of what is read back: all of a value that was taken as written."""
    if errno:
        return before
    return every_bit_of(reg_id) & ~vcpu.opens(reg_id).get(reg_id, 0) if after == value else known_bits(vcpu, reg_id)


def known_bits(vcpu: Vcpu, reg_id: int) -> int:
    """The bits of what a register reads that are known: all of a value that was written, and what the first run made
    of an ID register."""
    exposure, every = vcpu.vm.exposure, every_bit_of(reg_id)
    if vcpu.vm.ran and reg_id in FIXED_BITS and vcpu.gate(reg_id) is not None:
        return 0
    open_ = vcpu.opens(reg_id).get(reg_id)
    if open_ is not None:
        return every & ~open_
    changed = exposure.values.get(reg_id, 0) ^ vcpu.value(reg_id) if reg_id in ID_SPACE else 0
    return exposure.known.get(reg_id, every) | changed


def _uncertain(verdict: Verdict, doubts: tuple[Doubt, ...]) -> Verdict:
    """The verdict where what it depends on is not known: no rule decides, nothing can be read back for sure."""
    depends_on = tuple(dict.fromkeys(doubt.depends_on for doubt in doubts))
    return msgspec.structs.replace(
        verdict, certain=False, after=None, after_known=0, uncertain=tuple(doubt.part for doubt in doubts),
        rule="", reference="", reason=f"the answer depends on {' and on '.join(depends_on)}, which is not known.",
        depends_on=depends_on, cases=tuple(dict.fromkeys(case for doubt in doubts for case in doubt.cases)),
    )  # fmt: skip


def _listing_doubt(exposure: Exposure, verdict: Verdict, membership: Membership) -> Doubt:
    """About a register that KVM lists under a condition of which it is not known whether it holds."""
    listed = verdict.id in exposure.listed_set
    there = refused(verdict.errno) if listed else Outcome("the register exists")
    told = {membership.held: there, not membership.held: refused(ENOENT)}
    cases = tuple(
        Case(
            when=f"{how} {membership.words}",
            outcome=told[held].text,
            errno=told[held].errno,
            settle=f"--host {settle}" if settle else "",
        )
        for how, held, settle in zip(("with", "without"), (True, False), membership.settle, strict=True)
    )
    return Doubt("value", f"whether KVM has the register ({membership.words})", cases)


def peek_write(vcpu: Vcpu, reg_id: int, value: int, kept: int = 0) -> Verdict:
    """The verdict on a write that is not made."""
    with vcpu.undone():
        return explain_write(vcpu, reg_id, value, kept=kept)


def _fields(
    parts: tuple[Part, ...], vcpu: Vcpu, reg_id: int, value: int, known: int, undecided: Collection[str]
) -> tuple[JudgedField, ...]:
    """The judged parts with what they hold, of which the bits `known` are, and what is written."""
    now = vcpu.value(reg_id)
    limit_known = vcpu.vm.exposure.limit_known(reg_id) if reg_id in LIMITED else every_bit_of(reg_id)
    return tuple(
        JudgedField(
            name=part.name, msb=part.msb, lsb=part.lsb, now=extract(now, part.msb, part.lsb),
            now_known=extract(known, part.msb, part.lsb), written=extract(value, part.msb, part.lsb), limit=part.limit,
            limit_known=extract(limit_known, part.msb, part.lsb), writable=part.writable, safe=part.safe,
            accepted=part.accepted, reason="" if part.name in undecided else part.reason,
            fate="uncertain" if part.name in undecided else part.fate,
        )
        for part in parts
    )  # fmt: skip


def _why(vcpu: Vcpu, gate: Gate | None, reg_id: int, write: Write) -> tuple[Rule | None, str]:
    """The rule that decided and one sentence."""
    if write.errno == ENOEXEC:
        return None, "the vCPU was not initialised: KVM_ARM_VCPU_INIT comes first."
    if gate is not None:
        return gate.why(write)
    if not write.errno and write.after not in (None, write.value):
        return None, f"{name_of(reg_id)} keeps the lower 32 bits while PSTATE says AArch32."
    if not write.errno:
        return None, _PLAIN
    name = name_of(reg_id)
    if reg_id >> 56 != ARCH_ARM64:
        return None, f"{name} is not an arm64 register id: bits 63:56 are not 0x60."
    word = vcpu.taken_away(reg_id)
    if word:
        return None, f"{name} is there only with {CONDITION_WORDS[word]}, whose ID registers say otherwise now."
    return None, f"{name} does not exist on this kernel with these vCPU features."
