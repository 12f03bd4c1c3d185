"""Reports of a migration check: JSON and Markdown; the text is in migration_text.py."""

from __future__ import annotations

from collections.abc import Sequence

from inspector.checks.feature_groups import feature_set, group_by_feature
from inspector.checks.restore.result import (
    FieldDifference,
    Finding,
    FindingKind,
    MigrationReport,
    Remark,
    WayOut,
)
from inspector.errors import one_line
from inspector.registers.catalog import by_id
from inspector.registers.encoding import grouped_hex, hex_id
from inspector.reports.cases import cases_json
from inspector.reports.json import Json, source_json
from inspector.reports.migration_outline import ways_outline
from inspector.reports.migration_text import migration_text
from inspector.reports.outline import outline_markdown
from inspector.reports.text import markdown_table, markdown_text
from inspector.reports.values import hex_json

__all__ = ["migration_json", "migration_markdown", "migration_text"]


def migration_json(report: MigrationReport, every: bool = False) -> Json:
    """The report as JSON; registers that are accepted and kept are left out unless `every` is set."""
    return {
        "verdict": report.verdict,
        "headline": report.headline,
        "vmm": report.vmm,
        "source": {"label": report.source, **source_json(report.source_provenance)},
        "destination": {
            "label": report.destination,
            **source_json(report.destination_provenance),
            "policy": report.kernel,
            "features": report.features,
            "features_why": report.features_why,
        },
        "first": finding_json(report.first) if report.first else None,
        "groups": [g for kind in ("only_in_source", "missing_in_source") for g in _groups_json(report, kind)],
        "steps": [
            {"vcpu": s.vcpu, "name": s.name, "passed": s.passed, "reached": s.reached, "text": s.text}
            for s in report.steps
        ],
        "vcpus": [
            {
                "index": vcpu.index,
                "registers": vcpu.source_count,
                "destination_registers": vcpu.destination_count,
                "findings": [finding_json(f) for f in vcpu.findings if every or f.kind != "accepted"],
            }
            for vcpu in report.vcpus
        ],
        "remarks": [_remark_json(r) for r in report.remarks],
        "ways_out": [way_json(w) for w in report.ways_out],
        "messages": list(report.messages),
        "notes": [n for n in (report.kernel_note, *report.notes) if n],
    }


def _groups_json(report: MigrationReport, kind: FindingKind) -> list[Json]:
    """List differences by the feature that brings the registers."""
    word = "missing" if kind == "only_in_source" else "not saved"
    found = report.of_kind(kind)
    sure, doubtful = [f.id for f in found if f.certain], [f.id for f in found if not f.certain]
    return [
        {
            "kind": kind,
            "feature": group.feature,
            "count": len(group.ids),
            "headline": group.headline(said),
            "text": group.sentence,
            "registers": [hex_id(i) for i in group.ids],
        }
        for ids, said in ((sure, word), (doubtful, "uncertain"))
        for group in group_by_feature(dict.fromkeys(ids))
    ]


def finding_json(finding: Finding) -> Json:
    """One register."""
    register = by_id(finding.id)
    group = feature_set(finding.feature)
    part = finding.part

    def hexed(value: int | None) -> str | None:
        return hex_json(value, register.size)

    answer: Json = {
        "id": hex_id(finding.id),
        "name": register.name,
        "kind": finding.kind,
        "value": hexed(finding.value),
        "destination": hexed(finding.destination),
        **({"destination": hexed(part.value), "destination_known": hexed(part.known)} if part.known else {}),
        "errno": finding.errno,
        "errno_name": finding.errno_name,
        "after": hexed(finding.after),
        "fields": [_field_json(f) for f in finding.fields],
        "reason": finding.reason,
        "rule": finding.rule,
        "reference": finding.reference,
        "feature": group.feature if group else "",
        "fatal": finding.fatal,
    }
    if finding.withheld:
        answer["withheld"] = True
    if finding.would_pass is not None:
        answer["would_pass"] = hexed(finding.would_pass)
    if finding.expected:
        answer["expected"] = True
    if not finding.certain:
        answer |= cases_json(finding.certain, finding.depends_on, finding.cases)
    return answer


