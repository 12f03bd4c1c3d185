"""Which field table a register gets: of the dump alone, or of what a kernel policy makes of the host."""

from __future__ import annotations

import errno as names
from collections.abc import Sequence

from inspector.app.modes.browse.exposed import exposed_table
from inspector.app.modes.browse.fields import WORD, FieldRow, FieldTable, field_row
from inspector.app.shell.view import View
from inspector.registers.bits import ones
from inspector.registers.catalog import Register
from inspector.registers.layouts import schema_named
from inspector.registers.reading import FieldReading, Reading, read, read_fields

WIDE_LAYOUT = " CCIDX"
"""What the names of the FEAT_CCIDX layouts of CCSIDR_EL1 end with."""


def field_table(view: View, register: Register) -> FieldTable:
    """The table of a register in a view: its fields, its 64-bit words when it is wider, or nothing to tell apart."""
    if (told := view.model.get(register.id)) is not None:
        return exposed_table(view, register, told)
    constraint = view.constraints.get(register.id)
    value = view.values.get(register.id)
    known = -1
    if value is None and constraint is not None:
        value, known = constraint.value, constraint.mask
    if value is None:
        return FieldTable(register, (), _unreadable(view, register))
    host = view.host.get(register.id)
    reading = read(register.id, value, view.values)
    readings: Sequence[FieldReading] = reading.fields
    if register.size * 8 > WORD:
        return FieldTable(register, tuple(_words(register, value)), reading.note, value=value)
    rows: list[FieldRow] = []
    for one in readings:
        mask = ones(one.msb - one.lsb + 1)
        given = known >> one.lsb & mask
        rows.append(field_row(reading.schema, one, None if given != mask else one.value, host if known == -1 else None))
    compared = host is not None and known == -1
    other, others = _other_layout(reading)
    rows += others
    return FieldTable(register, tuple(rows), reading.note, compared, value, known, host, reading.schema, other)


def _other_layout(reading: Reading) -> tuple[str, list[FieldRow]]:
    """A CCSIDR's fields in the layout that does not apply, so that both can be seen."""
    name = reading.schema.name if reading.schema else ""
    if not name.startswith("CCSIDR") or name == "CCSIDR2_EL1":
        return "", []
    wide = name.endswith(WIDE_LAYOUT)
    schema = schema_named(name.removesuffix(WIDE_LAYOUT) if wide else name + WIDE_LAYOUT)
    if schema is None:
        return "", []
    rows = [field_row(schema, one, one.value, None) for one in read_fields(schema, reading.value)]
    return f"in the {'32' if wide else '64'}-bit layout, which does not apply", [
        one._replace(other=True) for one in rows
    ]


def _unreadable(view: View, register: Register) -> str:
    number = view.errors.get(register.id)
    if number is None:
        return "not listed by this vCPU"
    return f"listed, but reading it failed with {names.errorcode.get(number, number)}"


def _words(register: Register, value: int) -> list[FieldRow]:
    """A wide register as 64-bit words, highest first."""
    rows = []
    for lsb in range(register.size * 8 - WORD, -1, -WORD):
        word = value >> lsb & (1 << WORD) - 1
        meaning = "zero" if word == 0 else "all ones" if word == (1 << WORD) - 1 else ""
        rows.append(FieldRow(f"word {lsb // WORD}", lsb + WORD - 1, lsb, word, meaning, meaning))
    return rows
