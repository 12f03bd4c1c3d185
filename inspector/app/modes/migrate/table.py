"""The findings of a migration check as a table: number, register and field, both values, verdict, reason."""

from __future__ import annotations

from collections.abc import Collection, Sequence, Set
from typing import NamedTuple

from inspector.app.modes.migrate.entries import PASSING, Entry, Kind, differs, member, vcpu_words
from inspector.app.shell.numbers import Base, bits_text, field_text, part_text, short_pair, short_value, value_text
from inspector.app.widgets.ink import WRITTEN, Ink, Row, fit, ink, row, width
from inspector.app.widgets.listing import Column, Item
from inspector.checks.restore.result import FieldDifference, Finding
from inspector.registers.bits import open_text
from inspector.registers.catalog import by_id

_VERDICTS: dict[Kind, tuple[str, str, str]] = {
    "step": ("✖", "fails", "refused"),
    "refused": ("✖", "refused", "refused"),
    "missing": ("✖", "missing", "refused"),
    "doubtful": ("?", "uncertain", "unknown"),
    "uncertain": ("?", "uncertain", "unknown"),
    "changed": ("▼", "not kept", "masked"),
    "dropped": ("▼", "dropped", "masked"),
    "remark": ("○", "remark", "muted"),
    "unsaved": ("○", "not saved", "muted"),
    "running": ("=", "runs on", "same"),
    "accepted": ("=", "accepted", "same"),
}
"""Sign, word and role of each kind of entry."""
_REMARKS = {"fails": ("✖", "fails", "refused"), "changes": ("▼", "changes", "masked"), "note": ("○", "note", "muted")}
ROOMY = 140
"""Cells from which a 64-bit value and the reason both have room."""
_KNOWN_BY_VERDICT = ("not writable, ", "not saved: ")
"""Openings of a reason that say no more than the verdict beside it."""
_NO_VALUES = ("", "")
_SAFE = {"lower": "up to {}", "higher": "{} or more"}


class _Style(NamedTuple):
    """How the lines of a table are drawn."""

    cells: int
    """room for a line"""
    several: bool
    """vCPUs are told apart"""
    base: Base

    @property
    def wide(self) -> bool:
        """True where number and reason have columns of their own."""
        return self.cells >= 100


def table_columns(cells: int) -> tuple[Column, ...]:
    """Seven columns from 100 cells, four below."""
    if cells >= 100:
        # Values in full only where that does not cost the reason its room: the pane below has them.
        source, allowed = (23, 28) if cells >= ROOMY else (14, 17)
        return (
            Column("#", 4), Column("register / field", 31), Column("source", source),
            Column("allowed there", allowed), Column("verdict", 13), Column("reason"),
        )  # fmt: skip
    value = 14 if cells >= 76 else 10
    return (
        Column("register / field"), Column("source", value), Column("allowed", value), Column("verdict", 12),
    )  # fmt: skip


def table_items(
    found: Sequence[Entry],
    cells: int,
    *,
    every: bool,
    opened: Collection[str],
    several: bool,
    base: Base = "hex",
    written: Set[int] = frozenset(),
) -> list[Item]:
    """A line per finding and failing field; groups and passing rows folded unless asked for. Registers that simulated
    writes changed (`written`) have a sign, and are never folded away."""
    style = _Style(cells, several, base)
    items: list[Item] = []
    number = 0
    passing = [entry for entry in found if entry.kind in PASSING and written.isdisjoint(entry.ids)]
    for entry in found:
        if entry in passing:
            continue
        number += 1
        items += _marked(_lines(entry, f"{number}", style, opened), entry, style.wide, written)
    if every:
        for entry in passing:
            items += _lines(entry, "", style, opened)
    elif passing:
        said = row(Ink("    " if style.wide else "", "muted"), Ink(_folded(passing), "muted"))
        items.append(Item("folded", (said,)))
    return items


def _marked(items: list[Item], entry: Entry, wide: bool, written: Set[int]) -> list[Item]:
    """The lines of an entry, with a sign where a simulated write changed its register."""
    if entry.finding is None or entry.finding.id not in written:
        return items
    sign, place = Ink(f" {WRITTEN}", "raised"), int(wide)
    marked = []
    for one in items:
        cells = list(one.cells)
        if len(cells) == 1:  # without values, as of a register that is withheld: the name is the second piece
            cells[0] = _inserted(cells[0], 2, sign)
        else:
            cells[place] = row(*cells[place], sign)
        marked.append(one._replace(cells=tuple(cells)))
    return marked


