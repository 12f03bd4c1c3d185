"""The rows of the table, the figures of the last run that was kept, and how both are shown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
KEPT = Path(__file__).parent / "last.json"
BEGIN, END = "<!-- made by: python -m tests.benchmarks --keep -->", "<!-- end of the table -->"


class Row(NamedTuple):
    """One line of the table."""

    key: str
    work: str
    peer: str
    """what it is measured against; empty for a plain amount"""
    unit: str
    """`x` for a ratio, else `ms`, `s` or `MB`"""
    goal: float


class Figure(NamedTuple):
    """What one row came to."""

    key: str
    value: float
    """in the row's unit: the median of the ratios for `x`"""
    ours: str = ""
    """what that is in seconds or megabytes"""
    more: str = ""
    """percentiles, instruction counts"""


PASS, EMPTY = "`python -c pass`", "empty Textual app"
ROWS = (
    Row("version", "`--version`", PASS, "x", 1.4),
    Row("show", "`show`, one register", PASS, "x", 6),
    Row("decode", "`decode`", PASS, "x", 5),
    Row("migrate", "`migrate`, one destination", PASS, "x", 15),
    Row("migrate-kernels", "`migrate ... all-kernels`, a real stream", PASS, "x", 40),
    Row("paint-120x40", "first paint, 120x40", EMPTY, "x", 1.30),
    Row("paint-80x24", "first paint, 80x24", EMPTY, "x", 1.20),
    Row("key-register", "key: next register", "", "ms", 12),
    Row("key-register-p95", "key: next register, 95th percentile", "", "ms", 12),
    Row("key-search", "key: a letter in search", "", "ms", 12),
    Row("key-search-p95", "key: a letter in search, 95th percentile", "", "ms", 12),
    Row("key-dialog", "key: a dialog", "", "ms", 25),
    Row("key-dialog-p95", "key: a dialog, 95th percentile", "", "ms", 25),
    Row("key-screen", "key: a screen never seen before", "", "ms", 60),
    Row("key-screen-p95", "key: a screen never seen before, 95th percentile", "", "ms", 60),
    Row("stream-1", "`show` of a 1 GB plain stream", "`cat`", "x", 1.1),
    Row("stream-4", "`show` of a 4 GB plain stream", "`cat`", "x", 0.35),
    Row("stream-100", "`show` of a 100 GB sparse stream", "", "s", 0.3),
    Row("zstd", "`show` of a 1 GB zstd stream", "`zstdcat`", "x", 1.5),
    Row("fix", "`fix` of a 1 GB stream", "`cp`", "x", 1.2),
    Row("explain", "`explain` of a 1 GB log", "`grep -c`", "x", 5),
    Row("explain-memory", "`explain` of a 1 GB log, memory", "", "MB", 100),
    Row("verify", "`verify` of the longest recording", "", "s", 0.5),
    Row("compare-10k", "`compare` of 10,000 dumps, CPU", "", "s", 4),
    Row("compare-10k-memory", "`compare` of 10,000 dumps, memory", "", "MB", 200),
    Row("compare-100k", "`compare` of 100,000 dumps, CPU", "", "s", 40),
    Row("compare-100k-memory", "`compare` of 100,000 dumps, memory", "", "MB", 200),
    Row("baseline-10k", "`compare --baseline`, 10,000 unlike hosts", "", "s", 10),
    Row("baseline-10k-memory", "`compare --baseline`, 10,000 unlike hosts, memory", "", "MB", 200),
    Row("baseline-100k", "`compare --baseline`, 100,000 unlike hosts", "", "s", 100),
    Row("baseline-100k-memory", "`compare --baseline`, 100,000 unlike hosts, memory", "", "MB", 400),
)
BY_KEY: Mapping[str, Row] = {row.key: row for row in ROWS}


class Kept(NamedTuple):
    """A figure, and the run that it is of."""

    figure: Figure
    run: str
    """date and machine"""


def read_kept(path: Path = KEPT) -> dict[str, Kept]:
    """The figures of the last run that was kept, by row."""
    if not path.exists():
        return {}
    told = json.loads(path.read_text(encoding="utf-8"))
    return {key: Kept(Figure(key, one["value"], one["ours"], one["more"]), one["run"]) for key, one in told.items()}


def keep(figures: Iterable[Figure], run: str, path: Path = KEPT) -> dict[str, Kept]:
    """Put figures in place of the kept ones; rows that were not measured stay as they are."""
    kept = read_kept(path) | {one.key: Kept(one, run) for one in figures}
    told = {
        row.key: {"value": one.figure.value, "ours": one.figure.ours, "more": one.figure.more, "run": one.run}
        for row in ROWS
        if (one := kept.get(row.key)) is not None
    }
    path.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return read_kept(path)


def amount(value: float, unit: str) -> str:
    """A value with its unit: `5.9`, `16 ms`, `0.41 s`, `94 MB`."""
    text = f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"
    return text if unit == "x" else f"{text} {unit}"


def line(row: Row, figure: Figure | None, before: Figure | None = None) -> list[str]:
    """A row's cells: work, peer, figure, goal, whether it is met, what it was, what else is known."""
    goal = f"{row.goal:g}" if row.unit == "x" else f"{row.goal:g} {row.unit}"
    if figure is None:
        return [row.work, row.peer, "not measured", goal, "", "", ""]
    was = amount(before.value, row.unit) if before is not None else ""
    more = ", ".join(part for part in (figure.ours, figure.more) if part)
    met = "yes" if figure.value <= row.goal else "no"
    return [row.work, row.peer, amount(figure.value, row.unit), goal, met, was, more]


def readme_table(kept: Mapping[str, Kept]) -> list[str]:
    """The README's table, in Markdown."""
    lines = ["| work | against | measured | goal | met | details |", "|---|---|---|---|---|---|"]
    for row in ROWS:
        one = kept.get(row.key)
        cells = line(row, one.figure if one else None)
        lines.append("| " + " | ".join([*cells[:5], cells[6]]) + " |")
    runs = list(dict.fromkeys(one.run for one in kept.values()))
    return [*lines, "", f"Measured: {'; '.join(runs) or 'never'}."]


def write_readme(kept: Mapping[str, Kept]) -> None:
    """Put the table between its marks in the README."""
    path = ROOT / "README.md"
    text = path.read_text(encoding="utf-8")
    path.write_text(with_table(text, kept), encoding="utf-8")


def with_table(text: str, kept: Mapping[str, Kept]) -> str:
    """The README's text with the table of these figures between its marks."""
    head, tail = text.split(BEGIN)[0], text.split(END)[1]
    return f"{head}{BEGIN}\n{chr(10).join(readme_table(kept))}\n{END}{tail}"
