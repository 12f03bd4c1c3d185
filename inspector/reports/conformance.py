"""Report of how far the model agrees with recorded answers: `verify`."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from pathlib import PurePath

from inspector.checks.recordings.agreement import Agreement, PhaseAgreement
from inspector.errors import one_line
from inspector.registers.meanings import counted
from inspector.reports.json import Json
from inspector.reports.text import columns, markdown_table


def _share(agreed: int, compared: int) -> str:
    if not compared:
        return "-"
    return "100 %" if agreed == compared else f"{min(99.99, 100 * agreed / compared):.2f} %"


def _rows(phases: Iterable[PhaseAgreement]) -> list[list[str]]:
    return [[p.phase, f"{p.compared:,}", f"{p.agreed:,}", _share(p.agreed, p.compared)] for p in phases if p.compared]


def agreement_text(answer: Agreement, explained: str = "") -> str:
    """One recording: agreement by phase, what cannot be derived, and every class of disagreement.

    `explained`: whether `learn` would explain the disagreements, where that was tried.
    """
    head = f"{answer.source}: {answer.cpu}, Linux {answer.kernel}, policy {answer.policy}"
    lines = [head + (f" ({answer.certainty})" if answer.certainty else "")]
    lines += [answer.explanation] if answer.explanation else []
    lines += _candidate_lines(answer)
    lines += [f"the recorded answers tell of the host: {', '.join(answer.told)}"] if answer.told else []
    lines += [f"this very recording is evidence of policy {answer.evidence}"] if answer.evidence else []
    total = ["ID, cache and firmware registers", f"{answer.compared:,}", f"{answer.agreed:,}"]
    table = [["phase", "compared", "agreed", ""], *_rows(answer.phases)]
    table.append([*total, _share(answer.agreed, answer.compared)])
    lines += columns(table, indent="  ")
    if any(p.compared for p in answer.others):
        others = [[f"other registers: {row[0]}", *row[1:]] for row in _rows(answer.others)]
        lines += columns(others, indent="  ")
    if answer.not_derivable:
        count = sum(entry.count for entry in answer.not_derivable)
        registers = counted(len(answer.not_derivable), "register")
        lines.append(f"  not derivable, not compared: {counted(count, 'value')} of {registers}")
        lines += columns(
            [[entry.register, f"{entry.count:,}", entry.reason] for entry in answer.not_derivable], indent="    "
        )
    if not answer.order_agrees:
        lines.append("  the register list is predicted in another order")
    if answer.fits:
        best = answer.fits[0]
        left = answer.compared - best.agreed
        rest = f"{left:,} answers remain" if left else "nothing remains"
        lines.append(f"  best fit: {best.policy}, {_share(best.agreed, answer.compared)}, {rest}")
    for entry in answer.disagreements:
        where = f"{entry.register}.{entry.field}" if entry.field else entry.register
        lines.append(f"  ✖ {entry.phase} {where}: {entry.count:,} disagree; rule {entry.rule or 'none'}")
        asked = ": ".join(filter(None, (entry.config, entry.question)))
        lines.append(f"      {asked}: recorded {entry.recorded}, predicted {entry.predicted}")
    if answer.disagreements:
        command = f"vcpu-inspector learn {shlex.quote(answer.source)} -o own.toml"
        lines.append(f"  {explained}: {command}" if explained else f"  to look for rules that explain them: {command}")
    return "\n".join(one_line(line) for line in lines)


def _candidate_lines(answer: Agreement) -> list[str]:
    """What the recording says of the policies that its kernel may have."""
    if not answer.candidates:
        return []
    count = len(answer.candidates)
    share = _share(answer.agreed, answer.compared)
    lines = [f"Judged by agreement: of {count} policies that this kernel may have, {answer.policy} fits best, {share}."]
    if answer.as_good:
        lines.append(f"  as good: {', '.join(answer.as_good)}; this recording does not tell them apart")
    worse = [one for one in answer.candidates if one.agreed < answer.agreed]
    lines += [f"  {one.policy}: {answer.agreed - one.agreed:,} answers fewer agree" for one in worse[:6]]
    lines += [f"  {len(worse) - 6} more fit less well"] * (len(worse) > 6)
    return lines


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
        "sha256": answer.sha256,
        "evidence": answer.evidence,
        "told": list(answer.told),
        "candidates": [{"policy": one.policy, "agreed": one.agreed} for one in answer.candidates],
        "fits": [{"policy": fit.policy, "agreed": fit.agreed} for fit in answer.fits],
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


HEAD = ["recording", "CPU", "kernel", "policy", "answers", "agree", ""]


def summary_rows(answers: Sequence[Agreement]) -> list[list[str]]:
    """One row for each recording and one for all: ID, cache and firmware registers."""
    rows = [
        [
            PurePath(answer.source).name, answer.cpu, answer.kernel, answer.policy, f"{answer.compared:,}",
            f"{answer.agreed:,}", _share(answer.agreed, answer.compared) + _best(answer),
        ]
        for answer in answers
    ]  # fmt: skip
    compared, agreed = sum(answer.compared for answer in answers), sum(answer.agreed for answer in answers)
    total = [counted(len(answers), "recording"), "", "", "", f"{compared:,}", f"{agreed:,}", _share(agreed, compared)]
    return [[one_line(cell) for cell in row] for row in (*rows, total)]


def _best(answer: Agreement) -> str:
    if not answer.fits:
        return f", best of {len(answer.candidates)}" if answer.candidates else ""
    return f", {_share(answer.fits[0].agreed, answer.compared)} as {answer.fits[0].policy}"


def summary_text(answers: Sequence[Agreement]) -> str:
    """A table of many recordings."""
    return "\n".join(columns([HEAD, *summary_rows(answers)]))


def summary_markdown(answers: Sequence[Agreement]) -> str:
    """The same table in Markdown, as the README has it."""
    return "\n".join(markdown_table([*HEAD[:-1], "share"], summary_rows(answers)))
