"""The command palette: Textual's, with our commands in our order, and at peace with a terminal of any size."""

from __future__ import annotations

from textual.command import CommandList, CommandPalette
from textual.events import Resize
from textual.widgets import LoadingIndicator

from inspector.app.dialogs.dialog import Dialog
from inspector.app.dialogs.dimmed import Over
from inspector.app.shell.frame import is_tiny


class Palette(Over, CommandPalette):
    """Textual's palette asks a list that was never laid out for its lines, and fails: see `_action_command_list`."""

    CSS_PATH = Dialog.CSS_PATH

    def on_resize(self, event: Resize) -> None:
        """Out of sight where nothing useful fits, as every dialog."""
        self.set_class(is_tiny(self.app.size), "-tiny")

    def on_mount(self) -> None:
        """The sign that a search goes on stands still: it would be drawn anew sixteen times a second, also unseen."""
        self.query_one(LoadingIndicator).auto_refresh = None

    def _action_command_list(self, action: str) -> None:
        """Move in the list, once it has lines."""
        if self.query_one(CommandList).size.height:
            super()._action_command_list(action)
