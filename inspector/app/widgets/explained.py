"""The pane below a table: what is said of the highlighted line, shortened until more is asked for."""

from __future__ import annotations

from collections.abc import Sequence

from inspector.app.widgets.ink import Ink, Row, clip, row, width
from inspector.app.widgets.lines import Lines

MOST = 14
"""Lines that the pane takes of its own accord."""
TABLE_LEAST = 4
"""Lines that it leaves to the table, however much there is to say."""
BESIDE_FROM = 160
"""Columns of a terminal from which it stands beside the table."""
TABLE_CELLS, SIDE_LEAST, SIDE_MOST = 118, 54, 90
"""Cells that the table keeps before the pane beside it grows, and the pane's own."""


def side_cells(cells: int) -> int:
    """How wide the pane is beside a table in a terminal so wide; 0 where it stands below."""
    return max(SIDE_LEAST, min(cells - TABLE_CELLS, SIDE_MOST)) if cells >= BESIDE_FROM else 0


class Beside(Lines):
    """A pane below a table, or in a column at the right edge where there is room for one."""

    def beside(self, rows: Sequence[Row], side: int, height: int) -> None:
        """Say `rows`, which are wrapped for three cells less than `side`, in a column at the right edge."""
        if self.styles.dock != "right":
            self.styles.dock = "right"
            self.styles.margin = (1, 0, 0, 0)
            self.add_class("-beside")
        self.styles.width = side
        self.fit([(Ink(" "), *one) for one in shortened(rows, height, side - 2, "Y copies all")], height)

    def below(self) -> None:
        """Back below the table, after the terminal became narrower."""
        if self.styles.dock == "right":
            for rule in ("dock", "margin", "width"):
                self.styles.clear_rule(rule)
            self.refresh(layout=True)
            self.remove_class("-beside")


class Explained(Beside):
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
    more = row(Ink(f"  … {key}: more" if " " not in key else f"  … {key}", "muted"))
    if lines == 1:
        return [(*clip(rows[0], cells - width(more)), *more)]
    last = rows[lines - 1]
    return [*rows[: lines - 1], (*clip(last, cells - width(more)), *more)]
