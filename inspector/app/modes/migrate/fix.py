"""Fix: the ways out of a failing restore, and a copy of the saved VM that the destination accepts."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import ClassVar

import msgspec
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from inspector import sources
from inspector.app.dialogs.export import free_name
from inspector.app.dialogs.line import Line
from inspector.app.dialogs.telling import Telling
from inspector.app.modes.migrate.question import Question, write_fixed
from inspector.app.shell.background import aside
from inspector.app.shell.numbers import value_text
from inspector.app.shell.view import short_name
from inspector.app.shell.wording import on_screen
from inspector.app.widgets.ink import Ink, Row, ink, row, wrap
from inspector.app.widgets.lines import Lines
from inspector.app.widgets.outlined import outline_rows
from inspector.app.widgets.unmarked import Box, hints, unmarked
from inspector.checks.remedies.replacements import replaceable_format
from inspector.checks.repair.fix import FixResult, Replacement, planned_changes
from inspector.checks.restore.result import MigrationReport
from inspector.errors import InspectorError
from inspector.folders import expanded
from inspector.registers.catalog import by_id
from inspector.registers.meanings import counted
from inspector.registers.secrets import is_secret
from inspector.reports.migration_outline import ways_outline
from inspector.sources import BUILTIN
from inspector.sources.dump import Dump

_ENDING = re.compile(r"(?:\.[A-Za-z][A-Za-z0-9]{0,9}){1,2}$")
"""What tells a file's form, packed or not; the number of a release in a name is no part of it"""


def copy_name(source: Dump) -> str:
    """A name in the present folder for the copy: `guest-fixed.mig.xz` of guest.mig.xz, so that its form stays told."""
    name = short_name(source)
    if source.provenance.source.startswith(BUILTIN):
        return free_name(f"{name}-fixed", "json")
    ending = _ENDING.search(name)
    if ending is None or not ending.start():
        return free_name(name, "fixed")
    return free_name(f"{name[: ending.start()]}-fixed", ending.group()[1:])


