"""A list or table with a highlighted line: registers, fields, dumps, findings."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import zip_longest
from typing import ClassVar, NamedTuple

from textual.binding import BindingType
from textual.events import Click
from textual.message import Message

from inspector.app.shell import keys
from inspector.app.widgets.ink import Ink, Row, columns, plain
from inspector.app.widgets.lines import Lines

GUTTER = 2
"""Cells left of every line: `▌` for the highlighted one, `~` for what the last step changed."""


class Column(NamedTuple):
    """One column; the last of width 0 takes the room that is left."""

    title: str
    width: int = 0
    right: bool = False


class Item(NamedTuple):
    """One line of a list."""

    key: str
    """what the program calls it"""
    cells: tuple[Row, ...]
    pick: bool = True
    """False for a line that only separates"""
    more: bool = False
    """goes on with the line before, which is in view only as a whole"""


class Listing(Lines, can_focus=True):
    """Items under fixed column titles, one highlighted.

    The highlight is a `▌` in the gutter, bold text and a ground of its own: the first two survive NO_COLOR.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings(keys.SHARED[keys.LISTS])]

    class Said(Message):
        """Something happened on a line."""

        def __init__(self, listing: Listing, item: Item) -> None:
            super().__init__()
            self.listing, self.item = listing, item

        @property
        def control(self) -> Listing:
            """The list that sent it."""
            return self.listing

    class Moved(Said):
        """Another line is highlighted."""

    class Chosen(Said):
        """Enter or a second click on the highlighted line."""

    class Folded(Said):
        """Space on a line."""

    def __init__(self, columns: Sequence[Column] = (Column(""),), *, id: str, empty: str = "") -> None:
        super().__init__(id=id)
        self.columns = tuple(columns)
        self.items: tuple[Item, ...] = ()
        self.cursor = 0
        self.empty = empty
        """words shown when there is no item"""
        self.marked: Collection[str] = ()
        """keys of the lines that have a `~` beside them"""
        self.help_text = ""
        """what this pane shows, for the help screen"""

    @property
    def titled(self) -> bool:
        """True when some column has a title, so that a title line is shown."""
        return any(column.title for column in self.columns)

    @property
    def current(self) -> Item | None:
        """The highlighted item."""
        return self.items[self.cursor] if self.items and self.items[self.cursor].pick else None

    def fill(
        self, items: Sequence[Item], cursor: str | int | None = None, cols: Sequence[Column] | None = None
    ) -> None:
        """Show other items; `cursor` is the key or index to highlight, None keeps the key that was highlighted."""
        if cursor is None and self.items:
            cursor = self.items[self.cursor].key
        columns, before, at = self.columns, self.items, self.cursor
        if cols is not None:
            self.columns = tuple(cols)
        self.items = tuple(items)
        index = cursor if isinstance(cursor, int) else self.index_of(cursor)
        self.cursor = self._nearest(0 if index is None else index)
        if columns == self.columns and before and items:
            same = zip_longest(before, self.items)
            changed = {place for place, (one, other) in enumerate(same) if one != other}
            if at != self.cursor:
                changed |= {at, self.cursor}
            self.redraw_lines([place + int(self.titled) for place in changed])
        else:
            self.redraw()
        self.keep_in_view()

    def mark(self, keys: Collection[str]) -> None:
        """Put a `~` beside the lines with these keys, and beside no other."""
        if keys != self.marked:
            self.marked = keys
            self.redraw()

    def index_of(self, key: str | None) -> int | None:
        """Position of the item with this key."""
        return next((index for index, item in enumerate(self.items) if item.key == key), None)

    def go(self, index: int, tell: bool = True) -> None:
        """Highlight the item at `index`, or the nearest that can be."""
        index = self._nearest(index)
        if not self.items or index == self.cursor:
            return
        head = int(self.titled)
        for line in (self.cursor + head, index + head):
            self._strips.pop(line, None)
            self.refresh_line(line)
        self.cursor = index
        self.keep_in_view()
        if tell:
            self.post_message(self.Moved(self, self.items[index]))

    def keep_in_view(self) -> None:
        """Scroll just enough to show the highlighted line (and the title line when at the top)."""
        line = self.cursor + int(self.titled)
        height = self.size.height
        if not height:
            return
        top = self.scroll_offset.y
        if line < top + int(self.titled):
            wanted = 0 if self.cursor == self._nearest(0) else line - int(self.titled)
        elif (last := self._last_line()) >= top + height:
            wanted = min(last - height + 1, line - int(self.titled))
        else:
            return
        # A list that became short while nobody saw it has no scroll bar any more, and would stay where it was.
        self.scroll_to(y=wanted, animate=False, force=True)

    def _last_line(self) -> int:
        """The line in which the highlighted one ends."""
        last = self.cursor
        while last + 1 < len(self.items) and self.items[last + 1].more:
            last += 1
        return last + int(self.titled)

    def _nearest(self, index: int) -> int:
        """The position at or after `index` that can be highlighted, else the last before it."""
        if not self.items:
            return 0
        index = max(0, min(index, len(self.items) - 1))
        after = range(index, len(self.items))
        before = range(index, -1, -1)
        return next((i for i in (*after, *before) if self.items[i].pick), index)

    def count(self) -> int:
        """Lines, the title line included."""
        return (len(self.items) or int(bool(self.empty))) + int(self.titled)

    def line_role(self, y: int) -> str:
        """The highlighted line has a ground of its own."""
        return "row" if self.items and y == self.cursor + int(self.titled) and self.items[self.cursor].pick else ""

    def line(self, y: int, cells: int) -> Row:
        """Title line, item or the words for nothing."""
        widths = self._widths(cells - GUTTER)
        aligned = [column.right for column in self.columns]
        if self.titled and y == self.scroll_offset.y:
            titles = [(Ink(column.title, "muted"),) for column in self.columns]
            return (Ink(" " * GUTTER), *columns(titles, widths, aligned))
        if not self.items:
            return (Ink(" " * GUTTER), Ink(self.empty, "muted"))
        index = y - int(self.titled)
        item = self.items[index]
        gutter = Ink("▌" if index == self.cursor and item.pick else " ", "link")
        mark = Ink("~", "raised") if item.key in self.marked else Ink(" ")
        cut = [cells - GUTTER] if len(item.cells) == 1 else widths
        return (gutter, mark, *columns(item.cells, cut, aligned if len(item.cells) > 1 else ()))

    def _widths(self, cells: int) -> list[int]:
        rest = cells - sum(column.width for column in self.columns)
        return [column.width or max(rest, 0) for column in self.columns]

    def line_text(self) -> str:
        """The highlighted line as plain text, cells separated by two blanks."""
        item = self.current
        return "  ".join(plain(cell).strip() for cell in item.cells if plain(cell).strip()) if item else ""

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """The title line stays at the top while the items scroll; the other lines are drawn already."""
        if self.titled:
            for line in (round(old_value), round(new_value)):
                self._strips.pop(line, None)
        super().watch_scroll_y(old_value, new_value)

    def on_resize(self) -> None:
        """The highlighted line stays in view."""
        self.keep_in_view()

    def on_click(self, event: Click) -> None:
        """The mouse highlights; on the highlighted line it chooses."""
        index = event.y + self.scroll_offset.y - int(self.titled)
        if event.y < int(self.titled) or not 0 <= index < len(self.items):
            return
        if index == self.cursor:
            self.action_choose()
        else:
            self.go(index)

    def action_move(self, step: int) -> None:
        """One line up or down, over separators."""
        index = self.cursor + step
        while 0 <= index < len(self.items) and not self.items[index].pick:
            index += step
        if 0 <= index < len(self.items):
            self.go(index)

    def action_page(self, step: int) -> None:
        """One page up or down."""
        self.go(self.cursor + step * max(self.size.height - 1 - int(self.titled), 1))

    def action_first(self) -> None:
        """To the first line."""
        self.go(0)

    def action_last(self) -> None:
        """To the last line."""
        self.go(len(self.items) - 1)

    def action_choose(self) -> None:
        """Choose the highlighted line."""
        if self.current:
            self.post_message(self.Chosen(self, self.current))

    def action_fold(self) -> None:
        """Fold or unfold at the highlighted line."""
        if self.current:
            self.post_message(self.Folded(self, self.current))
