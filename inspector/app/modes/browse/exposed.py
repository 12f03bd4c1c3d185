"""The field table of one register under a chosen kernel policy: between host and vCPU, as the model says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from inspector.app.modes.browse.fields import FieldRow, FieldTable, field_row, state_of
from inspector.app.shell.view import View
from inspector.registers.bits import ALL, ones, open_text
from inspector.registers.catalog import Register
from inspector.registers.encoding import in_machine, is_demux
from inspector.registers.reading import FieldReading, read

if TYPE_CHECKING:
    # Browse opens without the model: these rooms load when a kernel is asked.
    from inspector.checks.machine.machine import Machine
    from inspector.kvm.exposure import FieldExposure, RegisterExposure

UNKNOWN = "not known: the kernel under the dump hid what the host has"


def exposed_table(view: View, register: Register, told: RegisterExposure) -> FieldTable:
    """The table of one register between host and vCPU."""
    answer = view.answer
    assert answer is not None
    bits = ones(register.size * 8)
    if told.exposed is None:
        reason = next((one.reason for one in told.fields if one.state == "unknown" and one.reason), "")
        if told.cases:
            answers = "; ".join(f"{case.outcome} if {case.when}" for case in told.cases)
            reason = f"it depends on {' and on '.join(told.depends_on)}: {answers}"
        note = f"not known: {reason}" if reason else "listed, but its value cannot be derived from the host's registers"
        return FieldTable(register, (), note)
    known = told.known & bits
    host_known = _host_known(answer, register.id)
    reading = read(register.id, told.exposed, view.values)
    host = told.host if told.host is not None and host_known else None
    by_name = _by_name(register, host)
    rows = []
    for one in reading.fields:
        mask = ones(one.msb - one.lsb + 1)
        seen = host_known >> one.lsb & mask if host is not None else 0
        before = (host or 0) >> one.lsb & mask if seen == mask else None
        if by_name is not None:
            before = by_name.get(one.name)
        made = field_row(reading.schema, one, known, None if before is None else before << one.lsb)
        made = made._replace(host_blank=open_text((host or 0) >> one.lsb & mask, seen, made.width))
        rows.append(_judged(made, one, told))
    covered = [(one.msb, one.lsb) for one in rows]
    rows += [
        _bare(one) for one in told.fields if one.name != "value" and not any(_meet(one, *place) for place in covered)
    ]
    rows.sort(key=lambda one: -one.msb)
    return FieldTable(
        register,
        tuple(rows),
        reading.note,
        compared=True,
        value=told.exposed,
        known=-1 if known == bits else known,
        host=host,
        schema=reading.schema,
        host_known=-1 if host_known & bits == bits else host_known & bits,
        guest=told.guest if told.guest != told.exposed else None,
        modelled=True,
    )


def _host_known(answer: Machine, reg_id: int) -> int:
    host = answer.exposure.host
    if is_demux(reg_id):
        return ALL if host.ccsidr_known else 0
    return host.known.get(reg_id, 0)


def _by_name(register: Register, host: int | None) -> Mapping[str, int] | None:
    """The host's fields by name, for a CCSIDR whose 64-bit layout is not the vCPU's; None for every other register."""
    if not is_demux(register.id) or host is None:
        return None
    return {one.name: one.value for one in read(register.id, host).fields}


def _judged(made: FieldRow, one: FieldReading, told: RegisterExposure) -> FieldRow:
    """The row with state, rule and reason as the model says."""
    judged = next((f for f in told.fields if f.msb == one.msb and f.lsb == one.lsb), None)
    if judged is None:
        judged = next((f for f in told.fields if f.name == "value" or _meet(f, one.msb, one.lsb)), None)
        state = state_of(made.value, made.host, one.kind, made.width)
        if made.value is None:
            state = "unknown"
        elif judged is not None and judged.name == "value" and state not in ("same", ""):
            state = "rebuilt"
        elif made.host is None:
            unknown = judged is not None and in_machine(told.id)
            state = "unknown" if unknown else judged.state if judged is not None else "same"
    else:
        state = judged.state
    if made.value is None:
        reason = f"not known: {judged.reason}" if judged is not None and judged.reason else UNKNOWN
        made = made._replace(meaning=reason, short="not known")
    if judged is None or state == "same":
        return made._replace(state=state)
    return made._replace(state=state, rule=judged.rule, reference=judged.reference, reason=judged.reason)


def _bare(one: FieldExposure) -> FieldRow:
    """A field that the model knows and the layout does not name."""
    return FieldRow(
        name=one.name,
        msb=one.msb,
        lsb=one.lsb,
        value=one.exposed,
        meaning=f"not known: {one.reason}"
        if one.exposed is None and one.reason
        else UNKNOWN
        if one.exposed is None
        else "no meaning is known for these bits",
        short="not known" if one.exposed is None else "",
        host=one.host,
        state=one.state,
        rule=one.rule,
        reference=one.reference,
        reason=one.reason,
        reserved=True,
    )


def _meet(one: FieldExposure, msb: int, lsb: int) -> bool:
    return one.msb >= lsb and msb >= one.lsb


def standing_words(told: RegisterExposure) -> str:
    """`masked`, `raised`, `unknown` or `same`: the one word for a register's mark in the list."""
    states = {one.state for one in told.fields}
    if states & {"masked", "lowered"}:
        return "masked"
    if states & {"raised", "rebuilt"}:
        return "raised"
    return "unknown" if "unknown" in states else "same"
