"""The lines above the ruler: which register this is, and its value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspector.app.modes.browse.fields import FieldTable
from inspector.app.shell.numbers import Base, value_text
from inspector.app.shell.view import View, source_name
from inspector.app.shell.wording import on_screen
from inspector.app.widgets.ink import WRITTEN, Ink, Row, clip, ink, row, width, wrap
from inspector.numbers import count_of
from inspector.registers.bits import partial_hex
from inspector.registers.encoding import grouped_hex
from inspector.registers.secrets import is_secret

if TYPE_CHECKING:
    from inspector.checks.compare.kernel_step import KernelStep
    from inspector.sources.live.source import Changed

MOST_NOTES = 6
"""Notes on a source that are shown where there is nothing else of it."""


def title_rows(
    view: View,
    table: FieldTable,
    base: Base,
    cells: int,
    narrow: bool,
    step: KernelStep | None = None,
    *,
    roomy: bool = True,
) -> list[Row]:
    """One line when narrow, two when wide, where it is `roomy` three: the last one is empty, or has what is said of the
    value and found no room behind it. `step` is what the kernel slider changed."""
    if narrow:
        return [_narrow(view, table, base, cells, step)]
    register = table.register
    identity = f"{grouped_hex(register.id)}"
    first = row(
        Ink(" "), Ink(register.name, "title"), Ink("  "), ink(register.title), Ink("  "),
        ink(_encoding(table), "muted"), Ink(f"  id {identity}", "muted"),
    )  # fmt: skip
    if width(first) > cells:
        first = row(
            Ink(" "), Ink(register.name, "title"), Ink("  "), ink(register.title), Ink(f"  id {identity}", "muted")
        )
    second = (Ink(" "), *_values(table, base))
    more = (*_stepped(table, step), *_remark(view, table))
    if width((*second, *more)) <= cells or not roomy:
        return [clip(first, cells), clip((*second, *more), cells), *[()] * roomy]
    more = (more[0]._replace(text=" "), *more[1:])
    return [clip(first, cells), clip(second, cells), clip(more, cells)]


def _encoding(table: FieldTable) -> str:
    text = table.register.encoding_text
    return "" if text == table.register.name else text


def _narrow(view: View, table: FieldTable, base: Base, cells: int, step: KernelStep | None) -> Row:
    register = table.register
    name = row(Ink(" "), Ink(register.name, "title"))
    mark = (Ink("  ≠", "masked"),) if register.id in view.differing else ()
    if register.id in view.changed or (step is not None and register.id in step.by_id):
        mark = (*mark, Ink("  ~", "raised"))
    if register.id in view.written:
        mark = (*mark, Ink(f"  {WRITTEN}", "raised"))
    for value in (_values(table, base), _values(table, "hex")):
        for encoding in ((Ink("  "), ink(_encoding(table), "muted"), Ink("  ")), (Ink("  "),)):
            line = (*name, *mark, *encoding, *value)
            if width(line) <= cells:
                return line
    alone = table._replace(host=None, modelled=False)
    return clip((*name, *mark, Ink("  "), *_values(alone, "hex")), cells)


def _values(table: FieldTable, base: Base) -> Row:
    """`host -> vCPU`, or the value alone."""
    size = table.register.size
    if table.value is None:
        return row(ink(table.note, "refused"))
    if table.modelled and (table.known != -1 or table.host_known != -1 or table.host is None):
        return _partly_known(table)
    if table.known == 0 and is_secret(table.register.id):
        return row(Ink("withheld", "muted"), Ink("   $ shows it", "muted"))
    if table.known != -1:
        return row(Ink(partial_hex(table.value, table.known, size, blank=table.blank, grouped=True)))
    value = value_text(table.value, size, base)
    if size > 8:
        value = grouped_hex(table.value, size)
    if table.compared and table.host is not None and table.host != table.value:
        host = value_text(table.host, size, base)
        return row(Ink(host, "muted"), Ink(" -> ", "muted"), Ink(value))
    return row(Ink(value))


def _partly_known(table: FieldTable) -> Row:
    """Host and vCPU in hex, `?` for every digit that nobody can know."""
    size = table.register.size
    host = "?" if table.host is None else partial_hex(table.host, table.host_known, size, grouped=True)
    here = partial_hex(table.value or 0, table.known, size, grouped=True)
    return row(Ink(here)) if host == here else row(Ink(host, "muted"), Ink(" -> ", "muted"), Ink(here))


def _remark(view: View, table: FieldTable) -> Row:
    """What the second wide line adds after the value."""
    pieces: list[Ink] = []
    if (told := view.written.get(table.register.id)) is not None:
        pieces += [Ink("     "), Ink(f"{WRITTEN} {told.by}", "raised")]
    if table.modelled:
        unknown = sum(one.state == "unknown" for one in table.rows)
        differ = table.changed - unknown
        counted = count_of(len(table.rows), "field")
        said = f"{differ} of {counted} differ" if differ else counted if unknown else "as the host has it"
        pieces += [Ink("     "), Ink(said, "masked" if differ else "muted")]
        pieces += [Ink(f", {unknown} unknown", "unknown")] if unknown else []
    elif table.compared:
        differs = table.host != table.value
        said = f"{table.changed} of {len(table.rows)} fields differ" if table.rows else "differs from the host's"
        pieces += [Ink("     "), Ink(said if differs else "as the host has it", "masked" if differs else "muted")]
    elif table.rows and table.register.size <= 8:
        count = sum(not one.other for one in table.rows)
        pieces += [Ink("     "), Ink(count_of(count, "field"), "muted")]
    elif table.rows:
        pieces += [Ink("     "), Ink(f"{table.register.size * 8} bits", "muted")]
    if table.register.id in view.differing:
        pieces += [Ink("     "), Ink("≠ the vCPUs do not agree", "masked")]
    if (changed := view.changed.get(table.register.id)) is not None:
        pieces += [Ink("     "), Ink(f"~ {was(changed, table.register.size)}", "raised")]
    return tuple(pieces)


def _stepped(table: FieldTable, step: KernelStep | None) -> Row:
    """What the last step of the kernel slider did to the register."""
    one = step.by_id.get(table.register.id) if step is not None else None
    if step is None or one is None:
        return ()
    known = one.before is not None and table.register.size <= 8
    before = value_text(one.before, table.register.size) if known and one.before is not None else "another value"
    said = f"{step.before} had {before}" if one.listed[0] else f"{step.before} does not list it"
    return row(Ink("     "), ink(f"~ {said}", "raised"))


def was(changed: Changed, size: int) -> str:
    """What a register of a live source was at the reading before."""
    return "not there at the last reading" if changed.before is None else f"was {value_text(changed.before, size)}"


def nothing_rows(view: View, cells: int) -> list[Row]:
    """A source without a register says why, as far as it was told: a host of another architecture, for one."""
    said = row(
        Ink(" ○ ", "muted"), ink(f"{source_name(view.source)} holds no register"), Ink("   o opens another", "muted")
    )
    rows = wrap(said, cells - 1, 3)
    for note in view.dump.notes[:MOST_NOTES]:
        rows += wrap(row(Ink("   ", "muted"), ink(on_screen(note))), cells - 1, 3)
    return rows
