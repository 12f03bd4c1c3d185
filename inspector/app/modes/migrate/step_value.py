"""Another value at a step of a restore: what the VMM would write there instead of the saved one."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult
from textual.widgets import Input
from textual.widgets.input import Selection

from inspector.app.dialogs.line import Line
from inspector.app.dialogs.telling import Telling
from inspector.app.widgets.ink import Ink, row
from inspector.app.widgets.lines import Lines
from inspector.app.widgets.unmarked import Box, hints, unmarked
from inspector.checks.restore.stepping import Met
from inspector.errors import InspectorError
from inspector.registers.catalog import by_id
from inspector.registers.encoding import grouped_hex
from inspector.registers.reading import parse_assignments, parse_value


class StepValue(Telling):
    """Asks for a value; `write` gets it."""

    LINE = "#name"

    def __init__(self, met: Met, write: Callable[[int], None]) -> None:
        super().__init__()
        self._met, self._write = met, write
        self._register = by_id(met.finding.id)

    def compose(self) -> ComposeResult:
        """The value, and what is known of it."""
        one = self._met.finding
        first = one.would_pass if one.would_pass is not None and self._met.stops else one.value
        title = unmarked(f"Step {self._met.number}: another value of {self._register.name}")
        with Box(title, hints("enter writes   esc closes"), classes="small"):
            yield Line(
                "" if first is None else f"{first:#x}",
                placeholder="0x…, 0b…, decimal or FIELD=value",
                id="name",
                keys=True,
            )
            yield Lines(id="said")

    def on_mount(self) -> None:
        """Say what is written now, and what enter does."""
        one, size = self._met.finding, self._register.size
        self._to_line()
        line = self.query_one(self.LINE, Line)
        line.selection = Selection(0, len(line.value))
        known = [(one.value, "writes now"), (one.destination, "destination's own"), (one.would_pass, "would pass")]
        told = [
            row(Ink(f"{words:<19}", "muted"), Ink(grouped_hex(value, size)))
            for value, words in known
            if value is not None
        ]
        self.tell(
            *told,
            row(Ink("a number, or FIELD=value in what it writes now", "muted")),
        )

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Write it, where it is a value."""
        try:
            value = self._parsed(event.value)
        except InspectorError as error:
            self.refuse(error)
            return
        self.dismiss()
        self._write(value)

    def _parsed(self, text: str) -> int:
        """The value that was typed. Raises InspectorError for a text that is none."""
        if "=" not in text:
            return parse_value(self._register, text)
        if self._met.finding.value is None:
            raise InspectorError(
                "its value is withheld", self._register.name, "write the whole value, or show it first ($)"
            )
        return parse_assignments(self._register, self._met.finding.value, text)
