"""The field table of one register: rows, and how they look.

Two forms of the same table: value and meaning when there is only a dump; host, vCPU and verdict when the host's raw
value is known as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from inspector.app.shell.numbers import bits_text, field_text, short_value
from inspector.app.shell.session import Base, View
from inspector.app.widgets.ink import Ink, Row, ink, row
from inspector.app.widgets.listing import Column, Item
from inspector.app.widgets.ruler import Piece, Scale
from inspector.registers.bits import extract, ones
from inspector.registers.catalog import Register
from inspector.registers.layouts import schema_named
from inspector.registers.reading import FieldReading, Reading, read, read_field, read_fields
from inspector.registers.schema import RegisterSchema

WORD = 64
WIDE_LAYOUT = " CCIDX"
"""What the names of the FEAT_CCIDX layouts of CCSIDR_EL1 end with."""
SIGNS = {
    "same": "=",
    "masked": "▼",
    "lowered": "▼",
    "raised": "▲",
    "rebuilt": "▲",
    "unknown": "?",
    "differs": "≠",
}
ROLES = {"masked": "masked", "lowered": "masked", "raised": "raised", "rebuilt": "raised", "unknown": "unknown"}


class FieldRow(NamedTuple):
    """One line of the table."""

    name: str
    msb: int
    lsb: int
    value: int | None
    """None when the source gives no value for these bits"""
    meaning: str
    short: str
    title: str = ""
    host: int | None = None
    state: str = ""
    """`same`, `masked`, `lowered`, `raised`, `unknown`; empty when nothing is known to compare with"""
    flagged: bool = False
    reserved: bool = False
    values: Mapping[int, str] = MappingProxyType({})
    feature: str = ""
    host_meaning: str = ""
    rule: str = ""
    """the policy rule that changed it, where a policy is asked"""
    reference: str = ""
    reason: str = ""
    other: bool = False
    """belongs to the layout that does not apply"""

    @property
    def width(self) -> int:
        """Bits of the field."""
        return self.msb - self.lsb + 1

    @property
    def key(self) -> str:
        """What the list calls this line."""
        return f"{self.name} {self.msb}" + " other" * self.other


class FieldTable(NamedTuple):
    """All lines of one register, with what is said about the whole."""

    register: Register
    rows: tuple[FieldRow, ...]
    note: str = ""
    compared: bool = False
    """host and vCPU are both known"""
    value: int | None = None
    known: int = -1
    host: int | None = None
    schema: RegisterSchema | None = None
    """the layout that was used"""
    other: str = ""
    """title of the layout that does not apply, where a register has two"""
    host_known: int = -1
    """which bits of `host` are known"""
    guest: int | None = None
    """what the guest reads, where it is not what userspace reads"""
    modelled: bool = False
    """host and vCPU come from the chosen policy"""

    @property
    def changed(self) -> int:
        """How many fields are not what the host has."""
        return sum(one.state not in ("", "same") for one in self.rows)

    def row(self, key: str) -> FieldRow | None:
        """The line with a key."""
        return next((one for one in self.rows if one.key == key), None)

    def key_of(self, name: str) -> str | None:
        """The key of the first line of a field."""
        return next((one.key for one in self.rows if one.name.casefold() == name.casefold()), None)


def field_table(view: View, register: Register) -> FieldTable:
    """The table of a register in a view: its fields, its 64-bit words when it is wider, or nothing to tell apart."""
    if (told := view.model.get(register.id)) is not None:
        from inspector.app.modes.browse.exposed import exposed_table

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
    import errno as names

    number = view.errors.get(register.id)
    if number is None:
        return "not listed by this vCPU"
    return f"listed, but reading it failed with {names.errorcode.get(number, number)}"


def field_row(schema: RegisterSchema | None, one: FieldReading, value: int | None, host_value: int | None) -> FieldRow:
    """A line of the table from one field's reading."""
    span = schema.span(one.name) if schema else None
    reserved = one.kind in ("res0", "res1")
    host = extract(host_value, one.msb, one.lsb) if host_value is not None else None
    values = span.values if span is not None else {}
    return FieldRow(
        name="reserved" if reserved else one.name,
        msb=one.msb,
        lsb=one.lsb,
        value=value,
        meaning=one.meaning if value is not None else "left open by the template",
        short=one.short if value is not None else "left open",
        title=one.title,
        host=host,
        state=state_of(value, host, one.kind, one.msb - one.lsb + 1),
        flagged=one.flagged and value is not None,
        reserved=reserved,
        values=values,
        feature=one.feature,
        host_meaning=read_field(span, host).short if span is not None and host is not None else "",
    )


