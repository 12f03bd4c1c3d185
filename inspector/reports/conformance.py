"""Report of how far the model agrees with recorded answers: `verify`."""

from __future__ import annotations

from collections.abc import Iterable

from inspector.checks.recordings.agreement import Agreement, PhaseAgreement
from inspector.errors import one_line
from inspector.reports.json import Json
from inspector.reports.text import columns


def _share(agreed: int, compared: int) -> str:
    if not compared:
        return "-"
    return "100 %" if agreed == compared else f"{min(99.99, 100 * agreed / compared):.2f} %"


def _rows(phases: Iterable[PhaseAgreement]) -> list[list[str]]:
    return [[p.phase, f"{p.compared:,}", f"{p.agreed:,}", _share(p.agreed, p.compared)] for p in phases if p.compared]


def agreement_text(answer: Agreement) -> str:
    """One recording: agreement by phase, what cannot be derived, and every class of disagreement."""
    head = f"{answer.source}: {answer.cpu}, Linux {answer.kernel}, policy {answer.policy}"
    lines = [head + (f" ({answer.certainty})" if answer.certainty else "")]
    lines += [answer.explanation] if answer.explanation else []
    total = ["ID, cache and firmware registers", f"{answer.compared:,}", f"{answer.agreed:,}"]
    table = [["phase", "compared", "agreed", ""], *_rows(answer.phases)]
    table.append([*total, _share(answer.agreed, answer.compared)])
    lines += columns(table, indent="  ")
    if any(p.compared for p in answer.others):
        others = [[f"other registers: {row[0]}", *row[1:]] for row in _rows(answer.others)]
        lines += columns(others, indent="  ")
    if answer.not_derivable:
        count = sum(entry.count for entry in answer.not_derivable)
        lines.append(f"  not derivable, not compared: {count:,} values of {len(answer.not_derivable)} registers")
        lines += columns(
            [[entry.register, f"{entry.count:,}", entry.reason] for entry in answer.not_derivable], indent="    "
        )
    if not answer.order_agrees:
        lines.append("  the register list is predicted in another order")
    for entry in answer.disagreements:
        where = f"{entry.register}.{entry.field}" if entry.field else entry.register
        lines.append(f"  ✖ {entry.phase} {where}: {entry.count:,} disagree; rule {entry.rule or 'none'}")
        lines.append(f"      {entry.config}: {entry.question}: recorded {entry.recorded}, predicted {entry.predicted}")
    return "\n".join(one_line(line) for line in lines)


def _phase_json(phase: PhaseAgreement) -> Json:
    return {"phase": phase.phase, "compared": phase.compared, "agreed": phase.agreed}


def agreement_json(answer: Agreement) -> Json:
    """The same as JSON."""
    return {
        "source": answer.source,
        "cpu": answer.cpu,
        "kernel": answer.kernel,
        "policy": answer.policy,
        "certainty": answer.certainty,
        "explanation": answer.explanation,
        "compared": answer.compared,
        "agreed": answer.agreed,
        "perfect": answer.perfect,
        "phases": [_phase_json(phase) for phase in answer.phases],
        "other_registers": [_phase_json(phase) for phase in answer.others],
        "order_agrees": answer.order_agrees,
        "not_derivable": [
            {"register": entry.register, "count": entry.count, "reason": entry.reason} for entry in answer.not_derivable
        ],
        "disagreements": [
            {name: getattr(entry, name) for name in entry.__struct_fields__} for entry in answer.disagreements
        ],
    }
