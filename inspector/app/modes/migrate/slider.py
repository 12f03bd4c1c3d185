"""The kernel slider of the Migrate screen: it steps through the kernels of the destination."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from inspector.app.modes.migrate.check import Check
from inspector.app.modes.migrate.question import Question
from inspector.app.widgets.ink import Ink, Row, clip, ink
from inspector.checks.restore.result import MigrationReport
from inspector.policies.loader import place_of
from inspector.policies.points import all_names
from inspector.policies.release import choose

if TYPE_CHECKING:
    from inspector.checks.restore.answers_step import AnswersStep


class DestinationSlider:
    """The kernel that is wanted, and what the last step to one changed; a check under way is waited for."""

    def __init__(self) -> None:
        self.wanted = ""
        """the kernel that is on its way to the screen"""
        self.step: AnswersStep | None = None
        self._asked = ""
        """the kernel that is being asked"""
        self._before: MigrationReport | None = None
        """what was on screen when it was asked"""

    def forget(self) -> None:
        """Something else was asked."""
        self.wanted, self._asked, self.step, self._before = "", "", None, None

    def go(self, step: int, report: MigrationReport) -> str:
        """One kernel on, or back; why there is none, in one sentence, else an empty text."""
        names = all_names()
        kernel = self.wanted or report.kernel
        at = (names.index(kernel) if kernel in names else place_of(choose(kernel).policy)) + step
        if not 0 <= at < len(names):
            return f"{kernel} is {'the newest' if step > 0 else 'the oldest'} kernel of the catalogue"
        self.wanted = names[at]
        return ""

    def next(self, check: Check) -> Question | None:
        """The question to put now: None while a check is under way, or when the wanted kernel is on screen."""
        if self._asked:
            if not check.problem and (check.report is None or check.report.kernel != self._asked):
                # What is on screen when the answer comes is what it is compared with.
                self._before = check.report or self._before
                return None
            arrived, self._asked = self._asked, ""
            if self._before is not None and check.report is not None and not check.problem:
                from inspector.checks.restore.answers_step import answers_step

                self.step = answers_step(self._before, check.report)
            if arrived == self.wanted:
                self.wanted = arrived if check.problem else ""
                return None
        if not self.wanted or check.question is None or check.report is None:
            return None
        self._before, self._asked = check.report, self.wanted
        return msgspec.structs.replace(check.question, kernel=self.wanted)

    def row(self, cells: int) -> Row:
        """` [ ] kernel  6.2.0 → 6.3.0: fails → loads; 2 writes are answered otherwise: ID_MMFR4_EL1 ...`."""
        from inspector.app.shell.slider import kernel_keys  # with what explains a step: no other check needs it

        keys = kernel_keys(cells >= 76)
        if self.wanted or self.step is None:
            return (*keys, ink(f"{self.wanted} …", "muted"))
        from inspector.reports.kernel_step import answers_words

        sides = f"{self.step.before} → {self.step.after}"
        return clip((*keys, ink(sides, "title"), Ink(": "), ink(answers_words(self.step))), cells)
