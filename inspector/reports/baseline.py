"""A baseline: text, JSON, Markdown, with its exports."""

from __future__ import annotations

import json
from collections.abc import Iterator

from inspector.checks.baseline.baseline import (
    Baseline,
    LevelledField,
    LevelledRegister,
    MissingSet,
    Obstacle,
    UnknownField,
)
from inspector.checks.baseline.export import firecracker_template, qemu_properties
from inspector.checks.compare.compare import column_name
from inspector.errors import one_line
from inspector.numbers import count_of
from inspector.registers.bits import ones, open_text
from inspector.registers.catalog import by_id
from inspector.registers.encoding import grouped_hex, hex_id, hex_value
from inspector.reports.json import Json, hex_map
from inspector.reports.outline import listed
from inspector.reports.text import columns, markdown_table
from inspector.reports.unread import unread_count, unread_json, unread_lines, unread_markdown

_SHOWN = 12
_DOUBTED = "Uncertain whether it can be made equal: that depends on a host's kernel, or on what is not known of it"
_OUTCOMES = {"level": "can be levelled", "differs": "cannot be levelled completely", "uncertain": "uncertain"}


def baseline_json(answer: Baseline) -> Json:
    """The baseline as JSON; `template` is the Firecracker template as an object, `qemu` the `-cpu` option."""
    return {
        "level": answer.level,
        "outcome": answer.outcome,
        "certain": answer.outcome != "uncertain" and not answer.cases,
        "cases": [{"kernels": list(c.kernels), "outcome": c.outcome, "differing": list(c.told)} for c in answer.cases],
        "host_count": answer.host_count,
        "hosts": [{"label": h, "kernel": k, "count": n, "kernel_certain": c} for h, k, n, c in _hosts(answer)],
        "needs_kernel": answer.needs_kernel,
        "fields": [_field_json(f) for f in answer.fields],
        "registers": [_register_json(r) for r in answer.registers],
        "obstacles": [_obstacle_json(o) for o in answer.obstacles],
        "lists": [_missing_json(m) for m in answer.lists],
        "unknown": [_unknown_json(u) for u in answer.unknown],
        "values": hex_map(answer.values),
        # which bits of those values are known, where not all are
        "known": hex_map(answer.known),
        "template": json.loads(firecracker_template(answer)),
        "qemu": qemu_properties(answer),
        "notes": list(answer.notes),
        "unread": unread_json(answer.unread),
    }


def _hosts(answer: Baseline) -> Iterator[tuple[str, str, int, bool]]:
    """(label, kernel, how many, whether the kernel is certain) of each row."""
    return zip(answer.hosts, answer.kernels, answer.counts, answer.named, strict=True)


def _kernel(name: str, certain: bool) -> str:
    return name if certain else f"{name}, or another"


def _field_json(field: LevelledField) -> Json:
    return {
        "id": hex_id(field.id),
        "register": field.register,
        "name": field.name,
        "msb": field.msb,
        "lsb": field.lsb,
        "values": list(field.values),
        "common": field.common,
        "meaning": field.meaning,
        "safe": field.safe,
        "writable_since": field.writable_since,
    }


def _unknown_json(field: UnknownField) -> Json:
    width = field.msb - field.lsb + 1
    return {
        "id": hex_id(field.id),
        "register": field.register,
        "name": field.name,
        "msb": field.msb,
        "lsb": field.lsb,
        "values": [f"{part.value:#x}" for part in field.parts],
        "known": [f"{part.known & ones(width):#x}" for part in field.parts],
    }


def _register_json(register: LevelledRegister) -> Json:
    size = by_id(register.id).size
    return {
        "id": hex_id(register.id),
        "register": register.register,
        "values": [hex_value(v, size) for v in register.values],
        "common": hex_value(register.common, size),
    }


def _obstacle_json(obstacle: Obstacle) -> Json:
    return {
        "id": hex_id(obstacle.id),
        "register": obstacle.register,
        "field": obstacle.field,
        "values": [f"0x{v:x}" for v in obstacle.values],
        "reason": obstacle.reason,
        "since": obstacle.since,
        "certain": obstacle.certain,
    }


