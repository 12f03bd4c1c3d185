"""Baseline: the greatest feature set that all compared hosts can run, and files for those who set it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from inspector.app.dialogs.export import Export
from inspector.app.dialogs.page import Page
from inspector.app.modes import compare
from inspector.app.shell import keys
from inspector.app.shell.background import aside
from inspector.app.shell.wording import on_screen
from inspector.app.widgets.ink import Ink, Row, ink, row, width, wrap
from inspector.app.widgets.lines import Lines
from inspector.app.widgets.unmarked import Box, hints, unmarked
from inspector.checks.baseline.baseline import Baseline, part_of_hosts
from inspector.checks.baseline.cases import baseline_under_each
from inspector.checks.machine.own_vcpu import first_vcpu
from inspector.checks.machine.question import KernelQuestion
from inspector.errors import InspectorError
from inspector.policies.model import Policy
from inspector.sources.dump import Dump
from inspector.sources.formats import dump_json

NOTHING = "nothing has to be set, so there is nothing to write"


class BaselinePage(Page):
    """The report as a page, and a key for each form that others read."""

    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings(compare.BASELINE.keys)]

    def __init__(self, dumps: Sequence[Dump], kernel: Policy | None, candidates: Sequence[Policy] = ()) -> None:
        """`candidates`: every policy that `kernel` may be, where there are several."""
        super().__init__()
        self._dumps, self._kernel, self._candidates = tuple(dumps), kernel, tuple(candidates)
        self.answer: Baseline | None = None
        self._problem = ""
        """why there is no answer"""

    def compose(self) -> ComposeResult:
        """Page, and what the keys write."""
        with Box(unmarked(f"Baseline of {len(self._dumps)} hosts"), hints("↑↓ scroll   esc closes")):
            yield Lines(id="page")
            yield Lines(id="said")

    def on_mount(self) -> None:
        """Ask every host, beside the screen."""
        self._begin()

    def wrap_anew(self) -> None:
        """The keys too."""
        self._say_keys()
        super().wrap_anew()

    def _begin(self) -> None:
        self.answer, self._problem = None, ""
        aside(self.app, self._ask, self._answered, self._failed)

    def _ask(self) -> Baseline:
        return baseline_under_each(part_of_hosts(self._dumps), self._kernel, self._candidates)

    def _answered(self, answer: Baseline) -> None:
        self.answer = answer
        if self.shown:
            self.wrap_anew()

    def _failed(self, error: InspectorError) -> None:
        self._problem = on_screen(str(error))
        if self.shown:
            self.wrap_anew()

    def page_rows(self) -> list[Row]:
        """The report, or why there is none yet."""
        if self._problem:
            return wrap(row(Ink("✖ ", "refused"), ink(self._problem)), self._cells, 2)
        if self.answer is None:
            return [row(Ink("asking every host's kernel …", "muted"))]
        from inspector.reports.baseline import baseline_text

        rows: list[Row] = []
        for place, line in enumerate(baseline_text(self.answer).split("\n")):
            indent = len(line) - len(line.lstrip())
            heading = not place or (indent == 0 and line != "")
            rows += wrap(row(ink(line, "heading" if heading else "")), self._cells, indent + 2)
        return rows

    @property
    def _cells(self) -> int:
        return self.cells_across - 6

    def _say_keys(self) -> None:
        """The keys, each with its label on one line."""
        rows: list[Row] = [()]
        keymap = self.program.settings.keys
        for key in compare.BASELINE.keys:
            click = keys.press(key, keymap)
            entry = row(Ink(keys.shown(key, keymap), "key", click), Ink(f" {key.label}   ", "muted", click))
            if width((*rows[-1], *entry)) - 3 > self._cells + 2:
                rows.append(())
            rows[-1] = (*rows[-1], *entry)
        self.query_one("#said", Lines).fit(rows)

    def action_kernel(self) -> None:
        """Choose the kernel that every host is asked under, here and on every screen."""
        from inspector.app.dialogs.policy import PolicyChooser, Wanted

        dump, question = self._dumps[0], self.program.session.question
        text, setup, host = (question.text, question.setup, question.host) if question else ("", None, "")
        self.program.open_dialog(PolicyChooser(Wanted(dump, first_vcpu(dump), text, setup, host, self._under)))

    def _under(self, question: KernelQuestion | None) -> None:
        self.program.session.ask(question)
        self._kernel, self._candidates = (question.policy, question.candidates) if question else (None, ())
        self._begin()
        self.wrap_anew()

    def action_save(self, form: str) -> None:
        """Ask for a name and write one form of it."""
        text, stem, suffix, kind = self._form(form)
        if text:
            self.program.open_dialog(Export(stem, text, suffix, kind))
        elif self.answer is not None:
            self.app.notify(NOTHING, markup=False)

    def action_copy_page(self) -> None:
        """Copy the report."""
        self.program.copy(self._form("report")[0])

    def _form(self, form: str) -> tuple[str, str, str, str]:
        """(text, stem, suffix, what it is); no text where there is nothing to write."""
        from inspector.checks.baseline.export import baseline_dump, firecracker_template, qemu_properties
        from inspector.reports.baseline import baseline_markdown

        answer = self.answer
        if answer is None:
            return "", "", "", ""
        if form == "firecracker":
            return (
                firecracker_template(answer) if answer.changes else "",
                "baseline-template",
                "json",
                "Firecracker template",
            )
        if form == "qemu":
            return qemu_properties(answer), "baseline-qemu", "txt", "QEMU options"
        if form == "dump":
            return dump_json.write(baseline_dump(answer)).decode(), "baseline", "json", "dump"
        return baseline_markdown(answer), "baseline", "md", "Markdown"