def _inserted(line: Row, place: int, piece: Ink) -> Row:
    """`line` with a piece at `place`, for which the next blanks that are as wide give room."""
    rest = list(line[place:])
    width = len(piece.text)
    for at, one in enumerate(rest):
        if one.text.isspace() and len(one.text) > width:
            rest[at] = one._replace(text=one.text[width:])
            break
    return (*line[:place], piece, *rest)


def _folded(passing: Sequence[Entry]) -> str:
    kept = [entry for entry in passing if entry.kind == "accepted"]
    unlike, running = sum(map(differs, kept)), len(passing) - len(kept)
    parts = [
        f"{len(kept)} accepted and kept",
        f"{unlike} differ from the destination's own" if unlike else "",
    ]
    parts.append(f"{running} that keep running" if running else "")
    return f"= {', '.join(filter(None, parts))}   m shows them"


def _lines(entry: Entry, number: str, style: _Style, opened: Collection[str]) -> list[Item]:
    if entry.group is not None:
        items = [_group_item(entry, number, entry.key in opened, style)]
        if entry.key in opened:
            one_each = [one for reg_id in entry.ids if (one := member(entry, reg_id)) is not None]
            for one in one_each:
                items += _finding_items(one, "", style._replace(several=False))
        return items
    if entry.remark is not None:
        sign, word, role = _REMARKS[entry.remark.severity]
        where = f"  {vcpu_words(entry.vcpus)}" if entry.vcpus and style.several else ""
        head = row(ink(entry.remark.title), Ink(where, "muted"))
        return [_item(entry.key, number, head, _NO_VALUES, Ink(f"{sign} {word}", role), entry.remark.text, style)]
    if entry.step is not None:
        head = row("register list", Ink(f"  {vcpu_words(entry.vcpus)}" if style.several else "", "muted"))
        return [_item(entry.key, number, head, _NO_VALUES, _verdict(entry), entry.step.text, style)]
    return _finding_items(entry, number, style)


def _group_item(entry: Entry, number: str, opened: bool, style: _Style) -> Item:
    assert entry.group is not None
    head = row(Ink("▾ " if opened else "▸ ", "muted"), ink(entry.group.headline(_VERDICTS[entry.kind][1])))
    return _item(entry.key, number, head, _NO_VALUES, _verdict(entry), entry.group.sentence, style)


def _finding_items(entry: Entry, number: str, style: _Style) -> list[Item]:
    finding = entry.findings[0]
    fields = [one for one in finding.fields if not one.accepted]
    if entry.kind != "refused" or not fields:
        return [_finding_item(entry, finding, None, number, style)]
    return [
        _finding_item(entry, finding, field, number if place == 0 else "", style, place)
        for place, field in enumerate(fields)
    ]


def _finding_item(
    entry: Entry,
    finding: Finding,
    field: FieldDifference | None,
    number: str,
    style: _Style,
    place: int = 0,
) -> Item:
    """The line of a finding, or of one of its fields, of which `place` is the number."""
    register = by_id(finding.id)
    base, wide = style.base, style.wide
    name = Ink(register.name, "muted" if entry.kind in PASSING or place else "title")
    if field is not None and wide:
        head = row(name, Ink(" "), ink(field.name), Ink(f" [{bits_text(field.msb, field.lsb)}]", "muted"))
    elif field is not None:
        head = row(name._replace(text=register.name.removesuffix("_EL1")), Ink("."), ink(field.name))
    else:
        head = row(name)
    if style.several and entry.vcpus:
        where = Ink(f"  {vcpu_words(entry.vcpus)}", "muted")
        room = table_columns(style.cells)[1 if wide else 0].width - 1
        # Whose it is says more than where the field lies.
        head = row(*(head if width((*head, where)) <= room else head[:3]), where)
    if field is not None:
        bits = field.msb - field.lsb + 1
        mine = field_text(field.source, bits, base)
        theirs = _allowed(field, base)
        # What another field is refused for says nothing of one that is not known.
        reason = field.reason or (finding.reason if field.certain else "the destination's is not known")
    else:
        mine = "" if finding.value is None else value_text(finding.value, register.size, base)
        theirs = _whole(finding, register.size, base)
        reason = finding.reason
    for start in (f"{register.name} is refused: ", f"{register.name}: ", *_KNOWN_BY_VERDICT):
        reason = reason.removeprefix(start)
    key = entry.key if place == 0 else f"{entry.key} field {place}"
    sure = field is None or field.certain
    verdict = _verdict(entry) if sure else Ink("? uncertain", "unknown")
    return _item(key, number, head, (mine, theirs), verdict, reason, style)