def _missing_json(missing: MissingSet) -> Json:
    return {
        "feature": missing.group.feature,
        "text": missing.group.text,
        "since": missing.group.since,
        "hosts": list(missing.hosts),
        "registers": [{"id": hex_id(i), "name": by_id(i).name} for i in missing.group.ids],
    }


def baseline_text(answer: Baseline) -> str:
    """The baseline as text."""
    lines = [_headline(answer), ""]
    rows = [[_letter(n), h, _kernel(f"Linux {k}", certain)] for n, (h, k, _, certain) in enumerate(_hosts(answer))]
    lines += columns(rows[:_SHOWN], indent="  ")
    more = answer.host_count - sum(answer.counts[:_SHOWN])
    if more:
        lines.append(f"  and {more} more hosts")
    properties = qemu_properties(answer)
    for title, section in (
        ("What depends on which kernel it is", _case_lines(answer)),
        (f"Fields to set (all of them writable since Linux {answer.needs_kernel})", columns(_field_rows(answer))),
        ("Registers to set", [_register_line(register) for register in answer.registers]),
        ("What cannot be made equal", [_obstacle_line(one) for one in answer.obstacles if one.certain]),
        (_DOUBTED, [_obstacle_line(one) for one in answer.obstacles if not one.certain]),
        ("Registers that only some hosts list", [_missing_line(missing) for missing in answer.lists]),
        ("Not known of every host, so whether it can be made equal is uncertain", _unknown_lines(answer)),
        ("QEMU (with the customizable host model that is proposed for it)", [f"  {properties}"] if properties else []),
        ("Notes", [one_line(f"  {note}") for note in answer.notes[:_SHOWN]]),
    ):
        lines += ["", title, *section] if section else []
    return "\n".join([*lines, *unread_lines(answer.unread)])


def _case_lines(answer: Baseline) -> list[str]:
    """An entry for each answer that the kernels which it may be give, with what only it says."""
    lines = []
    for case in answer.cases:
        lines.append(f"  {listed(case.kernels, _SHOWN)}: {_OUTCOMES[case.outcome]}")
        lines += [f"    {one}" for one in case.told]
    return [one_line(line) for line in lines]


def _unknown_lines(answer: Baseline) -> list[str]:
    """A line for each register: its fields with each host's own value, `?` where that is not known."""
    lines, whole = [], []
    by_register: dict[str, list[str]] = {}
    for field in answer.unknown:
        if field.name and any(part.known for part in field.parts):
            by_register.setdefault(field.register, []).append(f"{field.name} {_parts(field)}")
        elif field.name:
            by_register.setdefault(field.register, []).append(field.name)
        else:
            whole.append(field.register)
    lines = [one_line(f"  {register}  {', '.join(fields)}") for register, fields in by_register.items()]
    return [*lines, one_line(f"  as a whole: {', '.join(whole)}")] if whole else lines


def _parts(field: UnknownField) -> str:
    """`0x2/?`: each host's own."""
    width = field.msb - field.lsb + 1
    texts = [f"{p.value:#x}" if p.known & ones(width) == ones(width) else open_text(*p, width) for p in field.parts]
    return "/".join(texts[:_SHOWN] if len(texts) <= 6 else dict.fromkeys(texts))


def _register_line(register: LevelledRegister) -> str:
    return f"  {register.register}  {grouped_hex(register.common, by_id(register.id).size)}"


def _obstacle_line(obstacle: Obstacle) -> str:
    name = obstacle.register + (f".{obstacle.field}" if obstacle.field else "")
    reason = obstacle.reason if obstacle.certain else f"(under these kernels: {obstacle.reason})"
    return one_line(f"  {name}  {_values(obstacle.values)}  {reason}")


def _missing_line(missing: MissingSet) -> str:
    group, having = missing.group, ",".join(_letter(n) for n in missing.hosts[:_SHOWN])
    return one_line(f"  {len(group.ids)} only on {having}: {group.feature}: {group.sentence}")


