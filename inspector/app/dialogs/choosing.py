"""What dialogs that choose a dump share: a line to type in, what went wrong, and a list."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import Key
from textual.widgets import Input

from inspector.app.dialogs.dialog import DIALOG_CELLS, Dialog
from inspector.app.dialogs.open import complete_path
from inspector.app.shell.background import aside
from inspector.app.widgets.ink import ink, row, wrap
from inspector.app.widgets.lines import Lines
from inspector.app.widgets.listing import Column, Item, Listing
from inspector.errors import InspectorError
from inspector.sources.dump import Dump


class Choosing(Dialog):
    """A line, what was said about it, and offers; subclasses say what is offered and what a choice means."""

    TITLE = ""
    SUBTITLE = ""
    PLACEHOLDER = ""
    NAME_CELLS = 34
    """Width of the list's first column."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "to_list", "List", show=False),
        Binding("tab", "complete", "Complete", show=False, priority=True),
    ]

    def compose(self) -> ComposeResult:
        """Path, said, list."""
        with Vertical(classes="dialog tall") as box:
            box.border_title = self.TITLE
            box.border_subtitle = self.SUBTITLE
            yield Input(placeholder=self.PLACEHOLDER, id="path")
            yield Lines(id="said")
            yield Listing((Column("", self.NAME_CELLS), Column("")), id="offers")

    def on_mount(self) -> None:
        """Fill the list; it has the keys, since most choices are in it."""
        self.say("")
        offers = self.query_one("#offers", Listing)
        offers.fill(self.items(), cursor=self.present())
        offers.focus()

    def items(self) -> list[Item]:
        """What can be chosen."""
        return []

    def present(self) -> str:
        """Key of the line to start on."""
        return ""

    def on_key(self, event: Key) -> None:
        """What is typed over the list goes into the line."""
        self.type_into(self.query_one("#path", Input), event)

    def on_input_changed(self) -> None:
        """The old error no longer holds."""
        self.say("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take what was typed."""
        self.submitted(event.value.strip())

    def on_listing_chosen(self, event: Listing.Chosen) -> None:
        """Take the highlighted line."""
        kind, _, name = event.item.key.partition(" ")
        self.picked(kind, name)

    def submitted(self, text: str) -> None:
        """Enter in a line."""
        if text:
            self.typed(text)

    def picked(self, kind: str, name: str) -> None:
        """A line of the list was chosen; its key in two parts."""

    def typed(self, text: str) -> None:
        """Load a source beside the screen."""
        from inspector import sources

        self.say(f"reading {text} …")
        aside(self.app, lambda: sources.load(text), self.loaded, self.refuse)

    def loaded(self, dump: Dump) -> None:
        """What was typed, or a shipped dump, has been read."""

    def refuse(self, error: InspectorError) -> None:
        """Say what was wrong, in its place."""
        if self.is_running:
            self.say(f"✖ {error}", "refused")

    def say(self, text: str, role: str = "muted") -> None:
        """One message under the line."""
        rows = wrap(row(ink(text, role)), min(self.app.size.width, DIALOG_CELLS) - 4)
        said = self.query_one("#said", Lines)
        said.styles.height = max(len(rows), 1)
        said.show(rows)

    def action_to_list(self) -> None:
        """From the line to the list."""
        self.query_one("#offers").focus()

    def action_complete(self) -> None:
        """Between line and list; in the line a path is completed as far as it is certain."""
        path = self.query_one("#path", Input)
        if not path.has_focus:
            path.focus()
        elif not path.value:
            self.action_to_list()
        else:
            path.value, choices = complete_path(path.value)
            path.cursor_position = len(path.value)
            self.say("  ".join(choices[:8]) if len(choices) > 1 else "")
