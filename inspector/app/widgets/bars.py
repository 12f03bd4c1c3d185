"""The first and the last line of every screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import cell_len

from inspector.app.shell import keys
from inspector.app.widgets.ink import Ink, Row, clip, ends, ink, plain, width
from inspector.app.widgets.lines import Lines
from inspector.errors import one_line

SHORT_NAME = 12
"""Cells that a dump's name keeps in the header, however long the rest is."""


def header_row(
    cells: int, narrow: bool, mode: keys.Mode, modes: Sequence[keys.Mode], where: Sequence[str], score: Row
) -> Row:
    """Modes on the left (the current one alone when narrow), where we are and the score on the right."""
    trail = [text for text in where if text]
    if narrow:
        crumbs: list[Ink] = [Ink(" "), Ink(mode.title, "title")]
        for text in trail:
            crumbs += [Ink(" ▸ ", "muted"), ink(text)]
        return ends(tuple(crumbs), (Ink("  "), *score, Ink(" ")) if score else (), cells)
    right = _trail(trail)
    for gap, left in (
        (3, _mode_names(modes, mode)),
        (2, _mode_names(modes, mode, gap=1)),
        (3, _mode_names(modes, mode, brief=True)),
    ):
        tail = (Ink(" " * gap), *score) if score else ()
        room = cells - width(tail) - 1
        if width(left) + width(right) <= room:
            break
    space = max(room - width(left), 0)
    if width(right) > space and trail:
        # The dump's name gives way first: what follows it (vCPU, policy) is short and says more.
        rest = width(right) - cell_len(one_line(trail[0]))
        right = clip((*clip((ink(trail[0]),), max(space - rest, SHORT_NAME)), *right[1:]), space)
    return (*ends(left, right, room), *tail, Ink(" "))


def _mode_names(modes: Sequence[keys.Mode], mode: keys.Mode, gap: int = 2, brief: bool = False) -> Row:
    """The modes with their digits; when `brief`, the present one alone has its name."""
    pieces: list[Ink] = [Ink(" ")]
    for one in modes:
        here = one.id == mode.id
        name = f"{one.number} {one.title}" if here or not brief else str(one.number)
        pieces += [Ink(name, "title" if here else "muted", f"app.mode('{one.id}')"), Ink(" " * gap)]
    return tuple(pieces)


def _trail(trail: Sequence[str]) -> Row:
    """Where we are, outermost first."""
    pieces: list[Ink] = []
    for text in trail:
        pieces += [Ink(" ▸ ", "muted"), ink(text)] if pieces else [ink(text)]
    return tuple(pieces)


def footer_row(mode: keys.Mode, narrow: bool, cells: int, keymap: Mapping[str, str], words: Mapping[str, str]) -> Row:
    """The keys worth knowing here, and the palette's at the right end; the last ones give way when they do not fit.

    `words` replaces labels by what pressing the key would do now (`Notable` or `All`).
    """
    right = (
        Ink("▏", "muted"),
        Ink(keys.shown(keys.PALETTE, keymap), "key", keys.PALETTE.action),
        Ink(" palette ", "muted", keys.PALETTE.action),
    )
    room = cells - width(right)
    line: list[Ink] = [Ink(" ")]
    entries = []
    shown = keys.footer(mode, narrow, words)
    for key, label in shown:
        action = key.action if "." in key.action.split("(")[0] else f"screen.{key.action}"
        entries.append((Ink(keys.shown(key, keymap), "key", action), Ink(f" {label}", "muted", action), Ink("  ")))
    # Help is never dropped: it is the way to every other key.
    kept = [key.id == "help" for key, _ in shown]
    while 1 + sum(map(width, entries)) > room and not all(kept):
        last = len(kept) - 1 - kept[::-1].index(False)
        del entries[last], kept[last]
    for entry in entries:
        line += entry
    return ends(tuple(line), right, cells)


class Bar(Lines):
    """One line at the top or bottom."""

    def say(self, line: Row) -> None:
        """Show this line."""
        self.show([line])

    @property
    def text(self) -> str:
        """The line as plain text."""
        return plain(self.rows[0]) if self.rows else ""
