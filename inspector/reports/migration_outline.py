"""Parts of a migration check that text, Markdown and the Migrate screen share: one finding, and the ways out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from inspector.checks.restore.result import FieldDifference, Finding, WayOut
from inspector.registers.catalog import by_id
from inspector.registers.encoding import grouped_hex, hex_id
from inspector.reports.cases import case_outline
from inspector.reports.outline import OutlineLine, Words, line

LABEL = 8
"""Cells of the column of labels."""
_ROLES = {"refused": "refused", "only_in_source": "refused", "changed": "masked", "uncertain": "unknown"}
_SIGNS = {
    "refused": "✖", "only_in_source": "✖", "uncertain": "?", "changed": "▼", "missing_in_source": "○", "accepted": "=",
}  # fmt: skip


def finding_outline(
    finding: Finding,
    vcpus: Sequence[int] = (),
    fields: Sequence[FieldDifference] | None = None,
    saved: str = "saved",
) -> list[OutlineLine]:
    """One finding in full. `vcpus`: where it holds; `fields`: those to show, by default all that differ; `saved`: what
    the value is that is written."""
    register = by_id(finding.id)
    where = f"  vCPU {', '.join(map(str, vcpus))}" if vcpus else ""
    verdict = f"refused, {finding.errno_name}" if finding.kind == "refused" else finding.kind.replace("_", " ")
    said = Words(f"  {_SIGNS[finding.kind]} {verdict}", _ROLES.get(finding.kind, "muted"))
    reason = f": {finding.reason}" if finding.reason else ""
    lines = [line(Words(register.name, "title"), Words(where, "muted"), said, reason, kind="entry")]
    lines += case_outline(finding.cases, LABEL, depth=1)
    lines.append(line(*_values(finding, saved), label="Values", depth=1, column=LABEL))
    for place, field in enumerate(finding.fields if fields is None else fields):
        lines.append(line(*_field(field), label="" if place else "Fields", depth=1, column=LABEL))
    reference = "   ".join(filter(None, (finding.rule, finding.reference)))
    return [*lines, line(reference, label="Rule", depth=1, column=LABEL)] if reference else lines


def _values(finding: Finding, word: str) -> list[Words]:
    size = by_id(finding.id).size
    shown = [
        (word, finding.value),
        ("destination's own", finding.destination),
        ("read back", finding.after if finding.kind == "changed" else None),
        ("would pass", finding.would_pass if finding.kind == "refused" else None),
    ]
    words: list[Words] = []
    for word, value in shown:
        text = "" if value is None else grouped_hex(value, size)
        if not text and word == "destination's own" and finding.part.known:
            text = finding.part.hex(size, grouped=True)
        if text:
            words += [Words(f"{word} ", "muted"), Words(f"{text}   ")]
    if finding.withheld:
        words = [Words("withheld   ", "muted")]
    return [*words, Words(f"id {hex_id(finding.id)}", "muted")]


def _field(field: FieldDifference) -> list[Words]:
    bits = f"{field.msb}:{field.lsb}" if field.msb != field.lsb else str(field.msb)
    sign = Words("= ", "same") if field.accepted else Words("✖ ", "refused")
    sign = sign if field.certain else Words("? ", "unknown")
    other = f"0x{field.destination:x}" if field.destination is not None else _partly(field)
    words = [sign, Words(f"{field.name} ", "title"), Words(f"[{bits}]  ", "muted"), Words(f"0x{field.source:x}")]
    words += [Words(f" {field.meaning_source}".rstrip(), "muted"), Words("   destination ", "muted"), Words(other)]
    words.append(Words(f" {field.meaning_destination}".rstrip(), "muted"))
    return [*words, Words(f"   {field.reason}" if field.reason else "")]


def _partly(field: FieldDifference) -> str:
    """The known bits of the destination's field, `?` alone where none is known."""
    return f"0b{field.part.binary(field.msb - field.lsb + 1)}" if field.part.known else "?"


def ways_outline(ways: Iterable[WayOut], *, brief: bool = False) -> list[OutlineLine]:
    """Every way out: what to do, the commands, what the guest notices; only the titles when `brief`."""
    lines: list[OutlineLine] = []
    for number, way in enumerate(ways, 1):
        tail = "" if way.settles_all else "  (fixes part of it)"
        tail += "" if way.keeps_guest else "  (the guest has to be started again)"
        lines.append(line(Words(way.title, "title"), Words(tail, "muted"), label=f"{number}.", depth=1))
        if brief:
            continue
        lines += [line(text, kind="code", depth=3) for text in way.how]
        if way.notices:
            lines.append(line(Words("the guest notices: ", "muted"), way.notices, depth=3))
    return lines
