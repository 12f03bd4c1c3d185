"""What the Migrate screen says in sentences: who goes where, the verdict, and everything about one finding."""

from __future__ import annotations

from collections.abc import Sequence

from inspector.app.modes.migrate.entries import Entry
from inspector.app.modes.migrate.question import Question, destination_name, processor
from inspector.app.shell.keys import pressing
from inspector.app.shell.numbers import Base, bits_text, field_text
from inspector.app.shell.view import short_name
from inspector.app.widgets.field_rows import FieldLine, field_rows
from inspector.app.widgets.ink import WRITTEN, Ink, Row, ends, ink, row, width, wrap
from inspector.app.widgets.outlined import outline_rows
from inspector.checks.restore.result import Finding, MigrationReport, WayOut
from inspector.numbers import count_of
from inspector.registers.bits import Partial
from inspector.registers.catalog import by_id
from inspector.registers.reading import read
from inspector.reports.migration_outline import finding_outline, ways_outline
from inspector.reports.outline import heading

INDENT = 8
STUB = 12
"""Cells of a cut part below which it says nothing."""


def verdict_row(report: MigrationReport) -> Row:
    """The answer, one sentence."""
    if report.verdict == "fails":
        return row(Ink("✖ ", "refused"), ink(report.headline, "title"))
    if report.verdict == "uncertain":
        return row(Ink("? ", "unknown"), ink(report.headline, "title"))
    changes = any((f.kind == "changed" and not f.expected) or f.kind == "only_in_source" for f in report.findings)
    return row(Ink("▼ " if changes else "= ", "masked" if changes else "same"), ink(report.headline, "title"))


def summary_rows(
    question: Question,
    report: MigrationReport | None,
    verdict: Row,
    cells: int,
    *,
    assumed: bool = False,
    kernels: bool = False,
) -> list[Row]:
    """Source, destination, VMM and verdict; each with the keys that change it. `assumed`: nobody chose them. `kernels`:
    the verdict is about the source's own machine under many kernels, whatever destination was chosen."""
    source = row(ink(short_name(question.source), "title"), ink(_about_source(question, report), "muted"))
    if question.writes:
        kept = f"   {WRITTEN} {count_of(question.writes, 'write')} on it"
        source = (source[0], Ink(kept, "raised"), *source[1:])
    guess = Ink(" (assumed)" if assumed else "", "unknown")
    about = ink(_about_destination(question, report), "muted")
    there = row(ink(destination_name(question, report), "title"), guess, about)
    if kernels:
        other = question.destination
        told = about if other is None else ink(f"   not {short_name(other)}", "muted")
        there = row(Ink("same host, each kernel in turn", "title"), told)
    vmm = row(Ink(question.rule.title, "title"), Ink("   its restore rule", "muted"))
    keys = (("s", "change"), ("d", "change  ", "p", "kernel  ", "D", "swap"), ("h", "change"))
    rows = [
        _summary("source", source, keys[0], cells),
        _summary("destination", there, keys[1], cells),
        _summary("VMM", vmm, keys[2], cells),
    ]
    said = wrap(row(Ink(f"{'verdict':<13}", "muted"), *verdict), cells, indent=13)
    return [*rows, *said[:2]]


def _summary(word: str, text: Row, keys: Sequence[str], cells: int) -> Row:
    right: list[Ink] = [Ink("  ")]
    for key, what in zip(keys[::2], keys[1::2], strict=True):
        right += [Ink(key, "key", pressing(key)), Ink(f" {what}", "muted", pressing(key))]
    text = row(Ink(f"{word:<13}", "muted"), *text)
    return ends(_without_stub(text, cells - width(right)), tuple(right), cells)


def _without_stub(text: Row, cells: int) -> Row:
    """The line without a part at its end of which a few letters alone would be left."""
    *before, last = text
    said, gap, part = last.text.rpartition("   ")
    if gap and width(text) > cells and cells - width(text) + len(part) < STUB:
        return _without_stub((*before, last._replace(text=said)), cells)
    return text


def _about_source(question: Question, report: MigrationReport | None) -> str:
    given = question.source.provenance
    parts = [processor(question.source), f"Linux {given.kernel}" if given.kernel else "kernel not named"]
    if report is not None:
        count, registers = len(report.vcpus), max((one.source_count for one in report.vcpus), default=0)
        parts.append(f"{count_of(count, 'vCPU')}, {registers} registers")
    return "   " + "   ".join(filter(None, parts))


def _about_destination(question: Question, report: MigrationReport | None) -> str:
    parts = [processor(question.destination)] if question.destination is not None else []
    parts.append(f"host: {question.host}" if question.host else "")
    if report is not None:
        parts.append(f"vCPU: {report.features}" if report.features else "")
    return "   " + "   ".join(filter(None, parts))


