"""The one widget that turns lines of ink into cells: header, footer, ruler, explanation, every list are made of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import zip_longest
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

if TYPE_CHECKING:
    from textual.scrollbar import ScrollBar

from inspector.app.widgets.ink import LOOKS, Look, Row, plain


@lru_cache(256)
def _style_of(colour: str, look: Look) -> Style:
    rich = Color.parse(colour).rich_color
    bold, underline = look.bold or None, look.underline or None
    if look.ground:
        return Style(bgcolor=rich, bold=bold)
    return Style(color=rich, bold=bold, underline=underline)


class Lines(ScrollView, can_focus=False):
    """Shows rows of ink, one per line, cut at the right edge; scrolls when they are more than its height.

    Roles take their colours from the theme's variables, not from component classes: a dozen classes on each of a dozen
    widgets cost a third of the first paint.
    """

    def __init__(self, rows: Sequence[Row] = (), *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._rows: tuple[Row, ...] = tuple(rows)
        self._strips: dict[int, Strip] = {}
        self._looks: dict[tuple[str, str], Style] = {}
        """by the role of a piece and that of its line"""
        self._top = 0
        """the first line on screen"""
        self._drawn_for: tuple[str, int] = ("", 0)
        """theme and width of the kept strips"""
        self._for_screen = False
        """lines are asked for to be drawn, not by the mouse that selects text"""
        self._bare: bool | None = None
        """nothing is drawn around the lines; None: it has to be looked up"""
        self.virtual_size = Size(0, len(self._rows))

    @property
    def rows(self) -> tuple[Row, ...]:
        """What is shown."""
        return self._rows

    def show(self, rows: Sequence[Row]) -> None:
        """Show other rows; those that are the same stay drawn."""
        rows, before = tuple(rows), self._rows
        if rows != before:
            self._rows = rows
            self.redraw_lines([y for y, (one, other) in enumerate(zip_longest(rows, before)) if one != other])

    def fit(self, rows: Sequence[Row], height: int | None = None) -> None:
        """Show other rows, and be as high as they are, or as `height` says; a height of 0 hides the widget."""
        height = len(rows) if height is None else height
        self.display = height > 0
        self.show(rows)
        self.be_high(height)

    def be_high(self, height: int) -> None:
        """Take so many lines; nothing is laid out where it has them already."""
        if self.styles.height is None or self.styles.height.cells != height:
            self.styles.height = height

    def redraw(self) -> None:
        """Forget drawn lines and draw again."""
        self._strips.clear()
        self._measure_height()
        self.refresh()

    def redraw_lines(self, lines: Sequence[int]) -> None:
        """Forget these drawn lines alone, and draw them again."""
        for y in lines:
            self._strips.pop(y, None)
        self._measure_height()
        if lines:
            first, last = min(lines), max(lines)
            self.refresh_lines(first, last - first + 1)

    def _measure_height(self) -> None:
        """Take note of how many lines there are. What lies around is laid out again only where that depends on it."""
        height, before = self.count(), self.virtual_size.height
        if height == before:
            return
        room = self.container_size.height
        scrolls = self.styles.overflow_y == "auto" and (height > room) != (before > room)
        if not room or scrolls or self.styles.is_auto_height:
            self.virtual_size = Size(0, height)
            if room and scrolls:
                # A list without a scroll bar cannot be scrolled, to the highlighted line for one.
                self.show_vertical_scrollbar = height > room
        else:
            self.set_reactive(Widget.virtual_size, Size(0, height))
            self._scroll_update(self.virtual_size)

    def _get_scrollable_region(self, region: Region) -> Region:
        """Where lines stand, beside the scroll bar that they need in this room. Textual finds out after the layout, and
        lays out and draws everything once more."""
        if self.styles.overflow_y == "auto":
            self.set_reactive(Widget.show_vertical_scrollbar, self.virtual_size.height > region.height)
        return super()._get_scrollable_region(region)

    def _size_updated(self, size: Size, virtual_size: Size, container_size: Size, layout: bool = True) -> bool:
        """The layout gave it a size. Only another one says anything about the lines and their scroll bar."""
        if self._size == size and self._container_size == size - self.styles.gutter.totals:
            return False
        return super()._size_updated(size, virtual_size, container_size, layout)

    def _scroll_update(self, virtual_size: Size) -> None:
        """Another number of lines, or room for them. A scroll bar that is just being made draws nothing again."""
        super()._scroll_update(virtual_size)
        if self.show_vertical_scrollbar and not self.vertical_scrollbar._is_mounted:
            self.vertical_scrollbar.call_later(self.vertical_scrollbar.refresh)

    def _refresh_scrollbars(self) -> None:
        """Whether there is a scroll bar. Textual hides one that there is not, too, and lays out everything again."""
        if not self.container_size:
            return
        flow = self.styles.overflow_y
        shown = self.virtual_size.height > self.container_size.height if flow == "auto" else flow == "scroll"
        self.show_vertical_scrollbar = shown
        if shown:
            # It is made hidden, and then never drawn again by itself.
            self.vertical_scrollbar.styles.inline.set_rule("display", "block")

    @property
    def vertical_scrollbar(self) -> ScrollBar:
        """Its scroll bar, made when it is first asked for."""
        if self._vertical_scrollbar is None:
            from inspector.app.widgets.track import Track  # most have none

            self._vertical_scrollbar = Track(name="vertical", thickness=self.scrollbar_size_vertical)
            self._vertical_scrollbar.display = False
            self.app._start_widget(self, self._vertical_scrollbar)
        return self._vertical_scrollbar

    def count(self) -> int:
        """Number of lines."""
        return len(self._rows)

    def line(self, y: int, cells: int) -> Row:
        """The ink of one line, for a width in cells."""
        return self._rows[y]

    def line_role(self, y: int) -> str:
        """`row` for a highlighted line, else empty."""
        return ""

    def notify_style_update(self) -> None:
        """Colours or the theme changed."""
        super().notify_style_update()
        self._bare = None
        self._looks.clear()
        self._strips.clear()

    def selection_updated(self, selection: Selection | None) -> None:
        """The mouse selects text."""
        self._strips.clear()
        self.refresh()

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected characters."""
        cells = self.size.width
        text = "\n".join(plain(self.line(y, cells)).rstrip() for y in range(self.count()))
        return selection.extract(text), "\n"

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw visible lines."""
        self._measure()
        self._for_screen = True
        try:
            if self._bare is None:
                self._bare = not any((*self.styles.gutter, *self.styles.outline.spacing))
            if not self._bare or self.hover_style._link_id:
                return super().render_lines(crop)
            strips = [self.render_line(y) for y in crop.line_range]
        finally:
            self._for_screen = False
        start, end = crop.column_span
        return [strip if (start, end) == (0, strip.cell_length) else strip.crop(start, end) for strip in strips]

    def _measure(self) -> None:
        """What holds for all lines of one drawing."""
        self._top, cells = self.scroll_offset.y, self.scrollable_content_region.width
        if self._drawn_for != (drawn_for := (self.app.theme, cells)):
            self._drawn_for = drawn_for
            self._looks.clear()
            self._strips.clear()

    def render_line(self, y: int) -> Strip:
        """Draw one visible line. For the mouse, which asks for a line on its own, each piece says where it stands: on
        screen that would give every piece a style of its own, a quarter of what a key costs."""
        if not self._for_screen:
            self._measure()
        y += self._top
        strip = self._strips.get(y)
        if strip is None:
            strip = self._strips[y] = self._draw(y, self._drawn_for[1])
        return strip if self._for_screen else strip.apply_offsets(0, y)

    def _draw(self, y: int, cells: int) -> Strip:
        role = self.line_role(y)
        ground = self._look("", role)
        if y >= self.count():
            return Strip.blank(cells, ground)
        segments, drawn, last = list[Segment](), 0, ground
        text = ""
        for words, kind, click in self.line(y, cells):
            style = self._look(kind, role) if kind else ground
            if click:
                style = style + Style(meta={"@click": click})
            if style is not last:
                if text:
                    segments.append(Segment(text, last))
                text, last = "", style
            text += words
            drawn += len(words) if words.isascii() else cell_len(words)
        blank = " " * max(cells - drawn, 0)
        if last is ground:
            text += blank
            blank = ""
        segments += [Segment(words, style) for words, style in ((text, last), (blank, ground)) if words]
        strip = Strip(segments, max(drawn, cells))
        strip = strip.adjust_cell_length(cells) if drawn > cells else strip
        return self._selected(strip, y, cells) if self.screen.selections else strip

    def _look(self, role: str, ground: str) -> Style:
        """How a role looks on a line that is drawn as `ground` says; asking for what lines stand on costs a tenth of
        drawing one. What the program does to all colours (none at all, say) is done here, once for each look."""
        found = self._looks.get((role, ground))
        if found is None:
            if role:
                found = self._look("", ground) + self._style(role)
            else:
                found = self._look("", "") + self._style(ground) if ground else self.rich_style
            for one in self.get_line_filters():
                found = one.apply([Segment("", found)], self.background_colors[1])[0].style or found
            self._looks[role, ground] = found
        return found

    def _selected(self, strip: Strip, y: int, cells: int) -> Strip:
        """The strip with the part that the mouse selected marked."""
        selection = self.text_selection
        span = selection.get_span(y) if selection is not None else None
        if span is None:
            return strip
        start, end = span[0], cells if span[1] == -1 else min(span[1], cells)
        marked = strip.crop(start, end).apply_style(self.screen.get_component_rich_style("screen--selection"))
        for one in self.get_line_filters():
            marked = marked.apply_filter(one, self.background_colors[1])
        return Strip.join([strip.crop(0, start), marked, strip.crop(end, cells)])

    def _style(self, role: str) -> Style:
        look = LOOKS[role]
        return _style_of(self.app.theme_variables[look.token], look)
