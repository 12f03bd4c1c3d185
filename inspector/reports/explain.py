"""The answer to a pasted error text: text, JSON, and Markdown for a bug report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import wrap

from inspector.checks.explain.result import ExplainedField, ExplainedRegister, Explanation, SeenMessage
from inspector.checks.feature_groups import FeatureGroup
from inspector.errors import one_line
from inspector.registers.catalog import by_id
from inspector.registers.encoding import grouped_hex, hex_id, hex_value
from inspector.reports.json import Json
from inspector.reports.migration import migration_json
from inspector.reports.text import columns, markdown_table

_WIDTH = 110
_KIND = {
    "refused": "refused by the destination's KVM",
    "only_in_source": "not listed by the destination",
    "missing_in_source": "not in the saved state: keeps the destination's value",
    "unhandled": "accessed by a guest, not handled",
    "test": "named by a test",
    "unreadable": "could not be read",
    "variation": "differs between CPUs of one machine",
    "envelope": "named in the text",
}
_SIDES = {"variation": ("boot CPU", "other CPU")}


def explanation_json(answer: Explanation) -> Json:
    """The explanation as JSON; field values are integers, register values hex strings."""
    result: Json = {
        "recognised": answer.recognised,
        "headline": answer.headline,
        "vmm": answer.vmm,
        "version": answer.version,
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
        "value": None if register.wanted is None else hex_value(register.wanted, size),
        "destination": None if register.actual is None else hex_value(register.actual, size),
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
    lines = _wrapped(answer.headline[:1].upper() + answer.headline[1:] + ".", "")
    if not answer.recognised:
        return "\n".join(lines)
    if answer.vmm:
        lines.append(one_line(f"Seen from: {answer.vmm}" + (f", {answer.version}" if answer.version else "")))
    for register in answer.registers:
        if register.kind not in ("missing_in_source", "only_in_source"):
            lines += ["", *_register_lines(register)]
    lines += _groups("Only the source lists", answer.groups) + _groups("Only the destination lists", answer.missing)
    lines += _section("What follows", answer.conclusions)
    lines += _section("What to do", answer.next_steps, numbered=True)
    lines += _section("What to bring next", answer.bring)
    lines += _messages(answer.messages)
    return "\n".join(lines)


def _register_lines(register: ExplainedRegister) -> list[str]:
    size = by_id(register.id).size
    source, destination = _SIDES.get(register.kind, ("source", "destination"))
    error = (f", {register.errno_name}" if register.errno_name else "") + (" (simulated)" if register.simulated else "")
    lines = [one_line(f"{register.name}  {hex_id(register.id)}  {_KIND.get(register.kind, register.kind)}{error}")]
    if register.title:
        lines.append(f"  {register.title}")
    rows = []
    for word, value, key in ((source, register.wanted, "wanted"), (destination, register.actual, "actual")):
        if value is not None:
            told = "  (from the dump)" if key in register.from_dump else ""
            rows.append([word, grouped_hex(value, size) + told])
    lines += columns(rows, indent="  ")
    for field in register.fields:
        lines += _field_lines(field, source, destination)
    lines += _wrapped(register.why, "  ")
    if register.reference and not any(f.reference == register.reference for f in register.fields):
        lines += _wrapped(f"Rule: {register.rule}; {register.reference}", "  ")
    return lines


def _bits(field: ExplainedField) -> str:
    return f"{field.msb}:{field.lsb}" if field.msb != field.lsb else str(field.msb)


def _field_lines(field: ExplainedField, source: str, destination: str) -> list[str]:
    lines = columns(
        [
            [f"{field.name} [{_bits(field)}]", f"{source} {field.wanted:#x}", field.meaning_wanted],
            ["", f"{destination} {field.actual:#x}", field.meaning_actual],
        ],
        indent="    ",
    )
    lines += _wrapped(field.why, "      ")
    if field.reference:
        lines += _wrapped(f"Rule: {field.rule}; {field.reference}", "      ")
    return lines


def _groups(title: str, groups: Sequence[FeatureGroup]) -> list[str]:
    lines = []
    for group in groups:
        names = ", ".join(by_id(i).name for i in group.ids[:8]) + (" ..." if len(group.ids) > 8 else "")
        lines += ["", one_line(f"{title} {len(group.ids)}: {group.feature}"), *_wrapped(names, "  ")]
        lines += _wrapped(group.sentence + ".", "  ")
        if group.harmless:
            lines += _wrapped(f"Harmless to lose: {group.harmless}.", "  ")
    return lines


def _section(title: str, sentences: Iterable[str], numbered: bool = False) -> list[str]:
    lines = []
    for number, sentence in enumerate(sentences, 1):
        mark = f"{number}. " if numbered else "- "
        lines += _wrapped(sentence, "  ", mark)
    return ["", title, *lines] if lines else []


def _wrapped(text: str, indent: str, mark: str = "") -> list[str]:
    if not text:
        return []
    return wrap(
        one_line(text),
        _WIDTH,
        initial_indent=indent + mark,
        subsequent_indent=indent + " " * len(mark),
        break_on_hyphens=False,
        break_long_words=False,
    )


def _messages(messages: Sequence[SeenMessage]) -> list[str]:
    if not messages:
        return []
    lines = ["", "Messages recognised"]
    seen: set[str] = set()
    for message in messages:
        times = f" ({message.count} times)" if message.count > 1 else ""
        lines += _wrapped(message.text + times, "  ")
        if message.meaning not in seen:
            lines += _wrapped(message.meaning, "      ")
        seen.add(message.meaning)
    return lines


def explanation_markdown(answer: Explanation) -> str:
    """The explanation as Markdown that can be pasted into a bug report."""
    lines = ["## " + _plain(answer.headline[:1].upper() + answer.headline[1:]), ""]
    if answer.vmm:
        lines += [_plain(f"Seen from: {answer.vmm}" + (f", {answer.version}" if answer.version else "")), ""]
    if answer.messages:
        quoted = [one_line(m.text) + (f"   ({m.count} times)" if m.count > 1 else "") for m in answer.messages]
        lines += ["```", *(q.replace("```", "'''") for q in quoted), "```", ""]
    for register in answer.registers:
        if register.kind not in ("missing_in_source", "only_in_source"):
            lines += _register_markdown(register)
    for title, groups in (("Only in the source", answer.groups), ("Only at the destination", answer.missing)):
        rows = [[str(len(g.ids)), g.feature, ", ".join(by_id(i).name for i in g.ids), g.sentence] for g in groups]
        lines += (
            [f"### {title}", "", *markdown_table(["registers", "feature", "names", "listed"], rows), ""] if rows else []
        )
    for title, sentences in (
        ("What follows", answer.conclusions),
        ("What to do", answer.next_steps),
        ("What to bring next", answer.bring),
    ):
        if sentences:
            lines += [f"### {title}", "", *(f"- {_plain(s)}" for s in sentences), ""]
    return "\n".join(lines).rstrip() + "\n"


def _register_markdown(register: ExplainedRegister) -> list[str]:
    size = by_id(register.id).size
    source, destination = _SIDES.get(register.kind, ("source", "destination"))
    error = f", {register.errno_name}" if register.errno_name else ""
    lines = [
        f"### {register.name} `{hex_id(register.id)}`",
        "",
        f"{_KIND.get(register.kind, register.kind)}{error}",
        "",
    ]
    for word, value in ((source, register.wanted), (destination, register.actual)):
        if value is not None:
            lines.append(f"- {word} `{hex_value(value, size)}`")
    rows = [
        [
            f"{f.name} [{_bits(f)}]",
            f"{f.wanted:#x} {f.meaning_wanted}",
            f"{f.actual:#x} {f.meaning_actual}",
            f.why,
            f.reference,
        ]
        for f in register.fields
    ]
    if rows:
        lines += ["", *markdown_table(["field", source, destination, "why", "reference"], rows)]
    if register.why:
        lines += ["", _plain(register.why)]
    if register.reference and not rows:
        lines += ["", _plain(f"Rule: {register.rule}; {register.reference}")]
    return [*lines, ""]


def _plain(text: str) -> str:
    """One line in which nothing but back-quoted commands of ours is markup."""
    text = one_line(text)
    for mark in "*<>[]|":
        text = text.replace(mark, "\\" + mark)
    return text
