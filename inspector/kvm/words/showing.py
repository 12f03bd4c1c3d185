"""Registers between host and guest, field by field, with the rule behind each difference."""

from __future__ import annotations

import msgspec

from inspector.kvm.exposure import Exposure, FieldExposure, RegisterExposure
from inspector.kvm.guest import fresh_guest, guest_known
from inspector.kvm.limits import Trace
from inspector.kvm.listing import Membership
from inspector.policies.model import Rule
from inspector.registers.bits import ALL, State, difference, mask_of, ones
from inspector.registers.encoding import in_machine, is_demux, size_of
from inspector.registers.ids import CTR_EL0, ID_SPACE
from inspector.registers.naming import by_id

_TABLE = ("feature table", "arch/arm64/kernel/cpufeature.c, arm64_ftr_regs[]")

_EFFECTIVE = (
    "effective CTR_EL0",
    "arch/arm64/include/asm/cachetype.h, read_cpuid_effective_cachetype()",
    "The host's CLIDR_EL1 says that no clean to the point of unification is needed, so the kernel counts IDC as set.",
)


def explain_register(exposure: Exposure, reg_id: int) -> RegisterExposure:
    """One register between host and guest, field by field."""
    if (membership := exposure.doubtful.get(reg_id)) is not None:
        value, bits = _host(exposure, reg_id)
        bare = RegisterExposure(id=reg_id, host=value, host_known=bits, known=0, exposed=None, guest=None, fields=())
        return perhaps_listed(bare, _doubt(membership))
    listed = reg_id in exposure.listed_set
    known = exposure.known.get(reg_id, 0)
    exposed = exposure.values.get(reg_id) if listed and known else None
    host_value, host_known = _host(exposure, reg_id)
    fields: tuple[FieldExposure, ...] = ()
    if listed and (reg_id in ID_SPACE or exposure.book.fields(reg_id)):
        fields = _field_exposures(exposure, reg_id)
    elif listed:
        width = ones(size_of(reg_id) * 8)
        fields = _whole_register(exposure, reg_id, host_value, host_known, exposed if known & width == width else None)
    seen = guest_known(exposure, reg_id)
    guest = fresh_guest(exposure).get(reg_id) if seen else None
    return RegisterExposure(
        id=reg_id, host=host_value, host_known=host_known, known=known, exposed=exposed, guest=guest, guest_known=seen,
        fields=fields,
    )  # fmt: skip


def _doubt(membership: Membership) -> str:
    """`listed only with SVE for the vCPU, which is not known of this host`."""
    settle = " or ".join(f"--host {one}" for one in dict.fromkeys(membership.settle) if one)
    how = "with" if membership.held else "without"
    words = f"listed only {how} {membership.words}, and whether that holds is not known of this host"
    return f"{words} ({settle} settles it)" if settle else words


def perhaps_listed(shown: RegisterExposure, doubt: str) -> RegisterExposure:
    """A register that is listed in some cases only, where it is as `shown`: nothing of it is known."""
    top = 8 * size_of(shown.id) - 1
    whole = FieldExposure(name="value", msb=top, lsb=0, host=None, exposed=None, state="unknown", reason=doubt)
    fields = tuple(
        msgspec.structs.replace(field, exposed=None, state="unknown", rule="", reference="", reason=doubt)
        for field in shown.fields
    )
    return msgspec.structs.replace(
        shown, known=0, exposed=None, guest=None, guest_known=0, fields=fields or (whole,)
    )  # fmt: skip


def _host(exposure: Exposure, reg_id: int) -> tuple[int | None, int]:
    """The host's register and its known bits; None for one of which nothing is known."""
    host = exposure.host
    if is_demux(reg_id):
        return host.ccsidr.get(reg_id & 0xFF) if host.ccsidr_known else None, ALL
    known = host.known.get(reg_id, 0)
    return host.values.get(reg_id) if known else None, known


