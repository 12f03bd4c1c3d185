"""The log of what was tried on the vCPU on screen: every step with its answer, undo, redo, exports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from inspector.app.dialogs.dialog import Dialog
from inspector.app.shell import keys
from inspector.app.shell.keys import Key, Mode
from inspector.app.shell.session import Change
from inspector.app.shell.view import source_name
from inspector.app.widgets.bars import dialog_keys
from inspector.app.widgets.ink import Ink, Row, clip, ink, row, wrap
from inspector.app.widgets.lines import Lines
from inspector.app.widgets.listing import Column, Item, Listing
from inspector.app.widgets.unmarked import Box, hints, unmarked
from inspector.checks.writing.history import FIRST_RUN, Entry
from inspector.errors import InspectorError
from inspector.reports.writes import (
    ROLES,
    SIGNS,
    LogAbout,
    commands,
    counted,
    log_markdown,
    outcome_text,
    step_text,
)

LOG = Mode(
    "log",
    "Log of writes",
    keys=(
        Key("log.undo", "u", "app.undo", "Undo", "Take back what was done last", footer=1),
        Key("log.redo", "U", "app.redo", "Redo", "Do again what was taken back", footer=2),
        Key("log.drop", "delete,backspace", "drop", "Take back", "Take back this step; the others stay", footer=3),
        Key("log.reset", "R", "reset", "Reset", "The vCPU as it was before the first write", footer=4),
        Key("log.run", "r", "first_run", "First run", "Let the VM run for the first time: a step", footer=5),
        Key("log.commands", "c", "commands", "Commands", "The same steps as shell commands, to a file", footer=6),
        Key("log.export", "e", "export", "Export", "The log as Markdown, to a file", footer=7),
        Key("log.copy", "y", "copy_commands", "Copy", "Copy the commands", footer=8),
        Key("log.copy_report", "Y", "copy_report", "Copy log", "Copy the log as Markdown"),
    ),
)
"""The keys of the dialog."""
EMPTY = "Nothing was written to this vCPU: w tries a write"


class WriteLog(Dialog):
    """Steps, and what is to be said of one of them."""

    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings(LOG.keys), Binding("W,q", "close", "Close", show=False)]

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        with Box(unmarked(LOG.title), hints("↑↓ step   esc closes"), classes="tall log"):
            yield Lines(id="said")
            yield Listing(id="steps", empty=EMPTY)
            yield Lines(id="why")
            yield Lines(id="keys")

    def on_mount(self) -> None:
        """The steps have the keys; the last one is highlighted."""
        self.set_focus(self.steps)
        self._draw()
        self.steps.go(len(self._entries) - 1, tell=False)
        self._explain()

    def wrap_anew(self) -> None:
        """Another size."""
        self._draw()

    def session_changed(self, change: Change) -> None:
        """Something was done, taken back, or asked of another kernel."""
        self._draw()

    @property
    def steps(self) -> Listing:
        """The list."""
        return self.query_one("#steps", Listing)

    @property
    def _entries(self) -> Sequence[Entry]:
        history = self.program.session.tried.present
        return history.entries if history is not None else ()

    @property
    def _cells(self) -> int:
        return self.cells_across - 4

    @property
    def _secrets(self) -> bool:
        return self.program.session.secrets

    def _draw(self) -> None:
        cells, entries = self._cells, self._entries
        half = max((cells - 6) * 11 // 20, 26)
        columns = (Column("", 3, right=True), Column("", 3), Column("step", half), Column("answer"))
        before = self.steps.cursor
        self.steps.fill([self._item(at, one) for at, one in enumerate(entries, 1)], cursor=before, cols=columns)
        self.query_one("#said", Lines).show([clip(self._head(entries), cells)])
        self.query_one("#keys", Lines).show([self._keys(cells)])
        # A short dialog gives its lines to the steps.
        self.query_one("#why", Lines).be_high(6 if self.app.size.height >= 24 else 3)
        self._explain()

    def _head(self, entries: Sequence[Entry]) -> Row:
        session = self.program.session
        history = session.tried.present
        view = session.view
        vcpu = f"vCPU {view.vcpu.label}" if view and view.one_vcpu and view.vcpu else "a new vCPU"
        if history is not None and history.problem:
            return row(Ink("✖ ", "refused"), ink(history.problem))
        try:
            kernel = session.tried.machine().question.title if entries else ""
        except InspectorError as error:
            kernel = str(error)
        on = f" on {vcpu} (simulated, {kernel})" if kernel else ""
        return row(ink(counted(entries), "title"), ink(on, "muted"))

    def _item(self, number: int, one: Entry) -> Item:
        role = ROLES[one.outcome]
        return Item(
            f"step {number}",
            (
                row(Ink(f"{number} ", "muted")),
                row(Ink(SIGNS[one.outcome], role)),
                row(ink(step_text(one.step, self._secrets))),
                row(ink(outcome_text(one, self._secrets), "" if one.outcome == "accepted" else role)),
            ),
        )

    def _keys(self, cells: int) -> Row:
        shown = sorted((one for one in LOG.keys if one.footer), key=lambda one: one.footer)
        return dialog_keys(((one, one.label) for one in shown), cells, self.program.settings.keys)

    @on(Listing.Moved, "#steps")
    def _explain(self) -> None:
        """The highlighted step in full."""
        place, entries, cells = self.steps.cursor, self._entries, self._cells
        pane = self.query_one("#why", Lines)
        if not 0 <= place < len(entries):
            pane.show([])
            return
        one = entries[place]
        line = (Ink("─" * cells, "reserved"),)
        said = f"{one.outcome}: {outcome_text(one, self._secrets)}"
        rows = wrap(row(Ink(f"{place + 1}  ", "muted"), ink(said, ROLES[one.outcome])), cells, 3)
        told = one.verdict
        if told is not None:
            for title, text in (("Why", told.reason), ("Rule", told.rule), ("Source", told.reference)):
                rows += wrap(row(Ink(f"{title:<8}", "muted"), ink(text)), cells, 8) if text else []
        pane.show([line, *rows])

    def _about(self) -> LogAbout | None:
        """What was written to, for a report; None where no kernel answers."""
        session = self.program.session
        view, question = session.view, session.question
        if view is None:
            return None
        try:
            found = session.tried.machine()
        except InspectorError as error:
            self.app.notify(str(error), severity="error", markup=False)
            return None
        asked = question is not None and question.setup is not None
        return LogAbout(
            source=view.source,
            title=found.question.title,
            kernel=question.text if question is not None else "",
            features=found.setup.describe() if asked else "",
            gic=found.setup.gic if asked else "",
            host=question.host if question is not None else "",
            vcpus=self._vcpus(),
            features_text=f"{found.setup.describe()}; vGIC {found.setup.gic}",
            secrets=session.secrets,
        )

    def _vcpus(self) -> tuple[str, ...]:
        """What `--vcpu` calls the vCPUs of the VM on screen; empty where the dump has one alone."""
        session = self.program.session
        view = session.view
        every = [one.one_vcpu for one in session.read_views(session.place.source) if one.one_vcpu is not None]
        if view is None or view.one_vcpu is None or len(every) < 2:
            return ()
        return tuple(one.name.raw or str(one.index) for one in (every if view.dump.one_vm else [view.one_vcpu]))

    def _write(self, text: Callable[[LogAbout], str], suffix: str, kind: str) -> None:
        about = self._about()
        if about is None or not self._entries:
            self.app.notify("Nothing to export here", markup=False)
            return
        from inspector.app.dialogs.export import Export

        stem = f"writes-{source_name(about.source)}"
        self.program.open_dialog(Export(stem, text(about), suffix, kind))

    def action_drop(self) -> None:
        """Take back the highlighted step."""
        history = self.program.session.tried.last
        if history is None or not history.entries:
            return
        self._told(history.drop(self.steps.cursor))

    def action_reset(self) -> None:
        """Take back everything."""
        history = self.program.session.tried.last
        if history is not None:
            self._told(history.reset())

    def action_first_run(self) -> None:
        """Let the VM run, once."""
        try:
            history = self.program.session.tried.history()
        except InspectorError as error:
            self._told(str(error))
            return
        if history.bench is None or history.ran:
            self._told(history.problem or "the VM has run already")
            return
        history.do([FIRST_RUN])
        self._told("")
        self.steps.go(len(self._entries) - 1)

    def _told(self, problem: str) -> None:
        if problem:
            self.app.notify(problem[:1].upper() + problem[1:], markup=False)
        else:
            self.program.session.on_change("writes")

    def action_commands(self) -> None:
        """The steps as commands, to a new file."""
        self._write(lambda about: commands(self._entries, about), "sh", "Shell commands")

    def action_export(self) -> None:
        """The log as Markdown, to a new file."""
        about = self._about()
        if about is not None and self._entries:
            self.program.export(f"writes-{source_name(about.source)}", log_markdown(self._entries, about))
        else:
            self.app.notify("Nothing to export here", markup=False)

    def action_copy_commands(self) -> None:
        """Copy the commands."""
        about = self._about()
        self.program.copy(commands(self._entries, about) if about is not None and self._entries else "", folders=True)

    def action_copy_report(self) -> None:
        """Copy the log."""
        about = self._about()
        self.program.copy(log_markdown(self._entries, about) if about is not None and self._entries else "")