class Fix(Telling):
    """A page of ways out and planned changes, and a line for the new file's name."""

    LINE = "#name"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "scroll(1)", "Down", show=False, priority=True),
        Binding("up", "scroll(-1)", "Up", show=False, priority=True),
        Binding("pagedown", "scroll(12)", "Page down", show=False, priority=True),
        Binding("pageup", "scroll(-12)", "Page up", show=False, priority=True),
    ]

    def __init__(self, question: Question, report: MigrationReport, ask: Callable[[Question], object]) -> None:
        super().__init__()
        self._question, self._report, self._ask = question, report, ask
        self._changes, self._left = planned_changes(report, question.source)
        self._writing = False
        self.result: FixResult | None = None

    @property
    def can_write(self) -> bool:
        """True when a copy with other values can be written."""
        return bool(self._changes) and replaceable_format(self._question.source)

    def compose(self) -> ComposeResult:
        """Page, name, what happened."""
        writes = "enter writes the copy   " if self.can_write else ""
        with Box(unmarked(f"Fix: {short_name(self._question.source)}"), hints(f"↑↓ scroll   {writes}esc closes")):
            yield Lines(id="page")
            if self.can_write:
                yield Line(copy_name(self._question.source), placeholder="name of the new file", id="name", keys=True)
            yield Lines(id="said")

    def on_mount(self) -> None:
        """Say what can be done."""
        self._draw()
        if self.can_write:
            self._to_line()
            self.say("the original is only read; an existing file is never overwritten")
        elif self._changes:
            form = self._question.source.provenance.format
            self.say(f"values cannot be replaced in this format ({form}): give the saved VM's own file")
        else:
            self.say("no refused value could be replaced by another: the ways out above remain")

    def wrap_anew(self) -> None:
        """Another width, other lines."""
        self._draw()
        super().wrap_anew()

    def _draw(self) -> None:
        """The page, of the copy once there is one."""
        shows = self._page() if self.result is None else _done(self.result, self._cells, self.program.session.secrets)
        self.query_one("#page", Lines).show(shows)

    @property
    def _cells(self) -> int:
        return self.cells_across - 6

    def _page(self) -> list[Row]:
        """The ways out in their order, then every change that a copy would hold."""
        rows = [
            row(Ink("Ways out, best first", "heading")),
            *outline_rows(ways_outline(self._report.ways_out), self._cells),
        ]
        if not self._report.ways_out:
            rows.append(row(Ink("none is known", "muted")))
        if self._changes:
            rows += [(), row(Ink("A copy would hold these values instead", "heading"))]
            rows += _changes(self._changes, self._cells, self.program.session.secrets)
        if self._changes and self._left:
            names = ", ".join(dict.fromkeys(by_id(one.id).name for one in self._left))
            rows += [(), *wrap(row(Ink("and would still fail: ", "refused"), ink(names)), self._cells, 2)]
        return rows

    def action_scroll(self, step: int) -> None:
        """Scroll the page."""
        self.query_one("#page", Lines).scroll_relative(y=step, animate=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Write the copy beside the screen: a saved VM may be large."""
        name = event.value.strip()
        if not name or self._writing:
            return
        out = str(expanded(name))
        if self.result is not None and self.result.out == out:
            self._open(out)
            return
        self._writing = True
        self.say(f"writing and checking {out} …")
        work = partial(write_fixed, self._question, out)
        aside(self.app, work, self._written, self._failed, says=self._says, finish=True)

    def _says(self, text: str) -> None:
        """How far the copy, or its check, has come."""
        if self.shown and self._writing:
            self.say(on_screen(text))

    def _open(self, out: str) -> None:
        """The copy takes the place of the saved VM, once it was read: the same destination is asked about it."""
        self._writing = True
        self.say(f"reading {out} …")
        aside(self.app, lambda: sources.load(out), self._opened, self._failed, says=self._says)

    def _opened(self, copy: Dump) -> None:
        self._writing = False
        if not self.shown:
            return
        self.dismiss()
        self.program.show_dump(copy)
        self._ask(msgspec.structs.replace(self._question, source=copy, read=None, writes=0))

    def _failed(self, error: InspectorError) -> None:
        self._writing = False
        self.refuse(on_screen(str(error)))

    def _written(self, result: FixResult) -> None:
        """Every change as it was made, and the check of the new file."""
        self._writing = False
        self.result = result
        if not self.shown:
            self.app.notify(f"Wrote {result.out}", markup=False)
            return
        self._draw()
        self.query_one("#page", Lines).scroll_to(y=0, animate=False)
        loads = result.after is not None and result.after.verdict == "loads"
        verdict = "it loads" if loads else "it still fails"
        if result.after is not None and result.after.verdict == "uncertain":
            verdict = "it is uncertain whether it loads"
        self.say(f"wrote {result.out}; checked: {verdict}; enter opens it", "same" if loads else "masked")


def _changes(changes: tuple[Replacement, ...], cells: int, secrets: bool) -> list[Row]:
    rows: list[Row] = []
    several = len({one.vcpu for one in changes}) > 1
    for one in changes:
        size = by_id(one.id).size
        where = f"  vCPU {one.vcpu}" if several else ""
        at = "" if one.offset is None else f"  byte {one.offset:#x}"
        rows.append(row(Ink(one.name, "title"), Ink(where + at, "muted")))
        if is_secret(one.id) and not secrets:
            values = (Ink("withheld", "muted"), Ink(""))
        else:
            values = (Ink(f"{value_text(one.old, size)} -> ", "muted"), Ink(value_text(one.new, size)))
        rows += wrap(row(Ink("  "), *values), cells, 4)
        rows += wrap(row(Ink("  why   ", "muted"), ink(one.reason)), cells, 8)
        rows += wrap(row(Ink("  risk  ", "muted"), ink(one.risk)), cells, 8)
    return rows


def _done(result: FixResult, cells: int, secrets: bool) -> list[Row]:
    rows = [
        row(Ink(f"{counted(len(result.changes), 'value')} replaced", "heading")),
        *_changes(result.changes, cells, secrets),
    ]
    if result.after is not None:
        rows += [(), *wrap(row(Ink("check  ", "muted"), ink(result.after.headline)), cells, 7)]
    for note in result.notes:
        rows += wrap(row(Ink("note   ", "muted"), ink(note)), cells, 7)
    return rows
