"""Migrate: would this saved VM load there, what stops it first, and what would make it load."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import ClassVar, TypeVar

from textual import on
from textual.binding import BindingType
from textual.events import Resize
from textual.widget import Widget

from inspector.app import keys
from inspector.app.background import aside
from inspector.app.check import Check
from inspector.app.kernel_rows import kernel_words, matrix_columns, matrix_items, matrix_verdict
from inspector.app.restore import Question, destination_name, first_question, short_name, swapped
from inspector.app.restore_table import notable, score_row, table_columns, table_items
from inspector.app.restore_words import explanation_rows, shortened, summary_rows, verdict_row
from inspector.app.screens.frame import Frame
from inspector.app.session import Change
from inspector.app.widgets.ink import Ink, Row, ink, row, wrap
from inspector.app.widgets.lines import Lines
from inspector.app.widgets.listing import Listing
from inspector.errors import InspectorError
from inspector.sources.dump import Dump

HELP = (
    "Migrate restores the saved VM as the VMM would, on a model of the destination's KVM. The findings stand in the "
    "order of failure: what stops the load first is line 1. Registers that only one side has are grouped by the "
    "feature that brings them; enter opens a group, or makes the explanation taller. m lists what passes as well.\n"
    "s and d choose the two sides, p the destination's kernel, h the VMM, D swaps the sides. k shows one line per "
    "kernel: where could this VM go? f shows the ways out, and writes a copy that the destination accepts."
)
Answer = TypeVar("Answer")


class Findings(Listing, inherit_bindings=False):
    """The table; `k` belongs to the screen here, so that only the arrow moves up."""

    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings(keys.LISTS, without="k")]


class Migrate(Frame):
    """Both sides, the verdict, the findings or the kernels, and an explanation."""

    MODE = "migrate"
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("migrate")]

    def __init__(self) -> None:
        super().__init__()
        self.check = Check(self._runs, self._changed)
        self._chosen = False
        self._dumps: tuple[int, ...] = ()
        self._every = self._kernels = self._explained = False
        self._opened: set[str] = set()

    def _runs(
        self, work: Callable[[], Answer], done: Callable[[Answer], object], failed: Callable[[InspectorError], object]
    ) -> None:
        aside(self.app, work, done, failed)

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
            self.check.ask(
                lambda: question._replace(source=self._now(question.source), destination=there and self._now(there))
            )
        else:
            present, loaded = session.place.source, tuple(session.dumps)
            self.check.ask(lambda: first_question(loaded, present))

    def _now(self, dump: Dump) -> Dump:
        """The dump as it was read last, where it is a loaded one."""
        source = dump.provenance.source
        return next((one for one in self.session.dumps if one.provenance.source == source), dump)

    def choose(self, question: Question) -> None:
        """Ask what the user put together."""
        self._chosen = True
        self.check.ask(lambda: question, kernels=self._kernels)

    @property
    def question(self) -> Question | None:
        """What is asked."""
        return self.check.question

    @property
    def complete(self) -> bool:
        """Everything that was asked has been answered."""
        return self.check.complete

    def _changed(self) -> None:
        """More is known."""
        if self.is_mounted:
            self._draw()

    def _draw(self) -> None:
        self._fill()
        self.lay_out()
        self.draw_bars()

    def _verdict(self) -> Row:
        if self.check.problem:
            return row(Ink("✖ ", "refused"), ink(self.check.problem))
        if self._kernels:
            return matrix_verdict(self.check.matrix) if self.check.matrix else row(Ink("asking every kernel…", "muted"))
        return verdict_row(self.check.report) if self.check.report else row(Ink("checking…", "muted"))

    def _fill(self) -> None:
        """The table."""
        findings, cells = self.query_one("#findings", Findings), self.app.size.width - 2
        if self._kernels:
            items = matrix_items(self.check.matrix, cells) if self.check.matrix else []
            kernel = self.check.report.kernel if self.check.report else ""
            known = findings.current.key if findings.current else None
            wanted = known if any(item.key == known for item in items) else kernel
            findings.fill(items, cursor=wanted, cols=matrix_columns(cells))
            return
        several = self.check.report is not None and len(self.check.report.vcpus) > 1
        shown = table_items(
            self.check.found, cells, every=self._every, opened=self._opened, several=several, base=self.session.base
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
        room = self.body_height - len(summary) - (1 if self.narrow else 2)
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
            return lines[: 2 if self.check.report or self._kernels else 4]
        rows = summary_rows(self.question, self.check.report, verdict, cells - 2)
        return [(Ink(" "), *one) for one in rows]

    def _key(self) -> str:
        item = self.query_one("#findings", Listing).current
        return item.key if item else ""

    def _explanation(self, cells: int) -> list[Row]:
        if self._kernels:
            kernel = self.check.kernel(self._key())
            return kernel_words(kernel, self.check.matrix, cells) if kernel and self.check.matrix else []
        if self.check.report is None:
            return []
        entry, place = self.check.entry(self._key())
        return explanation_rows(self.check.report, entry, place, cells)

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
        if self._kernels or self.check.group(key) is None:
            return False
        self._opened ^= {key}
        self._draw()
        return True

    def where(self) -> Sequence[str]:
        """Who goes where."""
        if self.question is None:
            return super().where()
        question = self.question
        return (short_name(question.source), destination_name(question, short=True) if self.narrow else "")

    def score(self) -> Row:
        """Refused, not kept, kept; when narrow also the VMM, which has no line of its own there."""
        if self.check.report is None:
            return ()
        score = score_row(self.check.report, self.check.found)
        return (
            (*score, Ink(f"  {self.check.report.vmm}", "muted")) if self.app.size.width >= 76 and self.narrow else score
        )

    def footer_words(self) -> Mapping[str, str]:
        """What the keys would do now."""
        fails = self.check.report is not None and self.check.report.verdict == "fails"
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
                verdicts = {one.kernel: one.verdict for one in self.check.matrix.rows} if self.check.matrix else {}
                found = verdicts.get(items[index].key) != verdicts.get(items[index - step].key)
            else:
                found = notable(items[index], self.check.found)
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
            self.check.ask_kernels()
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
        if self.check.report is None or self.question is None:
            return
        if self.check.report.verdict == "loads":
            self.notify("It loads as it is: there is nothing to fix", markup=False)
            return
        from inspector.app.screens.fix import Fix

        self.app.push_screen(Fix(self.question, self.check.report))

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
        if self.check.report is not None or self.check.matrix is not None:
            self._fill()

    def report(self) -> str:
        """The check, or the matrix, in Markdown."""
        from inspector.reports import migration as reports

        if self._kernels:
            return reports.matrix_markdown(self.check.matrix) if self.check.matrix else ""
        return reports.migration_markdown(self.check.report, self._every) if self.check.report else ""

    def report_name(self) -> str:
        """Stem of the exported file."""
        name = short_name(self.question.source) if self.question else "vm"
        return f"{'kernels' if self._kernels else 'migrate'}-{name}"
