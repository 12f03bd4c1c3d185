"""Verdicts and exposures in words: which field, which rule, why, and what would pass instead.

The engine answers in integers (exposure.py, handlers.py); everything here is built only for who asks.
"""

from __future__ import annotations

from errno import EBUSY, ENOENT, ENOEXEC
from typing import TYPE_CHECKING

from inspector.kvm import gates as handlers
from inspector.kvm.fabricated import clidr_refused
from inspector.kvm.verdict import JudgedField, Verdict
from inspector.kvm.words.judging import judge_fields
from inspector.kvm.words.suggesting import nearest_accepted
from inspector.policies import model
from inspector.registers.bits import ALL, extract, mask_of
from inspector.registers.encoding import ARCH_ARM64, is_demux
from inspector.registers.ids import CLIDR_EL1, CTR_EL0
from inspector.registers.naming import name_of

if TYPE_CHECKING:
    from inspector.kvm.exposure import Exposure, Trace
    from inspector.kvm.vm import Vcpu
    from inspector.policies.model import Rule


def explain_write(vcpu: Vcpu, reg_id: int, value: int, size_ok: bool) -> Verdict:
    """Make one write and say what was judged."""
    gate = vcpu.vm.gates.get(reg_id) if vcpu.initialised else None
    before_error, before = vcpu.get(reg_id)
    if not size_ok and vcpu.initialised:
        reason = "the id states a size that this register does not have"
        return Verdict(id=reg_id, value=value, errno=before_error or ENOENT, before=before, after=before, reason=reason)
    fields = judge_fields(vcpu, gate, value) if gate is not None else ()
    ran = vcpu.vm.ran
    suggestion = None
    errno = vcpu.would_accept(reg_id, value)
    if errno:
        suggestion = nearest_accepted(vcpu, gate, reg_id, value)
    else:
        vcpu.decide(reg_id, value)
    _, after = vcpu.get(reg_id)
    rule, reason = _why(vcpu, gate, reg_id, value, errno, after, fields, ran)
    uncertain = _uncertain(vcpu.vm.exposure, gate, fields)
    if isinstance(gate, handlers.Invariant) and uncertain and not vcpu.vm.exposure.known.get(reg_id):
        before = after = suggestion = None
        reason = f"{name_of(reg_id)} takes only the host's value, which is not known."
    elif errno and (open_question := _open_question(reg_id, fields, uncertain)):
        suggestion, reason = None, open_question
    return Verdict(
        id=reg_id, value=value, errno=errno, before=before, after=after, fields=fields, rule=rule.name if rule else "",
        reference=rule.reference if rule else "", reason=reason, would_pass=suggestion, uncertain=uncertain,
    )  # fmt: skip


def _uncertain(exposure: Exposure, gate: handlers.Gate | None, fields: tuple[JudgedField, ...]) -> tuple[str, ...]:
    """Names of the judged fields whose limit, or whose tolerated old value, is the host's and not known."""
    if isinstance(gate, handlers.Invariant) and gate.reg_id != CTR_EL0:
        return () if exposure.known.get(gate.reg_id) else tuple(f.name for f in fields)
    if not isinstance(gate, handlers.Hooked | handlers.Invariant):
        return ()
    unknown = ~exposure.limit_known(gate.reg_id)
    hidden = (f for f in fields if extract(unknown, f.msb, f.lsb))
    names = [f.name for f in hidden if f.written or not f.writable or f.safe != "lower"]
    if isinstance(gate, handlers.Hooked):
        host_unknown = ~exposure.sanitised[gate.reg_id][1]
        old = [h.name for h in gate.hooks if isinstance(h.rule, model.Tolerate | model.Keep) and h.mask & host_unknown]
        names += [f.name for f in fields if f.name in old and f.written and f.name not in names]
    return tuple(names)


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


def _why(
    vcpu: Vcpu,
    gate: handlers.Gate | None,
    reg_id: int,
    value: int,
    errno: int,
    after: int | None,
    fields: tuple[JudgedField, ...],
    ran: bool,
) -> tuple[Rule | None, str]:
    """The rule that decided and one sentence."""
    exposure, name = vcpu.vm.exposure, name_of(reg_id)
    if errno == ENOEXEC:
        return None, "the vCPU was not initialised: KVM_ARM_VCPU_INIT comes first."
    if gate is None:
        if errno and _waits_for_clidr(exposure, reg_id):
            return None, f"{name} exists where the host's CLIDR_EL1 has such a cache, which is not known."
        if errno and reg_id >> 56 != ARCH_ARM64:
            return None, f"{name} is no id of an arm64 register: bits 63:56 are not 0x60."
        if errno:
            return None, f"{name} does not exist on this kernel with these vCPU features."
        return None, "plain storage: KVM keeps what is written."
    if isinstance(gate, handlers.Hooked):
        return _why_id(exposure, gate, reg_id, value, errno, after, fields, ran)
    rule = exposure.book.special_rule(function_of(gate)) if function_of(gate) else exposure.ignores_writes(reg_id)
    if errno == EBUSY:
        return rule, f"{name} cannot change once the VM has run."
    if errno:
        return rule, f"{name} is refused: {_refusal(gate, value)}."
    text = _ACCEPTED.get(type(gate), "accepted and stored")
    if type(gate) is handlers.Gate:
        text = "the host has no AArch32: the write is accepted and ignored"
    return rule, f"{name}: {text}."


