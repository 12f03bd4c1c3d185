"""The first and the last line of every screen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.cells import cell_len

from inspector.app.shell import keys
from inspector.app.widgets.ink import Ink, Row, clip, ends, ink, plain, width
from inspector.app.widgets.lines import Lines
from inspector.errors import one_line

SHORT_NAME = 12
"""Cells that a dump's name keeps in the header, however long the rest is."""


_VCPU = "vcpu "
"""How the number of a vCPU begins, behind which its source's own name stands."""


def header_row(
    cells: int, narrow: bool, mode: keys.Mode, modes: Sequence[keys.Mode], where: Sequence[str], score: Row
) -> Row:
    """Modes on the left (the current one alone when narrow), where we are and the score on the right."""
    trail = [text for text in where if text]
    if narrow:
        crumbs = (Ink(" "), Ink(mode.title, "title"), *([Ink(" ▸ ", "muted")] if trail else []))
        tail = (Ink("  "), *score, Ink(" ")) if score else ()
        return ends((*crumbs, *_shortened(trail, cells - width(crumbs) - width(tail))), tail, cells)
    room = cells - 1
    for gap in (2, 1):
        left, right = _mode_names(modes, mode, gap), _trail(trail)
        tail = (Ink("   "), *score) if score else ()
        if width(left) + width(right) + width(tail) <= room:
            return (*ends(left, right, room - width(tail)), *tail, Ink(" "))
    # The modes keep their names: the dump's name gives way first, then the vCPU's, then what is counted.
    space = room - width(left)
    for tail in ((Ink("  "), *score) if score else (), ()):
        right = _shortened(trail, space - width(tail))
        if width(right) <= space - width(tail):
            break
    return (*ends(left, clip(right, max(space - width(tail), 0)), room - width(tail)), *tail, Ink(" "))


def _shortened(trail: Sequence[str], cells: int) -> Row:
    """The trail without the source's own name of the vCPU where it would not fit, then with the dump's name cut as far
    as it may be: what follows (the policy, the destination) is short and says more."""
    right = _trail(trail)
    if width(right) <= cells:
        return right
    parts = [" ".join(text.split()[:2]) if text.startswith(_VCPU) else text for text in trail]
    right = _trail(parts)
    rest = width(right) - cell_len(one_line(parts[0]))
    for least in (SHORT_NAME, SHORT_NAME // 2):
        right = (*clip((ink(parts[0]),), max(cells - rest, least)), *right[1:])
        if width(right) <= cells:
            break
    return right


def _mode_names(modes: Sequence[keys.Mode], mode: keys.Mode, gap: int) -> Row:
    """The modes with their digits."""
    pieces: list[Ink] = [Ink(" ")]
    for one in modes:
        role = "title" if one.id == mode.id else "muted"
        pieces += [Ink(f"{one.number} {one.title}", role, f"app.mode('{one.id}')"), Ink(" " * gap)]
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


def dialog_keys(shown: Iterable[tuple[keys.Key, str]], cells: int, keymap: Mapping[str, str]) -> Row:
    """Keys with their labels as a dialog's last line, as many as fit whole."""
    line: Row = ()
    for key, label in shown:
        click = keys.press(key, keymap)
        entry = (Ink(keys.shown(key, keymap), "key", click), Ink(f" {label}", "muted", click))
        if width((*line, *entry)) > cells:
            break
        line = (*line, *entry, Ink("  "))
    return line


class Bar(Lines):
    """One line at the top or bottom."""

    def say(self, line: Row) -> None:
        """Show this line."""
        self.show([line])

    @property
    def text(self) -> str:
        """The line as plain text."""
        return plain(self.rows[0]) if self.rows else ""
