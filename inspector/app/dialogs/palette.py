"""The command palette: everything that the program does, by letters of its name, and every register by any spelling."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.screen import Screen

from inspector.app.dialogs.dialog import Dialog
from inspector.app.dialogs.line import MOVES, Line
from inspector.app.shell.commands import Found, Search, all_commands
from inspector.app.widgets.ink import Ink, Row, clip, ends, row, width
from inspector.app.widgets.lines import Lines
from inspector.app.widgets.listing import GUTTER, Column, Item, Listing
from inspector.app.widgets.unmarked import Box, hints, unmarked

TITLE = "Commands"
KEYS = "enter runs   ↑↓ list   esc closes"
PLACEHOLDER = "Search for commands…"
LEAST = 8
"""Cells from which a cut help says anything."""


class Offers(Listing, can_focus=False):
    """The entries; one click runs what it is on."""

    def line(self, y: int, cells: int) -> Row:
        """An entry with its help at the right end, cut where it has less room; it stands whole below the
        list when highlighted."""
        if not self.items:
            return super().line(y, cells)
        text, help = self.items[y].cells
        gutter = Ink("▌ " if y == self.cursor else "  ", "link")
        room = cells - GUTTER - 1
        left = room - width(text) - 2
        return (gutter, *(ends(text, clip(help, left), room) if left >= LEAST else clip(text, room)))

    def on_click(self, event: Click) -> None:
        """Highlight, and choose at once."""
        index = event.y + self.scroll_offset.y
        if 0 <= index < len(self.items):
            event.stop()
            self.go(index)
            self.action_choose()


class Palette(Dialog):
    """A line, which has the keys all the time, the entries that it finds, and what the highlighted one does."""

    LINE = "#name"
    BINDINGS: ClassVar[list[BindingType]] = [
        *MOVES,
        Binding("ctrl+home,shift+home", "end(0)", "First", show=False),
        Binding("ctrl+end,shift+end", "end(1)", "Last", show=False),
    ]

    def __init__(self, below: Screen[Any]) -> None:
        """`below`: the screen that the palette lies over."""
        super().__init__()
        self._search = Search(all_commands(below))
        self._hits: list[Found] = self._search.offered()

    def compose(self) -> ComposeResult:
        """Line, entries, help."""
        with Box(unmarked(TITLE), hints(KEYS)):
            yield Line(placeholder=PLACEHOLDER, id="name", keys=True)
            offers = Offers((Column(""),), id="offers", empty="No matches found")
            offers.fill(self._items(), cursor=0)
            yield offers
            yield Lines([self._help(0)], id="help")

    def on_mount(self) -> None:
        """The line has the keys."""
        self._to_line()

    @property
    def _offers(self) -> Offers:
        return self.query_one("#offers", Offers)

    def _items(self) -> list[Item]:
        return [_item(place, hit) for place, hit in enumerate(self._hits)]

    def _help(self, place: int) -> Row:
        return row("  ", Ink(self._hits[place].command.help, "muted")) if self._hits else ()

    def on_input_changed(self, event: Line.Changed) -> None:
        """What is typed finds other entries; the best is highlighted."""
        query = event.value.strip()
        self._hits = self._search.hits(query) if query else self._search.offered()
        self._offers.fill(self._items(), cursor=0)
        self._offers.scroll_to(y=0, animate=False)
        self._say(0)

    def on_listing_moved(self, event: Listing.Moved) -> None:
        """Another entry is highlighted."""
        self._say(event.listing.cursor)

    def _say(self, place: int) -> None:
        self.query_one("#help", Lines).show([self._help(place)])

    def on_input_submitted(self) -> None:
        """Run the highlighted entry."""
        self._offers.action_choose()

    def on_listing_chosen(self, event: Listing.Chosen) -> None:
        """Run it once the palette is gone."""
        run = self._hits[int(event.item.key)].command.run
        self.dismiss()
        self.app.call_later(run)

    def action_move(self, step: int) -> None:
        """One line up or down in the list."""
        self._offers.action_move(step)

    def action_page(self, step: int) -> None:
        """One page up or down in the list."""
        self._offers.action_page(step)

    def action_end(self, last: int) -> None:
        """To the first or the last entry."""
        if last:
            self._offers.action_last()
        else:
            self._offers.action_first()


def _item(place: int, hit: Found) -> Item:
    """Text, with the letters that were asked for, and help of an entry."""
    text, at, marked = hit.command.text, 0, list[Ink]()
    for letter in hit.places:
        marked += (Ink(text[at:letter]), Ink(text[letter], "chosen"))
        at = letter + 1
    return Item(str(place), ((*marked, Ink(text[at:])), row(Ink(hit.command.help, "muted"))))
