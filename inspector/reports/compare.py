"""A comparison of two or many dumps: text, JSON, Markdown."""

from __future__ import annotations

from inspector.checks.compare.compare import Column, Comparison, ListDifference, RegisterValues
from inspector.checks.compare.fields import FieldValues
from inspector.errors import one_line
from inspector.registers.catalog import by_id
from inspector.registers.encoding import grouped_hex, hex_id, hex_value
from inspector.reports.json import Json
from inspector.reports.text import columns, markdown_table

_SHOWN_SUBJECTS = 12
_WIDE = 6
"""Columns beyond this are told as value: columns, not as a table."""


def comparison_json(answer: Comparison) -> Json:
    """The comparison as JSON; every differing register, also the guest's own state."""
    return {
        "same": answer.same,
        "scope": answer.scope,
        "dumps": answer.dumps,
        "distinct": answer.distinct_states,
        "columns": [
            {
                "name": c.name,
                "count": len(c.subjects),
                "subjects": [
                    {"label": s.label, "source": s.source, "vcpu": s.vcpu, "kernel": s.kernel, "host": s.host}
                    for s in c.subjects
                ],
                "registers": len(c.registers.ids),
            }
            for c in answer.columns
        ],
        "hidden_columns": answer.hidden_columns,
        "lists": [_list_json(d, answer.columns) for d in answer.lists],
        "registers": [_register_json(r, answer.columns) for r in answer.registers],
        "equal": answer.equal,
        "state_differing": answer.state_differing,
        "notes": list(answer.notes),
    }


def _list_json(difference: ListDifference, shown: tuple[Column, ...]) -> Json:
    group = difference.group
    return {
        "feature": group.feature,
        "text": group.text,
        "since": group.since,
        "only_in": [c.name for c, there in zip(shown, difference.present, strict=True) if there],
        "missing_in": [c.name for c, there in zip(shown, difference.present, strict=True) if not there],
        "sentence": difference.sentence(shown),
        "registers": [{"id": hex_id(i), "name": by_id(i).name} for i in group.ids],
    }


def _register_json(register: RegisterValues, shown: tuple[Column, ...]) -> Json:
    size = by_id(register.id).size
    return {
        "id": hex_id(register.id),
        "name": register.name,
        "feature": register.feature,
        "distinct": register.distinct,
        "values": {
            c.name: None if v is None else hex_value(v, size) for c, v in zip(shown, register.values, strict=True)
        },
        "fields": [
            {
                "name": f.name,
                "msb": f.msb,
                "lsb": f.lsb,
                "values": {c.name: v for c, v in zip(shown, f.values, strict=True)},
                "meanings": {str(value): text for value, text in f.meanings},
                "history": f.history,
            }
            for f in register.fields
        ],
    }


def comparison_text(answer: Comparison, every: bool = False) -> str:
    """The comparison as text; `every` lists the guest's own state value by value too."""
    lines = [_headline(answer), ""]
    for column in answer.columns:
        labels = ", ".join(s.label for s in column.subjects[:_SHOWN_SUBJECTS])
        more = len(column.subjects) - _SHOWN_SUBJECTS
        kernel = ", ".join(sorted({s.kernel for s in column.subjects if s.kernel})[:4])
        count = f"{len(column.subjects)} x " if len(column.subjects) > 1 else ""
        text = f"  {column.name}  {count}{labels}" + (f" and {more} more" if more > 0 else "")
        lines.append(one_line(text + (f"  (Linux {kernel})" if kernel else "")))
    if answer.hidden_columns:
        lines.append(f"  and {answer.hidden_columns} more groups, not decoded")
    if answer.lists:
        lines += ["", "Register lists", *(one_line(f"  {d.sentence(answer.columns)}") for d in answer.lists)]
    if answer.feature_registers:
        lines += ["", "What host and kernel decide"]
        for register in answer.feature_registers:
            lines += _register_lines(register, answer.columns)
    lines += _state(answer, every)
    if answer.notes:
        lines += ["", "Notes", *(one_line(f"  {n}") for n in answer.notes)]
    return "\n".join(lines)


