"""Reports of register values: `show` and `decode`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from inspector.errors import one_line
from inspector.registers import catalog
from inspector.registers.bits import ones, partial_hex
from inspector.registers.catalog import Register
from inspector.registers.encoding import grouped_hex, hex_id
from inspector.registers.reading import FieldReading, Reading, read
from inspector.reports.text import columns, markdown_table, markdown_text

if TYPE_CHECKING:  # `decode` has neither a dump nor, as text, any JSON
    from inspector.sources.dump import Constraint, Dump, Vcpu


class Item(NamedTuple):
    """One register of a vCPU as a report shows it: a value, a constraint, or the error that reading it gave."""

    register: Register
    reading: Reading | None
    constraint: Constraint | None = None
    errno: int = 0
    only: tuple[str, ...] = ()
    """the fields that were asked for; empty: all"""
    template: bool = False
    """the constraint is what a template demands; else it is what the source says of the value"""
    withheld: bool = False
    """the vCPU has it, and its value is not shown"""

    @property
    def fields(self) -> tuple[FieldReading, ...]:
        """The decoded fields that are asked for and fully known."""
        if self.reading is None:
            return ()
        fields: Iterable[FieldReading] = self.reading.fields
        if self.constraint:
            mask = self.constraint.mask
            fields = (f for f in fields if (mask >> f.lsb) & _ones(f) == _ones(f))
        if self.only:
            fields = (f for f in fields if f.name in self.only)
        return tuple(fields)


def _ones(field: FieldReading) -> int:
    return (1 << (field.msb - field.lsb + 1)) - 1


def items(vcpu: Vcpu, wanted: Sequence[tuple[Register, str]] | None = None, group: str = "") -> list[Item]:
    """The registers of a vCPU in the catalogue's order, or those of the wanted (register, field) pairs that it has."""
    if wanted is not None:
        found = (_item(vcpu, register, only) for register, only in _by_register(wanted))
        return [item for item in found if item and group in ("", item.register.group)]
    everything = {**dict.fromkeys(vcpu.values), **dict.fromkeys(vcpu.constraints), **dict.fromkeys(vcpu.errors)}
    order = {key: place for place, (key, _) in enumerate(catalog.GROUPS)}
    registers = sorted(
        map(catalog.by_id, everything), key=lambda register: (order.get(register.group, 99), register.id)
    )
    return [item for r in registers if group in ("", r.group) and (item := _item(vcpu, r))]


def _by_register(wanted: Sequence[tuple[Register, str]]) -> list[tuple[Register, tuple[str, ...]]]:
    """Each register once, with the fields that are asked of it; none where all are."""
    names: dict[int, tuple[Register, list[str]]] = {}
    for register, field in wanted:
        names.setdefault(register.id, (register, []))[1].append(field)
    return [(register, () if "" in fields else tuple(fields)) for register, fields in names.values()]


def _item(vcpu: Vcpu, register: Register, only: tuple[str, ...] = ()) -> Item | None:
    reg_id = register.id
    if reg_id in vcpu.values:
        # Two or three microseconds a field: decoded only for what is printed.
        return Item(register, read(reg_id, vcpu.values[reg_id], vcpu.values, include_reserved=bool(only)), only=only)
    if reg_id in vcpu.constraints:
        constraint = vcpu.constraints[reg_id]
        if not constraint.mask and vcpu.kind not in ("template", "list"):
            return Item(register, None, constraint, only=only, withheld=True)
        reading = read(reg_id, constraint.value, vcpu.values)
        return Item(register, reading, constraint, only=only, template=vcpu.kind == "template")
    if reg_id in vcpu.errors:
        return Item(register, None, errno=vcpu.errors[reg_id], only=only)
    return None


def _bits(field: FieldReading) -> str:
    return f"{field.msb}:{field.lsb}" if field.msb != field.lsb else str(field.msb)


def _field_row(field: FieldReading) -> list[str]:
    return [f"[{_bits(field)}]", field.name, f"0x{field.value:x}", ("! " if field.flagged else "") + field.meaning]


WITHHELD = "withheld"
"""What stands in place of a value that is not shown."""


def item_value(item: Item) -> str:
    """The value as screens and reports write it: `?` for a hex digit not known, `x` for one that a template leaves."""
    if item.withheld:
        return WITHHELD
    if item.errno or item.reading is None:
        return f"unreadable (errno {item.errno})"
    if item.constraint is None:
        return grouped_hex(item.reading.value, item.register.size)
    constraint = item.constraint
    blank = "x" if item.template else "?"
    return partial_hex(constraint.value, constraint.mask, item.register.size, blank=blank, grouped=True)


def register_lines(item: Item) -> list[str]:
    """One register in full: headline, note, and a line per field."""
    register = item.register
    lines = [
        f"{register.name}  {item_value(item)}",
        f"  {register.title}  ({register.encoding_text}, id {hex_id(register.id)})",
    ]
    note = item.reading.note if item.reading else register.note
    lines += [f"  {note}"] if note else []
    if item.constraint and item.constraint.mask not in (0, ones(register.size * 8)):
        mask = grouped_hex(item.constraint.mask, register.size)
        bits = grouped_hex(item.constraint.value, register.size)
        lines.append(f"  only the bits of mask {mask} are {'given' if item.template else 'known'}: {bits}")
    return [one_line(line) for line in lines] + columns(map(_field_row, item.fields), indent="  ")


def list_lines(shown: Iterable[Item]) -> list[str]:
    """One line per register under its group's title."""
    titles = dict(catalog.GROUPS)
    by_group: dict[str, list[list[str]]] = {}
    for item in shown:
        note = (item.reading.note if item.reading else "") or item.register.note or item.register.title
        by_group.setdefault(item.register.group, []).append([item.register.name, item_value(item), note])
    lines: list[str] = []
    for group, rows in by_group.items():
        lines += [f"{titles.get(group, group)}  ({group})", *columns(rows, indent="  ")]
    return lines


def headline(dump: Dump, vcpu: Vcpu, count: int) -> str:
    """One line that says what is shown: source, vCPU, kernel, tool."""
    p = dump.provenance
    name = f" ({vcpu.name})" if vcpu.name else ""
    what = {"host": "host registers", "template": "template", "list": "register list"}.get(vcpu.kind)
    if vcpu.kind == "host" and len(dump.vcpus) > 1:
        what = f"host registers of {vcpu.name}"
    parts = [
        p.source,
        what or f"vCPU {vcpu.index}{name}",
        p.host.shown,
        f"Linux {p.kernel}" if p.kernel else "",
        p.tool.shown,
        f"{count} registers" if count != 1 else "1 register",
    ]
    return one_line(" · ".join(part for part in parts if part))


def item_markdown(item: Item) -> list[str]:
    """One register as a Markdown section."""
    head = f"### {item.register.name} `{item_value(item)}`"
    rows = [[_bits(f), f.name, f"0x{f.value:x}", f.meaning] for f in item.fields]
    note = item.reading.note if item.reading else ""
    lines = [head, "", f"{item.register.title}, id `{hex_id(item.register.id)}`"]
    lines += ["", markdown_text(note)] if note else []
    return [*lines, "", *markdown_table(["bits", "field", "value", "meaning"], rows), ""] if rows else [*lines, ""]
