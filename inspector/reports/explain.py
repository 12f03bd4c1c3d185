"""The answer to a pasted error text: text, JSON, and Markdown for a bug report."""

from __future__ import annotations

from collections.abc import Sequence

from inspector.checks.explain.result import DESTINATION, ExplainedField, ExplainedRegister, Explanation, SeenMessage
from inspector.checks.feature_groups import FeatureGroup
from inspector.errors import one_line
from inspector.registers.catalog import by_id
from inspector.registers.encoding import grouped_hex, hex_id
from inspector.reports.json import Json
from inspector.reports.migration import migration_json
from inspector.reports.outline import GAP, OutlineLine, Words, line, listed, outline_markdown, outline_text, section
from inspector.reports.values import hex_json

_KINDS = {
    "refused": ("✖", "refused", "refused"),
    "only_in_source": ("✖", "not listed by the destination", "refused"),
    "missing_in_source": ("○", "not in the saved state: keeps the destination's value", "muted"),
    "unhandled": ("✖", "accessed by a guest, not handled", "refused"),
    "test": ("·", "named by a test", "muted"),
    "unreadable": ("✖", "could not be read", "refused"),
    "variation": ("≠", "differs between CPUs of one machine", "masked"),
    "envelope": ("○", "named in the text", "muted"),
}
"""What a text says of a register: sign, words, role."""
_LISTED = ("missing_in_source", "only_in_source")
"""Reported by feature, not register by register."""
_COLUMN = 13
_SIDES = {"variation": ("boot CPU", "other CPU")}


def explanation_json(answer: Explanation) -> Json:
    """The explanation as JSON; field values are integers, register values hex strings."""
    result: Json = {
        "recognised": answer.recognised,
        "headline": answer.headline,
        "vmm": answer.vmm,
        "version": answer.version,
        "refused_by": answer.refused_by or None,
        "registers": [_register_json(r) for r in answer.registers],
        "groups": [_group_json(g) for g in answer.groups],
        "missing": [_group_json(g) for g in answer.missing],
        "conclusions": list(answer.conclusions),
        "next": list(answer.next_steps),
        "bring": list(answer.bring),
        "messages": [_message_json(m) for m in answer.messages],
    }
    if answer.counts:
        source, destination = answer.counts
        result["counts"] = {"source": source, "destination": destination, "difference": source - destination}
    if answer.simulation is not None:
        result["simulation"] = migration_json(answer.simulation)
    return result


def _register_json(register: ExplainedRegister) -> Json:
    size = by_id(register.id).size
    return {
        "id": hex_id(register.id),
        "name": register.name,
        "title": register.title,
        "kind": register.kind,
        "value": hex_json(register.wanted, size),
        "destination": hex_json(register.actual, size),
        **({"withheld": True} if register.withheld else {}),
        "errno": register.errno_name,
        "fields": [
            {
                "name": f.name,
                "msb": f.msb,
                "lsb": f.lsb,
                "value": f.wanted,
                "destination": f.actual,
                "meaning": f.meaning_wanted,
                "meaning_destination": f.meaning_actual,
                "reason": f.why,
                "since": f.since,
                "rule": f.rule,
                "reference": f.reference,
            }
            for f in register.fields
        ],
        "reason": register.why,
        "since": register.since,
        "rule": register.rule,
        "reference": register.reference,
        "cpus": list(register.cpus),
        "simulated": register.simulated,
    }


def _group_json(group: FeatureGroup) -> Json:
    return {
        "feature": group.feature,
        "text": group.text,
        "since": group.since,
        "registers": [{"id": hex_id(i), "name": by_id(i).name} for i in group.ids],
    }


def _message_json(message: SeenMessage) -> Json:
    return {
        "text": one_line(message.text),
        "count": message.count,
        "vmm": message.vmm,
        "versions": message.versions,
        "kind": message.kind,
        "fatal": message.fatal,
        "meaning": message.meaning,
    }


def explanation_text(answer: Explanation) -> str:
    """The explanation as plain text, wrapped; safe on a terminal."""
    return outline_text(explanation_outline(answer))


def explanation_markdown(answer: Explanation) -> str:
    """The explanation as Markdown that can be pasted into a bug report; what was recognised is quoted first."""
    first, *rest = explanation_outline(answer)
    quoted = [line(one.text + _times(one), kind="code") for one in answer.messages]
    return outline_markdown([first, *quoted, *rest])


