"""How far a restore was gone through, register by register, and what it writes instead of saved values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspector.app.modes.migrate.check import Check
from inspector.app.modes.migrate.question import Instead, Question
from inspector.checks.machine.destination import SAME_HOST

if TYPE_CHECKING:
    # The findings come first: what steps is loaded with the first step.
    from inspector.checks.restore.stepping import Course


class Stepping:
    """How far the restore of the present question was gone through, and what it writes instead of saved values;
    another question ends it."""

    def __init__(self, check: Check) -> None:
        self._check = check
        self._course: Course | None = None
        self._question: Question | None = None
        self.instead: tuple[Instead, ...] = ()
        """in the order in which they were typed"""
        self._before: list[tuple[int, tuple[Instead, ...]]] = []
        """how far it had come, and with which values, before each step on and each value"""
        self._undone: list[tuple[int, tuple[Instead, ...]]] = []
        """and before each step back"""

    @property
    def course(self) -> Course | None:
        """The course as the present report answers it; None where nothing is stepped."""
        report, question = self._check.report, self._check.question
        if self._course is None or self._question is None or report is None or question is None:
            return None
        # Simulated writes, newer values and values typed here are the same question: the steps stay, their answers,
        # which the model gives anew, may not.
        if _same(self._question) != _same(question):
            self.leave()
            return None
        from inspector.checks.restore.stepping import course_of

        self._course = course_of(report, self._course.done)
        return self._course

    @property
    def question(self) -> Question | None:
        """What is asked at present."""
        return self._check.question

    def begin(self) -> None:
        """At the beginning of the list, unless it is under way."""
        if self.course is None and self._check.report is not None:
            from inspector.checks.restore.stepping import course_of

            self._course, self._question = course_of(self._check.report), self._check.question
            self.instead, self._before, self._undone = (), [], []

    def leave(self) -> None:
        """Back to the findings, and to the saved values."""
        self._course = self._question = None
        self.instead = ()

    def write(self, vcpu: int, reg_id: int, value: int) -> None:
        """Let the restore write `value` of a register instead of the saved one."""
        course = self.course
        if course is None or self._check.question is None:
            return
        self._undone.clear()
        self._before.append((course.done, self.instead))
        others = tuple(one for one in self.instead if (one.vcpu, one.id) != (vcpu, reg_id))
        saved = self._check.question.saved(vcpu, reg_id)
        self.instead = others if value == saved else (*others, Instead(vcpu, reg_id, value))

    def move(self, how: str) -> str:
        """`step`, `refusal`, `finish`, `back`, `redo` or `reset`; why it cannot be, else an empty text."""
        course = self.course
        if course is None:
            return "no restore is under way"
        here = (course.done, self.instead)
        if how in ("step", "refusal", "finish"):
            if course.over:
                return "the restore is at its end (u takes a step back)"
            self._undone.clear()
            self._before.append(here)
            moves = {"step": course.step, "refusal": course.to_refusal, "finish": course.finish}
            self._course = moves[how]()
        elif how == "redo":
            if not self._undone:
                return "nothing to redo: no step was taken back"
            self._before.append(here)
            done, self.instead = self._undone.pop()
            self._course = course._replace(done=done)
        else:
            if not self._before:
                return "nothing to undo: no register was written"
            self._undone.append(here)
            done, instead = self._before.pop()
            self._course = course._replace(done=done if how == "back" else 0)
            self.instead = instead if how == "back" else ()
            if how == "reset":
                self._before.clear()
        return ""


def _same(question: Question) -> tuple[object, ...]:
    there = question.destination.provenance.source if question.destination is not None else SAME_HOST
    own = question.source.provenance.source
    return (own, there, question.kernel, question.vmm, question.features, question.host)