def _headline(answer: Baseline) -> str:
    hosts = count_of(answer.host_count, "host")
    if answer.cases and answer.outcome == "uncertain":
        return f"Uncertain how {hosts} can be levelled: it depends on which kernel it is; --kernel POINT settles it."
    if answer.level and not answer.changes:
        alone = answer.host_count == 1
        return f"{hosts}: nothing to level." if alone else f"{hosts} are alike: nothing has to be set."
    changed = count_of(len(answer.fields), "field")
    changed += f" and {count_of(len(answer.registers), 'register')}" if answer.registers else ""
    if answer.level:
        return f"{hosts} can be levelled: set {changed}."
    count = len(answer.unknown)
    open_ones = (
        [f"{count_of(count, 'field or register', 'fields or registers')} {_are(count)} not known of all"]
        if count
        else []
    )
    doubted = sum(not one.certain for one in answer.obstacles)
    open_ones += [f"{count_of(doubted, 'difference')} may stay"] if doubted else []
    open_ones += [unread_count(answer.unread)] if answer.unread else []
    if answer.outcome == "uncertain":
        told = f"nothing that is known stands in the way, but {', '.join(open_ones)}"
        return f"Uncertain whether {hosts} can be levelled: {told}{f'; {changed} can be set' * bool(answer.changes)}."
    left = len(answer.obstacles) - doubted + len(answer.lists)
    more = "".join(f", {one}" for one in open_ones)
    more += ", under the kernel that is taken" * bool(answer.cases)
    stay = f"{count_of(left, 'difference')} stay{'s' * (left == 1)}"
    return f"{hosts} cannot be levelled completely: {changed} can be set, {stay}{more}."


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _letter(number: int) -> str:
    return column_name(number)


def _field_rows(answer: Baseline) -> list[list[str]]:
    return [
        [f"  {f.register}.{f.name}", _values(f.values), f"-> {f.common:#x}", f"since {f.writable_since}", f.meaning]
        for f in answer.fields
    ]


def _values(values: tuple[int, ...]) -> str:
    """Distinct values only when there are many hosts."""
    told = [f"{v:#x}" for v in (values if len(values) <= 6 else dict.fromkeys(values))]
    return ", ".join(told[:_SHOWN]) + (" ..." if len(told) > _SHOWN else "")


def baseline_markdown(answer: Baseline) -> str:
    """The baseline as Markdown."""
    lines = ["## Baseline", "", _headline(answer), ""]
    rows = [[_letter(n), h, _kernel(k, certain)] for n, (h, k, _, certain) in enumerate(_hosts(answer))]
    lines += [*markdown_table(["host", "dump", "kernel"], rows), ""]
    if answer.cases:
        rows = [[", ".join(c.kernels), _OUTCOMES[c.outcome], "; ".join(c.told)] for c in answer.cases]
        lines += ["### What depends on which kernel it is", "", *markdown_table(["kernel", "answer", "what"], rows), ""]
    rows = [
        [f"{f.register}.{f.name}", _values(f.values), f"{f.common:#x}", f.safe, f.writable_since, f.meaning]
        for f in answer.fields
    ]
    if rows:
        head = ["field", "values", "common", "safe direction", "writable since", "meaning"]
        lines += ["### Fields to set", "", *markdown_table(head, rows), ""]
    rows = [
        [o.register + (f".{o.field}" if o.field else ""), _values(o.values), o.reason, o.since]
        for o in answer.obstacles
        if o.certain
    ]
    rows += [[f"{len(m.group.ids)} registers", m.group.feature, m.group.sentence, m.group.since] for m in answer.lists]
    if rows:
        lines += ["### What cannot be made equal", "", *markdown_table(["what", "values", "why", "since"], rows), ""]
    rows = [
        [o.register + (f".{o.field}" if o.field else ""), _values(o.values), o.reason, o.since]
        for o in answer.obstacles
        if not o.certain
    ]
    if rows:
        head = ["what", "values", "under these kernels", "since"]
        lines += [f"### {_DOUBTED}", "", *markdown_table(head, rows), ""]
    if answer.unknown:
        rows = [[f"{u.register}.{u.name}" if u.name else u.register, _parts(u)] for u in answer.unknown]
        lines += ["### Not known of every host", "", *markdown_table(["what", "values"], rows), ""]
    properties = qemu_properties(answer)
    if properties:
        lines += ["### QEMU", "", "```", properties, "```", ""]
    lines += [*unread_markdown(answer.unread)[1:]]
    lines += ["### Firecracker template", "", "```json", firecracker_template(answer).rstrip(), "```"]
    return "\n".join(lines) + "\n"
