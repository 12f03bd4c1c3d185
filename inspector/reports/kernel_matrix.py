"""Where a saved VM can go, kernel by kernel, worded once: for text, Markdown, JSON and the Migrate screen."""

from __future__ import annotations

from inspector.checks.restore.result import KernelMatrix, KernelRow
from inspector.errors import one_line
from inspector.numbers import is_decimal
from inspector.policies.points import kernel_title
from inspector.registers.catalog import by_id
from inspector.reports.json import Json
from inspector.reports.migration import finding_json
from inspector.reports.migration_outline import LABEL
from inspector.reports.outline import OutlineLine, Words, line
from inspector.reports.text import columns, markdown_table, markdown_text

VERDICTS = {
    "loads": Words("= loads", "same"),
    "fails": Words("✖ fails", "refused"),
    "uncertain": Words("? uncertain", "unknown"),
}
HEADS = ("kernel", "verdict", "refused", "missing", "not kept", "evidence", "first, or how many are not certain")


def answer(matrix: KernelMatrix) -> tuple[Words, Words]:
    """On which kernels it loads: sign, then `loads on 6 of 62 kernels: 5.19.0 to 6.2.0`."""
    good = [one.kernel for one in matrix.rows if one.verdict == "loads"]
    may = sum(one.verdict == "uncertain" for one in matrix.rows)
    if not good and may:
        text = f"loads for sure on none of {len(matrix.rows)} kernels; it may on {may}"
        return VERDICTS["uncertain"]._replace(text="? "), Words(text, "title")
    if not good:
        return VERDICTS["fails"]._replace(text="✖ "), Words(f"loads on none of {len(matrix.rows)} kernels", "title")
    text = f"loads on {len(good)} of {len(matrix.rows)} kernels: {_runs(matrix)}"
    return VERDICTS["loads"]._replace(text="= "), Words(text, "title")


def _runs(matrix: KernelMatrix) -> str:
    """`5.19.0 to 6.2.0, 7.3.4`; a vendor's kernel, which stands behind all of mainline, by itself."""
    runs: list[list[str]] = []
    before = False
    for one in matrix.rows:
        loads, mainline = one.verdict == "loads", is_decimal(one.kernel[:1])
        if loads and before and mainline:
            runs[-1].append(one.kernel)
        elif loads:
            runs.append([one.kernel])
        before = loads and mainline
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)


def counts(one: KernelRow) -> tuple[str, str, str]:
    """How many values are refused, missing there and not kept; empty for none."""
    refused, missing, changed = (str(n) if n else "" for n in (one.refused, one.only_in_source, one.changed))
    return refused, missing, changed


def unsure(one: KernelRow) -> str:
    """`  (3 not certain)`."""
    return f"  ({one.uncertain} not certain)" if one.uncertain else ""


def _cells(one: KernelRow) -> list[str]:
    return [one.kernel, VERDICTS[one.verdict].text, *counts(one), one.evidence, one.headline + unsure(one)]


def kernel_outline(one: KernelRow, notes: tuple[str, ...] = (), more: str = "") -> list[OutlineLine]:
    """What is to be said about one kernel. `more` goes behind how that is known."""
    told = [
        f"{one.refused} refused" if one.refused else "",
        f"{one.only_in_source} saved registers missing there" if one.only_in_source else "",
        f"{one.changed} not kept" if one.changed else "",
        f"{one.uncertain} not certain" if one.uncertain else "",
    ]
    said = ", ".join(filter(None, told)) or "every value is kept"
    lines = [line(Words(f"{kernel_title(one.kernel)}  ", "title"), f"{one.verdict}: {said}", kind="entry")]
    if (first := one.first) is not None:
        lines.append(_labelled("First", f"{by_id(first.id).name} {first.errno_name}  {first.reason}"))
        reference = "   ".join(filter(None, (first.rule, first.reference)))
        lines += [_labelled("Rule", reference)] if reference else []
    known = "recorded on a real kernel" if one.evidence == "recorded" else f"evidence: {one.evidence}"
    return [*lines, _labelled("Known", known + more), *(_labelled("Note", note) for note in notes)]


def _labelled(label: str, text: str) -> OutlineLine:
    return line(text, label=label, column=LABEL)


def matrix_text(matrix: KernelMatrix) -> str:
    """One line per kernel."""
    head = [("source", matrix.source), ("destination", "the same host"), ("VMM", matrix.vmm_title)]
    said = "".join(words.text for words in answer(matrix))
    rows = [HEADS, *map(_cells, matrix.rows)]
    lines = [said, "", *columns(head, indent="  "), "", *columns(rows, indent="  ")]
    if matrix.notes:
        lines += ["", "Notes", *(f"  {note}" for note in matrix.notes)]
    return "\n".join(map(one_line, lines))


def matrix_markdown(matrix: KernelMatrix) -> str:
    """One table row per kernel."""
    said = "".join(words.text for words in answer(matrix))
    lines = [f"## Where can this VM go? {markdown_text(matrix.source)}", "", f"**{markdown_text(said)}**", ""]
    lines += [f"VMM: {matrix.vmm_title}", "", *markdown_table(HEADS, map(_cells, matrix.rows)), ""]
    return "\n".join([*lines, *(f"- {markdown_text(note)}" for note in matrix.notes)]).rstrip()


def matrix_json(matrix: KernelMatrix) -> Json:
    """One row per kernel."""
    return {
        "vmm": matrix.vmm,
        "source": matrix.source,
        "destination": matrix.destination,
        "kernels": [
            {
                "kernel": row.kernel,
                "evidence": row.evidence,
                "verdict": row.verdict,
                "refused": row.refused,
                "only_in_source": row.only_in_source,
                "changed": row.changed,
                "uncertain": row.uncertain,
                "first": finding_json(row.first) if row.first else None,
            }
            for row in matrix.rows
        ],
        "notes": list(matrix.notes),
    }
