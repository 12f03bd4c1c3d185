"""A restore that is gone through register by register: the table of its steps, and what is said of them."""

from __future__ import annotations

from collections.abc import Set

from inspector.app.modes.migrate.question import Instead, Question, destination_name
from inspector.app.shell.view import short_name
from inspector.app.widgets.ink import WRITTEN, Ink, Row, ink, row
from inspector.app.widgets.listing import Column, Item
from inspector.checks.machine.destination import SAME_HOST
from inspector.checks.restore.result import MigrationReport
from inspector.checks.restore.stepping import Course, Met
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


def step_columns(cells: int) -> tuple[Column, ...]:
    """Number, sign, register, value where there is room, answer."""
    if cells >= 100:
        return (Column("#", 6), Column("", 2), Column("register", 26), Column("value", 23), Column("answer"))
    return (Column("#", 6), Column("", 2), Column("register", min(26, cells // 2 - 6)), Column("answer"))


def step_items(course: Course, cells: int, *, several: bool, other: Set[tuple[int, int]] = frozenset()) -> list[Item]:
    """A line for each register; those that are still to come have a dot and no answer. `other`: vCPU and register of
    those that are not written as they were saved."""
    wide = cells >= 100
    return [step_item(one, one.number <= course.done, wide, several, other) for one in course.steps]


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


def step_item(one: Met, made: bool, wide: bool, several: bool, other: Set[tuple[int, int]] = frozenset()) -> Item:
    """The line of one step."""
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
