"""What the Migrate screen says in sentences: who goes where, the verdict, and everything about one finding."""

from __future__ import annotations

from collections.abc import Sequence

from inspector.app.modes.migrate.entries import Entry, vcpu_words
from inspector.app.modes.migrate.question import Question, destination_name, processor, short_name
from inspector.app.shell.numbers import bits_text, field_text, value_text
from inspector.app.widgets.ink import Ink, Row, clip, ends, ink, row, width, wrap
from inspector.checks.restore.result import FieldDifference, Finding, MigrationReport, WayOut
from inspector.registers.catalog import by_id

INDENT = 8


def verdict_row(report: MigrationReport) -> Row:
    """The answer, one sentence."""
    if report.verdict == "fails":
        return row(Ink("✖ ", "refused"), ink(report.headline, "title"))
    changes = "but" in report.headline
    return row(Ink("▼ " if changes else "= ", "masked" if changes else "same"), ink(report.headline, "title"))


def summary_rows(question: Question, report: MigrationReport | None, verdict: Row, cells: int) -> list[Row]:
    """Source, destination, VMM and verdict; each with the keys that change it."""
    source = row(ink(short_name(question.source), "title"), ink(_about_source(question, report), "muted"))
    there = row(ink(destination_name(question, report), "title"), ink(_about_destination(question, report), "muted"))
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
    for place, one in enumerate(keys):
        right.append(Ink(one if place % 2 == 0 else f" {one}", "key" if place % 2 == 0 else "muted"))
    return ends(row(Ink(f"{word:<13}", "muted"), *text), tuple(right), cells)


def _about_source(question: Question, report: MigrationReport | None) -> str:
    given = question.source.provenance
    parts = [processor(question.source), f"Linux {given.kernel}" if given.kernel else "kernel not named"]
    if report is not None:
        count, registers = len(report.vcpus), max((one.source_count for one in report.vcpus), default=0)
        parts.append(f"{count} vCPU{'s' * (count != 1)}, {registers} registers")
    return "   " + "   ".join(filter(None, parts))


def _about_destination(question: Question, report: MigrationReport | None) -> str:
    parts = [processor(question.destination)] if question.destination is not None else []
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
        said = (
            f"{entry.step.text}. The number of saved registers is compared before anything is written, so nothing of "
            "this VM is loaded"
        )
        return _labelled("", row(Ink("register list: ", "title"), ink(said)), cells)
    finding = entry.findings[0]
    fields = [one for one in finding.fields if not one.accepted]
    field = fields[min(place, len(fields) - 1)] if fields and entry.kind == "refused" else None
    return _finding(entry, finding, field, cells)


def _finding(entry: Entry, finding: Finding, field: FieldDifference | None, cells: int) -> list[Row]:
    register = by_id(finding.id)
    name = f"{register.name}.{field.name} [{bits_text(field.msb, field.lsb)}]" if field else register.name
    where = f"  {vcpu_words(entry.vcpus)}" if entry.vcpus else ""
    said = row(ink(name, "title"), Ink(where, "muted"), Ink("  "), ink(finding.reason or register.title))
    rows = wrap(said, cells, indent=2)
    if not finding.certain:
        unsure = "not certain: the answer depends on bits of the destination that nobody knows"
        rows += _labelled("?", row(Ink(unsure, "unknown")), cells)
    rows += _labelled("Values", _values(finding), cells)
    if field is not None and (field.meaning_source or field.meaning_destination):
        rows += _labelled("Means", _meanings(field), cells)
    reference = "   ".join(filter(None, (finding.rule, finding.reference)))
    return rows + (_labelled("Rule", row(ink(reference)), cells) if reference else [])


def _values(finding: Finding) -> Row:
    size = by_id(finding.id).size
    parts: list[Ink] = []
    shown = [
        ("saved", finding.value),
        ("destination's own", finding.destination),
        ("read back", finding.after if finding.kind == "changed" else None),
        ("would pass", finding.would_pass if finding.kind == "refused" else None),
    ]
    for word, value in shown:
        if value is not None:
            parts += [Ink("   ")] if parts else []
            parts += [Ink(f"{word} ", "muted"), Ink(value_text(value, size))]
    return tuple(parts)


def _meanings(field: FieldDifference) -> Row:
    bits = field.msb - field.lsb + 1
    parts = [Ink(f"{field_text(field.source, bits)} ", "muted"), ink(field.meaning_source or "no known meaning")]
    if field.destination is not None:
        parts += [Ink(f"   {field_text(field.destination, bits)} ", "muted")]
        parts += [ink(field.meaning_destination or "no known meaning")]
    return tuple(parts)


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
    rows: list[Row] = []
    for number, way in enumerate(ways, 1):
        tail = "" if way.settles_all else "  (settles a part)"
        tail += "" if way.keeps_guest else "  (the guest starts anew)"
        label = Ink(f"{'Try' if number == 1 else '':<{INDENT}}", "muted")
        rows += wrap(row(label, Ink(f"{number}. ", "key"), ink(way.title), Ink(tail, "muted")), cells, INDENT + 3)
    return rows


def way_rows(ways: Sequence[WayOut], cells: int) -> list[Row]:
    """Every way out in full: what to do, the commands, what the guest notices."""
    rows: list[Row] = []
    for number, way in enumerate(ways, 1):
        tail = "" if way.settles_all else "  (settles a part)"
        tail += "" if way.keeps_guest else "  (the guest starts anew)"
        rows += wrap(row(Ink(f"{number}. ", "key"), ink(way.title, "title"), Ink(tail, "muted")), cells, 3)
        for line in way.how:
            rows += wrap(row(Ink("   "), ink(line)), cells, 6)
        if way.notices:
            rows += wrap(row(Ink("   guest: ", "muted"), ink(way.notices)), cells, 10)
        rows.append(())
    return rows[:-1]


def _folded(report: MigrationReport, cells: int) -> list[Row]:
    rows = wrap(row("These values are accepted and read back as they were saved. m lists them."), cells)
    for note in filter(None, (report.kernel_note, *report.notes)):
        rows += _labelled("Note", row(ink(note)), cells)
    return rows


def _labelled(word: str, text: Row, cells: int) -> list[Row]:
    if not word:
        return wrap(text, cells, indent=2)
    return wrap(row(Ink(f"{word:<{INDENT}}", "muted"), *text), cells, indent=INDENT)


def shortened(rows: Sequence[Row], lines: int, cells: int) -> list[Row]:
    """At most `lines` rows; the last says that there is more."""
    if len(rows) <= lines:
        return list(rows)
    more = row(Ink("  … enter: more", "muted"))
    if lines == 1:
        return [(*clip(rows[0], cells - width(more)), *more)]
    last = rows[lines - 1]
    return [*rows[: lines - 1], (*clip(last, cells - width(more)), *more)]
