"""The matrix of kernels, as text, Markdown and JSON: cells first, then for each pair that fails what to fix."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from inspector.checks.compat.matrix import Cell, CompatMatrix
from inspector.checks.compat.remedies import PairRemedy
from inspector.errors import one_line
from inspector.registers.catalog import by_id
from inspector.registers.encoding import hex_id
from inspector.reports.text import columns, markdown_table, markdown_text

SIGNS = {"loads": "=", "changes": "▼", "fails": "✖", "uncertain": "?"}
WORDS = {
    "loads": "loads", "changes": "loads with changes", "fails": "fails", "uncertain": "uncertain",
}  # fmt: skip
QUALIFIED = (
    "x-mig-hidden-regs belongs to the series of Nov 2025: QEMU 11.1.3 as released has no such property; there the same "
    "registers are tolerances of the source (kvm_arm_set_cpreg_mig_tolerances()). x-mig-safe-missing-regs with the "
    "same list does for the side that loads what hiding does for both"
)


def cell_text(cell: Cell) -> str:
    """`✖ 2+3`: refused values and missing registers; `▼ 1`: values that are not kept; `? 4`."""
    sign = SIGNS[cell.verdict]
    if cell.verdict == "fails":
        parts = [str(len(cell.refused))] + ([str(len(cell.missing))] if cell.missing else [])
        return f"{sign} {'+'.join(parts)}"
    if cell.verdict == "changes":
        return f"{sign} {len(cell.changed)}"
    return f"{sign} {len(cell.uncertain)}" if cell.verdict == "uncertain" else sign


def names(ids: Iterable[int], most: int = 6) -> str:
    """Names of registers, at most so many."""
    every = list(dict.fromkeys(by_id(i).name for i in ids))
    return ", ".join(every[:most]) + (f" and {len(every) - most} more" if len(every) > most else "")


def cell_sentence(cell: Cell) -> str:
    """`fails: refused ID_MMFR4_EL1; missing there TCR2_EL1`."""
    parts = [
        f"refused {names(cell.refused)}" if cell.refused else "",
        f"missing there {names(cell.missing)}" if cell.missing else "",
        f"not kept {names(cell.changed)}" if cell.changed else "",
        f"not certain {names(cell.uncertain)}" if cell.uncertain else "",
        cell.run,
    ]
    told = "; ".join(filter(None, parts))
    return WORDS[cell.verdict] + (f": {told}" if told else "")


def answer(matrix: CompatMatrix) -> str:
    """How many pairs load."""
    pairs = [cell for cell in matrix.cells if cell.source != cell.destination]
    good = sum(cell.verdict in ("loads", "changes") for cell in pairs)
    return f"{good} of {len(pairs)} pairs of kernels load"


def remedy_lines(remedy: PairRemedy) -> list[str]:
    """What to paste."""
    lines = list(remedy.lines)
    if remedy.tolerances:
        lines += ["// or, in a build of QEMU 11.1 or newer:", *(f"// {line}" for line in remedy.tolerance_lines)]
    return lines


def failing_pairs(matrix: CompatMatrix) -> list[Cell]:
    """The cells that do not load for sure, each pair of kernels once where its remedy is the same both ways; of a
    kernel and itself one that never runs."""
    failing = (cell for cell in matrix.cells if cell.verdict in ("fails", "uncertain"))
    return [cell for cell in failing if cell.source != cell.destination or cell.run]


def matrix_text(matrix: CompatMatrix) -> str:
    """The whole report."""
    head = [("host", matrix.host), ("VMM", matrix.vmm_title), ("vCPU", matrix.features)]
    rows = [["source \\ destination", *matrix.kernels]]
    rows += [[source, *(cell_text(matrix.cell(source, one)) for one in matrix.kernels)] for source in matrix.kernels]
    lines = [answer(matrix), "", *columns(head, indent="  "), "", *columns(rows, indent="  "), ""]
    lines.append("  = loads   ▼ loads with changes (values not kept)   ✖ fails (refused+missing)   ? uncertain")
    bad = failing_pairs(matrix)
    if bad:
        lines += ["", "Pairs that fail, and the shortest list that makes them load in both directions"]
    for cell in bad:
        lines.append(one_line(f"  {cell.source} to {cell.destination}  {cell_sentence(cell)}"))
        lines += _remedy(cell.remedy, "    ")
    if any(cell.remedy is not None and cell.remedy.tolerances for cell in bad):
        lines += ["", f"  {QUALIFIED}"]
    if matrix.notes:
        lines += ["", "Notes", *(one_line(f"  {note}") for note in matrix.notes)]
    return "\n".join(lines)


def _remedy(remedy: PairRemedy | None, indent: str) -> list[str]:
    if remedy is None:
        return []
    sign = "=" if remedy.works else "▼" if remedy.this_way else "✖"
    return [one_line(f"{indent}{sign} {remedy.why}"), *(f"{indent}    {line}" for line in remedy_lines(remedy))]


def matrix_markdown(matrix: CompatMatrix) -> str:
    """A table, and a section for each pair that fails."""
    head = ["source / destination", *matrix.kernels]
    rows = [[source, *(cell_text(matrix.cell(source, one)) for one in matrix.kernels)] for source in matrix.kernels]
    parts = [
        f"**{markdown_text(answer(matrix))}**", "",
        f"Host: {markdown_text(matrix.host)}. VMM: {matrix.vmm_title}. vCPU: {matrix.features}.",
        "", *_table(head, rows), "", "= loads, ▼ loads with changes, ✖ fails (refused+missing), ? uncertain",
    ]  # fmt: skip
    for cell in failing_pairs(matrix):
        parts += [
            "",
            f"### {markdown_text(f'{cell.source} to {cell.destination}')}",
            "",
            markdown_text(cell_sentence(cell)),
        ]
        if cell.remedy is not None:
            parts += ["", markdown_text(cell.remedy.why)]
            lines = remedy_lines(cell.remedy)
            parts += ["", "```", *lines, "```"] if lines else []
    if any(cell.remedy is not None and cell.remedy.tolerances for cell in failing_pairs(matrix)):
        parts += ["", QUALIFIED]
    return "\n".join(parts)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [str(line) for line in markdown_table(head, rows)]


def matrix_json(matrix: CompatMatrix) -> dict[str, object]:
    """Every cell, in the order of source and destination."""
    return {
        "host": matrix.host, "vmm": matrix.vmm, "features": matrix.features, "kernels": list(matrix.kernels),
        "cells": [_cell_json(cell) for cell in matrix.cells], "notes": list(matrix.notes),
    }  # fmt: skip


def _cell_json(cell: Cell) -> dict[str, object]:
    def ids(numbers: Iterable[int]) -> list[dict[str, str]]:
        return [{"id": hex_id(i), "name": by_id(i).name} for i in numbers]

    found: dict[str, object] = {
        "source": cell.source, "destination": cell.destination, "verdict": cell.verdict,
        "refused": ids(cell.refused), "missing": ids(cell.missing), "changed": ids(cell.changed),
        "uncertain": ids(cell.uncertain), "run": cell.run,
    }  # fmt: skip
    remedy = cell.remedy
    if remedy is not None:
        found["remedy"] = {
            "works": remedy.works, "this_way": remedy.this_way, "why": remedy.why,
            "properties": [{"type": p.type, "name": p.name, "value": p.value} for p in remedy.properties],
            "tolerances": list(remedy.tolerance_lines), "template": "\n".join(remedy.template),
        }  # fmt: skip
    return found