def _waits_for_clidr(exposure: Exposure, reg_id: int) -> bool:
    """True for a CCSIDR_EL1 of a cache that the host's CLIDR_EL1 may have, up to v6.2, where that is not known."""
    raw = exposure.book.variant("cache-registers") == "raw"
    return raw and is_demux(reg_id) and reg_id & 0xFFFF < 14 and not exposure.host.knows(CLIDR_EL1, ALL)


def _why_id(
    exposure: Exposure,
    gate: handlers.Hooked,
    reg_id: int,
    value: int,
    errno: int,
    after: int | None,
    fields: tuple[JudgedField, ...],
    ran: bool,
) -> tuple[Rule | None, str]:
    name = name_of(reg_id)
    bad = [f for f in fields if not f.accepted]
    _, _, refused = gate.prepare(value)
    if refused:
        return (
            refused.rule,
            f"{name}.{refused.name} = {(value & refused.mask) >> refused.lsb} is refused: {refused.rule.reason}",
        )
    if errno == EBUSY:
        return exposure.book.special_rule("id-registers"), f"{name} cannot change once the VM has run."
    if errno and gate.raz:
        rule = exposure.raz(reg_id)
        return rule, f"{name} reads as zero here and takes only zero."
    if errno and bad:
        first = bad[0]
        rule = _limiting_rule(exposure, reg_id, first) or (exposure.writable(reg_id)[1] if first.writable else None)
        rule = rule or exposure.book.special_rule("id-registers")
        others = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        limit = "" if first.reason.startswith("only ") else f" ({first.limit})"
        return rule, f"{name}.{first.name} = {first.written} is refused: {first.reason}{limit}{others}."
    if after is not None and after != value:
        ignored = [f.name for f in fields if f.reason.startswith("accepted and")]
        hooks = [h for h in gate.hooks if h.name in ignored]
        rule = hooks[0].rule if hooks else exposure.book.special_rule("id-registers")
        return (
            rule,
            f"{name}.{', '.join(ignored) or 'value'}: {_not_kept(fields)}; the register reads back 0x{after:x}.",
        )
    kept = next((h for h in gate.hooks if isinstance(h.rule, model.Keep) and value & h.mask), None)
    if kept:
        return kept.rule, f"{name}.{kept.name} is masked until userspace sets it: it now reads back as written."
    rule = exposure.writable(reg_id)[1] if value != gate.limit else exposure.book.special_rule("id-registers")
    text = "equal to what KVM offers" if value == gate.limit else "every field is within what KVM offers"
    return rule or exposure.book.special_rule("id-registers"), f"{name}: {text}."


def _not_kept(fields: tuple[JudgedField, ...]) -> str:
    taken = [f.reason for f in fields if f.reason.startswith("accepted and taken")]
    return taken[0] if taken else "accepted, but not kept"


def _limiting_rule(exposure: Exposure, reg_id: int, field: JudgedField) -> Rule | None:
    """The last rule that changed this field between host and limit."""
    mask = mask_of(field.msb, field.lsb)
    for trace in reversed(exposure.traces(reg_id)):
        if touched(trace, mask):
            return trace.step.rule
    return None


def touched(trace: Trace, mask: int) -> bool:
    (value, known), (new, new_known) = trace.before, trace.after
    return bool((value ^ new) & mask or (known ^ new_known) & mask)


def function_of(gate: handlers.Gate) -> str:
    """The engine function whose rule stands behind a gate."""
    if isinstance(gate, handlers.Invariant):
        return {CTR_EL0: "ctr", CLIDR_EL1: "cache-registers"}.get(
            gate.reg_id, "cache-registers" if is_demux(gate.reg_id) else "implementation-ids"
        )
    return _FUNCTIONS.get(type(gate), "")


_FUNCTIONS: dict[type[handlers.Gate], str] = {
    handlers.Invariant: "cache-registers", handlers.Implementation: "implementation-ids",
    handlers.Clidr: "cache-registers",
    handlers.Ccsidr: "cache-registers", handlers.Pmcr: "pmcr", handlers.Plain: "pmcr", handlers.Psci: "psci",
    handlers.Workaround: "mitigation-levels", handlers.Bitmap: "hypercall-bitmaps",
}  # fmt: skip


def _refusal(gate: handlers.Gate, value: int) -> str:
    """Why a register outside the ID space refuses a value."""
    if isinstance(gate, handlers.Clidr):
        return clidr_refused(value, gate.exposure.limit(CTR_EL0)) or "not what this kernel takes"
    if isinstance(gate, handlers.Implementation) and gate.exposure.setup.writable_imp_id:
        return "bits 63:32 are reserved"
    return _REFUSED.get(type(gate), "not what this kernel takes")


_REFUSED: dict[type[handlers.Gate], str] = {
    handlers.Invariant: "the register is invariant and takes only the host's value",
    handlers.Implementation: "a value of its own needs KVM_CAP_ARM_WRITABLE_IMP_ID_REGS on the VM, before any vCPU",
    handlers.Ccsidr: "its line is shorter than the host's CTR_EL0 allows",
    handlers.Oslsr: "only OSLK (bit 1) may differ from 0x8",
    handlers.Psci: "no PSCI version that this kernel offers to this vCPU",
    handlers.Workaround: "more than this host provides",
    handlers.Bitmap: "a service that this kernel does not know",
}

_ACCEPTED: dict[type[handlers.Gate], str] = {
    handlers.Invariant: "equal to the host's",
    handlers.Workaround: "the host provides at least that; the level itself is not stored",
    handlers.Plain: "stored as it is",
    handlers.Pmcr: "the number of counters may go down, the low byte is kept",
}
