"""The migration check as plain text: the answer first, then what stops the load, then everything else by cause."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from inspector.checks.feature_groups import group_by_feature
from inspector.checks.restore.result import Finding, MigrationReport, Remark, WayOut
from inspector.errors import one_line
from inspector.registers.bits import Partial
from inspector.registers.catalog import by_id
from inspector.registers.encoding import grouped_hex
from inspector.reports.migration_outline import finding_outline, ways_outline
from inspector.reports.outline import indented, listed, outline_text
from inspector.reports.text import columns

_SHOWN = 40
"""Findings printed in full; the rest is a table row each."""
_VERDICTS = {"loads": "=", "fails": "✖", "uncertain": "?"}
_MARK = {"fails": "✖", "changes": "▼", "note": "○"}


def migration_text(report: MigrationReport, every: bool = False) -> str:
    """The whole report; `every` adds a table of the registers that are accepted and kept."""
    mark = _VERDICTS[report.verdict]
    lines = [one_line(f"{mark} {report.headline}"), ""]
    kernel = report.kernel + (f" ({report.kernel_note})" if report.kernel_note else "")
    head = [
        ("source", report.source),
        ("destination", report.destination),
        ("kernel", kernel),
        ("vCPU", f"{report.features}: {report.features_why}" if report.features_why else report.features),
        ("VMM", report.vmm_title),
    ]
    lines += [*columns([row for row in head if row[1]], indent="  "), "", *_steps(report)]
    lines += (
        _first(report) + _refused(report) + _uncertain(report) + _unknown(report) + _changed(report) + _missing(report)
    )
    lines += _accepted(report, every) + _remarks(report.remarks) + _ways(report.ways_out)
    if report.messages:
        lines += ["", f"{report.vmm_title} prints", *(one_line(f"  {m}") for m in report.messages)]
    if report.notes:
        lines += ["", "Notes", *(one_line(f"  {n}") for n in report.notes)]
    return "\n".join(lines)


def _steps(report: MigrationReport) -> list[str]:
    rows = []
    for step in report.steps:
        word = "passes" if step.passed else "FAILS" if step.certain else "uncertain"
        rows.append([f"vCPU {step.vcpu}", step.name, word if step.reached else f"({word})", step.text])
    answer = ["Step by step", *columns(rows, indent="  ")]
    if any(not step.reached for step in report.steps):
        answer.append("  (in brackets: not reached this time; a later attempt would meet it)")
    return answer


def _merged(findings: Iterable[Finding]) -> list[tuple[Finding, list[int]]]:
    """Findings that are alike on several vCPUs as one, with the vCPUs."""
    groups: dict[tuple[object, ...], tuple[Finding, list[int]]] = {}
    for finding in findings:
        key = (finding.id, finding.kind, finding.value, finding.destination, finding.part, finding.errno, finding.after)
        groups.setdefault(key, (finding, []))[1].append(finding.vcpu)
    return list(groups.values())


def _value(value: int | None, reg_id: int, part: Partial | None = None) -> str:
    size = by_id(reg_id).size
    if value is not None:
        return grouped_hex(value, size)
    return part.hex(size, grouped=True) if part is not None and part.known else "not known"


def _saved(finding: Finding) -> str:
    return "withheld" if finding.withheld else _value(finding.value, finding.id)


def _finding(finding: Finding, vcpus: Sequence[int]) -> list[str]:
    return outline_text(indented(finding_outline(finding, vcpus))).split("\n")


def _first(report: MigrationReport) -> list[str]:
    if report.first is None:
        return []
    return ["", "Stops it first", *_finding(report.first, (report.first.vcpu,))]


def _uncertain(report: MigrationReport) -> list[str]:
    """The writes whose answer depends on what is not known, each with its cases."""
    found = _merged(report.of_kind("uncertain"))
    if not found:
        return []
    lines = ["", f"Uncertain: {len(found)}"]
    for finding, vcpus in found[:_SHOWN]:
        lines += _finding(finding, vcpus)
    if len(found) > _SHOWN:
        lines.append(f"  and {len(found) - _SHOWN} more (--json has all)")
    return lines


def _refused(report: MigrationReport) -> list[str]:
    rest = [
        (finding, vcpus)
        for finding, vcpus in _merged(report.of_kind("refused"))
        if report.first is None or finding.id != report.first.id or len(vcpus) > 1
    ]
    if not rest:
        return []
    lines = ["", f"Refused as well: {len(rest)}" if report.first and report.first.kind == "refused" else "Refused"]
    for finding, vcpus in rest[:_SHOWN]:
        lines += _finding(finding, vcpus)
    return lines + [f"  {by_id(f.id).name}  {f.errno_name}" for f, _ in rest[_SHOWN:]]


def _groups(findings: Sequence[Finding], word: str, values: bool = False) -> list[str]:
    by_register = {f.id: f for f in findings}
    lines = []
    for group in group_by_feature(by_register):
        lines.append(f"  {group.headline(word)}")
        lines.append(f"    {listed([by_id(i).name for i in group.ids], 8)}: {group.sentence}")
        if values and group.harmless:
            lines.append(f"    harmless: {group.harmless}")
        if values:
            rows = [(by_id(i).name, _saved(by_register[i])) for i in group.ids[:8]]
            lines += columns(rows, indent="      ")
    return [one_line(line) for line in lines]


def _unknown(report: MigrationReport) -> list[str]:
    unknown = report.of_kind("only_in_source")
    fatal, dropped = [f for f in unknown if f.fatal], [f for f in unknown if not f.fatal]
    lacked, doubtful = [f for f in fatal if f.certain], [f for f in fatal if not f.certain]
    lines = ["", "Missing on the destination", *_groups(lacked, "missing", values=True)] if lacked else []
    if doubtful:
        lines += ["", "Not certain to be on the destination", *_groups(doubtful, "uncertain", values=True)]
    if dropped:
        lines += [
            "",
            f"Missing on the destination, and dropped by {report.vmm_title}",
            *_groups(dropped, "dropped"),
        ]
    return lines


def _changed(report: MigrationReport) -> list[str]:
    changed = report.of_kind("changed")
    told = [(f, v) for f, v in _merged(changed) if not f.expected]
    lines = []
    if told:
        lines += ["", "Accepted, but not kept"]
        for finding, vcpus in told:
            lines += _finding(finding, vcpus)
    running = list(dict.fromkeys(by_id(f.id).name for f in changed if f.expected))
    if running:
        lines += ["", one_line(f"Counters and status that keep running: {', '.join(running)}")]
    return lines


def _missing(report: MigrationReport) -> list[str]:
    missing = report.of_kind("missing_in_source")
    return ["", "Not saved: the destination keeps its own value", *_groups(missing, "not saved")] if missing else []


def _accepted(report: MigrationReport, every: bool) -> list[str]:
    accepted = report.of_kind("accepted")
    differ = [f for f in accepted if f.destination is not None and f.destination != f.value]
    lines = ["", f"Accepted and kept: {len(accepted)}, of which {len(differ)} differ from the destination's own value"]
    if not every:
        return lines
    rows = [[f"vCPU {f.vcpu}", by_id(f.id).name, _saved(f), _value(f.destination, f.id, f.part)] for f in accepted]
    return lines + columns([["", "register", "saved", "destination"], *rows], indent="  ")


def _remarks(remarks: Sequence[Remark]) -> list[str]:
    if not remarks:
        return []
    lines = ["", "Remarks"]
    for remark in remarks:
        where = f" (vCPU {', '.join(map(str, remark.vcpus))})" if remark.vcpus else ""
        lines.append(f"  {_MARK[remark.severity]} {remark.title}{where}: {remark.text}")
    return [one_line(line) for line in lines]


def _ways(ways: Sequence[WayOut]) -> list[str]:
    return ["", "Ways out", *outline_text(ways_outline(ways)).split("\n")] if ways else []
