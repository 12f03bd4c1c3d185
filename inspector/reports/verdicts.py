"""KVM's answer to one write, worded once: for `write`, its JSON, the log, and the Write dialog."""

from __future__ import annotations

from collections.abc import Callable

from inspector.errors import one_line
from inspector.kvm.verdict import JudgedField, Outcome, Verdict
from inspector.registers import catalog
from inspector.registers.bits import ones, open_text
from inspector.registers.encoding import grouped_hex, hex_id
from inspector.reports.cases import case_outline, cases_json
from inspector.reports.json import Json
from inspector.reports.outline import OutlineLine, Words, line
from inspector.reports.text import columns
from inspector.reports.values import bits_text, hex_json, partly_json, value_text

OUTCOMES: dict[Outcome, Words] = {
    "accepted": Words("= accepted", "same"),
    "refused": Words("✖ refused", "refused"),
    "ignored": Words("▼ accepted, not kept", "masked"),
    "uncertain": Words("? uncertain", "unknown"),
}
"""Each outcome of a write with its sign."""


def outcome(verdict: Verdict, brief: bool = False) -> Words:
    """`✖ refused   EINVAL (22)`; `brief`: without the errno's number."""
    word = OUTCOMES[verdict.outcome]
    if not verdict.errno or not verdict.certain:
        return word
    return word._replace(text=f"{word.text}   {verdict.errno_name}" + f" ({verdict.errno})" * (not brief))


def judgement(field: JudgedField) -> Words:
    """What becomes of one field: `✖ above the limit`."""
    if field.fate == "uncertain":
        return Words("? uncertain", "unknown")
    if not field.accepted:
        return Words(f"✖ {field.reason}", "refused")
    return Words(f"▼ {field.reason}", "masked") if field.reason else Words("= accepted", "same")


def unchanged(verdict: Verdict) -> str:
    """`14 other fields`, `1 field`; empty where the write names every field."""
    changed = len(verdict.changed)
    rest = len(verdict.fields) - changed
    return f"{rest} {'other ' * bool(changed)}field{'s' * (rest != 1)}" if rest else ""


def reasons(verdict: Verdict, column: int) -> list[OutlineLine]:
    """Why, by which rule, read where, and the cases of an answer that is not certain."""
    told = (("Why", verdict.reason), ("Rule", verdict.rule), ("Source", verdict.reference))
    lines = [line(text, label=label, column=column) for label, text in told if text]
    return [*lines, *case_outline(verdict.cases, column)]


def would_pass(verdict: Verdict, value: Callable[[int], str]) -> list[OutlineLine]:
    """The nearest value that would be accepted, where there is one."""
    if verdict.would_pass is None:
        return []
    return [line(Words(value(verdict.would_pass), "title"), label="Would pass", column=12)]


def verdict_lines(verdict: Verdict) -> list[str]:
    """One answer in full."""
    register = catalog.by_id(verdict.id)
    size = register.size
    lines = [f"{register.name} = {value_text(verdict.value, verdict.value_known, size)}  {outcome(verdict).text}"]
    if verdict.before is not None:
        lines.append(f"  Now         {value_text(verdict.before, verdict.before_known, size)}")
    if verdict.after is not None:
        lines.append(f"  Reads back  {value_text(verdict.after, verdict.after_known, size)}")
    rows = [
        [
            bits_text(field),
            field.name,
            f"now {_field_hex(field.now, field.now_known, field)}",
            f"written 0x{field.written:x}",
            f"limit {_field_hex(field.limit, field.limit_known, field)}",
            # A field that is not writable has one safe value, the one it has: no word for it is needed.
            f"writable, safe value: {field.safe}" if field.writable else "not writable",
            judgement(field).text,
        ]
        for field in verdict.changed
    ]
    lines += columns(rows, indent="  ")
    if rows and (rest := unchanged(verdict)):
        lines.append(f"  {rest} unchanged")
    told = [*reasons(verdict, 12), *would_pass(verdict, lambda value: grouped_hex(value, size))]
    return [one_line(each) for each in (*lines, *(f"  {one.head}{one.text}" for one in told))]


def _field_hex(value: int, known: int, field: JudgedField) -> str:
    """`0x2`; `?` for digits of it that are not known."""
    width = field.msb - field.lsb + 1
    return f"0x{value:x}" if known & ones(width) == ones(width) else open_text(value, known, width)


def judged_field_json(field: JudgedField) -> Json:
    """One field as a write handler judged it."""
    return {
        "name": field.name,
        "msb": field.msb,
        "lsb": field.lsb,
        "now": field.now,
        "written": field.written,
        "limit": field.limit,
        "writable": field.writable,
        "safe": field.safe,
        "accepted": field.accepted,
        "reason": field.reason,
    }


def verdict_json(verdict: Verdict) -> Json:
    """One answer to KVM_SET_ONE_REG."""
    register = catalog.by_id(verdict.id)
    return {
        "id": hex_id(verdict.id),
        "name": register.name,
        **partly_json("value", verdict.value, verdict.value_known, register.size),
        "outcome": verdict.outcome,
        "errno": verdict.errno if verdict.certain else None,
        "errno_name": verdict.errno_name if verdict.certain else None,
        **partly_json("before", verdict.before, verdict.before_known, register.size),
        **partly_json("after", verdict.after, verdict.after_known, register.size),
        "fields": [judged_field_json(field) for field in verdict.fields],
        "rule": verdict.rule,
        "reference": verdict.reference,
        "reason": verdict.reason,
        "would_pass": hex_json(verdict.would_pass, register.size),
        "uncertain": list(verdict.uncertain),
        **cases_json(verdict.certain, verdict.depends_on, verdict.cases),
    }