def explanation_rows(report: MigrationReport, entry: Entry | None, place: int, cells: int) -> list[Row]:
    """Everything about the highlighted line; `place` is the position of the field that it shows."""
    if entry is None:
        return _folded(report, cells)
    rows = _what(entry, place, cells)
    ways = _ways_for(report, entry)
    if ways:
        rows += _try(ways, cells)
    if entry.fatal and report.messages:
        label = f"{'Says':<{INDENT}}"
        rows += [
            line
            for number, text in enumerate(report.messages)
            for line in wrap(row(Ink(label if number == 0 else " " * INDENT, "muted"), ink(text)), cells, indent=INDENT)
        ]
    return rows


def _what(entry: Entry, place: int, cells: int) -> list[Row]:
    if entry.group is not None:
        return _group(entry, cells)
    if entry.remark is not None:
        return _labelled("", row(ink(f"{entry.remark.title}: ", "title"), ink(entry.remark.text)), cells)
    if entry.step is not None:
        loaded = "so nothing of this VM is loaded" if entry.step.certain else "so nothing is loaded where it is greater"
        said = f"{entry.step.text}. The number of saved registers is compared before anything is written, {loaded}"
        return _labelled("", row(Ink("register list: ", "title"), ink(said)), cells)
    finding = entry.findings[0]
    fields = [one for one in finding.fields if not one.accepted]
    shown = fields[place : place + 1] or fields[-1:] if entry.kind == "refused" else []
    return outline_rows(finding_outline(finding, entry.vcpus, shown), cells)


def _group(entry: Entry, cells: int) -> list[Row]:
    assert entry.group is not None
    names = ", ".join(by_id(reg_id).name for reg_id in entry.ids)
    rows = wrap(row(ink(entry.group.feature, "title"), Ink("  "), ink(entry.group.sentence)), cells, indent=2)
    shown = wrap(row(Ink(f"{'Which':<{INDENT}}", "muted"), ink(names)), cells, indent=INDENT)
    rows += shown[:3] if len(shown) <= 3 else [*shown[:2], row(Ink(" " * INDENT), Ink("… enter lists them", "muted"))]
    if entry.group.harmless and entry.kind in ("missing", "dropped"):
        rows += _labelled("Loss", row(ink(f"harmless: {entry.group.harmless}")), cells)
    return rows


def _ways_for(report: MigrationReport, entry: Entry) -> list[WayOut]:
    """The ways out that settle this entry; all of them for a failure of the whole list."""
    if not entry.fatal:
        return []
    if entry.step is not None:
        return list(report.ways_out)
    wanted = set(entry.ids)
    return [way for way in report.ways_out if wanted & set(way.ids)]


def _try(ways: Sequence[WayOut], cells: int) -> list[Row]:
    lines = ways_outline(ways, brief=True)
    return outline_rows([*heading("Ways out")[1:], *lines], cells)


def _folded(report: MigrationReport, cells: int) -> list[Row]:
    rows = wrap(row("These values are accepted and read back as they were saved. m lists them."), cells)
    for note in filter(None, (report.kernel_note, *report.notes)):
        rows += _labelled("Note", row(ink(note)), cells)
    return rows


def fields_beside(finding: Finding, cells: int, base: Base) -> list[Row]:
    """Every field of a finding's register: as it was saved, as a fresh vCPU of the destination has it, and what the
    saved one means."""
    register = by_id(finding.id)
    if finding.value is None or finding.withheld or register.size > 8:
        return []
    fields = read(finding.id, finding.value).fields
    if not fields:
        return []
    own = Partial(finding.destination) if finding.destination is not None else finding.part
    failing = {one.name for one in finding.fields if not one.accepted}
    lines = []
    for one in fields:
        width = one.msb - one.lsb + 1
        there = own.field(one.msb, one.lsb)
        shown = "?" if there is None else field_text(there, width, base)
        role = "muted" if there == one.value else "unknown" if there is None else "masked"
        mark = Ink("✖ ", "refused") if one.name in failing else Ink("  " if there == one.value else "≠ ", role)
        values = Ink(field_text(one.value, width, base)), Ink(shown, role)
        bits, meaning = bits_text(one.msb, one.lsb), ink(one.meaning, "muted")
        lines.append(FieldLine(one.name, bits, values, mark, meaning, one.name in failing))
    return [(), *field_rows(f"{register.name}, saved and destination's own", lines, cells)]


def _labelled(word: str, text: Row, cells: int) -> list[Row]:
    if not word:
        return wrap(text, cells, indent=2)
    return wrap(row(Ink(f"{word:<{INDENT}}", "muted"), *text), cells, indent=INDENT)
