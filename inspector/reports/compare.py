"""A comparison of two or many dumps: text, JSON, Markdown."""

from __future__ import annotations

from inspector.checks.compare.compare import Column, Comparison, ListDifference
from inspector.checks.compare.fields import FieldValues
from inspector.checks.compare.values import RegisterValues
from inspector.errors import one_line
from inspector.numbers import count_of
from inspector.registers.bits import ones, open_text, partial_hex
from inspector.registers.catalog import by_id
from inspector.registers.encoding import hex_id, hex_value
from inspector.reports.json import Json
from inspector.reports.text import columns, markdown_table, markdown_text
from inspector.reports.unread import unread_count, unread_json, unread_lines, unread_markdown
from inspector.reports.values import hex_json

_SHOWN_SUBJECTS = 12
_SHOWN_UNKNOWN = 16
_WIDE = 6
"""Columns beyond this are written as value: columns, not as a table."""


def comparison_json(answer: Comparison) -> Json:
    """The comparison as JSON; every differing register, also the guest's own state."""
    return {
        "same": answer.same,
        "outcome": answer.outcome,
        "certain": answer.outcome != "uncertain",
        "scope": answer.scope,
        "dumps": answer.dumps,
        "distinct": answer.distinct_states,
        **({} if answer.distinct_exact else {"distinct_estimated": True}),
        "columns": [
            {
                "name": c.name,
                "count": c.count,
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
        "unknown": [_register_json(r, answer.columns) for r in answer.unknown],
        "not_compared": [{"id": hex_id(i), "name": by_id(i).name} for i in answer.not_compared],
        "equal": answer.equal,
        "state_differing": answer.state_differing,
        "notes": list(answer.notes),
        "unread": unread_json(answer.unread),
    }


def _list_json(difference: ListDifference, shown: tuple[Column, ...]) -> Json:
    group = difference.group
    return {
        "feature": group.feature,
        "text": group.text,
        "since": group.since,
        "only_in": [c.name for c, there in zip(shown, difference.present, strict=True) if there],
        "missing_in": list(difference.lacking(shown)),
        "sentence": difference.sentence(shown),
        "registers": [{"id": hex_id(i), "name": by_id(i).name} for i in group.ids],
    }


def _register_json(register: RegisterValues, shown: tuple[Column, ...]) -> Json:
    size = by_id(register.id).size
    parts = () if register.withheld else zip(shown, register.known, strict=True)
    known = {c.name: hex_value(k, size) for c, k in parts if k != -1}
    return {
        "id": hex_id(register.id),
        "name": register.name,
        "feature": register.feature,
        "distinct": register.distinct,
        **({"withheld": True} if register.withheld else {}),
        "values": {c.name: hex_json(v, size) for c, v in zip(shown, register.values, strict=True)},
        # of the columns that know only some bits: which
        **({"known": known} if known else {}),
        "fields": [
            {
                "name": f.name,
                "msb": f.msb,
                "lsb": f.lsb,
                "values": {c.name: v for c, v in zip(shown, f.values, strict=True)},
                **_known_parts(f, shown),
                "meanings": {str(value): text for value, text in f.meanings},
                "history": f.history,
            }
            for f in register.fields
        ],
    }


def _known_parts(field: FieldValues, shown: tuple[Column, ...]) -> Json:
    """`known`: of the columns that know only some bits of a field, which, as integers."""
    width = field.msb - field.lsb + 1
    whole = ones(width)
    known = {c.name: p.known & whole for c, p in zip(shown, field.parts, strict=True) if p.known & whole != whole}
    return {"known": known} if known else {}


def comparison_text(answer: Comparison, every: bool = False) -> str:
    """The comparison as text; `every` lists the guest's own state value by value too."""
    lines = [_headline(answer), ""]
    for column in answer.columns:
        labels = ", ".join(s.label for s in column.subjects[:_SHOWN_SUBJECTS])
        more = column.count - _SHOWN_SUBJECTS
        kernel = ", ".join(column.kernels[:4])
        count = f"{column.count} x " if column.count > 1 else ""
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
    lines += _unknown(answer, every)
    if answer.notes:
        lines += ["", "Notes", *(one_line(f"  {n}") for n in answer.notes)]
    return "\n".join([*lines, *unread_lines(answer.unread)])


def _headline(answer: Comparison) -> str:
    groups = len(answer.columns) + answer.hidden_columns
    what = "all registers" if answer.scope == "all" else "what host and kernel decide"
    if groups == 1 and answer.columns and answer.columns[0].count == 1 and not answer.unread:
        return f"Nothing to compare with: 1 dump, {count_of(answer.equal, 'register')}."
    if answer.same:
        return f"Equal in {what}: {count_of(answer.dumps, 'dump')}, {count_of(answer.equal, 'register')}."
    open_parts = []
    equal = f"{answer.equal} {'is' if answer.equal == 1 else 'are'} equal"
    if answer.unknown:
        open_parts.append(f"{count_of(len(answer.unknown), 'register')} {_are(answer.unknown)} known only in part")
    if answer.not_compared:
        verb = "is" if len(answer.not_compared) == 1 else "are"
        open_parts.append(f"{count_of(len(answer.not_compared), 'register')} {verb} not known in every dump")
    if answer.unread:
        open_parts.append(unread_count(answer.unread))
    if answer.outcome == "uncertain":
        told = [equal, *open_parts]
        return f"Uncertain whether {what} are equal: nothing that is known differs; {', '.join(told)}."
    registers = len(answer.feature_registers)
    parts = [f"{count_of(answer.dumps, 'dump')} in {groups} groups"]
    if registers:
        parts.append(f"{count_of(registers, 'feature register')} {_differ(registers)}")
    if answer.lists:
        ids = sum(len(d.group.ids) for d in answer.lists)
        parts.append(f"{count_of(ids, 'id')} {'is' if ids == 1 else 'are'} not listed everywhere")
    state = len(answer.state_registers) or answer.state_differing
    if state:
        parts.append(f"{count_of(state, 'register')} of guest state {_differ(state)}")
    return ", ".join([*parts, *open_parts, equal]) + "."


def _are(many: tuple[RegisterValues, ...]) -> str:
    return "is" if len(many) == 1 else "are"


def _differ(number: int) -> str:
    return "differs" if number == 1 else "differ"


def _register_lines(register: RegisterValues, shown: tuple[Column, ...]) -> list[str]:
    by_value: dict[str, list[str]] = {}
    for column, text in zip(shown, _value_texts(register, shown), strict=True):
        by_value.setdefault(text, []).append(column.name)
    rows = [[_names(names), text] for text, names in by_value.items()]
    lines = [f"  {register.name}", *columns(rows, indent="    ")]
    for field in register.fields:
        lines += _field_lines(field, shown)
    return lines


def _value_texts(register: RegisterValues, shown: tuple[Column, ...]) -> list[str]:
    """Each column's value in hex, `?` for a digit that is not known."""
    if register.withheld:
        return ["withheld"] * len(register.values)
    size = by_id(register.id).size
    return [
        partial_hex(value, known, size, grouped=True) if value is not None else _without(column, register.id)
        for column, value, known in zip(shown, register.values, register.known, strict=True)
    ]


def _without(column: Column, reg_id: int) -> str:
    """What is said of a column without a value."""
    return "not known" if not column.registers.listing or reg_id in column.registers.ids else "not listed"


def _field_text(field: FieldValues, place: int) -> str:
    """A column's field: `0x2`, `0b1?0?` where only some bits are known."""
    value = field.values[place]
    return f"{value:#x}" if value is not None else open_text(*field.parts[place], field.msb - field.lsb + 1)


def _unknown(answer: Comparison, every: bool) -> list[str]:
    """What can neither be called equal nor different."""
    lines: list[str] = []
    if answer.unknown:
        shown = answer.unknown if every else answer.unknown[:_SHOWN_UNKNOWN]
        lines += ["", "Known only in part, and equal as far as known"]
        for register in shown:
            lines += _register_lines(register, answer.columns)
        if len(shown) < len(answer.unknown):
            lines.append(f"  and {len(answer.unknown) - len(shown)} more (--all lists them)")
    if answer.not_compared:
        ids = answer.not_compared if every else answer.not_compared[:_SHOWN_SUBJECTS]
        names = ", ".join(by_id(i).name for i in ids)
        more = len(answer.not_compared) - len(ids)
        text = f"Known in some dumps only, and not compared: {names}" + (f" and {more} more" if more else "")
        lines += ["", one_line(text + ".")]
    return lines


def _names(names: list[str]) -> str:
    return ",".join(names[:_WIDE]) + (f",+{len(names) - _WIDE}" if len(names) > _WIDE else "")


def _field_lines(field: FieldValues, shown: tuple[Column, ...]) -> list[str]:
    meanings = dict(field.meanings)
    by_value: dict[tuple[str, int | None], list[str]] = {}
    for place, column in enumerate(shown):
        by_value.setdefault((_field_text(field, place), field.values[place]), []).append(column.name)
    bits = f"{field.msb}:{field.lsb}" if field.msb != field.lsb else str(field.msb)
    rows = []
    for number, ((text, value), names) in enumerate(by_value.items()):
        title = f"{field.name} [{bits}]" if not number else ""
        rows.append([title, _names(names), text, "" if value is None else meanings.get(value, "")])
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
    rows = [[c.name, str(c.count), c.title, c.subjects[0].kernel] for c in answer.columns]
    lines += [*markdown_table(["group", "dumps", "members", "kernel"], rows), ""]
    if answer.lists:
        lines += [
            "### Register lists",
            "",
            *(f"- {markdown_text(d.sentence(answer.columns))}" for d in answer.lists),
            "",
        ]
    rows = []
    shown = answer.columns[:_WIDE]
    for register in answer.feature_registers:
        rows.append([register.name, *_value_texts(register, answer.columns)[:_WIDE]])
        for field in register.fields:
            meanings = dict(field.meanings)
            cells = (
                f"{_field_text(field, place)} {'' if v is None else meanings.get(v, '')}"
                for place, v in enumerate(field.values[:_WIDE])
            )
            rows.append([f"{register.name}.{field.name}", *cells])
    if rows:
        lines += ["### Values", "", *markdown_table(["register or field", *(c.name for c in shown)], rows), ""]
    lines += [line for line in _state(answer, False) if line]
    if answer.unknown:
        rows = [[r.name, *_value_texts(r, answer.columns)[:_WIDE]] for r in answer.unknown]
        head = markdown_table(["register", *(c.name for c in shown)], rows)
        lines += ["", "### Known only in part, and equal as far as known", "", *head, ""]
    if answer.not_compared:
        names = ", ".join(by_id(i).name for i in answer.not_compared)
        lines += ["", f"Known in some dumps only, and not compared: {markdown_text(names)}.", ""]
    lines += [f"- {markdown_text(note)}" for note in answer.notes]
    lines += unread_markdown(answer.unread)[not lines[-1] :]
    return "\n".join(lines).rstrip() + "\n"
