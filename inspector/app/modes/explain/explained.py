"""An explained error text as lines of the screen: what failed, both values decoded, why, what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from inspector.app.shell.numbers import bits_text, value_text
from inspector.app.widgets.ink import Ink, Row, ink, row, wrap
from inspector.checks.explain.result import ExplainedField, ExplainedRegister, Explanation, SeenMessage
from inspector.checks.feature_groups import FeatureGroup
from inspector.registers.catalog import by_id

_KINDS = {
    "refused": ("✖", "refused", "refused"),
    "unhandled": ("✖", "accessed by a guest, not handled", "refused"),
    "test": ("·", "named by a test", "muted"),
    "only_in_source": ("✖", "not listed by the destination", "refused"),
    "missing_in_source": ("○", "not saved", "muted"),
    "unreadable": ("✖", "could not be read", "refused"),
    "variation": ("≠", "differs between CPUs", "masked"),
    "envelope": ("○", "named in the text", "muted"),
}
_SIDES = {"variation": ("boot CPU", "other CPU")}
_LISTED = ("missing_in_source", "only_in_source")


def explanation_rows(answer: Explanation, cells: int) -> list[Row]:
    """The whole answer, wrapped."""
    said = answer.headline[:1].upper() + answer.headline[1:]
    sign = Ink("✖ ", "refused") if answer.recognised else Ink("○ ", "muted")
    rows = wrap(row(sign, ink(said, "title")), cells, indent=2)
    if not answer.recognised:
        return rows
    if answer.vmm:
        version = f", {answer.version}" if answer.version else ""
        rows += wrap(row(Ink("Seen from ", "muted"), ink(f"{answer.vmm}{version}")), cells, indent=2)
    for register in answer.registers:
        if register.kind not in _LISTED:
            rows += [(), *_register(register, cells)]
    rows += _groups("Only the source lists", answer.groups, cells)
    rows += _groups("Only the destination lists", answer.missing, cells)
    rows += _sentences("What follows", answer.conclusions, cells, "· ")
    rows += _sentences("What to do", answer.next_steps, cells, "")
    rows += _sentences("What to bring next", answer.bring, cells, "· ")
    return rows + _messages(answer.messages, cells)


def _register(register: ExplainedRegister, cells: int) -> list[Row]:
    size = by_id(register.id).size
    sign, word, role = _KINDS[register.kind]
    error = f", {register.errno_name}" if register.errno_name else ""
    head = row(Ink(register.name, "title"), Ink(f"  {sign} ", role), ink(f"{word}{error}", role))
    rows = wrap(row(*head, Ink("  "), ink(register.title, "muted")), cells, indent=2)
    source, destination = _SIDES.get(register.kind, ("source", "destination"))
    for side, value, key in ((source, register.wanted, "wanted"), (destination, register.actual, "actual")):
        if value is not None:
            told = "  from the dump" if key in register.from_dump else ""
            rows.append(row(Ink(f"  {side:<12}", "muted"), Ink(value_text(value, size)), Ink(told, "muted")))
    for field in register.fields:
        rows += _field(field, source, destination, cells)
    if register.why:
        rows += wrap(row(Ink("  "), ink(register.why)), cells, indent=2)
    if register.reference and not any(one.reference == register.reference for one in register.fields):
        rows += _rule(register.rule, register.reference, cells)
    return rows


def _field(field: ExplainedField, source: str, destination: str, cells: int) -> list[Row]:
    rows = [row(Ink("  "), Ink(field.name, "title"), Ink(f" [{bits_text(field.msb, field.lsb)}]", "muted"))]
    for side, value, meaning in (
        (source, field.wanted, field.meaning_wanted),
        (destination, field.actual, field.meaning_actual),
    ):
        rows += wrap(row(Ink(f"    {side:<12}", "muted"), Ink(f"0x{value:x}  "), ink(meaning)), cells, indent=16)
    if field.why:
        rows += wrap(row(Ink("    "), ink(field.why)), cells, indent=4)
    return rows + (_rule(field.rule, field.reference, cells) if field.reference else [])


def _rule(rule: str, reference: str, cells: int) -> list[Row]:
    return wrap(row(Ink("    Rule  ", "muted"), ink(f"{rule}   {reference}")), cells, indent=10)


def _groups(title: str, groups: Sequence[FeatureGroup], cells: int) -> list[Row]:
    rows: list[Row] = []
    for group in groups:
        names = ", ".join(by_id(one).name for one in group.ids[:12]) + (" …" if len(group.ids) > 12 else "")
        rows += [(), *wrap(row(Ink(f"{title} {len(group.ids)}: ", "heading"), ink(group.feature, "title")), cells, 2)]
        rows += wrap(row(Ink("  "), ink(names, "muted")), cells, indent=2)
        rows += wrap(row(Ink("  "), ink(f"{group.sentence}.")), cells, indent=2)
        if group.harmless:
            rows += wrap(row(Ink("  "), ink(f"harmless to lose: {group.harmless}.")), cells, indent=2)
    return rows


def _sentences(title: str, sentences: Iterable[str], cells: int, mark: str) -> list[Row]:
    rows: list[Row] = []
    for number, sentence in enumerate(sentences, 1):
        sign = mark or f"{number}. "
        rows += wrap(row(Ink(f"  {sign}", "key" if not mark else "muted"), ink(sentence)), cells, indent=2 + len(sign))
    return [(), row(Ink(title, "heading")), *rows] if rows else []


def _messages(messages: Sequence[SeenMessage], cells: int) -> list[Row]:
    if not messages:
        return []
    rows: list[Row] = [(), row(Ink("Messages recognised", "heading"))]
    seen: set[str] = set()
    for one in messages:
        times = f"  ({one.count} times)" if one.count > 1 else ""
        rows += wrap(row(Ink("  "), ink(one.text, "muted"), Ink(times, "muted")), cells, indent=4)
        if one.meaning not in seen:
            rows += wrap(row(Ink("    "), ink(one.meaning)), cells, indent=4)
        seen.add(one.meaning)
    return rows