def _field_json(field: FieldDifference) -> Json:
    return {
        "name": field.name,
        "msb": field.msb,
        "lsb": field.lsb,
        "value": field.source,
        "destination": field.destination,
        **({"destination": field.part.value, "destination_known": field.part.known} if field.part.known else {}),
        "accepted": field.accepted if field.certain else None,
        "safe": field.safe,
        "reason": field.reason,
    }


def _remark_json(remark: Remark) -> Json:
    return {
        "severity": remark.severity,
        "title": remark.title,
        "text": remark.text,
        "registers": [hex_id(i) for i in remark.ids],
        "vcpus": list(remark.vcpus),
    }


def way_json(way: WayOut) -> Json:
    """One way out."""
    return {
        "kind": way.kind,
        "title": way.title,
        "how": list(way.how),
        "notices": way.notices,
        "registers": [hex_id(i) for i in way.ids],
        "settles_all": way.settles_all,
        "keeps_guest": way.keeps_guest,
    }


def migration_markdown(report: MigrationReport, every: bool = False) -> str:
    """The report for a bug tracker."""
    lines = [
        f"## Restore {report.verdict}: {markdown_text(report.source)}",
        "",
        markdown_text(report.headline),
        "",
        f"- source: {markdown_text(report.source)}",
        f"- destination: {markdown_text(report.destination)}",
        f"- VMM: {report.vmm_title}",
        "",
    ]
    shown = [f for f in report.findings if every or f.kind in ("refused", "uncertain", "only_in_source", "changed")]
    if shown:
        head = ["vCPU", "register", "field", "saved", "destination", "result", "reason"]
        lines += ["### Registers", "", *markdown_table(head, map(_row, shown)), ""]
    missing = len({f.id for f in report.of_kind("missing_in_source")})
    if missing and not every:
        lines += [f"{missing} registers of the destination were not saved and keep its own values.", ""]
    references = dict.fromkeys(f"{f.rule}: {f.reference}" for f in shown if f.reference)
    if references:
        lines += ["### Kernel", "", *(f"- {markdown_text(text)}" for text in references), ""]
    lines += _remarks_markdown(report.remarks) + _ways_markdown(report.ways_out)
    if report.messages:
        lines += [f"### What {report.vmm_title} prints", "", "```", *map(one_line, report.messages), "```", ""]
    notes = [n for n in (report.kernel_note, *report.notes) if n]
    return "\n".join(lines + [f"- {markdown_text(n)}" for n in notes]).rstrip()


def _own(finding: Finding, size: int) -> str:
    if finding.destination is None:
        return finding.part.hex(size, grouped=True) if finding.part.known else ""
    return grouped_hex(finding.destination, size)


def _row(finding: Finding) -> list[str]:
    size = by_id(finding.id).size
    fields = ", ".join(
        f"{f.name} {f.source}→{'?' if f.destination is None else f.destination}" for f in finding.fields[:4]
    )
    result = finding.errno_name or finding.kind.replace("_", " ")
    if finding.kind == "only_in_source" and not finding.certain:
        result = "uncertain"
    if finding.kind == "changed" and finding.after is not None:
        result = f"reads {grouped_hex(finding.after, size)}"
    return [
        str(finding.vcpu),
        by_id(finding.id).name,
        fields,
        "withheld" * finding.withheld if finding.value is None else grouped_hex(finding.value, size),
        _own(finding, size),
        result,
        finding.reason,
    ]


def _remarks_markdown(remarks: Sequence[Remark]) -> list[str]:
    if not remarks:
        return []
    return ["### Remarks", "", *(f"- **{markdown_text(r.title)}**: {markdown_text(r.text)}" for r in remarks), ""]


def _ways_markdown(ways: Sequence[WayOut]) -> list[str]:
    return ["### Ways out", "", outline_markdown(ways_outline(ways))] if ways else []
