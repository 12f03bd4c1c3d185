"""Migrate: would this saved VM load there, what stops it first, and what would make it load."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.events import Resize
from textual.widget import Widget

from inspector.app import keys
from inspector.app.background import aside
from inspector.app.kernel_rows import kernel_words, matrix_columns, matrix_items, matrix_verdict
from inspector.app.restore import Question, ask, ask_all_kernels, destination_name, first_question, short_name, swapped
from inspector.app.restore_entries import Entry, entries
from inspector.app.restore_table import notable, score_row, table_columns, table_items
from inspector.app.restore_words import explanation_rows, shortened, summary_rows, verdict_row
from inspector.app.screens.frame import Frame
from inspector.app.session import Change
from inspector.app.widgets.ink import Ink, Row, ink, row, wrap
from inspector.app.widgets.lines import Lines
from inspector.app.widgets.listing import Listing
from inspector.checks.findings import KernelMatrix, KernelRow, MigrationReport
from inspector.errors import InspectorError
from inspector.sources.dump import Dump

HELP = (
    "Migrate restores the saved VM as the VMM would, on a model of the destination's KVM. The findings stand in the "
    "order of failure: what stops the load first is line 1. Registers that only one side has are grouped by the "
    "feature that brings them; enter opens a group, or makes the explanation taller. m lists what passes as well.\n"
    "s and d choose the two sides, p the destination's kernel, h the VMM, D swaps the sides. k shows one line per "
    "kernel: where could this VM go? f shows the ways out, and writes a copy that the destination accepts."
)
NOTHING = "no loaded dump holds a vCPU that could be restored: s chooses a saved VM"


class Findings(Listing, inherit_bindings=False):
    """The table; `k` belongs to the screen here, so that only the arrow moves up."""

    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings(keys.LISTS, without="k")]


class Migrate(Frame):
    """Both sides, the verdict, the findings or the kernels, and an explanation."""

    MODE = "migrate"
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("migrate")]

    def __init__(self) -> None:
        super().__init__()
        self.question: Question | None = None
        self.report_shown: MigrationReport | None = None
        self.matrix: KernelMatrix | None = None
        self._found: list[Entry] = []
        self._chosen = False
        self._dumps: tuple[int, ...] = ()
        self._asked = 0
        self._problem = ""
        self._every = self._kernels = self._explained = False
        self._opened: set[str] = set()
        self.complete = False
        """everything that was asked has been answered"""

    def body(self) -> Iterable[Widget]:
        """Summary, table, explanation."""
        findings = Findings(id="findings")
        findings.help_text = HELP
        yield Lines(id="summary")
        yield Lines(id="rule-top")
        yield findings
        yield Lines(id="rule-bottom")
        yield Lines(id="explanation")

    def on_mount(self) -> None:
        """The table has the keys."""
        self.query_one("#findings", Listing).focus()

    def refresh_from(self, change: Change) -> None:
        """Ask again when the dumps changed; else draw."""
        session = self.session
        dumps = (session.place.source, *map(id, session.dumps))
        if dumps == self._dumps:
            self._fill()
            self.lay_out()
            return
        self._dumps = dumps
        question = self.question
        if self._chosen and question is not None:
            there = question.destination
            self._ask(
                lambda: question._replace(source=self._now(question.source), destination=there and self._now(there))
            )
        else:
            present, loaded = session.place.source, tuple(session.dumps)
            self._ask(lambda: first_question(loaded, present))

    def _now(self, dump: Dump) -> Dump:
        """The dump as it was read last, where it is a loaded one."""
        source = dump.provenance.source
        return next((one for one in self.session.dumps if one.provenance.source == source), dump)

    def choose(self, question: Question) -> None:
        """Ask what the user put together."""
        self._chosen = True
        self._ask(lambda: question)

    def _ask(self, make: Callable[[], Question | None]) -> None:
        """Put the question and answer it beside the screen; the ways out, which take longer, come second."""
        self._asked += 1
        number = self._asked
        self.report_shown = self.matrix = None
        self._found, self._problem, self.complete = [], "", False

        def put() -> Question | None:
            return make()

        def answer(question: Question | None) -> None:
            if number != self._asked or not self.is_mounted:
                return
            self.question = question
            if question is None:
                self._failed(number, InspectorError(NOTHING))
                return
            self._draw()
            aside(self.app, lambda: ask(question, ways_out=False), lambda one: self._first(number, one), failed)
            if self._kernels:
                self._ask_kernels()

        def failed(error: InspectorError) -> None:
            self._failed(number, error)

        aside(self.app, put, answer, failed)
        self._draw()

    def _first(self, number: int, report: MigrationReport) -> None:
        """The findings are known; now the ways out."""
        question = self.question
        if number != self._asked or question is None or not self.is_mounted:
            return
        self._show(report)
        if report.verdict == "loads":
            self.complete = True
            return
        aside(
            self.app,
            lambda: ask(question),
            lambda one: self._second(number, one),
            lambda one: self._failed(number, one),
        )

    def _second(self, number: int, report: MigrationReport) -> None:
        if number == self._asked and self.is_mounted:
            self._show(report)
            self.complete = True

    def _failed(self, number: int, error: InspectorError) -> None:
        if number == self._asked and self.is_mounted:
            self._problem, self.complete = str(error), True
            self._draw()

    def _show(self, report: MigrationReport) -> None:
        self.report_shown, self._found = report, entries(report)
        self._draw()

    def _ask_kernels(self) -> None:
        """Fill the kernel matrix beside the screen."""
        question, number = self.question, self._asked
        if question is None or self.matrix is not None:
            return
        self.complete = False

        def done(matrix: KernelMatrix) -> None:
            if number == self._asked and self.is_mounted:
                self.matrix, self.complete = matrix, True
                self._draw()

        aside(self.app, lambda: ask_all_kernels(question), done, lambda error: self._failed(number, error))

    def _draw(self) -> None:
        self._fill()
        self.lay_out()
        self.draw_bars()

    def _verdict(self) -> Row:
        if self._problem:
            return row(Ink("✖ ", "refused"), ink(self._problem))
        if self._kernels:
            return matrix_verdict(self.matrix) if self.matrix else row(Ink("asking every kernel…", "muted"))
        return verdict_row(self.report_shown) if self.report_shown else row(Ink("checking…", "muted"))

    def _fill(self) -> None:
        """The table."""
        findings, cells = self.query_one("#findings", Findings), self.app.size.width - 2
        if self._kernels:
            items = matrix_items(self.matrix, cells) if self.matrix else []
            kernel = self.report_shown.kernel if self.report_shown else ""
            known = findings.current.key if findings.current else None
            wanted = known if any(item.key == known for item in items) else kernel
            findings.fill(items, cursor=wanted, cols=matrix_columns(cells))
            return
        several = self.report_shown is not None and len(self.report_shown.vcpus) > 1
        shown = table_items(
            self._found, cells, every=self._every, opened=self._opened, several=several, base=self.session.base
        )
        findings.fill(shown, cols=table_columns(cells))

    def lay_out(self) -> None:
        """Share the height between summary, table and explanation."""
        if self.tiny:
            return
        cells, height = self.app.size.width, self.app.size.height
        summary = self._summary(cells)
        self._set("#summary", summary)
        self.query_one("#rule-top").display = not self.narrow
        line = (Ink("─" * cells, "reserved"),)
        self.query_one("#rule-top", Lines).show([line])
        self.query_one("#rule-bottom", Lines).show([line])
        room = height - 2 - len(summary) - (1 if self.narrow else 2)
        need = self.query_one("#findings", Listing).count()
        least = 3 if height < 20 else 4 if self.narrow else 6
        pane = max(least, min(room - need, 14))
        said = self._explanation(cells - 2)
        if self._explained:
            pane = max(pane, min(room - 4, len(said)))
        self._set("#explanation", [(Ink(" "), *one) for one in shortened(said, pane, cells - 2)], pane)

    def _set(self, selector: str, rows: Sequence[Row], height: int = 0) -> None:
        widget = self.query_one(selector, Lines)
        widget.show(rows)
        wanted = height or len(rows)
        if widget.styles.height is None or widget.styles.height.value != wanted:
            widget.styles.height = wanted

    def _summary(self, cells: int) -> list[Row]:
        verdict = self._verdict()
        if self.narrow or self.question is None:
            lines = wrap(row(Ink(" "), *verdict), cells - 1, indent=3)
            return lines[: 2 if self.report_shown or self._kernels else 4]
        rows = summary_rows(self.question, self.report_shown, verdict, cells - 2)
        return [(Ink(" "), *one) for one in rows]

    def _entry(self) -> tuple[Entry | None, int]:
        """The highlighted entry, and which of its failing fields."""
        item = self.query_one("#findings", Listing).current
        key, _, place = item.key.partition(" field ") if item else ("", "", "")
        entry = next((one for one in self._found if one.key == key), None)
        if entry is None:
            group = next((one for one in self._found if one.group is not None and key.startswith(f"{one.key} ")), None)
            entry = group and self._member(group, key)
        return entry, int(place or 0)

    def _member(self, group: Entry, key: str) -> Entry | None:
        from inspector.app.restore_entries import member

        return member(group, int(key.rpartition(" ")[2], 16))

    def _kernel(self) -> KernelRow | None:
        item = self.query_one("#findings", Listing).current
        rows = self.matrix.rows if self.matrix and item else ()
        return next((one for one in rows if item and one.kernel == item.key), None)

    def _explanation(self, cells: int) -> list[Row]:
        if self._kernels:
            kernel = self._kernel()
            return kernel_words(kernel, self.matrix, cells) if kernel and self.matrix else []
        if self.report_shown is None:
            return []
        entry, place = self._entry()
        return explanation_rows(self.report_shown, entry, place, cells)

    @on(Listing.Moved, "#findings")
    def _moved(self) -> None:
        self.lay_out()

    @on(Listing.Chosen, "#findings")
    def _enter(self, event: Listing.Chosen) -> None:
        if self._kernels and self.question is not None:
            self._kernels = False
            self.choose(self.question._replace(destination=None, kernel=event.item.key))
        elif event.item.key == "folded":
            self.action_every()
        elif not self._toggle(event.item.key):
            self._explained = not self._explained
            self.lay_out()

    @on(Listing.Folded, "#findings")
    def _space(self, event: Listing.Folded) -> None:
        self._toggle(event.item.key)

    def _toggle(self, key: str) -> bool:
        """Open or close a group; False for a line that is none."""
        group = next((one for one in self._found if one.group is not None and one.key == key), None)
        if group is None or self._kernels:
            return False
        self._opened ^= {key}
        self._draw()
        return True

    def where(self) -> Sequence[str]:
        """Who goes where."""
        if self.question is None:
            return super().where()
        question = self.question
        return (short_name(question.source), destination_name(question, self.report_shown) if self.narrow else "")

    def score(self) -> Row:
        """Refused, not kept, kept; when narrow also the VMM, which has no line of its own there."""
        if self.report_shown is None:
            return ()
        score = score_row(self.report_shown, self._found)
        return (
            (*score, Ink(f"  {self.report_shown.vmm}", "muted")) if self.app.size.width >= 76 and self.narrow else score
        )

    def footer_words(self) -> Mapping[str, str]:
        """What the keys would do now."""
        fails = self.report_shown is not None and self.report_shown.verdict == "fails"
        return {
            "migrate.kernels": "Findings" if self._kernels else "Kernels",
            "migrate.every": "Only failing" if self._every else "All",
            "migrate.fix": "Fix" if fails else "",
        }

    def action_next_finding(self) -> None:
        """The next line that does not pass; in the matrix the next kernel with another verdict."""
        self._step(1)

    def action_previous_finding(self) -> None:
        """The previous one."""
        self._step(-1)

    def _step(self, step: int) -> None:
        findings = self.query_one("#findings", Listing)
        items = findings.items
        for index in range(findings.cursor + step, len(items) if step > 0 else -1, step):
            if self._kernels:
                verdicts = {one.kernel: one.verdict for one in self.matrix.rows} if self.matrix else {}
                found = verdicts.get(items[index].key) != verdicts.get(items[index - step].key)
            else:
                found = notable(items[index], self._found)
            if found:
                findings.go(index)
                return
        self.notify("No further finding in this direction", markup=False)

    def action_every(self) -> None:
        """Passing rows as well, or only what fails or changes."""
        if not self._kernels:
            self._every = not self._every
            self._draw()

    def action_kernels(self) -> None:
        """One line per kernel, or the findings again."""
        self._kernels = not self._kernels
        if self._kernels:
            self._ask_kernels()
        self._draw()

    def action_source(self) -> None:
        """Choose the saved VM."""
        from inspector.app.screens.sides import ChooseSource

        self.app.push_screen(ChooseSource(self))

    def action_destination(self) -> None:
        """Choose where it is restored."""
        if self.question is None:
            self.action_source()
            return
        from inspector.app.screens.sides import ChooseDestination

        self.app.push_screen(ChooseDestination(self))

    def action_kernel(self) -> None:
        """Choose the destination's kernel and vCPU features."""
        if self.question is not None:
            from inspector.app.screens.sides import ChooseKernel

            self.app.push_screen(ChooseKernel(self))

    def action_vmm(self) -> None:
        """The next VMM."""
        if self.question is not None:
            self.choose(self.question._replace(vmm=self.question.next_vmm))

    def action_swap(self) -> None:
        """Exchange source and destination."""
        question = self.question
        if question is None:
            return
        try:
            self.choose(swapped(question))
        except InspectorError as error:
            self.notify(str(error), markup=False)

    def action_fix(self) -> None:
        """The ways out, and a copy that the destination accepts."""
        if self.report_shown is None or self.question is None:
            return
        if self.report_shown.verdict == "loads":
            self.notify("It loads as it is: there is nothing to fix", markup=False)
            return
        from inspector.app.screens.fix import Fix

        self.app.push_screen(Fix(self.question, self.report_shown))

    def action_back(self) -> None:
        """From the kernels to the findings, shrink the explanation, or give a maximised pane back."""
        if self.maximized is None and self._kernels:
            self.action_kernels()
        elif self.maximized is None and self._explained:
            self._explained = False
            self.lay_out()
        else:
            super().action_back()

    def on_resize(self, event: Resize) -> None:
        """The columns follow the width."""
        if self.report_shown is not None or self.matrix is not None:
            self._fill()

    def report(self) -> str:
        """The check, or the matrix, in Markdown."""
        from inspector.reports import migration as reports

        if self._kernels:
            return reports.matrix_markdown(self.matrix) if self.matrix else ""
        return reports.migration_markdown(self.report_shown, self._every) if self.report_shown else ""

    def report_name(self) -> str:
        """Stem of the exported file."""
        name = short_name(self.question.source) if self.question else "vm"
        return f"{'kernels' if self._kernels else 'migrate'}-{name}"
