"""Verdicts and exposures in words: which field, which rule, why, and what would pass instead.

The engine answers in integers (exposure.py, handlers.py); everything here is built only for who asks.
"""

from __future__ import annotations

from errno import EBUSY, ENOENT, ENOEXEC
from typing import TYPE_CHECKING

from inspector.policies import handlers, model
from inspector.policies.exposure import FieldExposure, RegisterExposure, State
from inspector.policies.host import CLIDR, CTR
from inspector.policies.idspace import ID_SPACE, name_of
from inspector.policies.judging import judge_fields
from inspector.policies.suggesting import nearest_accepted
from inspector.policies.verdict import JudgedField, Verdict
from inspector.registers.encoding import CLASS_DEMUX

if TYPE_CHECKING:
    from inspector.policies.exposure import Exposure, Trace
    from inspector.policies.model import Rule
    from inspector.policies.writes import Vcpu


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
    return Verdict(
        id=reg_id, value=value, errno=errno, before=before, after=after, fields=fields, rule=rule.name if rule else "",
        reference=rule.reference if rule else "", reason=reason, would_pass=suggestion,
        uncertain=_uncertain(vcpu.vm.exposure, reg_id, fields) if isinstance(gate, handlers.Hooked) else (),
    )  # fmt: skip


def _uncertain(exposure: Exposure, reg_id: int, fields: tuple[JudgedField, ...]) -> tuple[str, ...]:
    """Names of the judged fields whose limit is not known: the source kernel hid what the host has."""
    unknown = ~exposure.limit_known(reg_id)
    hidden = (f for f in fields if unknown >> f.lsb & ((1 << f.msb - f.lsb + 1) - 1))
    return tuple(f.name for f in hidden if f.written or not f.writable or f.safe != "lower")


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
        if errno:
            return None, f"{name} does not exist on this kernel with these vCPU features."
        return None, "plain storage: KVM keeps what is written."
    if isinstance(gate, handlers.Hooked):
        return _why_id(exposure, gate, reg_id, value, errno, after, fields, ran)
    rule = exposure.book.special_rule(_function(gate)) if _function(gate) else exposure.ignores_writes(reg_id)
    if errno == EBUSY:
        return rule, f"{name} cannot change once the VM has run."
    if errno:
        return rule, f"{name} is refused: {_REFUSED.get(type(gate), 'not what this kernel takes')}."
    text = _ACCEPTED.get(type(gate), "accepted and stored")
    if type(gate) is handlers.Gate:
        text = "the host has no AArch32: the write is accepted and ignored"
    return rule, f"{name}: {text}."


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
        return rule, f"{name}.{first.name} = {first.written} is refused: {first.reason} ({first.limit}){others}."
    if after is not None and after != value:
        ignored = [f.name for f in fields if f.reason.startswith("accepted and")]
        hooks = [h for h in gate.hooks if h.name in ignored]
        rule = hooks[0].rule if hooks else exposure.book.special_rule("id-registers")
        return (
            rule,
            f"{name}.{', '.join(ignored) or 'value'}: accepted, but not kept; the register reads back 0x{after:x}.",
        )
    kept = next((h for h in gate.hooks if isinstance(h.rule, model.Keep) and value & h.mask), None)
    if kept:
        return kept.rule, f"{name}.{kept.name} is masked until userspace sets it: it now reads back as written."
    rule = exposure.writable(reg_id)[1] if value != gate.limit else exposure.book.special_rule("id-registers")
    text = "equal to what KVM offers" if value == gate.limit else "every field is within what KVM offers"
    return rule or exposure.book.special_rule("id-registers"), f"{name}: {text}."


def _limiting_rule(exposure: Exposure, reg_id: int, field: JudgedField) -> Rule | None:
    """The last rule that changed this field between host and limit."""
    mask = ((1 << field.msb - field.lsb + 1) - 1) << field.lsb
    for trace in reversed(exposure.traces(reg_id)):
        if _touched(trace, mask):
            return trace.step.rule
    return None


def _touched(trace: Trace, mask: int) -> bool:
    (value, known), (new, new_known) = trace.before, trace.after
    return bool((value ^ new) & mask or (known ^ new_known) & mask)


def _function(gate: handlers.Gate) -> str:
    """The engine function whose rule stands behind a gate."""
    if isinstance(gate, handlers.Invariant):
        return {CTR: "ctr", CLIDR: "cache-registers"}.get(
            gate.reg_id, "cache-registers" if gate.reg_id >> 16 & 0xFFF == CLASS_DEMUX else "implementation-ids"
        )
    return _FUNCTIONS.get(type(gate), "")


_FUNCTIONS: dict[type[handlers.Gate], str] = {
    handlers.Invariant: "cache-registers", handlers.Implementation: "implementation-ids",
    handlers.Clidr: "cache-registers",
    handlers.Ccsidr: "cache-registers", handlers.Pmcr: "pmcr", handlers.Plain: "pmcr", handlers.Psci: "psci",
    handlers.Workaround: "mitigation-levels", handlers.Bitmap: "hypercall-bitmaps",
}  # fmt: skip

