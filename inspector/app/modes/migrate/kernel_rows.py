"""The kernel matrix of the Migrate screen: this saved VM on its own machine, under every kernel."""

from __future__ import annotations

from inspector.app.widgets.ink import Ink, Row, ink, row, wrap
from inspector.app.widgets.listing import Column, Item
from inspector.checks.restore.result import KernelMatrix, KernelRow
from inspector.registers.catalog import by_id


def matrix_columns(cells: int) -> tuple[Column, ...]:
    """Verdict and counts, and what stops it first in the room that is left."""
    if cells >= 100:
        return (
            Column("kernel", 17), Column("verdict", 8), Column("refused", 9, True), Column("missing", 9, True),
            Column("not kept", 10, True), Column("   evidence", 12), Column("   first, or how many are not certain"),
        )  # fmt: skip
    return (
        Column("kernel", 9), Column("verdict", 8), Column("ref", 4, True), Column("miss", 5, True),
        Column("lost", 6, True), Column("  first"),
    )  # fmt: skip


def matrix_items(matrix: KernelMatrix, cells: int) -> list[Item]:
    """A line per kernel."""
    return [_item(one, cells) for one in matrix.rows]


def _item(one: KernelRow, cells: int) -> Item:
    loads = one.verdict == "loads"
    verdict = {
        "loads": Ink("= loads", "same"), "fails": Ink("✖ fails", "refused"), "uncertain": Ink("? open", "unknown"),
    }[one.verdict]  # fmt: skip
    counts = [row(Ink(str(number) if number else "")) for number in (one.refused, one.only_in_source, one.changed)]
    unsure = f"  ({one.uncertain} not certain)" if one.uncertain else ""
    first = row(
        Ink("   " if cells >= 100 else "  "), ink(one.headline, "" if loads else "muted"), Ink(unsure, "unknown")
    )
    name = row(ink(one.kernel, "title" if loads else ""))
    evidence = [row(Ink(f"   {one.evidence}", "muted"))] if cells >= 100 else []
    return Item(one.kernel, (name, row(verdict), *counts, *evidence, first))


def matrix_verdict(matrix: KernelMatrix) -> Row:
    """The answer: on which kernels it loads."""
    good = [one.kernel for one in matrix.rows if one.verdict == "loads"]
    if not good:
        return row(Ink("✖ ", "refused"), Ink(f"loads on none of {len(matrix.rows)} kernels", "title"))
    text = f"loads on {len(good)} of {len(matrix.rows)} kernels: {_runs(matrix)}"
    return row(Ink("= ", "same"), ink(text, "title"))


def _runs(matrix: KernelMatrix) -> str:
    """`5.19.0 to 6.2.0, 7.3.4`; a vendor's kernel, which stands behind all of mainline, by itself."""
    runs: list[list[str]] = []
    before = False
    for one in matrix.rows:
        loads, mainline = one.verdict == "loads", one.kernel[:1].isdecimal()
        if loads and before and mainline:
            runs[-1].append(one.kernel)
        elif loads:
            runs.append([one.kernel])
        before = loads and mainline
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)


def kernel_words(one: KernelRow, matrix: KernelMatrix, cells: int) -> list[Row]:
    """What is to be said about one kernel."""
    name = f"Linux {one.kernel}" if one.kernel[:1].isdecimal() else one.kernel
    counts = [
        f"{one.refused} refused" if one.refused else "",
        f"{one.only_in_source} saved registers missing there" if one.only_in_source else "",
        f"{one.changed} not kept" if one.changed else "",
        f"{one.uncertain} not certain" if one.uncertain else "",
    ]
    said = ", ".join(filter(None, counts)) or "every value is kept"
    rows = wrap(row(ink(f"{name}  ", "title"), ink(f"{one.verdict}: {said}")), cells, indent=2)
    first = one.first
    if first is not None:
        reason = f"{by_id(first.id).name} {first.errno_name}  {first.reason}"
        rows += wrap(row(Ink(f"{'First':<8}", "muted"), ink(reason)), cells, indent=8)
        reference = "   ".join(filter(None, (first.rule, first.reference)))
        rows += wrap(row(Ink(f"{'Rule':<8}", "muted"), ink(reference)), cells, indent=8) if reference else []
    known = "recorded on a real kernel" if one.evidence == "recorded" else f"evidence: {one.evidence}"
    rows += wrap(row(Ink(f"{'Known':<8}", "muted"), ink(f"{known}.  enter takes this kernel as destination")), cells, 8)
    for note in matrix.notes:
        rows += wrap(row(Ink(f"{'Note':<8}", "muted"), ink(note)), cells, indent=8)
    return rows
