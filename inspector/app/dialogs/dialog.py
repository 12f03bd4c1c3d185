"""What every dialog shares: it lies over the mode, closes with escape, and fits 80x24."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import Binding, BindingType
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import Input

if TYPE_CHECKING:
    from inspector.app.shell.application import InspectorApp
    from inspector.app.shell.session import Change


DIALOG_CELLS = 78
"""Width of every dialog, so that it fits 80 columns."""


class Dialog(ModalScreen[None]):
    """A modal window; escape closes it."""

    CSS_PATH: ClassVar[list[str | PurePath]] = [Path(__file__).parent / "style.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Close", show=False),
        Binding("ctrl+q", "app.quit", "Quit", show=False),
    ]

    @property
    def inspector(self) -> InspectorApp:
        """The program."""
        return cast("InspectorApp", self.app)

    def session_changed(self, change: Change) -> None:
        """The session changed while this lies over it."""

    def type_into(self, line: Input, event: Key) -> None:
        """A letter that means nothing to the focused list begins the line above it."""
        if isinstance(self.focused, Input) or event.character is None or not event.is_printable:
            return
        if event.key in self.active_bindings:
            # Textual looks for bindings only after the event came up here.
            return
        event.stop()
        line.select_on_focus = False
        line.insert_text_at_cursor(event.character)
        # Not line.focus(), which waits for its turn: letters typed fast would come before it.
        self.set_focus(line)

    def action_close(self) -> None:
        """Back to what lies below."""
        self.dismiss()
