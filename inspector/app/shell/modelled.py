"""A view with what a kernel policy makes of it; loaded when a policy is first asked."""

from __future__ import annotations

import msgspec

from inspector.app.shell.view import Rewritten, View
from inspector.checks.machine.machine import Machine
from inspector.errors import InspectorError
from inspector.kvm.exposure import FieldExposure, RegisterExposure
from inspector.kvm.words.kernel_exposures import explain_under_each
from inspector.registers.bits import ALL, difference, ones
from inspector.registers.catalog import by_id
from inspector.registers.encoding import size_of
from inspector.registers.ids import ID_SPACE
from inspector.sources.dump import Constraint

_ID_SPACE = frozenset(ID_SPACE)
WRITTEN = "written"
"""What stands for the rule of a field that a simulated write changed."""


def modelled_view(view: View, told: Machine | InspectorError) -> View:
    """The view with the model's values in place of the dump's, wherever the model has something to say.

    Registers that KVM merely stores keep the dump's values; those that only the policy lists come in addition. Where
    the kernel may have several policies, bits in which they differ are not known, nor is a register that some list.
    """
    if isinstance(told, InspectorError):
        return msgspec.structs.replace(view, problem=str(told))
    listed = told.listed
    told_of = {reg_id: explain_under_each(told.exposures, reg_id) for reg_id in listed}
    model = {
        reg_id: rewritten(one, view.written.get(reg_id))
        for reg_id, one in told_of.items()
        if one.fields or reg_id in _ID_SPACE
    }
    values, parts = dict(view.values), dict(view.constraints)
    if view.one_vcpu is not None:
        for reg_id in listed:
            if reg_id not in values and reg_id not in parts:
                one = told_of[reg_id]
                if one.known & ALL == ALL:
                    values[reg_id] = one.exposed or 0
                else:
                    parts[reg_id] = Constraint(one.known, (one.exposed or 0) & one.known)
    for reg_id, one in model.items():
        if one.exposed is None:
            if any(field.state == "unknown" for field in one.fields):
                values.pop(reg_id, None)
                parts[reg_id] = Constraint(0, 0)
            continue
        width = ones(size_of(reg_id) * 8)
        if one.known & width == width:
            values[reg_id] = one.exposed
            parts.pop(reg_id, None)
        else:
            values.pop(reg_id, None)
            parts[reg_id] = Constraint(one.known & width, one.exposed & one.known & width)
    certain = frozenset.intersection(*(one.listed_set for one in told.exposures))
    saved = frozenset(view.values).union(view.vcpu.withheld if view.vcpu else ())
    gone = saved.difference(listed) if view.one_vcpu else frozenset()
    added = certain.difference(saved) if view.one_vcpu else frozenset()
    return msgspec.structs.replace(
        view, values=values, constraints=parts, errors={}, host={}, model=model, answer=told, gone=gone, added=added
    )


def rewritten(told: RegisterExposure, change: Rewritten | None) -> RegisterExposure:
    """What a vCPU shows of a register after simulated writes; as `told` where none changed it."""
    if change is None:
        return told
    after = change.after
    known = after.known & ones(size_of(told.id) * 8)
    fields = tuple(_rewritten_field(told.id, field, change) for field in told.fields)
    guest = told.guest if told.guest is None or told.guest != told.exposed else after.value & known
    return msgspec.structs.replace(
        told, exposed=after.value & known if known else None, known=known, guest=guest, fields=fields
    )


def _rewritten_field(reg_id: int, field: FieldExposure, change: Rewritten) -> FieldExposure:
    after = change.after.field(field.msb, field.lsb)
    if after == change.before.field(field.msb, field.lsb) == field.exposed:
        return field
    if after is None:
        reason = f"{change.by} may have been accepted or not: its answer is uncertain"
        return msgspec.structs.replace(field, exposed=None, state="unknown", rule="", reference="", reason=reason)
    width = field.msb - field.lsb + 1
    state = difference(field.host, after, width=width, signed=by_id(reg_id).signed(field.msb, field.lsb))
    reason = f"{change.by} of this session set it; a fresh vCPU has {_hex(change.before.field(field.msb, field.lsb))}"
    return msgspec.structs.replace(field, exposed=after, state=state, rule=WRITTEN, reference="", reason=reason)


def _hex(value: int | None) -> str:
    return "a value that is not known" if value is None else f"0x{value:x}"