def _whole(finding: Finding, size: int, base: Base) -> str:
    """What the destination makes of a whole value: what it reads back as, or its own."""
    if finding.kind == "changed" and finding.after is not None:
        return "reads " + value_text(finding.after, size, base)
    if finding.kind == "only_in_source":
        return "no such register"
    shown = finding.would_pass if finding.would_pass is not None else finding.destination
    if shown is None and finding.part.known:
        return part_text(*finding.part, size, base)
    return "" if shown is None else value_text(shown, size, base)


def _allowed(field: FieldDifference, base: Base) -> str:
    if field.destination is None:
        return open_text(*field.part, field.msb - field.lsb + 1, "not known")
    number = field_text(field.destination, field.msb - field.lsb + 1, base)
    least = field.safe == "lower" and not field.destination
    return number if least else _SAFE.get(field.safe, "{}").format(number)


def _verdict(entry: Entry) -> Ink:
    sign, word, role = _VERDICTS[entry.kind]
    finding = entry.finding
    if entry.kind in ("refused", "missing") and finding is not None and finding.errno_name:
        word = finding.errno_name
    if finding is not None and not finding.certain:
        return Ink(f"? {word}", "unknown")
    return Ink(f"{sign} {word}", role)


def _item(key: str, number: str, head: Row, values: tuple[str, str], verdict: Ink, reason: str, style: _Style) -> Item:
    """One line; one without values (the source's, and what is allowed there) gives their room to its head."""
    columns, wide = table_columns(style.cells), style.wide
    mine, theirs = values
    if not mine and not theirs:
        if not wide:
            return Item(key, (row(verdict._replace(text=verdict.text[:2]), *head),))
        room = sum(column.width for column in columns[1:4])
        line = (Ink(f"{number:<4}", "muted"), *fit(head, room - 1), Ink(" "), *fit((verdict,), columns[4].width))
        return Item(key, ((*line, ink(reason, "muted")),))
    room, beside = (column.width - 1 for column in columns[2 if wide else 1 :][:2])
    shown = (
        short_pair(mine, theirs, room) if theirs.startswith("0") else (short_value(mine, room), _short(theirs, beside))
    )
    pair = (row(Ink(shown[0])), row(Ink(shown[1], "muted")))
    if not wide:
        return Item(key, (head, *pair, row(verdict)))
    return Item(key, (row(Ink(number, "muted")), head, *pair, row(verdict), row(ink(reason, "muted"))))


def _short(text: str, cells: int) -> str:
    """Numbers are cut on their left, words on their right."""
    words, blank, number = text.rpartition(" ")
    if not number.startswith("0x") or len(text) <= cells:
        return text
    if cells < 16:
        words = blank = ""
    return f"{words}{blank}{short_value(number, cells - len(words) - len(blank))}"


def score_row(found: Sequence[Entry]) -> Row:
    """`✖ 2  ▼ 3  = 246`, counted in registers."""
    counts = {"refused": 0, "unknown": 0, "masked": 0, "same": 0}
    for entry in found:
        role = _VERDICTS[entry.kind][2]
        if role in counts and entry.kind != "step":
            counts[role] += len(entry.ids)
    signs = {"refused": "✖", "unknown": "?", "masked": "▼", "same": "="}
    pieces: list[Ink] = []
    for role, sign in signs.items():
        if role == "unknown" and not counts[role]:
            continue
        pieces += [Ink("  ")] if pieces else []
        pieces.append(Ink(f"{sign} {counts[role]}", role))
    return tuple(pieces)


def notable(item: Item, found: Sequence[Entry]) -> bool:
    """True for a line that `n` stops at: whatever is not accepted, and the first line of it only."""
    if item.key == "folded" or " field " in item.key:
        return False
    entry = next((one for one in found if item.key == one.key), None)
    return entry is not None and entry.kind not in PASSING
