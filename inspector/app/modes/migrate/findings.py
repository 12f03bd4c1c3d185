"""The table of the Migrate screen: findings, or one line per kernel."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, ClassVar, Literal

from textual.binding import BindingType

from inspector.app.modes.migrate.check import Check
from inspector.app.modes.migrate.table import notable, table_columns, table_items
from inspector.app.modes.migrate.words import explanation_rows, verdict_row
from inspector.app.shell import keys
from inspector.app.shell.numbers import Base
from inspector.app.widgets.ink import Ink, Row, ink, row, wrap
from inspector.app.widgets.listing import Listing
from inspector.app.widgets.outlined import outline_rows
from inspector.reports.migration_outline import finding_outline

if TYPE_CHECKING:
    # The findings come first; what draws the steps and the other tables is loaded with the first of each.
    from inspector.checks.restore.result import Finding
    from inspector.checks.restore.stepping import Course, Met

Table = Literal["findings", "kernels", "pairs", "steps"]
HELP = (
    "Migrate restores the saved VM as the VMM would, on a model of the destination's KVM. The findings stand in the "
    "order of failure: what stops the load first is line 1. Registers that only one side has are grouped by the "
    "feature that brings them; enter opens a group, or makes the explanation taller. m lists what passes as well.\n"
    "s and d choose the two sides, p the destination's kernel, h the VMM, D swaps the sides. k shows one line per "
    "kernel: where could this VM go? K shows source kernel by destination kernel for this host, and what a machine "
    "type has to fix. f shows the ways out, and writes a copy that the destination accepts.\n"
    "t restores one register at a time, in the VMM's order, T up to the next refusal, a the rest; u and U step back "
    "and on, W lists the steps. w writes another value at the highlighted step: the model restores anew, so that what "
    "follows answers what was really written. esc leaves the steps and goes back to the saved values."
)


class Findings(Listing, inherit_bindings=False):
    """Shows what is known of a check; `k` belongs to the screen here, so that only the arrow moves up."""

    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings(keys.SHARED[keys.LISTS], without="k")]

    def __init__(self, check: Check) -> None:
        super().__init__(id="findings")
        self.check = check
        self.help_text = HELP
        self.table: Table = "findings"
        self.course: Course | None = None
        """the restore that is stepped"""
        self._done = -1
        """how far it had come when it was drawn last"""

    @property
    def key(self) -> str:
        """Key of the highlighted line; empty where there is none."""
        return self.current.key if self.current else ""

    def show_findings(self, cells: int, *, every: bool, opened: Collection[str], base: Base) -> None:
        """One line per finding; the highlight stays on its finding."""
        self.table = "findings"
        report = self.check.report
        several = report is not None and len(report.vcpus) > 1
        question = self.check.question
        items = table_items(
            self.check.found, cells, every=every, opened=opened, several=several, base=base,
            written=question.written if question is not None else frozenset(),
        )  # fmt: skip
        self.fill(items, cols=table_columns(cells))

    def mark_answers(self, ids: Collection[int]) -> None:
        """Mark the findings about registers that are answered otherwise since the last step of the kernel slider."""
        wanted = set(ids)
        entries = ((item.key, self.check.entry(item.key)[0]) for item in self.items)
        self.mark({key for key, entry in entries if entry is not None and not wanted.isdisjoint(entry.ids)})

    def show_steps(self, course: Course, cells: int) -> None:
        """One line per register of the VMM's list, the one that was written last highlighted."""
        from inspector.app.modes.migrate.steps import other_values, step_columns, step_items

        self.table, self.course = "steps", course
        report = self.check.report
        several = report is not None and len(report.vcpus) > 1
        items = step_items(course, cells, several=several, other=other_values(self.check.question))
        stay = len(items) == len(self.items) and course.done == self._done and self.key.startswith("met ")
        self._done = course.done
        self.fill(items, cursor=None if stay else max(course.done - 1, 0), cols=step_columns(cells))

    @property
    def met(self) -> Met | None:
        """The highlighted step."""
        return self.course.steps[self.cursor] if self.table == "steps" and self.course and self.course.steps else None

    def show_kernels(self, cells: int) -> None:
        """One line per kernel; at first the destination's own is highlighted."""
        from inspector.app.modes.migrate.kernel_rows import matrix_columns, matrix_items

        self.table = "kernels"
        matrix, report = self.check.matrix, self.check.report
        items = matrix_items(matrix, cells) if matrix else []
        own = report.kernel if report else ""
        known = any(item.key == self.key for item in items)
        self.fill(items, cursor=self.key if known else own, cols=matrix_columns(cells))

    def show_pairs(self, cells: int) -> None:
        """One line per source kernel, a column per destination kernel."""
        from inspector.app.modes.migrate.pair_rows import pair_columns, pair_items

        self.table = "pairs"
        pairs = self.check.pairs
        self.fill(pair_items(pairs) if pairs else [], cursor=self.key, cols=pair_columns(pairs, cells) if pairs else ())

    def step(self, step: int) -> bool:
        """To the next line that does not pass, or the next kernel with another verdict; False where there is none."""
        matrix = self.check.matrix
        verdicts = {one.kernel: one.verdict for one in matrix.rows} if matrix else {}
        for index in range(self.cursor + step, len(self.items) if step > 0 else -1, step):
            here, before = self.items[index], self.items[index - step]
            if self.table == "pairs":
                from inspector.app.modes.migrate.pair_rows import fails_somewhere

                found = self.check.pairs is not None and fails_somewhere(self.check.pairs, here.key)
            elif self.table == "steps":
                found = self.course is not None and self.course.steps[index].stops
            elif self.table == "kernels":
                found = verdicts.get(here.key) != verdicts.get(before.key)
            else:
                found = notable(here, self.check.found)
            if found:
                self.go(index)
                return True
        return False

    @property
    def finding(self) -> Finding | None:
        """What is known of the register of the highlighted line; None for a line about none, or about several."""
        if self.table == "steps":
            return self.met.finding if self.met is not None else None
        entry, _ = self.check.entry(self.key) if self.table == "findings" else (None, 0)
        return entry.finding if entry is not None else None

    def place(self) -> tuple[int, str] | None:
        """Register and field of the highlighted line; None for a line about none, or about several registers."""
        if self.table == "steps" and self.course is not None and self.current is not None:
            one = self.course.steps[self.cursor].finding
            names = [field.name for field in one.fields if not field.accepted]
            return one.id, names[0] if names else ""
        entry, number = self.check.entry(self.key) if self.table == "findings" else (None, 0)
        finding = entry.finding if entry is not None else None
        if finding is None:
            return None
        failing = [one.name for one in finding.fields if not one.accepted] or [one.name for one in finding.fields]
        return finding.id, failing[number] if number < len(failing) else ""

    def verdict(self) -> Row:
        """The sentence that answers what the table shows."""
        check = self.check
        if check.problem:
            return row(Ink("✖ ", "refused"), ink(check.problem))
        if self.table == "pairs":
            from inspector.app.modes.migrate.pair_rows import pairs_verdict

            return pairs_verdict(check.pairs) if check.pairs else self._doing("pairs", "asking every pair of kernels…")
        if self.table == "steps" and self.course is not None and check.question is not None:
            from inspector.app.modes.migrate.steps import state_row

            return state_row(self.course, check.question)
        if self.table == "kernels":
            from inspector.app.modes.migrate.kernel_rows import matrix_verdict

            return matrix_verdict(check.matrix) if check.matrix else self._doing("kernels", "asking every kernel…")
        return verdict_row(check.report) if check.report else self._doing("report", "checking…")

    def _doing(self, what: str, words: str) -> Row:
        """What is being asked; how far that has come where it takes long."""
        return row(ink(self.check.doing.get(what, words), "muted"))

    def explanation(self, cells: int) -> list[Row]:
        """Everything about the highlighted line."""
        check = self.check
        if self.table == "pairs":
            from inspector.app.modes.migrate.pair_rows import pair_words

            return pair_words(self.key, check.pairs, cells) if self.key and check.pairs else []
        if self.table == "kernels":
            from inspector.app.modes.migrate.kernel_rows import kernel_words

            kernel = check.kernel(self.key)
            return kernel_words(kernel, check.matrix, cells) if kernel and check.matrix else []
        if check.report is None:
            return []
        if self.table == "steps" and self.course is not None:
            return self._step_rows(self.course, cells)
        entry, place = check.entry(self.key)
        return explanation_rows(check.report, entry, place, cells)

    def _step_rows(self, course: Course, cells: int) -> list[Row]:
        """Everything about the highlighted step."""
        from inspector.app.modes.migrate.steps import instead_words

        met, question = self.met, self.check.question
        if met is None or question is None:
            return []
        typed = next(
            (one for one in question.instead if (one.vcpu, one.id) == (met.finding.vcpu, met.finding.id)), None
        )
        told = (
            row(Ink("* ", "raised"), ink(f"writes {instead_words(question, typed, self.check.secrets)}"))
            if typed
            else ()
        )
        head = wrap(told, cells) if told else []
        if met.number > course.done:
            said = (
                "Not written yet. t writes the next register, T goes to the next refusal, w writes another value here."
            )
            return [*head, *wrap(row(Ink(said)), cells)]
        lines = finding_outline(met.finding, (met.finding.vcpu,), saved="written" if typed else "saved")
        return [*head, *outline_rows(lines, cells)]