def whole_state(reg_id: int, before: int | None, known: int, after: int | None) -> State:
    """How a register that KVM shows as a whole stands to what it was before, of which the bits in `known` are known."""
    if after is None or (before is None and in_machine(reg_id)):
        return "unknown"  # what a machine has, and is not known of this one, may be what KVM makes it
    if before is None:
        return "rebuilt"
    counted = ones(32) if is_demux(reg_id) else ALL
    if (before ^ after) & known & counted:
        return "rebuilt"
    return "same" if known & counted == counted else "unknown"


def _whole_register(
    exposure: Exposure, reg_id: int, host: int | None, host_known: int, exposed: int | None
) -> tuple[FieldExposure, ...]:
    """A cache, implementation-id, PMU or firmware register as one field, with the rule that says what it shows."""
    from inspector.kvm.gates import gates

    gate = gates(exposure).get(reg_id)
    rule = exposure.book.special_rule(gate.function) if gate is not None and gate.function else None
    if rule is None:
        return ()
    msb = 31 if is_demux(reg_id) else 63
    state = whole_state(reg_id, host, host_known, exposed)
    told = (rule.name, rule.reference, rule.reason) if state != "same" and exposed is not None else ("", "", "")
    return (
        FieldExposure(
            name="value", msb=msb, lsb=0, host=host, exposed=exposed, state=state, rule=told[0], reference=told[1],
            reason=told[2],
        ),
    )  # fmt: skip


def _places(exposure: Exposure, reg_id: int, traces: list[Trace]) -> dict[tuple[int, int], str]:
    """(lsb, msb) -> name of every field of an ID register: those of the feature table, then those that rules name.

    Fields that this kernel does not know get the architecture's name, where the host has (or may have) them.
    """
    places = {(f.lsb, f.msb): f.name for f in exposure.book.fields(reg_id)}
    for trace in traces:
        if trace.step.mask:
            places.setdefault((trace.step.lsb, trace.step.mask.bit_length() - 1), trace.step.name)
    host, known = exposure.host.value(reg_id), exposure.host.known.get(reg_id, 0)
    wanted = (host | ~known) & ALL
    covered = sum(mask_of(msb, lsb) for lsb, msb in places)
    schema = by_id(reg_id).schema
    for span in schema.spans if schema is not None else ():
        mask = mask_of(span.msb, span.lsb)
        if wanted & mask and not covered & mask and not span.reserved:
            places[span.lsb, span.msb] = span.name
            covered |= mask
    for lsb in range(0, 64, 4):
        if host & known & ~covered & mask_of(lsb + 3, lsb):
            places[lsb, lsb + 3] = f"[{lsb + 3}:{lsb}]"
    return places


def _field_exposures(exposure: Exposure, reg_id: int) -> tuple[FieldExposure, ...]:
    host, host_known = exposure.host.value(reg_id), exposure.host.known.get(reg_id, 0)
    exposed, known = exposure.values.get(reg_id, 0), exposure.known.get(reg_id, 0)
    raz, traces = exposure.raz(reg_id), exposure.traces(reg_id)
    register = by_id(reg_id)
    rows = []
    for (lsb, msb), name in sorted(_places(exposure, reg_id, traces).items(), reverse=True):
        mask = mask_of(msb, lsb)
        before = (host & mask) >> lsb if host_known & mask == mask else None
        after = (exposed & mask) >> lsb if known & mask == mask else None
        signed = register.signed(msb, lsb)
        state = difference(before, after, width=msb - lsb + 1, signed=signed)
        rule = raz or next((t.step.rule for t in reversed(traces) if t.touches(mask)), None)
        effective = reg_id == CTR_EL0 and state == "raised" and rule is None
        told = _EFFECTIVE if effective else _told(state, rule, shown=after is not None)
        rows.append(
            FieldExposure(
                name=name, msb=msb, lsb=lsb, host=before, exposed=after, state=state, rule=told[0], reference=told[1],
                reason=told[2],
            )
        )  # fmt: skip
    return tuple(rows)


def _told(state: State, rule: Rule | None, *, shown: bool) -> tuple[str, str, str]:
    """(rule, reference, reason) of a difference, and of what is shown whatever the host has."""
    if state == "same" or (state == "unknown" and not shown):
        return "", "", ""
    if rule is None:
        return *_TABLE, "This kernel's feature table does not know the field."
    return rule.name, rule.reference, rule.reason
