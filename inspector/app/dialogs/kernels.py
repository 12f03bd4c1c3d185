"""What is known of a kernel, or what changed between two, without a dump: the command `kernels` as a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from inspector.app.dialogs.export import Export
from inspector.app.dialogs.page import Page
from inspector.app.shell.frame import WIDE
from inspector.app.widgets.ink import Row, ink, row, wrap
from inspector.app.widgets.lines import Lines
from inspector.app.widgets.unmarked import Box, hints, unmarked
from inspector.policies.changes import changes
from inspector.policies.release import Choice
from inspector.reports.kernels import changes_lines, changes_markdown, choice_page


class KernelsPage(Page):
    """One page, which can be copied and exported."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("Y,y", "copy", "Copy", show=False),
        Binding("e", "export", "Export", show=False),
    ]

    def __init__(self, kernels: Sequence[Choice]) -> None:
        super().__init__()
        self._names = [one.policy.label for one in kernels]
        if len(kernels) == 1:
            self._lines = choice_page(kernels[0])
            self._text = "\n".join(["```text", *self._lines, "```"])
        else:
            before, after = (one.policy for one in kernels)
            found = changes(before, after)
            notes = [one.text for one in kernels if one.text]
            count, *told = changes_lines(before, after, found)
            self._lines = [count, *notes, *told]
            self._text = "\n".join([*changes_markdown(before, after, found), *(["", *notes] if notes else [])])

    def compose(self) -> ComposeResult:
        """The page, as wide as the terminal allows."""
        keys = hints("↑↓ scroll   y copy   e export   esc closes")
        with Box(unmarked(f"Linux {' -> '.join(self._names)}"), keys, classes="whole"):
            yield Lines(id="page")

    def page_rows(self) -> list[Row]:
        """The report."""
        cells = self.app.size.width - (5 if self.app.size.width < WIDE else 9)
        rows: list[Row] = []
        for place, line in enumerate(self._lines):
            indent = len(line) - len(line.lstrip())
            role = "heading" if line and not indent and (not place or not self._lines[place - 1]) else ""
            rows += wrap(row(ink(line, "muted" if indent == 4 else role)), cells, indent + 2)
        return rows

    def action_copy(self) -> None:
        """Copy the report."""
        self.program.copy(self._text)

    def action_export(self) -> None:
        """Ask for a name and write the report."""
        self.program.open_dialog(Export("kernels-" + "-".join(self._names), self._text))