def _headline(answer: Comparison) -> str:
    groups = len(answer.columns) + answer.hidden_columns
    what = "all registers" if answer.scope == "all" else "what host and kernel decide"
    if answer.same:
        return f"Equal in {what}: {_count(answer.dumps, 'dump')}, {answer.equal} registers."
    registers = len(answer.feature_registers)
    parts = [f"{_count(answer.dumps, 'dump')} in {groups} groups"]
    if registers:
        parts.append(f"{_count(registers, 'feature register')} {_differ(registers)}")
    if answer.lists:
        ids = sum(len(d.group.ids) for d in answer.lists)
        parts.append(f"{_count(ids, 'id')} {'is' if ids == 1 else 'are'} not listed everywhere")
    state = len(answer.state_registers) or answer.state_differing
    if state:
        parts.append(f"{_count(state, 'register')} of guest state {_differ(state)}")
    parts.append(f"{answer.equal} are equal")
    return ", ".join(parts) + "."


def _differ(number: int) -> str:
    return "differs" if number == 1 else "differ"


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _register_lines(register: RegisterValues, shown: tuple[Column, ...]) -> list[str]:
    size = by_id(register.id).size
    by_value: dict[int | None, list[str]] = {}
    for column, value in zip(shown, register.values, strict=True):
        by_value.setdefault(value, []).append(column.name)
    rows = []
    for value, names in by_value.items():
        rows.append([_names(names), "not listed" if value is None else grouped_hex(value, size)])
    lines = [f"  {register.name}", *columns(rows, indent="    ")]
    for field in register.fields:
        lines += _field_lines(field, shown)
    return lines


def _names(names: list[str]) -> str:
    return ",".join(names[:_WIDE]) + (f",+{len(names) - _WIDE}" if len(names) > _WIDE else "")


def _field_lines(field: FieldValues, shown: tuple[Column, ...]) -> list[str]:
    meanings = dict(field.meanings)
    by_value: dict[int | None, list[str]] = {}
    for column, value in zip(shown, field.values, strict=True):
        by_value.setdefault(value, []).append(column.name)
    bits = f"{field.msb}:{field.lsb}" if field.msb != field.lsb else str(field.msb)
    rows = []
    for number, (value, names) in enumerate(by_value.items()):
        title = f"{field.name} [{bits}]" if not number else ""
        shown_value, meaning = ("?", "") if value is None else (f"{value:#x}", meanings.get(value, ""))
        rows.append([title, _names(names), shown_value, meaning])
    lines = columns(rows, indent="      ")
    return [*lines, one_line(f"        {field.history}")] if field.history else lines


def _state(answer: Comparison, every: bool) -> list[str]:
    state = answer.state_registers
    if answer.state_differing:
        return ["", f"Guest state: {answer.state_differing} registers differ between the dumps (--all compares them)."]
    if not state:
        return []
    if every:
        lines = ["", "Guest state"]
        for register in state:
            lines += _register_lines(register, answer.columns)
        return lines
    names = ", ".join(r.name for r in state[:_SHOWN_SUBJECTS])
    more = f" and {len(state) - _SHOWN_SUBJECTS} more" if len(state) > _SHOWN_SUBJECTS else ""
    return ["", one_line(f"Guest state: {len(state)} registers differ: {names}{more}.")]


def comparison_markdown(answer: Comparison) -> str:
    """The comparison as Markdown tables."""
    lines = ["## Comparison", "", _headline(answer), ""]
    rows = [[c.name, str(len(c.subjects)), c.title, c.subjects[0].kernel] for c in answer.columns]
    lines += [*markdown_table(["group", "dumps", "members", "kernel"], rows), ""]
    if answer.lists:
        lines += ["### Register lists", "", *(f"- {_plain(d.sentence(answer.columns))}" for d in answer.lists), ""]
    rows = []
    shown = answer.columns[:_WIDE]
    for register in answer.feature_registers:
        size = by_id(register.id).size
        rows.append([register.name, *("" if v is None else hex_value(v, size) for v in register.values[:_WIDE])])
        for field in register.fields:
            meanings = dict(field.meanings)
            cells = ("" if v is None else f"{v:#x} {meanings.get(v, '')}" for v in field.values[:_WIDE])
            rows.append([f"{register.name}.{field.name}", *cells])
    if rows:
        lines += ["### Values", "", *markdown_table(["register or field", *(c.name for c in shown)], rows), ""]
    lines += [line for line in _state(answer, False) if line]
    return "\n".join(lines).rstrip() + "\n"


def _plain(text: str) -> str:
    text = one_line(text)
    for mark in "*<>[]|`":
        text = text.replace(mark, "\\" + mark)
    return text
