"""Report of a restore that is gone through register by register."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from inspector.checks.restore.stepping import Course, Met, StepOutcome
from inspector.checks.vmms.base import Vmm
from inspector.registers.catalog import by_id
from inspector.registers.encoding import grouped_hex
from inspector.reports.outline import OutlineLine, Words, heading, line, outline_markdown

SIGNS: dict[StepOutcome, str] = {
    "accepted": "=", "changed": "▼", "dropped": "▼", "refused": "✖", "missing": "✖", "uncertain": "?",
}  # fmt: skip
ROLES: dict[StepOutcome, str] = {
    "accepted": "same", "changed": "masked", "dropped": "masked", "refused": "refused", "missing": "refused",
    "uncertain": "unknown",
}  # fmt: skip
_WORDS: dict[StepOutcome, str] = {"changed": "not kept", "missing": "missing there"}


def value_text(met: Met) -> str:
    """The saved value."""
    one = met.finding
    if one.value is None:
        return "withheld" if one.withheld else ""
    return grouped_hex(one.value, by_id(one.id).size)


def answer_words(met: Met) -> str:
    """`EINVAL`, `accepted`, `not kept`."""
    if met.outcome == "refused":
        return met.finding.errno_name
    return _WORDS.get(met.outcome, met.outcome)


def reason_text(met: Met) -> str:
    """Why, where it is not simply taken."""
    one = met.finding
    if met.outcome == "accepted":
        return ""
    bad = next((field for field in one.fields if not field.accepted and field.reason), None)
    return f"{bad.name}: {bad.reason}" if bad is not None and met.outcome == "refused" else one.reason


def state_words(course: Course, rule: Vmm) -> tuple[str, str]:
    """How far the restore has come, in one sentence; and its role."""
    total = len(course.steps)
    if course.barred is not None and not course.done:
        return f"stops before the first register: {course.barred.text}", "refused"
    last = course.last
    if last is None:
        return f"nothing is written yet: {total} registers in the order of {rule.title}", "muted"
    refused = course.count("refused", "missing")
    told = f"step {last.number} of {total}"
    if course.over:
        unsure = course.count("uncertain")
        end = f"{refused} refused" if refused else "every one accepted" if not unsure else "none refused for sure"
        return f"{told}, the end: {end}" + (f", {unsure} uncertain" if unsure else ""), _role(refused, unsure)
    name = by_id(last.finding.id).name
    if last.outcome in ("refused", "missing"):
        goes = "gives up here" if rule.stops_at_refusal else "writes the rest too, and fails at the end"
        if last.outcome == "missing" and rule.compares_lists:
            goes = "compares the whole list, and fails before a value is written"
        return f"{told}: {name} is refused, {answer_words(last)}; {rule.title} {goes}", "refused"
    if last.outcome == "uncertain":
        return f"{told}: {name} may be refused; it depends on {' and on '.join(last.finding.depends_on)}", "unknown"
    return f"{told}: {name} {answer_words(last)}" + (f"; {refused} refused so far" if refused else ""), ""


def _role(refused: int, unsure: int) -> str:
    return "refused" if refused else "unknown" if unsure else "same"


def command(source: str, destination: str, options: Sequence[tuple[str, str]]) -> str:
    """The shell command that checks the whole restore."""
    words = ["vcpu-inspector migrate", shlex.quote(source), shlex.quote(destination)]
    return " ".join([*words, *(f"{word} {shlex.quote(text)}" for word, text in options if text)])


def steps_outline(course: Course, rule: Vmm, head: Sequence[tuple[str, str]], again: str) -> list[OutlineLine]:
    """The steps that were made; `head` says between what, `again` is the command that checks all of it."""
    lines = [line(Words(state_words(course, rule)[0], "title"), kind="title")]
    lines += [line(text, label=label, column=13) for label, text in head if text]
    lines += heading("Steps")
    several = len({one.finding.vcpu for one in course.steps}) > 1
    for one in course.made:
        vcpu = f" (vCPU {one.finding.vcpu})" if several else ""
        text = f"{SIGNS[one.outcome]} {by_id(one.finding.id).name} = {value_text(one)}{vcpu}   {answer_words(one)}"
        reason = reason_text(one)
        lines.append(line(text + (f": {reason}" if reason else ""), label=f"{one.number}.", depth=1))
        if one.stops and one.finding.rule:
            reference = f", {one.finding.reference}" if one.finding.reference else ""
            lines.append(line(f"{one.finding.rule}{reference}", label="rule", depth=2))
    return [*lines, *heading("Again"), line(again, kind="code", depth=1)]


def steps_markdown(course: Course, rule: Vmm, head: Sequence[tuple[str, str]], again: str) -> str:
    """The same for a bug report."""
    return outline_markdown(steps_outline(course, rule, head, again))
