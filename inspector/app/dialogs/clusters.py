"""The CPUs of the host on screen, side by side."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from inspector.app.dialogs.cluster_rows import cluster_rows
from inspector.app.dialogs.page import Page
from inspector.app.shell.view import short_name
from inspector.app.widgets.ink import Row, plain
from inspector.app.widgets.lines import Lines
from inspector.app.widgets.unmarked import Box, hints, unmarked
from inspector.sources.dump import Dump


class Clusters(Page):
    """A scrolling page over the mode."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("Y,y", "copy", "Copy", show=False)]

    def __init__(self, dump: Dump) -> None:
        super().__init__()
        self._dump = dump

    def compose(self) -> ComposeResult:
        """One page."""
        with Box(unmarked(f"CPUs of {short_name(self._dump)}"), hints("↑↓ scroll   Y copy   esc closes")):
            yield Lines(id="page")

    def page_rows(self) -> list[Row]:
        """The CPUs."""
        return cluster_rows(self._dump, self.cells_across - 5)

    def action_copy(self) -> None:
        """Copy the page."""
        self.program.copy("\n".join(plain(line).rstrip() for line in self.query_one("#page", Lines).rows))
