"""The lines of the summary as items of a list, and what is said of one of them."""

from __future__ import annotations

from collections.abc import Sequence, Set

from inspector.app.modes.summary.beside import Beside
from inspector.app.shell.wording import on_screen
from inspector.app.widgets.ink import WRITTEN, Ink, Row, ink, plain, row, wrap
from inspector.app.widgets.listing import GUTTER, Column, Item
from inspector.checks.features.presence import FeatureState, states_of
from inspector.checks.features.sides import Sides
from inspector.checks.features.summary import SummaryLine
from inspector.numbers import few_of
from inspector.registers.features import feature
from inspector.reports.outline import SIGNS
from inspector.reports.summary import SAME, vcpu_words, why_lines

TITLE = 16
"""Cells of the column of titles."""
ROLES = {"same": "same", "masked": "masked", "lowered": "masked", "raised": "raised", "rebuilt": "raised", "": ""}


def columns_of(sides: Sides, other: Beside | None, cells: int, narrow: bool) -> tuple[Column, ...]:
    """Title, one or two sides, and another dump; in the narrow form all but the first stand below."""
    titles = [side.title for side in (sides.host, sides.vcpu) if side is not None] or [""]
    titles += [other.title] if other is not None else []
    if narrow:
        return Column("", TITLE), Column(titles[0])
    each = (cells - GUTTER - TITLE) // len(titles)
    return Column("", TITLE), *(Column(one, each) for one in titles[:-1]), Column(titles[-1])


def line_items(
    lines: Sequence[SummaryLine],
    sides: Sides,
    other: Beside | None,
    cells: int,
    narrow: bool,
    written: Set[str] = frozenset(),
) -> list[Item]:
    """An item for each line; whatever does not fit goes on in further rows, so that nothing is cut. `written`: those
    that simulated writes changed, which have a sign.
    """
    items: list[Item] = []
    room = max(cells - GUTTER - TITLE - 1, 24)
    for one in lines:
        title = row(Ink(one.title, "heading"), Ink(f" {WRITTEN}" if one.key in written else "", "raised"))
        first, further = _columns(one, sides, other)
        if narrow:
            items += _rows(one.key, title, [wrap(first, room)])
            for name, words in further:
                if plain(words) != f"{SIGNS['same']} {SAME}":
                    items += [_more(line) for line in wrap(row(Ink(f"  {name} ", "muted"), *words), room, 10)]
        else:
            each = room // (1 + len(further)) - (1 if further else 0)
            items += _rows(one.key, title, [wrap(first, each), *(wrap(words, each, 2) for _, words in further)])
    return items


def _columns(one: SummaryLine, sides: Sides, other: Beside | None) -> tuple[Row, list[tuple[str, Row]]]:
    """What the first column says of a line, and what the others do, each with its short name."""
    if sides.both:
        first = row(ink(one.host) if one.host else Ink("?", "unknown"))
        further = [("guest", row(ink(vcpu_words(one, True), ROLES.get(one.state, "unknown"))))]
    else:
        first, further = row(ink(one.host or one.vcpu or "?")), []
    if other is not None:
        words = other.words.get(one.key)
        if words is None:
            further.append(("other", row(Ink("?", "unknown"))))
        elif words == plain(first):
            further.append(("other", row(Ink(f"{SIGNS['same']} {SAME}", "same"))))
        else:
            further.append(("other", row(ink(words))))
    return first, further


def blank_items(titles: Sequence[str], cells: int) -> list[Item]:
    """What the source does not tell, below the lines."""
    if not titles:
        return []
    lines = wrap(
        row(Ink(f"{'Not shown':<{TITLE}}", "muted"), ink(", ".join(titles), "muted")), cells - GUTTER - 1, TITLE
    )
    return [Item("", (row(""),), pick=False), *(Item("", (line,), pick=False) for line in lines)]


def _rows(key: str, title: Row, columns: Sequence[Sequence[Row]]) -> list[Item]:
    rows = []
    for place in range(max(1, *map(len, columns))):
        cells = [column[place] if place < len(column) else () for column in columns]
        first = place == 0
        rows.append(Item(key if first else "", (title if first else (), *cells), pick=first, more=not first))
    return rows


def _more(line: Row) -> Item:
    return Item("", ((), line), pick=False, more=True)


def explained(one: SummaryLine, sides: Sides, cells: int) -> list[Row]:
    """What is said of a line: where it is read from, and each feature that is lost with its rule."""
    lines: list[Row] = []
    if one.places:
        lines += wrap(row(Ink("Read from  ", "muted"), ink(few_of(one.places, 6))), cells, 11)
    for names, why in _reasons(states_of(sides, [feature(name) for name in one.lost])):
        lines += wrap(row(Ink("▼ Lost     ", "masked"), Ink(names, "title")), cells, 11)
        for text in why:
            lines += wrap(row(Ink(" " * 11), ink(text)), cells, 11)
    if one.state == "unknown":
        lines += wrap(row(Ink("? unknown  ", "unknown"), _unknown(one, sides)), cells, 11)
    for note in sides.notes if not lines or one.key in ("core", "kvm") else ():
        lines += wrap(row(Ink("Note       ", "muted"), ink(on_screen(note))), cells, 11)
    return lines


def _unknown(one: SummaryLine, sides: Sides) -> str:
    told = ((sides.host, one.host), (sides.vcpu, one.vcpu))
    who = next((side.title for side, words in told if side is not None and not words), "")
    return f"not shown of the {who} by this source" if who else "parts are not known, so the sides are not compared"


def _reasons(states: Sequence[FeatureState]) -> list[tuple[str, tuple[str, ...]]]:
    grouped: dict[tuple[str, ...], list[str]] = {}
    for state in states:
        grouped.setdefault(why_lines(state), []).append(state.name)
    return [(", ".join(names), why) for why, names in grouped.items()]