def explanation_outline(answer: Explanation) -> list[OutlineLine]:
    """The whole answer: what failed, both values decoded, why, what to do."""
    said = answer.headline[:1].upper() + answer.headline[1:]
    sign = Words("✖ ", "refused") if answer.fails else Words("○ ", "muted")
    lines = [line(sign, Words(said, "title"), kind="title")]
    if answer.vmm:
        lines.append(line(f"Seen from {answer.vmm}" + (f", {answer.version}" if answer.version else "")))
    for register in answer.registers:
        if register.kind not in _LISTED:
            lines += [GAP, *_register_lines(register, answer.refused_by)]
    lines += _groups("Only the source lists", answer.groups) + _groups("Only the destination lists", answer.missing)
    lines += section("What follows", [line(text, label="·", depth=1) for text in answer.conclusions])
    steps = enumerate(answer.next_steps, 1)
    lines += section("What to do", [line(text, label=f"{number}.", depth=1) for number, text in steps])
    lines += section("What to bring next", [line(text, label="·", depth=1) for text in answer.bring])
    return lines + section("Messages recognised", _messages(answer.messages))


def _register_lines(register: ExplainedRegister, refused_by: str) -> list[OutlineLine]:
    size = by_id(register.id).size
    sign, word, role = _KINDS[register.kind]
    if register.kind == "refused":
        word = f"refused by {refused_by}" if refused_by else "refused"
    error = (f", {register.errno_name}" if register.errno_name else "") + (" (simulated)" if register.simulated else "")
    name, reg_id = Words(register.name, "title"), Words(f"  {hex_id(register.id)}  ", "muted")
    lines = [line(name, reg_id, Words(f"{sign} {word}{error}", role), kind="entry")]
    if register.title:
        lines.append(line(Words(register.title, "muted"), depth=1))
    restored = ("source", "destination") if refused_by == DESTINATION else ("written", "own")
    sides = _SIDES.get(register.kind, restored)
    for side, value, key in zip(sides, (register.wanted, register.actual), ("wanted", "actual"), strict=True):
        if value is not None:
            dump = Words("  from the dump" * (key in register.from_dump), "muted")
            lines.append(line(grouped_hex(value, size), dump, label=side, depth=1, column=_COLUMN))
    if register.withheld:
        lines.append(line("withheld", label="values", depth=1, column=_COLUMN))
    for field in register.fields:
        lines += _field_lines(field, sides)
    if register.why:
        lines.append(line(register.why, depth=1))
    if register.reference and not any(one.reference == register.reference for one in register.fields):
        lines.append(line(f"{register.rule}; {register.reference}", label="Rule", depth=1, column=_COLUMN))
    return lines


def _field_lines(field: ExplainedField, sides: tuple[str, str]) -> list[OutlineLine]:
    bits = f"{field.msb}:{field.lsb}" if field.msb != field.lsb else str(field.msb)
    lines = [line(Words(field.name, "title"), Words(f" [{bits}]", "muted"), depth=1)]
    values = ((field.wanted, field.meaning_wanted), (field.actual, field.meaning_actual))
    for side, (value, meaning) in zip(sides, values, strict=True):
        lines.append(line(f"{value:#x}  {meaning}".rstrip(), label=side, depth=2, column=_COLUMN))
    if field.why:
        lines.append(line(field.why, depth=2))
    if field.reference:
        lines.append(line(f"{field.rule}; {field.reference}", label="Rule", depth=2, column=_COLUMN))
    return lines


def _groups(title: str, groups: Sequence[FeatureGroup]) -> list[OutlineLine]:
    lines: list[OutlineLine] = []
    for group in groups:
        names = listed([by_id(one).name for one in group.ids], 12)
        first = line(Words(f"{title} {len(group.ids)}: ", "heading"), Words(group.feature, "title"), kind="entry")
        lines += [GAP, first, line(Words(names, "muted"), depth=1), line(f"{group.sentence}.", depth=1)]
        if group.harmless:
            lines.append(line(f"harmless to lose: {group.harmless}.", depth=1))
    return lines


def _times(message: SeenMessage) -> str:
    return f"  ({message.count} times)" if message.count > 1 else ""


def _messages(messages: Sequence[SeenMessage]) -> list[OutlineLine]:
    lines: list[OutlineLine] = []
    seen: set[str] = set()
    for one in messages:
        lines.append(line(Words(one.text, "muted"), Words(_times(one), "muted"), depth=1))
        if one.meaning not in seen:
            lines.append(line(one.meaning, depth=2))
        seen.add(one.meaning)
    return lines
