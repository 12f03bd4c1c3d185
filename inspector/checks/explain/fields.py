"""Both values of an explained register decoded, and for each field that differs the reason."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from inspector.checks.explain.kernel_texts import variation_says
from inspector.checks.explain.model import model_sentence
from inspector.checks.explain.reasons import BY_ERRNO, Reason, field_reason, register_reason, suspects_reason
from inspector.checks.explain.result import ExplainedField, ExplainedRegister, Hiding
from inspector.checks.feature_groups import OTHER, feature_key, feature_set
from inspector.checks.machine.question import NOTHING_GIVEN, Given
from inspector.policies.series import numbers_of
from inspector.registers.ids import SVE_VLS
from inspector.registers.reading import FieldReading, read


def decode_registers(
    registers: Iterable[ExplainedRegister], guest: bool | None = None, given: Given = NOTHING_GIVEN
) -> list[ExplainedRegister]:
    """The registers with their differing fields and reasons filled in.

    `guest`: whether the text is a guest's log, None where it does not say. `given`: of the destination.
    """
    return [_decoded(register, guest, given) for register in registers]


def _decoded(register: ExplainedRegister, guest: bool | None, given: Given) -> ExplainedRegister:
    fields = differing_fields(register)
    by_errno = BY_ERRNO.get(register.errno_name, "") if register.kind == "refused" and not register.simulated else ""
    reason = Reason(by_errno) if by_errno and register.id != SVE_VLS else _reason(register, guest)
    if register.kind == "refused" and not (fields or register.simulated) and register.errno_name not in _OF_THE_PROGRAM:
        model = model_sentence(register.id, register.wanted, register.errno_name, given)
        reason = reason._replace(text=f"{reason.text} {model}".strip())
    leading = next((f for f in sorted(fields, key=lambda f: not f.cause) if f.rule), None)
    return msgspec.structs.replace(
        register,
        fields=fields,
        why=reason.text,
        since=reason.since or (leading.since if leading else ""),
        rule=reason.rule or (leading.rule if leading else ""),
        reference=reason.reference or (leading.reference if leading else ""),
    )


_OF_THE_PROGRAM = ("EBUSY", "ENOEXEC", "EPERM", "EFAULT")
"""Errnos of which what KVM makes of the value says nothing."""


def differing_fields(register: ExplainedRegister) -> tuple[ExplainedField, ...]:
    """The fields in which wanted and actual differ; integers are compared first, only what differs is decoded."""
    wanted, actual = register.wanted, register.actual
    if wanted is None or actual is None or wanted == actual:
        return ()
    mine = read(register.id, wanted, include_reserved=True).fields
    theirs = read(register.id, actual, include_reserved=True).fields
    by_place = {(f.msb, f.lsb): f for f in theirs}
    pairs = [(f, by_place[f.msb, f.lsb]) for f in mine if (f.msb, f.lsb) in by_place]
    if all(f.value == peer.value for f, peer in pairs):
        # Two layouts of one register (CCSIDR_EL1): what has the same name is the same field.
        by_name = {f.name: f for f in theirs}
        pairs = [(f, by_name[f.name]) for f in mine if f.name in by_name]
    return tuple(_field(register, f, peer) for f, peer in pairs if f.value != peer.value)


def _field(register: ExplainedRegister, field: FieldReading, peer: FieldReading) -> ExplainedField:
    reason = Reason("")
    if register.kind == "refused":
        reason = field_reason(register.id, field.msb, field.lsb, field.value, peer.value)
    return ExplainedField(
        name=field.name,
        msb=field.msb,
        lsb=field.lsb,
        wanted=field.value,
        actual=peer.value,
        meaning_wanted=field.meaning,
        meaning_actual=peer.meaning,
        why=reason.text,
        since=reason.since,
        rule=reason.rule,
        reference=reason.reference,
        hidden=reason.hidden,
        cause=reason.cause,
        lowered=reason.lowered,
    )


def hidden_releases(registers: Iterable[ExplainedRegister], at_source: bool, causes: bool = False) -> list[Hiding]:
    """From when on, oldest first, KVM hides a refused field that only the source (or the destination) still shows.

    `causes`: of a register only the fields that may have been refused, where it has any, not those whose difference
    KVM accepts.
    """
    found = {
        f.hidden
        for r in registers
        if r.kind == "refused"
        for f in r.fields
        if f.hidden is not None
        and bool(f.wanted) == at_source
        and bool(f.actual) != at_source
        and (f.cause or not causes or not any(each.cause for each in r.fields))
    }
    return sorted(found, key=lambda one: numbers_of(one.since))


def _reason(register: ExplainedRegister, guest: bool | None) -> Reason:
    if register.kind in ("only_in_source", "missing_in_source"):
        group = feature_set(feature_key(register.id))
        if group is None or group.key == OTHER:
            return Reason("")
        return Reason(group.text + (f", since {group.since}" if group.since else ""), group.since.split(" ")[0])
    if register.kind == "variation":
        said = variation_says(register.id, register.wanted, register.actual, guest)
        return Reason(" ".join(f"{text[:1].upper()}{text[1:]}." for text in said))
    whole = register_reason(register.id, register.wanted, register.actual)
    if register.kind not in ("refused", "envelope") or (register.wanted is not None and register.actual is not None):
        return whole
    told_of = register.kind != "envelope"
    guess = suspects_reason(register.id, register.wanted, register.actual, told_of=told_of)
    return guess._replace(text=f"{whole.text} {guess.text}".strip()) if guess.text else whole
