"""The log of a restore that is gone through: the steps that were made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from inspector.app.dialogs.dialog import Dialog
from inspector.app.modes import migrate
from inspector.app.modes.migrate.stepping import Stepping
from inspector.app.modes.migrate.steps import other_values, step_columns, step_item
from inspector.app.shell import keys
from inspector.app.widgets.bars import dialog_keys
from inspector.app.widgets.ink import ink, row
from inspector.app.widgets.lines import Lines
from inspector.app.widgets.listing import Listing
from inspector.app.widgets.unmarked import Box, hints, unmarked
from inspector.checks.restore.stepping import Met


class StepLog(Dialog):
    """The steps that were made, newest last, with undo, redo and export."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *keys.bindings(migrate.STEPS.keys),
        Binding("W,q", "close", "Close", show=False),
    ]

    def __init__(self, stepping: Stepping, move: Callable[[str], None], text: Callable[[], str]) -> None:
        super().__init__()
        self._stepping, self._move, self._text = stepping, move, text

    def compose(self) -> ComposeResult:
        """State, steps, keys."""
        with Box(unmarked("Log of the restore"), hints("↑↓ step   esc closes"), classes="tall log"):
            yield Lines(id="said")
            yield Listing(id="steps", empty="No register was written yet: t makes the first step")
            yield Lines(id="keys")

    def on_mount(self) -> None:
        """The steps have the keys."""
        self.set_focus(self.query_one("#steps", Listing))
        self._draw()

    def wrap_anew(self) -> None:
        """Another size."""
        self._draw()

    def _draw(self) -> None:
        cells, course = self.cells_across - 4, self._stepping.course
        made: Sequence[Met] = course.made if course is not None else ()
        several = len({one.finding.vcpu for one in made}) > 1
        other = other_values(self._stepping.question)
        items = [step_item(one, True, False, several, other) for one in made]
        self.query_one("#steps", Listing).fill(items, cursor=max(len(items) - 1, 0), cols=step_columns(cells))
        bad = sum(one.outcome in ("refused", "missing") for one in made)
        unsure = sum(one.outcome == "uncertain" for one in made)
        said = f"{len(made)} steps, {bad} refused" + (f", {unsure} uncertain" if unsure else "")
        self.query_one("#said", Lines).show([row(ink(said, "title"))])
        shown = ((key, key.label) for key in migrate.STEPS.keys)
        self.query_one("#keys", Lines).show([dialog_keys(shown, cells, self.program.settings.keys)])

    def action_move(self, how: str) -> None:
        """A step on or back, or to the beginning."""
        self._move(how)
        self._draw()

    def action_export(self) -> None:
        """The log as Markdown, to a file."""
        self.program.export("restore-steps", self._text())

    def action_copy_command(self) -> None:
        """Copy the command that checks the whole restore."""
        self.program.copy(self._text().rpartition("```\n")[0].rpartition("```\n")[2], folders=True)
