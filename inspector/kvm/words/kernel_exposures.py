"""What a vCPU is shown where the kernel may have one of several policies: known where they agree, else said why not."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from inspector.kvm.cases import Case, agreed, merge_partials
from inspector.kvm.exposure import Exposure, FieldExposure, RegisterExposure
from inspector.kvm.words.showing import explain_register, perhaps_listed
from inspector.policies.model import Policy
from inspector.registers.bits import Partial, partial_hex
from inspector.registers.encoding import CLASS_CORE, class_of, size_of
from inspector.registers.naming import name_of


def explain_under_each(exposures: Sequence[Exposure], reg_id: int) -> RegisterExposure:
    """One register under the chosen policy, the first of `exposures`, and the others that the kernel may have.

    A bit that differs between them, or that one of them does not list, is not known; the field names the cause. Of a
    kernel without policy nothing is known but the vCPU's own registers; what the nearest one shows is a case.
    """
    if exposures[0].policy.stands_for and class_of(reg_id) != CLASS_CORE:
        return _unmodelled(exposures, reg_id)
    return _under_each(exposures, reg_id)


def _under_each(exposures: Sequence[Exposure], reg_id: int) -> RegisterExposure:
    shown = [explain_register(exposure, reg_id) for exposure in exposures]
    if agreed(shown):
        return shown[0]
    if doubt := listing_doubt(exposures, reg_id):
        lists = next(at for at, exposure in enumerate(exposures) if reg_id in exposure.listed_set)
        return perhaps_listed(shown[lists], doubt)
    chosen = shown[0]
    policies = [exposure.policy for exposure in exposures]
    partials = [_exposed(one) for one in shown]
    met, guest = merge_partials(partials), merge_partials(map(_guest, shown))
    fields = tuple(_field(field, partials, policies, name_of(reg_id)) for field in chosen.fields)
    return msgspec.structs.replace(
        chosen, known=met.known, exposed=met.value if met.known else None, fields=fields,
        guest=guest.value if guest.known else None, guest_known=guest.known,
    )  # fmt: skip


def _unmodelled(exposures: Sequence[Exposure], reg_id: int) -> RegisterExposure:
    """A register under a kernel without policy: not known, and as the nearest one shows it in one case."""
    from inspector.kvm.words.kernels import unmodelled

    policy = exposures[0].policy
    nearest = _under_each(exposures, reg_id)
    listed = nearest.exposed is not None or any(reg_id in exposure.listed_set for exposure in exposures)
    held = _exposed(nearest)
    outcome = partial_hex(held.value, held.known, size_of(reg_id), grouped=True) if listed else "not listed"
    fields = tuple(
        msgspec.structs.replace(
            field, exposed=None, state="unknown", rule="", reference="",
            reason=f"{'?' if field.exposed is None else f'0x{field.exposed:x}'} if Linux {policy.stands_for}, which is "
            f"not modelled, is as {policy.name}",
        )
        for field in nearest.fields
    )  # fmt: skip
    case = Case(when=f"the kernel behaves as Linux {policy.name}", outcome=outcome, about="kernel")
    return msgspec.structs.replace(
        nearest, known=0, exposed=None, guest=None, guest_known=0, fields=fields, depends_on=(unmodelled(policy),),
        cases=(case,), nearest=nearest,
    )  # fmt: skip


def listing_doubt(exposures: Sequence[Exposure], reg_id: int) -> str:
    """What it depends on whether a register is listed, with the cases; empty where that is certain."""
    listing = [reg_id in exposure.listed_set for exposure in exposures]
    if agreed(listing):
        return ""
    from inspector.kvm.words.kernels import by_age, case_words, cause_of

    policies = [exposure.policy for exposure in exposures]
    cause = cause_of(policies, name_of(reg_id))
    cases = []
    for word, state in (("listed", True), ("not listed", False)):
        behind = [policy for policy, own in zip(policies, listing, strict=True) if own == state]
        when, settle = case_words(by_age(behind), by_age(policies), cause.rules)
        cases.append(f"{word} where {when}" + (f" ({settle})" if settle else ""))
    return f"it depends on {cause.text}: {'; '.join(cases)}"


def _exposed(one: RegisterExposure) -> Partial:
    return Partial.nothing() if one.exposed is None else Partial(one.exposed, one.known)


def _guest(one: RegisterExposure) -> Partial:
    return Partial.nothing() if one.guest is None else Partial(one.guest, one.guest_known)


def _field(
    field: FieldExposure, partials: Sequence[Partial], policies: Sequence[Policy], register: str
) -> FieldExposure:
    """The field as it is where every policy agrees; else not known, with the value of each case."""
    values = [partial.field(field.msb, field.lsb) for partial in partials]
    if agreed(values):
        return field
    from inspector.kvm.words.kernels import by_age, case_words, cause_of

    cause = cause_of(policies, register, (field.name,))
    cases = []
    for value in dict.fromkeys(values):
        behind = [policy for policy, own in zip(policies, values, strict=True) if own == value]
        when, settle = case_words(by_age(behind), by_age(policies), cause.rules)
        text = "not known" if value is None else f"0x{value:x}"
        cases.append(f"{text} where {when}" + (f" ({settle})" if settle else ""))
    reason = f"it depends on {cause.text}: {'; '.join(cases)}"
    return msgspec.structs.replace(field, exposed=None, state="unknown", rule="", reference="", reason=reason)