def state_of(value: int | None, host: int | None, kind: str, width: int) -> str:
    """How the vCPU's field compares with the host's, in the words of the design."""
    if value is None or host is None:
        return ""
    if value == host:
        return "same"
    if value == 0:
        return "masked"
    sign = 1 << width - 1
    here, there = ((v ^ sign) - sign if kind == "signed" else v for v in (value, host))
    return "lowered" if here < there else "raised"


def _words(register: Register, value: int) -> list[FieldRow]:
    """A wide register as 64-bit words, highest first."""
    rows = []
    for lsb in range(register.size * 8 - WORD, -1, -WORD):
        word = value >> lsb & (1 << WORD) - 1
        meaning = "zero" if word == 0 else "all ones" if word == (1 << WORD) - 1 else ""
        rows.append(FieldRow(f"word {lsb // WORD}", lsb + WORD - 1, lsb, word, meaning, meaning))
    return rows


def table_columns(table: FieldTable, base: Base, cells: int) -> tuple[Column, ...]:
    """Columns just as wide as their content, the meaning taking the rest."""
    rows = table.rows
    bits = max([len(bits_text(one.msb, one.lsb)) for one in rows], default=5)
    names = min(max([len(one.name) for one in rows], default=8), 16)
    values = max([len(_number(one.value, one, base)) for one in rows], default=5)
    head = [Column("bits", max(bits, 5) + 2), Column("field", max(names, 7) + 2)]
    if not table.compared:
        return (*head, Column("value", max(min(values, cells // 2), 5) + 2), Column("meaning"))
    numbers = max([values, *(len(_number(one.host, one, base)) for one in rows)])
    room = (cells - sum(column.width for column in head) - 12 - 20) // 2
    number = max(min(numbers, room), 4) + 2
    return (*head, Column("host", number), Column("vCPU", number), Column("verdict", 11), Column("meaning"))


def table_items(table: FieldTable, base: Base, columns: Sequence[Column]) -> list[Item]:
    """A line per field."""
    items = [Item(one.key, _cells(one, base, columns)) for one in table.rows]
    first = next((place for place, one in enumerate(table.rows) if one.other), None)
    if first is not None:
        items.insert(first, Item("", (row(Ink(table.other, "muted")),), pick=False))
    return items


def _cells(one: FieldRow, base: Base, columns: Sequence[Column]) -> tuple[Row, ...]:
    role = ROLES.get(one.state, "same" if one.state == "same" else "")
    quiet = "reserved" if one.reserved and not one.flagged else "muted" if one.other else ""
    bits = row(Ink(bits_text(one.msb, one.lsb), "muted"))
    name = row(ink(one.name, quiet))
    value = _number(one.value, one, base)
    meaning = row(Ink("! " if one.flagged else "", "refused"), ink(one.short or one.meaning))
    if one.other:
        meaning = row(ink(one.short or one.meaning, "muted"))
    if len(columns) == 4:
        width = columns[2].width - 2
        return (bits, name, row(Ink(short_value(value, width), "muted" if one.other else "")), meaning)
    width = columns[2].width - 2
    host = _number(one.host, one, base)
    if one.state not in ("same", "") and one.host_meaning:
        meaning = (*meaning, Ink(f" (host: {one.host_meaning})", "muted"))
    return (
        bits,
        name,
        row(Ink(short_value(host, width), "muted" if one.state == "same" else "")),
        row(Ink(short_value(value, width), role if one.state != "same" else "")),
        row(Ink(f"{SIGNS.get(one.state, '')} {one.state}", role)),
        meaning,
    )


def _number(value: int | None, one: FieldRow, base: Base) -> str:
    if value is None:
        return "?" if one.state else "x"
    return field_text(value, one.width, base)


def scale_of(table: FieldTable, chosen: FieldRow | None) -> Scale:
    """The ruler of a register, or of the 64-bit word that holds the highlighted line."""
    bits = table.register.size * 8
    value = table.value or 0
    if bits > WORD:
        lsb = chosen.lsb if chosen else 0
        return Scale(value=value, top=lsb + WORD - 1)
    spans = table.schema.spans if table.schema and table.schema.width == bits else ()
    pieces = [Piece("" if span.reserved else span.name, span.msb, span.lsb, span.reserved) for span in spans]
    if chosen is not None and chosen.other:
        pieces = [Piece(one.name, one.msb, one.lsb) for one in table.rows if one.other]
    if not pieces:
        pieces = [Piece(one.name, one.msb, one.lsb, one.reserved) for one in table.rows]
    return Scale(
        value=value,
        top=bits - 1,
        bits=bits,
        pieces=pieces,
        chosen=chosen.msb if chosen else -1,
        known=table.known,
        blank="?" if table.modelled else "x",
        marks=tuple(one.msb for one in table.rows if one.state not in ("", "same") or one.flagged),
    )
