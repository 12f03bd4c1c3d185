"""The pane below a table: what is said of the highlighted line, shortened until more is asked for."""

from __future__ import annotations

from collections.abc import Sequence

from inspector.app.widgets.ink import Ink, Row, clip, row, width
from inspector.app.widgets.lines import Lines

MOST = 14
"""Lines that the pane takes of its own accord."""
TABLE_LEAST = 4
"""Lines that it leaves to the table, however much there is to say."""


class Explained(Lines):
    """A few lines of what there is to say, or, once `enlarged`, as many as there is room for."""

    def __init__(self, more: str = "enter") -> None:
        super().__init__(id="explanation")
        self.enlarged = False
        self.more = more
        """the key that enlarges it"""

    def explain(self, rows: Sequence[Row], cells: int, *, room: int, table: int, least: int) -> None:
        """Say `rows`, which are wrapped for two cells less than `cells`.

        `room`: lines for the table and this pane; `table`: lines that the table could fill; `least`: lines of this pane
        that are always there.
        """
        height = max(least, min(room - table, MOST))
        if self.enlarged:
            height = max(height, min(room - TABLE_LEAST, len(rows)))
        self.fit([(Ink(" "), *one) for one in shortened(rows, height, cells - 2, self.more)], height)


def shortened(rows: Sequence[Row], lines: int, cells: int, key: str = "enter") -> list[Row]:
    """At most `lines` rows; the last says that there is more."""
    if len(rows) <= lines:
        return list(rows)
    more = row(Ink(f"  … {key}: more", "muted"))
    if lines == 1:
        return [(*clip(rows[0], cells - width(more)), *more)]
    last = rows[lines - 1]
    return [*rows[: lines - 1], (*clip(last, cells - width(more)), *more)]