_REFUSED: dict[type[handlers.Gate], str] = {
    handlers.Invariant: "invariant: only the value that the host has",
    handlers.Implementation: "another value needs KVM_CAP_ARM_WRITABLE_IMP_ID_REGS on the VM and fits the register",
    handlers.Clidr: "it promises what the host's CTR_EL0 does not, or sets reserved bits",
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


def explain_register(exposure: Exposure, reg_id: int) -> RegisterExposure:
    """One register between host and guest, field by field."""
    listed = reg_id in exposure.listed_set
    exposed = exposure.values.get(reg_id) if listed and reg_id not in exposure.underivable else None
    host_value = exposure.host.ccsidr.get(reg_id & 0xFF) if _is_ccsidr(reg_id) else exposure.host.values.get(reg_id)
    fields: tuple[FieldExposure, ...] = ()
    if listed and (reg_id in ID_SPACE or exposure.book.fields(reg_id)):
        fields = _field_exposures(exposure, reg_id)
    elif listed:
        fields = _whole_register(exposure, reg_id, host_value, exposed)
    known = exposure.known.get(reg_id, 0)
    return RegisterExposure(
        id=reg_id, host=host_value, known=known, exposed=exposed, guest=exposure.guest.get(reg_id), fields=fields
    )


def _is_ccsidr(reg_id: int) -> bool:
    return reg_id >> 16 & 0xFFF == CLASS_DEMUX


def _whole_register(
    exposure: Exposure, reg_id: int, host: int | None, exposed: int | None
) -> tuple[FieldExposure, ...]:
    """A cache, implementation-id, PMU or firmware register as one field, with the rule that says what it shows."""
    gate = handlers.gates(exposure).get(reg_id)
    function = _function(gate) if gate is not None else ""
    rule = exposure.book.special_rule(function) if function else None
    if rule is None:
        return ()
    msb = 31 if _is_ccsidr(reg_id) else 63
    same = host == exposed or (_is_ccsidr(reg_id) and host is not None and host & 0xFFFFFFFF == exposed)
    state: State = "unknown" if exposed is None else "same" if same else "rebuilt"
    told = (rule.name, rule.reference, rule.reason) if state == "rebuilt" else ("", "", "")
    return (
        FieldExposure(
            name="value", msb=msb, lsb=0, host=host, exposed=exposed, state=state, rule=told[0], reference=told[1],
            reason=told[2],
        ),
    )  # fmt: skip


def _field_exposures(exposure: Exposure, reg_id: int) -> tuple[FieldExposure, ...]:
    host, host_known = exposure.host.value(reg_id), exposure.host.known.get(reg_id, 0)
    exposed, known = exposure.values.get(reg_id, 0), exposure.known.get(reg_id, 0)
    raz = exposure.raz(reg_id)
    traces = exposure.traces(reg_id)
    places = {(f.lsb, f.msb): f.name for f in exposure.book.fields(reg_id)}
    places |= {
        (t.step.lsb, t.step.lsb + t.step.mask.bit_length() - t.step.lsb - 1): t.step.name for t in traces if t.step.mask
    }
    covered = sum(((1 << msb - lsb + 1) - 1) << lsb for lsb, msb in places)
    for lsb in range(0, 64, 4):
        if not covered >> lsb & 0xF and (host >> lsb & 0xF or not host_known >> lsb & 0xF):
            places[lsb, lsb + 3] = ""
    rows = []
    for (lsb, msb), name in sorted(places.items(), reverse=True):
        mask = ((1 << msb - lsb + 1) - 1) << lsb
        before = (host & mask) >> lsb if host_known & mask == mask else None
        after = (exposed & mask) >> lsb if known & mask == mask else None
        rule: Rule | None = raz
        if rule is None:
            rule = next((t.step.rule for t in reversed(traces) if _touched(t, mask)), None)
        state = _state(before, after, rule)
        unlisted = state == "masked" and rule is None
        rows.append(
            FieldExposure(
                name=name or f"[{msb}:{lsb}]", msb=msb, lsb=lsb, host=before, exposed=after, state=state,
                rule="feature table" if unlisted else rule.name if rule and state not in ("same", "unknown") else "",
                reference="arch/arm64/kernel/cpufeature.c, arm64_ftr_regs[]" if unlisted
                else rule.reference if rule and state not in ("same", "unknown") else "",
                reason="this kernel's feature table does not know the field" if unlisted
                else rule.reason if rule and state not in ("same", "unknown") else "",
            )
        )  # fmt: skip
    return tuple(rows)


def _state(before: int | None, after: int | None, rule: Rule | None) -> State:
    if after is None:
        return "unknown"
    if before == after:
        return "same"
    if isinstance(rule, model.Special):
        return "rebuilt"
    if before is None:
        return "masked" if after == 0 else "rebuilt"
    if after == 0:
        return "masked"
    return "raised" if after > before else "lowered"
