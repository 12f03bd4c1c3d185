"""Migrate: would this saved VM load there, what stops it first, and what would make it load."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import is_
from typing import TYPE_CHECKING, ClassVar, TypeVar

import msgspec
from textual import on
from textual.binding import BindingType
from textual.events import Resize
from textual.timer import Timer
from textual.widget import Widget

from inspector.app.modes import migrate
from inspector.app.modes.migrate.check import Check
from inspector.app.modes.migrate.findings import Findings
from inspector.app.modes.migrate.question import (
    Question,
    destination_name,
    first_question,
    grounded,
    swapped,
)
from inspector.app.modes.migrate.slider import DestinationSlider
from inspector.app.modes.migrate.stepping import Stepping
from inspector.app.modes.migrate.table import score_row
from inspector.app.modes.migrate.words import fields_beside, summary_rows
from inspector.app.shell import keys
from inspector.app.shell.background import aside
from inspector.app.shell.frame import Frame
from inspector.app.shell.session import Change
from inspector.app.shell.view import short_name
from inspector.app.widgets.explained import Explained, side_cells
from inspector.app.widgets.ink import Ink, Row, row, wrap
from inspector.app.widgets.lines import Lines
from inspector.app.widgets.listing import Listing
from inspector.errors import InspectorError
from inspector.sources.dump import Dump

if TYPE_CHECKING:
    from inspector.checks.restore.stepping import Met

Answer = TypeVar("Answer")
REST = 0.4
"""Seconds without a further step of the kernel slider after which the ways out are worked out."""


class Migrate(Frame):
    """Both sides, the verdict, the findings or the kernels, and an explanation."""

    MODE = migrate.MODE
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings(keys.keys_of(migrate.MODE))]

    def __init__(self) -> None:
        super().__init__()
        self.check = Check(self._runs, self._changed)
        self._chosen = False
        self._dumps: list[Dump] = []
        self._place = -1
        self._every = self._kernels = self._pairs = False
        self._opened: set[str] = set()
        self._slider = DestinationSlider()
        self.stepping = Stepping(self.check)
        self._rest: Timer | None = None

    def _runs(
        self,
        work: Callable[[], Answer],
        done: Callable[[Answer], object],
        failed: Callable[[InspectorError], object],
        *,
        says: Callable[[str], object],
        wanted: Callable[[], bool],
        patience: float = 0.0,
    ) -> None:
        aside(self.app, work, done, failed, says=says, wanted=wanted, patience=patience)

    def body(self) -> Iterable[Widget]:
        """Summary, table, explanation."""
        yield Lines(id="summary")
        yield Lines(id="rule-top")
        yield Findings(self.check)
        yield Lines(id="rule-bottom")
        yield Explained()

    def on_mount(self) -> None:
        """The table has the keys."""
        self.set_focus(self.findings)

    @property
    def findings(self) -> Findings:
        """The table."""
        return self.query_one("#findings", Findings)

    @property
    def explained(self) -> Explained:
        """The pane below it."""
        return self.query_one(Explained)

    def refresh_from(self, change: Change) -> None:
        """Ask again when the dumps changed; else draw."""
        session = self.session
        self.check.secrets = session.secrets
        place, dumps = session.place.source, list(session.dumps)
        known = place == self._place and len(dumps) == len(self._dumps)
        if known and all(map(is_, dumps, self._dumps)):
            self._fill()
            self.lay_out()
            return
        again = known and all(
            one.provenance.source == old.provenance.source for one, old in zip(dumps, self._dumps, strict=True)
        )
        self._place, self._dumps = place, dumps
        if not again:
            self.stepping.leave()
        question = self.question
        if self._chosen and question is not None:
            there = question.destination
            renewed = msgspec.structs.replace(
                question, source=self.session.newest(question.source), destination=there and self.session.newest(there)
            )
            self._put(lambda: renewed, again=again)
        else:
            vmm = self.program.settings.vmm
            self._put(lambda: first_question(dumps, place, vmm), again=again)

    def _put(self, make: Callable[[], Question | None], *, again: bool = False) -> None:
        """Ask what `make` gives, with the simulated writes on the source's side alone."""
        session = self.session
        counts = [session.tried.writes_to(one.provenance.source) for one in session.loaded]
        pairs = list(zip(session.dumps, session.loaded, counts, strict=True))
        instead = self.stepping.instead
        if not again:
            self.findings.fill(())  # another table: the highlight begins at its top

        def asked() -> Question | None:
            question = grounded(make(), pairs)
            return question and msgspec.structs.replace(question, instead=instead)

        self.check.ask(asked, kernels=self._kernels, again=again)

    def choose(self, question: Question) -> None:
        """Ask what the user put together."""
        self._chosen = True
        self.check.brief = False
        self._slider.forget()
        self.stepping.leave()
        self._put(lambda: question)

    @property
    def has_slider(self) -> bool:
        """True after the first step to another kernel."""
        return bool(self._slider.wanted) or self._slider.step is not None

    def slider_row(self, cells: int) -> Row:
        """What the last step of the destination's kernel changed."""
        return self._slider.row(cells)

    def action_kernel_step(self, step: int) -> None:
        """The destination's next or previous kernel; while a key is held, checks that nobody would see are left out."""
        if self.check.report is None:
            return  # the first check is under way, or there is nothing to check: the screen says so
        if problem := self._slider.go(step, self.check.report):
            self.notify(problem, markup=False)
            return
        self.check.brief = True
        self.draw_slider()
        self._slide()
        if self._rest is not None:
            self._rest.stop()
        self._rest = self.set_timer(REST, self._rested)

    def _slide(self) -> None:
        if (wanted := self._slider.next(self.check)) is not None:
            self._chosen = True
            self.stepping.leave()
            asked = msgspec.structs.replace(wanted, instead=())
            self.check.ask(lambda: asked, kernels=self._kernels, again=True)

    def _rested(self) -> None:
        """No further step: now the ways out."""
        if self._slider.wanted and not self.check.problem:
            self._rest = self.set_timer(REST, self._rested)
        else:
            self.check.ask_ways_out()

    @property
    def question(self) -> Question | None:
        """What is asked."""
        return self.check.question

    @property
    def finding_out(self) -> bool:
        """What is asked is not known yet: a key typed meanwhile waits, since it is about the question."""
        return self.question is None and not self.check.problem

    @property
    def complete(self) -> bool:
        """Everything that was asked has been answered."""
        return self.check.complete

    def _changed(self) -> None:
        """More is known."""
        if self._pairs and self.check.pairs is None and not self.check.problem:
            self.check.ask_pairs()
        if self.is_mounted:
            self._slide()
            self._draw()
        elif self.complete:
            # The answer came while the screen is being made: nothing else would draw it.
            self._fill()
            self.lay_out()

    def _draw(self) -> None:
        self._fill()
        self.lay_out()
        self.draw_bars()

    def _fill(self) -> None:
        """The table."""
        cells = self.app.size.width - self.side_cells - 2
        if self._pairs or self._kernels:
            self.findings.mark(())
        if self._pairs:
            self.findings.show_pairs(cells)
        elif self._kernels:
            self.findings.show_kernels(cells)
        elif (course := self.stepping.course) is not None:
            self.findings.mark(())
            self.findings.show_steps(course, cells)
            self._follow()
        else:
            self.findings.show_findings(cells, every=self._every, opened=self._opened, base=self.session.base)
            self.findings.mark_answers(self._slider.step.ids if self._slider.step is not None else ())
            self._follow()

    @property
    def _of_kernels(self) -> bool:
        """True while kernels of the source's own machine are on screen; the destination is another question then."""
        return self._kernels or self._pairs

    @property
    def _steps(self) -> bool:
        """True while the steps of a restore are on screen."""
        return not self._kernels and not self._pairs and self.stepping.course is not None

    def action_restore(self, how: str) -> None:
        """Restore on: one register, up to the next refusal, or to the end of the VMM's list."""
        if self._waits():
            return
        from inspector.checks.restore.stepping import course_of

        if self.check.report is None or not course_of(self.check.report).steps:
            self.notify("There is nothing to restore register by register", markup=False)
            return
        self._kernels = self._pairs = False
        self.stepping.begin()
        self._move(how)

    def _waits(self) -> bool:
        """Say so where the answer that a key is about has not come yet."""
        waits = self.check.report is None and not self.check.problem
        if waits:
            self.notify("The check is still under way", markup=False)
        return waits

    def _move(self, how: str) -> None:
        if problem := self.stepping.move(how):
            self.notify(problem[:1].upper() + problem[1:], markup=False)
        self._draw()
        self._ask_instead()

    def _ask_instead(self) -> None:
        """Let the model restore anew what is written by now."""
        question = self.question
        if question is not None and question.instead != self.stepping.instead:
            self._put(lambda: question, again=True)

    def action_value(self) -> None:
        """Another value at the highlighted step."""
        met = self.findings.met if self._steps else None
        if met is None:
            self.notify("Nothing is stepped: t restores one register, w then writes another value", markup=False)
        elif met.finding.kind == "only_in_source":
            self.notify("The destination does not list this register: it takes no value of it", markup=False)
        else:
            from inspector.app.modes.migrate.step_value import StepValue

            self.program.open_dialog(StepValue(met, lambda value: self._write(met, value)))

    def _write(self, met: Met, value: int) -> None:
        """Write `value` at a step, and ask what follows from it."""
        self.stepping.write(met.finding.vcpu, met.finding.id, value)
        self._ask_instead()

    def show_log(self) -> bool:
        """The steps that were made, while a restore is stepped."""
        if self._steps:
            from inspector.app.modes.migrate.step_log import StepLog

            self.program.open_dialog(StepLog(self.stepping, self._move, self.report))
        return self._steps

    def go_back(self, undo: bool) -> bool:
        """A step of the restore back, or on again."""
        if self._steps:
            self._move("back" if undo else "redo")
        return self._steps

    def lay_out(self) -> None:
        """Share the height between summary, table and explanation."""
        if self.tiny:
            return
        side = self.side_cells
        cells = self.app.size.width - side
        summary = self._summary(cells)
        self.fill("#summary", summary)
        self.query_one("#rule-top").display = not self.narrow
        line = (Ink("─" * cells, "reserved"),)
        self.query_one("#rule-top", Lines).show([line])
        self.query_one("#rule-bottom").display = not side
        if side:
            words = self.findings.explanation(side - 3) + self._fields(side - 3)
            self.explained.beside(words, side, self.app.size.height - 2)
            return
        self.explained.below()
        self.query_one("#rule-bottom", Lines).show([line])
        room = self.body_height - len(summary) - (1 if self.narrow else 2)
        self.explained.explain(
            self.findings.explanation(cells - 2),
            cells,
            room=room,
            table=self.findings.count(),
            least=self.explained_least,
        )

    @property
    def side_cells(self) -> int:
        """The explanation stands beside the table where there is room."""
        return side_cells(self.app.size.width)

    def _fields(self, cells: int) -> list[Row]:
        """Every field of the highlighted register, as saved and as the destination has it."""
        finding = self.findings.finding
        return fields_beside(finding, cells, self.session.base) if finding is not None else []

    def _summary(self, cells: int) -> list[Row]:
        verdict = self.findings.verdict()
        if self.narrow or self.question is None:
            lines = wrap(row(Ink(" "), *verdict), cells - 1, indent=3)
            return lines[: 2 if self.check.report or self._kernels or self._pairs else 4]
        rows = summary_rows(
            self.question, self.check.report, verdict, cells - 2, assumed=not self._chosen, kernels=self._of_kernels
        )
        return [(Ink(" "), *one) for one in rows]

    @on(Listing.Moved, "#findings")
    def _moved(self) -> None:
        self._follow()
        self.lay_out()

    def _follow(self) -> None:
        """The session goes along, so that Browse and Write open on the highlighted register and field."""
        if (place := self.findings.place()) is not None:
            self.session.follow(*place)

    @on(Listing.Chosen, "#findings")
    def _enter(self, event: Listing.Chosen) -> None:
        if self._pairs:
            self.explained.enlarged = not self.explained.enlarged
            self.lay_out()
        elif self._kernels and self.question is not None:
            self._kernels = False
            self.choose(msgspec.structs.replace(self.question, destination=None, kernel=event.item.key))
        elif event.item.key == "folded":
            self.action_every()
        elif not self._toggle(event.item.key):
            self.explained.enlarged = not self.explained.enlarged
            self.lay_out()

    @on(Listing.Folded, "#findings")
    def _space(self, event: Listing.Folded) -> None:
        self._toggle(event.item.key)

    def _toggle(self, key: str) -> bool:
        """Open or close a group; False for a line that is none."""
        if self._kernels or self._pairs or self._steps or self.check.group(key) is None:
            return False
        self._opened ^= {key}
        self._draw()
        return True

    def where(self) -> Sequence[str]:
        """Who goes where."""
        if self.question is None:
            return super().where()
        question = self.question
        there = "same host" if self._of_kernels else destination_name(question, short=True)
        return (short_name(question.source), there if self.narrow else "")

    def score(self) -> Row:
        """Refused, not kept, kept; when narrow also the VMM, which has no line of its own there."""
        if self.check.report is None:
            return ()
        score = () if self._of_kernels else score_row(self.check.found)
        return (
            (*score, Ink(f"  {self.check.report.vmm}", "muted")) if self.app.size.width >= 76 and self.narrow else score
        )

    def footer_words(self) -> Mapping[str, str]:
        """What the keys would do now."""
        fails = self.check.report is not None and self.check.report.verdict == "fails"
        if self.question is None and self.check.problem:
            return dict.fromkeys(("migrate.next", "migrate.kernels", "migrate.destination", "copy.line"), "") | {
                "migrate.fix": "", "migrate.step": "", "migrate.value": "", "migrate.run": "", "migrate.finish": "",
            }  # fmt: skip
        if self._steps:
            others = ("next", "fix", "kernels", "source", "destination", "finish")
            left_out = (*(f"migrate.{one}" for one in others), "copy.line")
            return {**dict.fromkeys((*left_out, "open", "quit"), ""), "writes.log": "Log", "back": "Findings"}
        return {
            "migrate.kernels": "Findings" if self._kernels and not self._pairs else "Kernels",
            "migrate.every": "Only failing" if self._every else "All",
            "migrate.fix": "Fix" if fails else "",
            "migrate.value": "",
        }

    def action_next_finding(self) -> None:
        """The next line that does not pass; in the matrix the next kernel with another verdict."""
        self._step(1)

    def action_previous_finding(self) -> None:
        """The previous one."""
        self._step(-1)

    def _step(self, step: int) -> None:
        if not self.findings.step(step):
            self.notify("No further finding in this direction", markup=False)

    def action_every(self) -> None:
        """Passing rows as well, or only what fails or changes."""
        if not self._kernels and not self._pairs:
            self._every = not self._every
            self._draw()

    def action_kernels(self) -> None:
        """One line per kernel, or the findings again."""
        self._kernels, self._pairs = not self._kernels or self._pairs, False
        if self._kernels:
            self.check.ask_kernels()
        self._draw()

    def action_pairs(self) -> None:
        """Source kernel by destination kernel, or the findings again."""
        self._pairs, self._kernels = not self._pairs, False
        if self._pairs:
            self.check.ask_pairs()
        self._draw()

    def action_source(self) -> None:
        """Choose the saved VM."""
        from inspector.app.modes.migrate.sides import ChooseSource

        self.program.open_dialog(ChooseSource(self.question, self.choose))

    def action_destination(self) -> None:
        """Choose where it is restored."""
        if self.question is None:
            self.action_source()
            return
        from inspector.app.modes.migrate.sides import ChooseDestination

        self.program.open_dialog(ChooseDestination(self.question, self.choose))

    def action_kernel(self) -> None:
        """Choose the destination's kernel and vCPU features."""
        if self.question is not None:
            from inspector.app.dialogs.policy import PolicyChooser
            from inspector.app.modes.migrate.sides import kernel_of

            self.program.open_dialog(PolicyChooser(kernel_of(self.question, self.choose)))

    def action_vmm(self) -> None:
        """The next VMM."""
        if self.question is not None:
            self.choose(msgspec.structs.replace(self.question, vmm=self.question.next_vmm))
            if self.narrow:
                # Wide, it has a line of its own.
                self.notify(f"Asked by the restore rule of {self.question.rule.title}", markup=False)

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
        if self._waits() or self.check.whole is None or self.question is None:
            return
        if self.check.whole.verdict == "loads":
            self.notify("It loads as it is: there is nothing to fix", markup=False)
            return
        from inspector.app.modes.migrate.fix import Fix

        self.program.open_dialog(Fix(self.question, self.check.whole, self.choose))

    def action_back(self) -> None:
        """From the kernels to the findings, shrink the explanation, or give a maximised pane back."""
        if self.maximized is None and self._pairs:
            self.action_pairs()
        elif self.maximized is None and self._kernels:
            self.action_kernels()
        elif self.maximized is None and self.explained.enlarged:
            self.explained.enlarged = False
            self.lay_out()
        elif self.maximized is None and self._steps:
            self.stepping.leave()
            self._draw()
            self._ask_instead()
        else:
            super().action_back()

    def on_resize(self, event: Resize) -> None:
        """The columns follow the width."""
        known = (self.check.report, self.check.matrix, self.check.pairs)
        if self._fitted != self.app.size and any(one is not None for one in known):
            self._fill()

    def report(self) -> str:
        """The check, or the matrix, in Markdown."""
        from inspector.reports import kernel_matrix, matrix
        from inspector.reports import migration as reports

        if self._pairs:
            return matrix.matrix_markdown(self.check.pairs) if self.check.pairs else ""
        if self._kernels:
            return kernel_matrix.matrix_markdown(self.check.matrix) if self.check.matrix else ""
        course, question = self.stepping.course, self.question
        if course is not None and question is not None and self.check.report is not None:
            from inspector.app.modes.migrate.steps import log_text

            return log_text(course, question, self.check.report, secrets=self.check.secrets)
        return reports.migration_markdown(self.check.report, self._every) if self.check.report else ""

    def report_name(self) -> str:
        """Stem of the exported file."""
        name = short_name(self.question.source) if self.question else "vm"
        return f"{'matrix' if self._pairs else 'kernels' if self._kernels else 'migrate'}-{name}"
