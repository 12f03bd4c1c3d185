"""The matrix of kernels on the Migrate screen: source kernel by destination kernel, on the host of the source."""

from __future__ import annotations

from inspector.app.widgets.ink import Ink, Row, ink, row, wrap
from inspector.app.widgets.listing import Column, Item
from inspector.checks.compat.matrix import Cell, CompatMatrix
from inspector.reports.matrix import QUALIFIED, answer, cell_sentence, cell_text, remedy_lines

_ROLES = {"loads": "same", "changes": "masked", "fails": "refused", "uncertain": "unknown"}


def _width(matrix: CompatMatrix, cells: int) -> int:
    """Cells of a column: wide where there is room for it."""
    return max(9, min(12, (cells - 14) // max(1, len(matrix.kernels))))


def pair_columns(matrix: CompatMatrix, cells: int) -> tuple[Column, ...]:
    """The source kernel, and each destination kernel."""
    width = _width(matrix, cells)
    return (Column("from \\ to", 11), *(Column(name, width) for name in matrix.kernels))


def pair_items(matrix: CompatMatrix) -> list[Item]:
    """A line per source kernel."""
    return [
        Item(
            source,
            (
                row(ink(source, "title")),
                *(row(_cell(matrix.cell(source, one), source == one)) for one in matrix.kernels),
            ),
        )
        for source in matrix.kernels
    ]


def _cell(cell: Cell, same: bool) -> Ink:
    return Ink("·", "muted") if same and cell.verdict == "loads" else ink(cell_text(cell), _ROLES[cell.verdict])


def pairs_verdict(matrix: CompatMatrix) -> Row:
    """How many pairs load."""
    every = all(cell.verdict in ("loads", "changes") for cell in matrix.cells)
    legend = "   = loads  ▼ not all kept  ✖ refused+missing  ? uncertain"
    return row(
        Ink("= " if every else "✖ ", "same" if every else "refused"), Ink(answer(matrix), "title"), Ink(legend, "muted")
    )


def fails_somewhere(matrix: CompatMatrix, source: str) -> bool:
    """True when some pair from this kernel does not load."""
    return any(cell.source == source and cell.verdict not in ("loads", "changes") for cell in matrix.cells)


def pair_words(source: str, matrix: CompatMatrix, cells: int) -> list[Row]:
    """What happens to a VM started under `source` on each other kernel, and what would have to be fixed."""
    rows = wrap(
        row(ink(f"From Linux {source}  ", "title"), ink(f"{matrix.vmm_title}, {matrix.features}", "muted")), cells
    )
    qualified = False
    for cell in matrix.cells:
        if cell.source != source or cell.destination == source:
            continue
        label = Ink(f"{cell.destination:<10}", "muted")
        rows += wrap(row(label, ink(cell_sentence(cell), _ROLES[cell.verdict])), cells, indent=10)
        if cell.remedy is None:
            continue
        sign = "= " if cell.remedy.works else "▼ " if cell.remedy.this_way else "✖ "
        rows += wrap(row(Ink(" " * 10), ink(sign + cell.remedy.why)), cells, indent=12)
        for text in remedy_lines(cell.remedy):
            rows += wrap(row(Ink(" " * 12), ink(text)), cells, indent=14)
        qualified = qualified or bool(cell.remedy.tolerances)
    if qualified:
        rows += wrap(row(Ink(f"{'Note':<10}", "muted"), ink(QUALIFIED)), cells, indent=10)
    for note in matrix.notes:
        rows += wrap(row(Ink(f"{'Note':<10}", "muted"), ink(note)), cells, indent=10)
    return rows
