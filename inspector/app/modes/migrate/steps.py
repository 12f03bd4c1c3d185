"""A restore that is gone through register by register: the table of its steps, and the log of those that were made."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Resize

from inspector.app.dialogs.dialog import DIALOG_CELLS, Dialog
from inspector.app.modes import migrate
from inspector.app.modes.migrate.check import Check
from inspector.app.modes.migrate.question import Instead, Question, destination_name, short_name
from inspector.app.shell import keys
from inspector.app.widgets.bars import dialog_keys
from inspector.app.widgets.ink import WRITTEN, Ink, Row, ink, row
from inspector.app.widgets.lines import Lines
from inspector.app.widgets.listing import Column, Item, Listing
from inspector.app.widgets.unmarked import Box, unmarked
from inspector.checks.machine.destination import SAME_HOST
from inspector.checks.restore.result import MigrationReport
from inspector.checks.restore.stepping import Course, Met, course_of
from inspector.registers.catalog import by_id
from inspector.registers.encoding import grouped_hex
from inspector.registers.secrets import is_secret
from inspector.reports.restore_steps import (
    ROLES,
    SIGNS,
    answer_words,
    command,
    reason_text,
    state_words,
    steps_markdown,
    value_text,
)


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
        self._course = course_of(report, self._course.done)
        return self._course

    @property
    def question(self) -> Question | None:
        """What is asked at present."""
        return self._check.question

    def begin(self) -> None:
        """At the beginning of the list, unless it is under way."""
        if self.course is None and self._check.report is not None:
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


def step_columns(cells: int) -> tuple[Column, ...]:
    """Number, sign, register, value where there is room, answer."""
    if cells >= 100:
        return (Column("#", 6), Column("", 2), Column("register", 26), Column("value", 23), Column("answer"))
    return (Column("#", 6), Column("", 2), Column("register", min(26, cells // 2 - 6)), Column("answer"))


def step_items(course: Course, cells: int, *, several: bool, other: Set[tuple[int, int]] = frozenset()) -> list[Item]:
    """A line for each register; those that are still to come have a dot and no answer. `other`: vCPU and register of
    those that are not written as they were saved."""
    wide = cells >= 100
    return [_item(one, one.number <= course.done, wide, several, other) for one in course.steps]


def other_values(question: Question | None) -> frozenset[tuple[int, int]]:
    """vCPU and register of what the restore does not write as it was saved."""
    return frozenset((one.vcpu, one.id) for one in question.instead) if question is not None else frozenset()


def instead_words(question: Question, one: Instead, secrets: bool) -> str:
    """`0x21110 instead of 0x1021110`; of a secret nothing is said of the values."""
    size = by_id(one.id).size
    if is_secret(one.id) and not secrets:
        return "another value than the saved one"
    saved = question.saved(one.vcpu, one.id)
    return (
        f"{grouped_hex(one.value, size)} instead of {'an unknown value' if saved is None else grouped_hex(saved, size)}"
    )


def _item(one: Met, made: bool, wide: bool, several: bool, other: Set[tuple[int, int]] = frozenset()) -> Item:
    role = ROLES[one.outcome] if made else "muted"
    name = ink(by_id(one.finding.id).name, "" if made else "muted")
    changed = (one.finding.vcpu, one.finding.id) in other
    sign = Ink(f" {WRITTEN}" if changed else "", "raised")
    register = row(name, sign, Ink(f"  vCPU {one.finding.vcpu}" if several else "", "muted"))
    reason = reason_text(one) if made else ""
    answer = row(Ink(answer_words(one) if made else "", role), ink(f"  {reason}" if reason else "", "muted"))
    value = [row(ink(value_text(one), "muted"))] if wide else []
    outcome = row(Ink(SIGNS[one.outcome] if made else "·", role))
    return Item(f"met {one.number}", (row(Ink(f"{one.number}", "muted")), outcome, register, *value, answer))


def state_row(course: Course, question: Question) -> Row:
    """How far it has come."""
    said, role = state_words(course, question.rule)
    sign = {"refused": "✖ ", "unknown": "? ", "same": "= "}.get(role, "")
    return row(Ink(sign, role), ink(said, "title" if role != "muted" else "muted"))


def log_text(course: Course, question: Question, report: MigrationReport, *, secrets: bool = False) -> str:
    """The steps so far in Markdown, with the command that checks the whole restore of the saved values."""
    typed = [
        f"{by_id(one.id).name} (vCPU {one.vcpu}) = {instead_words(question, one, secrets)}" for one in question.instead
    ]
    head = (
        ("Source", short_name(question.source)),
        ("Destination", destination_name(question, report)),
        ("VMM", question.rule.title),
        ("Writes", f"{question.writes} simulated writes on the source" if question.writes else ""),
        ("Typed", "; ".join(typed) + "; the command below asks about the saved values" if typed else ""),
    )
    return steps_markdown(course, question.rule, head, again(question))


def again(question: Question) -> str:
    """The shell command that checks the whole restore."""
    there = question.destination.provenance.source if question.destination is not None else SAME_HOST
    options = (
        ("--kernel", question.kernel), ("--vmm", question.rule.name), ("--features", question.features),
        ("--host", question.host),
    )  # fmt: skip
    return command(question.source.provenance.source, there, options)


class StepLog(Dialog):
    """The steps that were made, newest last, with undo, redo and export."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *keys.bindings(migrate.STEPS.keys),
        Binding("W,q", "close", "Close", show=False),
    ]

    def __init__(self, stepping: Stepping, move: Callable[[str], None], text: Callable[[], str]) -> None:
        super().__init__()
        self._stepping, self._move, self._text = stepping, move, text

    def compose(self) -> ComposeResult:
        """State, steps, keys."""
        with Box(unmarked("Log of the restore"), unmarked("↑↓ step   esc closes"), classes="tall log"):
            yield Lines(id="said")
            yield Listing(id="steps", empty="No register was written yet: t makes the first step")
            yield Lines(id="keys")

    def on_mount(self) -> None:
        """The steps have the keys."""
        self.query_one("#steps", Listing).focus()
        self._draw()

    def on_resize(self, event: Resize) -> None:
        """Another size."""
        super().on_resize(event)
        self._draw()

    def _draw(self) -> None:
        cells, course = min(self.app.size.width, DIALOG_CELLS) - 4, self._stepping.course
        made: Sequence[Met] = course.made if course is not None else ()
        several = len({one.finding.vcpu for one in made}) > 1
        other = other_values(self._stepping.question)
        items = [_item(one, True, False, several, other) for one in made]
        self.query_one("#steps", Listing).fill(items, cursor=max(len(items) - 1, 0), cols=step_columns(cells))
        bad = sum(one.outcome in ("refused", "missing") for one in made)
        unsure = sum(one.outcome == "uncertain" for one in made)
        said = f"{len(made)} steps, {bad} refused" + (f", {unsure} uncertain" if unsure else "")
        self.query_one("#said", Lines).show([row(ink(said, "title"))])
        words = ((keys.shown(key, self.program.settings.keys), key.label) for key in migrate.STEPS.keys)
        self.query_one("#keys", Lines).show([dialog_keys(words, cells)])

    def action_move(self, how: str) -> None:
        """A step on or back, or to the beginning."""
        self._move(how)
        self._draw()

    def action_export(self) -> None:
        """The log as Markdown, to a file."""
        self.program.export("restore-steps", self._text())

    def action_copy_command(self) -> None:
        """Copy the command that checks the whole restore."""
        self.program.copy(self._text().rpartition("```\n")[0].rpartition("```\n")[2], folders=True)
