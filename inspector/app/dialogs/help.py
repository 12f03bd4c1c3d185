"""Help for the pane that has the focus: what it shows, then every key that works there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from inspector.app.dialogs.page import Page
from inspector.app.shell import keys
from inspector.app.shell.frame import Frame
from inspector.app.widgets.ink import Ink, Row, clip, ends, row, width, wrap
from inspector.app.widgets.lines import Lines
from inspector.app.widgets.unmarked import Box, hints, unmarked

SIGNS = (
    ("same", "=", "same", "the value is what it was"),
    ("masked", "▼", "masked, lowered", "hidden from the guest, or less than the host has"),
    ("raised", "▲", "raised, rebuilt", "more than before, or made up by KVM"),
    ("refused", "✖", "refused", "the write is answered with an error"),
    ("unknown", "?", "unknown", "not known: the source's kernel hid it"),
    ("raised", "*", "written", "a simulated write, or the first run, changed it"),
    ("raised", "~", "changed", "another value than at the last live reading"),
    ("masked", "≠", "differs", "the vCPUs of this VM do not agree"),
    ("masked", "!", "reserved", "bits that should be zero are not, or the value is KVM's poison"),
)


_ARROWS = ("down", "up", "pagedown", "pageup")
NOWHERE = keys.Mode("nowhere", "Keys")
"""The help of a screen that is no mode."""


def help_rows(
    text: str, mode: keys.Mode, modes: Sequence[keys.Mode], keymap: Mapping[str, str], cells: int
) -> list[Row]:
    """The paragraph, the keys of the mode, of lists, of everywhere, and the signs."""
    rows: list[Row] = []
    for paragraph in filter(None, text.split("\n")):
        rows += [*wrap(row(paragraph), cells), ()]
    own = keys.keys_of(mode)
    used = {name for key in own for name in key.keys.split(",")}
    everywhere: Sequence[keys.Key] = (*keys.digits(modes), *keys.SHARED[keys.EVERYWHERE])
    lists = [_free(key, used) for key in keys.SHARED[keys.LISTS]]
    if mode.spelled:
        # Letters, and what moves in a line, are no keys there.
        everywhere = keys.SHARED[keys.EVERYWHERE]
        lists = [key._replace(keys=last) for key in lists if (last := key.keys.split(",")[-1]) in _ARROWS]
        keymap = {**mode.spelled, **keymap}
    for title, table in ((mode.title, own), ("Lists and tables", lists), ("Everywhere", everywhere)):
        if table:
            rows.append(row(Ink(title, "heading")))
            rows += [_key_row(key, keymap, cells) for key in table]
            rows.append(())
    rows.append(row(Ink("Signs", "heading")))
    rows += [clip(row(Ink(f"  {sign} {word:<17}", role), meaning), cells) for role, sign, word, meaning in SIGNS]
    return rows


def _free(key: keys.Key, taken: Collection[str]) -> keys.Key:
    """The key without spellings that the mode has taken for itself (`k` in Migrate)."""
    left = [name for name in key.keys.split(",") if name not in taken]
    return key._replace(keys=",".join(left)) if left else key


def _key_row(key: keys.Key, keymap: Mapping[str, str], cells: int) -> Row:
    left = row(Ink(f"  {keys.shown(key, keymap, every=True):<10}", "key"), Ink(f"{key.tooltip}  "))
    right = row(Ink(key.id, "muted"))
    return ends(left, right, cells) if width(left) + width(right) <= cells else clip(left, cells)


class Help(Page):
    """A scrolling page over the mode; `?`, F1 and escape close it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("question_mark,f1", "close", "Close", show=False)]

    def __init__(self, title: str, rows: Callable[[int], list[Row]]) -> None:
        super().__init__()
        self._title, self._rows = title, rows

    @classmethod
    def of(cls, screen: Screen[Any]) -> Help:
        """Help for a screen and its focused pane."""
        frame = screen if isinstance(screen, Frame) else None
        mode = frame.MODE if frame else NOWHERE
        text = frame.help_text() if frame else ""
        app = frame.program if frame else None
        modes = app.modes_present if app else ()
        keymap = app.settings.keys if app else {}
        return cls(mode.title, lambda cells: help_rows(text, mode, modes, keymap, cells))

    def compose(self) -> ComposeResult:
        """One page."""
        with Box(unmarked(f"Help: {self._title}"), hints("↑↓ scroll   esc closes")):
            yield Lines(id="page")

    def page_rows(self) -> list[Row]:
        """The help."""
        return self._rows(self.cells_across - 6)
