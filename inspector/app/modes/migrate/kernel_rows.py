"""The kernel matrix of the Migrate screen: this saved VM on its own machine, under every kernel."""

from __future__ import annotations

from inspector.app.widgets.ink import Ink, Row, ink, row
from inspector.app.widgets.listing import Column, Item
from inspector.app.widgets.outlined import outline_rows
from inspector.checks.restore.result import KernelMatrix, KernelRow
from inspector.reports.kernel_matrix import HEADS, VERDICTS, answer, counts, kernel_outline, unsure


def matrix_columns(cells: int) -> tuple[Column, ...]:
    """Verdict and counts, and what stops it first in the room that is left."""
    kernel, verdict, refused, missing, kept, evidence, first = HEADS
    if cells >= 100:
        return (
            Column(kernel, 17), Column(verdict, 12), Column(refused, 9, True), Column(missing, 9, True),
            Column(kept, 10, True), Column(f"   {evidence}", 12), Column(f"   {first}"),
        )  # fmt: skip
    if cells >= 76:
        return (
            Column(kernel, 9), Column(verdict, 12), Column(refused, 8, True), Column(missing, 8, True),
            Column(kept, 9, True), Column("  first"),
        )  # fmt: skip
    return (
        Column(kernel, 9), Column(verdict, 12), Column("ref", 4, True), Column("miss", 5, True),
        Column("lost", 6, True), Column("  first"),
    )  # fmt: skip


def matrix_items(matrix: KernelMatrix, cells: int) -> list[Item]:
    """A line per kernel."""
    return [_item(one, cells) for one in matrix.rows]


def _item(one: KernelRow, cells: int) -> Item:
    loads = one.verdict == "loads"
    first = row(
        Ink("   " if cells >= 100 else "  "),
        ink(one.headline, "" if loads else "muted"),
        Ink(unsure(one), "unknown"),
    )
    name = row(ink(one.kernel, "title" if loads else ""))
    evidence = [row(Ink(f"   {one.evidence}", "muted"))] if cells >= 100 else []
    numbers = [row(Ink(number)) for number in counts(one)]
    return Item(one.kernel, (name, row(Ink(*VERDICTS[one.verdict])), *numbers, *evidence, first))


def matrix_verdict(matrix: KernelMatrix) -> Row:
    """The answer: on which kernels it loads."""
    return row(*(ink(*words) for words in answer(matrix)))


def kernel_words(one: KernelRow, matrix: KernelMatrix, cells: int) -> list[Row]:
    """What is to be said about one kernel."""
    return outline_rows(kernel_outline(one, matrix.notes, ".  enter takes this kernel as destination"), cells)
