"""What dialogs share that say under their line what happened, or what is wrong."""

from __future__ import annotations

from inspector.app.dialogs.dialog import Dialog
from inspector.app.widgets.ink import Row, ink, row, wrap
from inspector.app.widgets.lines import Lines


class Telling(Dialog):
    """A dialog with `Lines` named `said`."""

    def __init__(self) -> None:
        super().__init__()
        self._told: tuple[Row, ...] = ((),)

    def say(self, text: str, role: str = "muted") -> None:
        """One message."""
        self.tell(row(ink(text, role)))

    def refuse(self, what: object) -> None:
        """Say what was wrong, in its place; nothing where the dialog was closed meanwhile."""
        if self.shown:
            self.say(f"✖ {what}", "refused")

    def tell(self, *lines: Row) -> None:
        """Several lines."""
        self._told = lines
        rows = [part for line in lines for part in wrap(line, self.cells_across - 4)]
        self.query_one("#said", Lines).fit(rows)

    def wrap_anew(self) -> None:
        """Another width, other lines."""
        self.tell(*self._told)
