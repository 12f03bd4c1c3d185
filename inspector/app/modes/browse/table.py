"""Which field table a register gets: of the dump alone, or of what a kernel policy makes of the host."""

from __future__ import annotations

import errno as names
from collections.abc import Sequence

from inspector.app.modes.browse.exposed import exposed_table
from inspector.app.modes.browse.fields import WORD, FieldRow, FieldTable, field_row
from inspector.app.shell.view import View
from inspector.registers.bits import ones, open_text
from inspector.registers.catalog import Register
from inspector.registers.layouts import schema_named
from inspector.registers.reading import FieldReading, Reading, read, read_fields

WIDE_LAYOUT = " CCIDX"
"""What the names of the FEAT_CCIDX layouts of CCSIDR_EL1 end with."""


def field_table(view: View, register: Register) -> FieldTable:
    """The table of a register in a view: its fields, its 64-bit words when it is wider, or nothing to tell apart."""
    if (told := view.model.get(register.id)) is not None:
        return exposed_table(view, register, told)
    part = view.part(register.id)
    if part is None:
        return FieldTable(register, (), _unreadable(view, register))
    value, known = part
    host, blank = view.host.get(register.id), view.blank
    reading = read(register.id, value, view.values)
    readings: Sequence[FieldReading] = reading.fields
    if register.size * 8 > WORD:
        words = tuple(_words(register, value, known, blank))
        return FieldTable(register, words, reading.note, value=value, known=known, blank=blank)
    rows = [field_row(reading.schema, one, known, host if known == -1 else None, blank=blank) for one in readings]
    compared = host is not None and known == -1
    other, others = _other_layout(reading) if known == -1 else ("", [])
    rows += others
    return FieldTable(
        register, tuple(rows), reading.note, compared, value, known, host, reading.schema, other, blank=blank
    )


def _other_layout(reading: Reading) -> tuple[str, list[FieldRow]]:
    """A CCSIDR's fields in the layout that does not apply, so that both can be seen."""
    name = reading.schema.name if reading.schema else ""
    if not name.startswith("CCSIDR") or name == "CCSIDR2_EL1":
        return "", []
    wide = name.endswith(WIDE_LAYOUT)
    schema = schema_named(name.removesuffix(WIDE_LAYOUT) if wide else name + WIDE_LAYOUT)
    if schema is None:
        return "", []
    rows = [field_row(schema, one, -1, None) for one in read_fields(schema, reading.value)]
    return f"in the {'32' if wide else '64'}-bit layout, which does not apply", [
        one._replace(other=True) for one in rows
    ]


def _unreadable(view: View, register: Register) -> str:
    number = view.errors.get(register.id)
    if number is None:
        return "not listed by this vCPU"
    return f"listed, but reading it failed with {names.errorcode.get(number, number)}"


def _words(register: Register, value: int, known: int, blank: str) -> list[FieldRow]:
    """A wide register as 64-bit words, highest first."""
    rows = []
    for lsb in range(register.size * 8 - WORD, -1, -WORD):
        word, given = value >> lsb & ones(WORD), known >> lsb & ones(WORD)
        whole = given == ones(WORD)
        meaning = "" if not whole else "zero" if word == 0 else "all ones" if word == ones(WORD) else ""
        text = open_text(word, given, WORD, blank)
        name = f"word {lsb // WORD}"
        rows.append(FieldRow(name, lsb + WORD - 1, lsb, word if whole else None, meaning, meaning, blank=text))
    return rows
