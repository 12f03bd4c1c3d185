"""What dialogs that choose a dump share: a line to type in, what went wrong, and a list.

The line has the keys all the time, so that no letter is lost; arrows move in the list. Enter takes what was touched
last: the text, or the highlighted line.
"""

from __future__ import annotations

import os
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from inspector import sources
from inspector.app.dialogs.dialog import DIALOG_CELLS, Dialog
from inspector.app.dialogs.line import MOVES, Line
from inspector.app.shell.background import aside
from inspector.app.widgets.ink import ink, row, wrap
from inspector.app.widgets.lines import Lines
from inspector.app.widgets.listing import Column, Item, Listing
from inspector.app.widgets.unmarked import Box, unmarked
from inspector.errors import InspectorError
from inspector.folders import expanded
from inspector.sources.dump import Dump


class Choosing(Dialog):
    """A line, what was said about it, and offers; subclasses say what is offered and what a choice means."""

    LINE = "#path"
    TITLE = ""
    SUBTITLE = "enter chooses   tab completes   ↑↓ list   esc closes"
    PLACEHOLDER = ""
    NAME_CELLS = 34
    """Width of the list's first column."""
    BINDINGS: ClassVar[list[BindingType]] = [
        *MOVES,
        Binding("tab", "complete", "Complete", show=False, priority=True),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._picking = False
        """the list was moved in after the last letter"""

    def compose(self) -> ComposeResult:
        """Lines to type in, said, list."""
        with Box(unmarked(self.TITLE), unmarked(self.SUBTITLE)):
            yield from self.lines()
            yield Lines(id="said")
            offers = Listing((Column("", self.NAME_CELLS), Column("")), id="offers")
            offers.can_focus = False
            yield offers

    def lines(self) -> ComposeResult:
        """What can be typed in."""
        yield Line(placeholder=self.PLACEHOLDER, id="path")

    def on_mount(self) -> None:
        """Fill the list; the line has the keys."""
        self.say("")
        self.offers.fill(self.items(), cursor=self.present())
        self._to_line()

    @property
    def offers(self) -> Listing:
        """The list."""
        return self.query_one("#offers", Listing)

    @property
    def path(self) -> Line:
        """The line."""
        return self.query_one("#path", Line)

    def items(self) -> list[Item]:
        """What can be chosen."""
        return []

    def present(self) -> str:
        """Key of the line to start on."""
        return ""

    def on_input_changed(self) -> None:
        """The old error no longer holds."""
        self._picking = False
        self.say("")

    def on_input_submitted(self) -> None:
        """Take what was typed, or the highlighted line."""
        if self._picking or not self.given():
            self.offers.action_choose()
        else:
            self.submitted(self.given())

    def given(self) -> str:
        """What was typed."""
        return self.path.value.strip()

    def on_listing_chosen(self, event: Listing.Chosen) -> None:
        """Take the highlighted line."""
        kind, _, name = event.item.key.partition(" ")
        self.picked(kind, name)

    def submitted(self, text: str) -> None:
        """Enter in a line that holds a text."""
        self.typed(text)

    def picked(self, kind: str, name: str) -> None:
        """A line of the list was chosen; its key in two parts."""

    def typed(self, text: str) -> None:
        """Load a source beside the screen."""
        self.say(f"reading {text} …")
        aside(self.app, lambda: sources.load(text), self._loaded, self.refuse)

    def _loaded(self, dump: Dump) -> None:
        if self.shown:
            self.say("")
            self.loaded(dump)

    def loaded(self, dump: Dump) -> None:
        """What was typed, or a shipped dump, has been read."""

    def refuse(self, error: InspectorError) -> None:
        """Say what was wrong, in its place."""
        if self.shown:
            self.say(f"✖ {error}", "refused")

    def say(self, text: str, role: str = "muted") -> None:
        """One message under the line."""
        rows = wrap(row(ink(text, role)), min(self.app.size.width, DIALOG_CELLS) - 4)
        self.query_one("#said", Lines).fit(rows, max(len(rows), 1))

    def action_move(self, step: int) -> None:
        """One line up or down in the list."""
        self._pick()
        self.offers.action_move(step)

    def action_page(self, step: int) -> None:
        """One page up or down in the list."""
        self._pick()
        self.offers.action_page(step)

    def _pick(self) -> None:
        if self.path.value and not self._picking:
            self.say("enter takes the highlighted line; type on to take the text")
        self._picking = True

    def action_complete(self) -> None:
        """A path is completed as far as it is certain."""
        path = self.path
        path.value, choices = complete_path(path.value)
        path.cursor_position = len(path.value)
        self.say("  ".join(choices[:8]) if len(choices) > 1 else "")


def complete_path(text: str) -> tuple[str, list[str]]:
    """The longest certain completion of a path, and the names that it could become."""
    folder, _, start = text.rpartition("/")
    base = expanded(f"{folder}/" if "/" in text else ".")
    try:
        found = sorted(
            entry.name + "/" * entry.is_dir()
            for entry in os.scandir(base)
            if entry.name.startswith(start) and (start or not entry.name.startswith("."))
        )
    except (OSError, ValueError):
        return text, []
    common = ""
    for letters in zip(*found, strict=False):
        if len(set(letters)) > 1:
            break
        common += letters[0]
    head = f"{folder}/" if "/" in text else ""
    return (head + common if common else text), found
