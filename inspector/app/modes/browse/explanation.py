"""What the bottom pane says about the highlighted line: always the whole of it, never cut without saying so."""

from __future__ import annotations

from inspector.app.modes.browse.fields import FieldRow, FieldTable
from inspector.app.modes.browse.headline import was
from inspector.app.shell.numbers import BASES, bits_text, field_text, value_text
from inspector.app.shell.view import View
from inspector.app.widgets.ink import WRITTEN, Ink, Row, clip, ink, row, width, wrap
from inspector.registers.bits import partial_hex
from inspector.registers.encoding import hex_id
from inspector.registers.schema import Span
from inspector.reports.values import number_text
from inspector.sources.consistency import why_unlike


def explain(view: View, table: FieldTable, one: FieldRow | None, cells: int, lines: int) -> list[Row]:
    """The explanation in at most `lines` lines; with one line only, the meaning alone."""
    cells = max(cells, 20)
    said = _field(table, one, cells) if one is not None else _register(table, cells)
    if lines <= 1:
        return [clip(_problem(view) or _brief(table, one, cells), cells)]
    if view.problem:
        said = [*wrap(_problem(view), cells, indent=2), *said]
    said += _written(view, table, cells)
    said += _between_vcpus(view, table, cells)
    said += _since_last_reading(view, table, cells)
    if len(said) > lines:
        said = [*said[: lines - 1], row(Ink("… enter: more", "muted"))]
    return said


def _problem(view: View) -> Row:
    """Why the chosen policy has no answer here."""
    return row(Ink("✖ ", "refused"), ink(view.problem)) if view.problem else ()


def _rule(one: FieldRow) -> Row:
    """The rule that changed a field, and its reason."""
    return row(Ink("Rule    ", "muted"), ink(one.rule, "title"), ink(f": {one.reason}" if one.reason else ""))


def _brief(table: FieldTable, one: FieldRow | None, cells: int) -> Row:
    """One line: the meaning in full, or the note about the whole register."""
    if one is None or (table.note and not one.meaning):
        return row(ink(table.note or _plain_words(table)))
    flag = Ink("! ", "refused") if one.flagged else Ink("")
    more = row(Ink("  (enter: more)", "muted"))
    said = row(Ink(f"{one.name} ", "title"), flag, ink(one.meaning or one.title))
    if one.rule:
        said = row(Ink(f"{one.rule}: ", "title"), ink(one.reason or one.reference))
    return (*clip(said, cells - width(more)), *more)


def _field(table: FieldTable, one: FieldRow, cells: int) -> list[Row]:
    head = row(
        Ink(one.name, "title"),
        Ink(f" [{bits_text(one.msb, one.lsb)}]  ", "muted"),
        Ink("! " if one.flagged else "", "refused"),
        ink(_values(one)),
        ink(one.meaning or one.title),
    )
    rows = wrap(head, cells, indent=2)
    if one.rule:
        rows += wrap(_rule(one), cells, indent=8)
        rows += wrap(row(Ink("Source  ", "muted"), ink(one.reference)), cells, indent=8)
    if table.guest is not None:
        there = value_text(table.guest, max(table.register.size, 8 if table.guest >> 32 else 4))
        rows += wrap(row(Ink("Guest   ", "muted"), ink(f"reads {there}, not what userspace reads")), cells, indent=8)
    if one.other:
        rows += wrap(row(Ink("Layout  ", "muted"), ink(table.other)), cells, indent=8)
    if one.title and one.meaning and one.title != one.meaning:
        rows += wrap(row(Ink("What    ", "muted"), ink(one.title)), cells, indent=8)
    if len(one.values) > 1:
        rows += wrap(_choices(one), cells, indent=8)
    if table.note:
        rows += wrap(row(Ink("Note    ", "muted"), ink(table.note)), cells, indent=8)
    return rows


def _values(one: FieldRow) -> str:
    if one.value is None:
        return ""
    here = field_text(one.value, one.width)
    if one.rule and one.host is None:
        word = "" if one.state == "unknown" else f", {one.state}"
        return f"host not known -> vCPU {here}{word}: "
    if one.host is not None and one.state != "same":
        return f"host {field_text(one.host, one.width)} -> vCPU {here}, {one.state}: "
    return f"{here}  "


