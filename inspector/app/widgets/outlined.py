"""A result's outline (reports/outline.py) as rows of a screen."""

from __future__ import annotations

from collections.abc import Iterable

from inspector.app.shell.wording import settling
from inspector.app.widgets.ink import Ink, Row, ink, row, wrap
from inspector.reports.outline import OutlineLine


def outline_rows(lines: Iterable[OutlineLine], cells: int) -> list[Row]:
    """The lines, wrapped to `cells` under their labels."""
    rows: list[Row] = []
    for one in lines:
        words = [ink(settling(words.text), words.role) for words in one.words]
        rows += wrap(row(Ink(one.head, "muted"), *words), cells, indent=one.hang) if words else [()]
    return rows
