"""The first and the last line of every screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from inspector.app import keys
from inspector.app.widgets.ink import Ink, Row, ends, ink, plain, width
from inspector.app.widgets.lines import Lines


def header_row(
    cells: int, narrow: bool, mode: str, modes: Sequence[keys.Mode], where: Sequence[str], score: Row
) -> Row:
    """Modes on the left (the current one alone when narrow), where we are and the score on the right."""
    trail = [text for text in where if text]
    if narrow:
        title = next((one.title for one in modes if one.id == mode), mode.capitalize())
        left: list[Ink] = [Ink(" "), Ink(title, "title")]
        for text in trail:
            left += [Ink(" ▸ ", "muted"), ink(text)]
        return ends(tuple(left), (Ink("  "), *score, Ink(" ")) if score else (), cells)
    left = [Ink(" ")]
    for one in modes:
        here = one.id == mode
        left += [
            Ink(f"{one.number} {one.title}", "title" if here else "muted", f"app.mode('{one.id}')"),
            Ink("  "),
        ]
    right: list[Ink] = []
    for text in trail:
        right += [Ink(" ▸ ", "muted"), ink(text)] if right else [ink(text)]
    tail = (Ink("   "), *score) if score else ()
    room = cells - width(tail) - 1
    return (*ends(tuple(left), tuple(right), room), *tail, Ink(" "))


def footer_row(place: str, narrow: bool, cells: int, keymap: Mapping[str, str], words: Mapping[str, str]) -> Row:
    """The keys worth knowing here, and the palette's at the right end; the last ones give way when they do not fit.

    `words` replaces labels by what pressing the key would do now (`Notable` or `All`).
    """
    palette = next(key for key in keys.KEYS if key.id == "palette")
    right = (
        Ink("▏", "muted"),
        Ink(keys.shown(palette, keymap), "key", palette.action),
        Ink(" palette ", "muted", palette.action),
    )
    room = cells - width(right)
    line: list[Ink] = [Ink(" ")]
    entries = []
    shown = keys.footer(place, narrow, words)
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