def _choices(one: FieldRow) -> Row:
    """Every value that the field can have, the present one in bold."""
    pieces: list[Ink] = [Ink("Values  ", "muted")]
    for number, meaning in sorted(one.values.items()):
        role = "title" if number == one.value else "muted"
        pieces += [Ink(f"0x{number:x} ", role), ink(meaning.split(";")[0], role), Ink(" · ", "muted")]
    return tuple(pieces[:-1])


def _register(table: FieldTable, cells: int) -> list[Row]:
    """A register without fields: the whole value in every base."""
    register = table.register
    rows = wrap(row(Ink(register.name, "title"), Ink("  "), ink(table.note or _plain_words(table))), cells, indent=2)
    if table.value is None:
        return rows
    if table.known != -1:
        text = partial_hex(table.value, table.known, register.size, blank=table.blank, grouped=True)
        return rows + wrap(row(Ink(f"{'hex':<8}", "muted"), Ink(text)), cells, indent=8)
    for base in BASES:
        rows += wrap(
            row(Ink(f"{base:<8}", "muted"), Ink(value_text(table.value, register.size, base))), cells, indent=8
        )
    set_bits = [str(bit) for bit in range(register.size * 8 - 1, -1, -1) if table.value >> bit & 1]
    if 0 < len(set_bits) <= 16:
        rows += wrap(row(Ink("set     ", "muted"), Ink("bits " + ", ".join(set_bits))), cells, indent=8)
    return rows


def _plain_words(table: FieldTable) -> str:
    register = table.register
    if table.value is None:
        return table.note
    return f"{register.title or hex_id(register.id)}: the value is one number, no part of it has a meaning of its own"


def _since_last_reading(view: View, table: FieldTable, cells: int) -> list[Row]:
    """What a register of a live source was at the reading before, and in which fields."""
    changed = view.changed.get(table.register.id)
    if changed is None:
        return []
    said = was(changed, table.register.size)
    if changed.before is not None and changed.after is not None:
        pairs = ((one.name, one.extract(changed.before), one.extract(changed.after)) for one in _spans(table))
        parts = [f"{name} 0x{old:x} -> 0x{new:x}" for name, old, new in pairs if old != new]
        said += f": {', '.join(parts)}" if parts else ""
    return wrap(row(Ink("~       ", "raised"), Ink(said)), cells, indent=8)


def _written(view: View, table: FieldTable, cells: int) -> list[Row]:
    """What a register was before the simulated writes, which of them it comes from, and in which fields."""
    told, size = view.written.get(table.register.id), table.register.size
    if told is None:
        return []
    known = -1 if size > 8 else told.before.known
    said = f"{told.by} of this session; before it read {partial_hex(told.before.value, known, size, grouped=True)}"
    parts = []
    for one in _spans(table):
        old, new = told.before.field(one.msb, one.lsb), told.after.field(one.msb, one.lsb)
        if old != new:
            parts.append(f"{one.name} {number_text(old)} -> {number_text(new)}")
    said += f": {', '.join(parts)}" if parts else ""
    return wrap(
        row(Ink(f"{WRITTEN}       ", "raised"), Ink(said), Ink("   u undoes, W lists", "muted")), cells, indent=8
    )


def _spans(table: FieldTable) -> tuple[Span, ...]:
    schema = table.register.schema
    return schema.spans if schema is not None and table.register.size <= 8 else ()


def _between_vcpus(view: View, table: FieldTable, cells: int) -> list[Row]:
    """The values of the other vCPUs, where they do not agree."""
    values = view.differing.get(table.register.id)
    if not values:
        return []
    size = table.register.size
    said = "   ".join(
        f"{index} {'not listed' if value is None else value_text(value, size)}" for index, value in enumerate(values)
    )
    why = why_unlike(table.register.id)
    return wrap(row(Ink("≠ vCPUs ", "masked"), Ink(f"{said}   {why}".rstrip())), cells, indent=8)
