"""The field table of one register: rows, and how they look.

Two forms of the same table: value and meaning when there is only a dump; host, vCPU and verdict when the host's raw
value is known as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from inspector.app.shell.numbers import Base, bits_text, field_text, short_pair, short_value
from inspector.app.widgets.ink import Ink, Row, ink, row, wrap
from inspector.app.widgets.listing import GUTTER, Column, Item
from inspector.app.widgets.ruler import Piece, Scale
from inspector.registers.bits import difference, extract, ones, open_text
from inspector.registers.catalog import Register
from inspector.registers.reading import FieldReading, read_field
from inspector.registers.schema import RegisterSchema
from inspector.reports.outline import SIGNS as STATE_SIGNS

WORD = 64
SIGNS: dict[str, str] = {**STATE_SIGNS, "differs": "≠"}
"""Those of the reports, and what marks vCPUs that do not agree."""
ROLES = {"masked": "masked", "lowered": "masked", "raised": "raised", "rebuilt": "raised", "unknown": "unknown"}


class FieldRow(NamedTuple):
    """One line of the table."""

    name: str
    msb: int
    lsb: int
    value: int | None
    """None when not every bit of it is given"""
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
    blank: str = "?"
    """stands for the value while that is None, with the digits that are given"""
    host_blank: str = "?"
    """the same for the host's value"""

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
    blank: str = "?"
    """stands for a digit of the value that is not given: `x` where a template leaves it open"""

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


def field_row(
    schema: RegisterSchema | None,
    one: FieldReading,
    known: int,
    host_value: int | None,
    *,
    blank: str = "?",
) -> FieldRow:
    """A line of the table from one field's reading, of a register of which the bits in `known` are given.

    `blank` is `x` where a template leaves the others open.
    """
    bits = one.msb - one.lsb + 1
    given = extract(known, one.msb, one.lsb)
    value = one.value if given == ones(bits) else None
    lacking = ("left open by the template", "left open") if blank == "x" else ("not known", "not known")
    span = schema.span(one.name) if schema else None
    reserved = one.kind in ("res0", "res1")
    host = extract(host_value, one.msb, one.lsb) if host_value is not None else None
    values = span.values if span is not None else {}
    return FieldRow(
        name="reserved" if reserved else one.name,
        msb=one.msb,
        lsb=one.lsb,
        value=value,
        meaning=one.meaning if value is not None else lacking[0],
        short=one.short if value is not None else lacking[1],
        title=one.title,
        host=host,
        state=state_of(value, host, one.kind, bits),
        flagged=one.flagged and value is not None,
        reserved=reserved,
        values=values,
        feature=one.feature,
        host_meaning=read_field(span, host).short if span is not None and host is not None else "",
        blank=open_text(one.value, given, bits, blank),
    )


def state_of(value: int | None, host: int | None, kind: str, width: int) -> str:
    """How the vCPU's field compares with the host's, in the words of the design; empty where one is not known."""
    if value is None or host is None:
        return ""
    return difference(host, value, width=width, signed=kind == "signed")


def table_columns(table: FieldTable, base: Base, cells: int) -> tuple[Column, ...]:
    """Columns just as wide as their content, the meaning taking the rest."""
    rows = table.rows
    bits = max([len(bits_text(one.msb, one.lsb)) for one in rows], default=5)
    names = min(max([len(one.name) for one in rows], default=8), 16)
    values = max([len(_value(one, base)) for one in rows], default=5)
    head = [Column("bits", max(bits, 5) + 2), Column("field", max(names, 7) + 2)]
    if not table.compared:
        return (*head, Column("value", max(min(values, cells // 2), 5) + 2), Column("meaning"))
    numbers = max([values, *(len(_host(one, base)) for one in rows)])
    room = (cells - sum(column.width for column in head) - 12 - 20) // 2
    number = max(min(numbers, room), 4) + 2
    return (*head, Column("host", number), Column("vCPU", number), Column("verdict", 11), Column("meaning"))


def table_items(table: FieldTable, base: Base, columns: Sequence[Column], cells: int = 0, room: int = 0) -> list[Item]:
    """A line per field in `cells` cells; a meaning goes on in further lines where all of them fit `room` lines."""
    items = [Item(one.key, _cells(one, base, columns)) for one in table.rows]
    room -= bool(table.other)
    whole = (
        []
        if room <= len(items)
        else [
            line for one in items for line in _unfolded(one, cells - GUTTER - sum(column.width for column in columns))
        ]
    )
    if len(items) < len(whole) <= room:
        items = whole
    other = next((one.key for one in table.rows if one.other), None)
    first = next((place for place, one in enumerate(items) if one.key == other), None)
    if first is not None:
        items.insert(first, Item("", (row(Ink(table.other, "muted")),), pick=False))
    return items


def _unfolded(item: Item, room: int) -> list[Item]:
    """The line, and those in which its meaning goes on."""
    *head, meaning = item.cells
    first, *more = (_without_end(line) for line in wrap(meaning, room))
    blank = (row(""),) * len(head)
    return [Item(item.key, (*head, first)), *(Item("", (*blank, one), pick=False, more=True) for one in more)]


def _without_end(line: Row) -> Row:
    """Without the blanks at which it was broken."""
    return (*line[:-1], line[-1]._replace(text=line[-1].text.rstrip())) if line else line


def _cells(one: FieldRow, base: Base, columns: Sequence[Column]) -> tuple[Row, ...]:
    role = ROLES.get(one.state, "same" if one.state == "same" else "")
    quiet = "reserved" if one.reserved and not one.flagged else "muted" if one.other else ""
    bits = row(Ink(bits_text(one.msb, one.lsb), "muted"))
    name = row(ink(one.name, quiet))
    meaning = row(Ink("! " if one.flagged else "", "refused"), ink(one.short or one.meaning))
    if one.other:
        meaning = row(ink(one.short or one.meaning, "muted"))
    if len(columns) == 4:
        width = columns[2].width - 2
        return (bits, name, row(Ink(short_value(_value(one, base), width), "muted" if one.other else "")), meaning)
    width = columns[2].width - 2
    shown = short_pair(_host(one, base), _value(one, base), width)
    if one.state not in ("same", "") and one.host_meaning:
        meaning = (*meaning, Ink(f" (host: {one.host_meaning})", "muted"))
    return (
        bits,
        name,
        row(Ink(shown[0], "muted" if one.state == "same" else "")),
        row(Ink(shown[1], role if one.state != "same" else "")),
        row(Ink(f"{SIGNS.get(one.state, '')} {one.state}", role)),
        meaning,
    )


def _value(one: FieldRow, base: Base) -> str:
    return one.blank if one.value is None else field_text(one.value, one.width, base)


def _host(one: FieldRow, base: Base) -> str:
    return one.host_blank if one.host is None else field_text(one.host, one.width, base)


def scale_of(table: FieldTable, chosen: FieldRow | None) -> Scale:
    """The ruler of a register, or of the 64-bit word that holds the highlighted line."""
    bits = table.register.size * 8
    value = table.value or 0
    if bits > WORD:
        lsb = chosen.lsb if chosen else 0
        return Scale(value=value, top=lsb + WORD - 1, known=table.known, blank=table.blank)
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
        blank=table.blank,
        marks=tuple(one.msb for one in table.rows if one.state not in ("", "same") or one.flagged),
    )
