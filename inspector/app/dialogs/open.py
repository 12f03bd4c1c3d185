"""Open a dump: type a file name, or choose one that is loaded or ships with the program."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input

from inspector.app.dialogs.dialog import DIALOG_CELLS, Dialog
from inspector.app.dialogs.offers import offers_columns, offers_items
from inspector.app.widgets.ink import ink, row, wrap
from inspector.app.widgets.lines import Lines
from inspector.app.widgets.listing import Listing
from inspector.errors import InspectorError
from inspector.sources.live import is_live


class Open(Dialog):
    """A path and a list; an error stays in place under the path."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "to_list", "List", show=False),
        Binding("tab", "complete", "Complete", show=False, priority=True),
    ]

    def compose(self) -> ComposeResult:
        """Path, what went wrong, the list."""
        with Vertical(classes="dialog tall") as box:
            box.border_title = "Open a dump"
            box.border_subtitle = "enter opens   tab completes a path   ↓ list   esc closes"
            yield Input(placeholder="file, builtin:NAME, live:, ssh://host, gdb:, qmp:, debugfs:", id="path")
            yield Lines(id="said")
            yield Listing(offers_columns(), id="offers")

    def on_mount(self) -> None:
        """Fill the list."""
        self._say("")
        listing = self.query_one("#offers", Listing)
        listing.fill(offers_items(self.inspector.session.dumps))
        self.query_one("#path", Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Open what was typed."""
        if event.value.strip():
            self._open(event.value.strip())

    def on_input_changed(self, event: Input.Changed) -> None:
        """A new path: the old error no longer holds."""
        self._say("")

    def on_listing_chosen(self, event: Listing.Chosen) -> None:
        """Open the highlighted one."""
        kind, _, name = event.item.key.partition(" ")
        if kind == "loaded":
            self.dismiss()
            self.inspector.session.look_at(int(name))
        elif kind == "builtin":
            self._open(f"builtin:{name}")

    def action_to_list(self) -> None:
        """From the path to the list."""
        self.query_one("#offers", Listing).focus()

    def action_complete(self) -> None:
        """Complete the path as far as it is certain; with nothing typed, go to the list."""
        path = self.query_one("#path", Input)
        if not path.has_focus:
            path.focus()
        elif not path.value:
            self.action_to_list()
        else:
            completed, choices = complete_path(path.value)
            path.value = completed
            path.cursor_position = len(completed)
            self._say("  ".join(choices[:8]) if len(choices) > 1 else "", "muted")

    def _open_live(self, address: str) -> None:
        """A live source may take its time: it is read beside the screen, an error stays in its place."""

        def failed(error: InspectorError) -> None:
            if self.is_running:
                self._say(f"✖ {error}", "refused")

        try:
            caution = self.inspector.open_live(address, self.dismiss, failed)
        except InspectorError as error:
            failed(error)
        else:
            self._say(f"reading {address} …" + (f"  {caution}" if caution else ""))

    def _open(self, source: str) -> None:
        if is_live(source):
            self._open_live(source)
            return
        problem = self.inspector.open_source(source)
        if problem:
            self._say(f"✖ {problem}", "refused")
        else:
            self.dismiss()

    def _say(self, text: str, role: str = "muted") -> None:
        said = self.query_one("#said", Lines)
        rows = wrap(row(ink(text, role)), min(self.app.size.width, DIALOG_CELLS) - 4)
        said.styles.height = max(len(rows), 1)
        said.show(rows)


def complete_path(text: str) -> tuple[str, list[str]]:
    """The longest certain completion of a path, and the names that it could become."""
    import os
    from pathlib import Path

    folder, _, start = text.rpartition("/")
    base = Path(f"{folder}/" if "/" in text else ".").expanduser()
    try:
        found = sorted(
            entry.name + "/" * entry.is_dir()
            for entry in os.scandir(base)
            if entry.name.startswith(start) and (start or not entry.name.startswith("."))
        )
    except OSError:
        return text, []
    common = ""
    for letters in zip(*found, strict=False):
        if len(set(letters)) > 1:
            break
        common += letters[0]
    head = f"{folder}/" if "/" in text else ""
    return (head + common if common else text), found
