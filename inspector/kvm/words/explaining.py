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
from inspector.kvm.gates.gate import Gate, Part, Write
from inspector.kvm.limits import LIMITED, SETTLED_BY
from inspector.kvm.listing import Membership
from inspector.kvm.verdict import JudgedField, Verdict
from inspector.kvm.vm import Vcpu
from inspector.policies.model import CONDITION_WORDS, Rule
from inspector.registers.bits import ALL, extract, mask_of
from inspector.registers.encoding import ARCH_ARM64, is_demux
from inspector.registers.ids import CLIDR_EL1
from inspector.registers.naming import name_of


def explain_write(vcpu: Vcpu, reg_id: int, value: int, size_ok: bool = True, kept: int = 0) -> Verdict:
    """KVM_SET_ONE_REG, explained. `size_ok` False: the id states a size that the register does not have.

    `kept`: bits that are written back as the register holds them, whatever that is; in `value` they are as the model
    assumes them.
    """
    gate = vcpu.gate(reg_id)
    before_error, before = vcpu.get_one_reg(reg_id)
    if not size_ok and vcpu.initialised:
        reason = "the id states a size that this register does not have"
        return Verdict(id=reg_id, value=value, errno=before_error or ENOENT, before=before, after=before, reason=reason)
    before_known = known_bits(vcpu, reg_id)
    parts = gate.parts(vcpu, value) if gate is not None else ()
    doubts = gate.doubts(vcpu, value) if gate is not None else ()
    doubts = _about(doubts, parts, kept, vcpu.value(reg_id) ^ value) if kept else doubts
    undecided = {doubt.part for doubt in doubts}
    certain = not doubts or any(not part.accepted and part.name not in undecided for part in parts)
    fields = _fields(parts, vcpu, reg_id, value, undecided)
    errno = vcpu.set_one_reg(reg_id, value)
    if not errno:
        vcpu.opens(reg_id)[reg_id] = kept
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
    if gate is None and errno and _waits_for_clidr(vcpu.vm.exposure, reg_id):
        return _uncertain(verdict, (_cache_doubt(reg_id),))
    membership = vcpu.vm.exposure.doubtful.get(reg_id) if vcpu.initialised else None
    if membership is not None:
        return _uncertain(verdict, (_listing_doubt(vcpu.vm.exposure, verdict, membership),))
    suggestion = gate.nearest(vcpu, value) if errno and gate is not None else None
    if suggestion is not None and gate is not None and gate.doubts(vcpu, suggestion):
        suggestion = None
    return msgspec.structs.replace(verdict, would_pass=None if kept else suggestion)


def _about(doubts: tuple[Doubt, ...], parts: tuple[Part, ...], kept: int, changed: int) -> tuple[Doubt, ...]:
    """The doubts without those about parts that are written back as they are, with bits that are not known."""
    masks = {part.name: mask_of(part.msb, part.lsb) for part in parts}
    unchanged = {name for name, mask in masks.items() if mask & kept and not mask & changed}
    return tuple(doubt for doubt in doubts if doubt.part not in unchanged)


def _after_known(vcpu: Vcpu, reg_id: int, value: int, after: int | None, errno: int, before: int) -> int:
    """The bits that are known of what is read back: all of a value that was taken as written."""
    if errno:
        return before
    return ALL & ~vcpu.opens(reg_id).get(reg_id, 0) if after == value else known_bits(vcpu, reg_id)


def known_bits(vcpu: Vcpu, reg_id: int) -> int:
    """The bits of what a register reads that are known: all of a value that was written."""
    exposure = vcpu.vm.exposure
    if kept := vcpu.opens(reg_id).get(reg_id, 0):
        return ALL & ~kept
    fresh = exposure.values.get(reg_id)
    return exposure.known.get(reg_id, ALL) if fresh == vcpu.value(reg_id) else ALL


def _uncertain(verdict: Verdict, doubts: tuple[Doubt, ...]) -> Verdict:
    """The verdict where what it depends on is not known: no rule decides, nothing can be read back for sure."""
    depends_on = tuple(dict.fromkeys(doubt.depends_on for doubt in doubts))
    return msgspec.structs.replace(
        verdict, certain=False, after=None, after_known=0, uncertain=tuple(doubt.part for doubt in doubts),
        rule="", reference="", reason=f"the answer depends on {' and on '.join(depends_on)}, which is not known.",
        depends_on=depends_on, cases=tuple(dict.fromkeys(case for doubt in doubts for case in doubt.cases)),
    )  # fmt: skip


def _cache_doubt(reg_id: int) -> Doubt:
    """About a CCSIDR_EL1 that is listed where the host has such a cache."""
    source = "the host's CLIDR_EL1"
    cases = (
        Case(when=f"{source} has the cache of {name_of(reg_id)}", outcome="the register exists"),
        Case(when=f"{source} lacks it", outcome=refused(ENOENT).text, errno=ENOENT),
    )
    return Doubt("value", source, cases)


def _listing_doubt(exposure: Exposure, verdict: Verdict, membership: Membership) -> Doubt:
    """About a register that KVM lists under a condition of which it is not known whether it holds."""
    words = CONDITION_WORDS[membership.word]
    listed = verdict.id in exposure.listed_set
    there = refused(verdict.errno) if listed else Outcome("the register exists")
    told = {membership.held: there, not membership.held: refused(ENOENT)}
    settled = SETTLED_BY.get(membership.word, ("", ""))
    cases = tuple(
        Case(
            when=f"{how} {words}",
            outcome=told[held].text,
            errno=told[held].errno,
            settle=f"--host {settle}" if settle else "",
        )
        for how, held, settle in zip(("with", "without"), (True, False), settled, strict=True)
    )
    return Doubt("value", f"whether KVM has the register ({words})", cases)


def peek_write(vcpu: Vcpu, reg_id: int, value: int, kept: int = 0) -> Verdict:
    """The verdict on a write that is not made."""
    with vcpu.undone():
        return explain_write(vcpu, reg_id, value, kept=kept)


def _fields(
    parts: tuple[Part, ...], vcpu: Vcpu, reg_id: int, value: int, undecided: Collection[str]
) -> tuple[JudgedField, ...]:
    """The judged parts with what they hold and what is written."""
    now, known = vcpu.value(reg_id), known_bits(vcpu, reg_id)
    limit_known = vcpu.vm.exposure.limit_known(reg_id) if reg_id in LIMITED else ALL
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
