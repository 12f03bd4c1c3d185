"""The one widget that turns lines of ink into cells: header, footer, ruler, explanation, every list are made of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

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

    def __init__(self, rows: Sequence[Row] = (), *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
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
        self.virtual_size = Size(0, len(self._rows))

    @property
    def rows(self) -> tuple[Row, ...]:
        """What is shown."""
        return self._rows

    def show(self, rows: Sequence[Row]) -> None:
        """Show other rows."""
        if (rows := tuple(rows)) != self._rows:
            self._rows = rows
            self.redraw()

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
        height = self.count()
        if height != self.virtual_size.height:
            self.virtual_size = Size(0, height)
        self.refresh()

    def _get_scrollable_region(self, region: Region) -> Region:
        """Where lines stand, beside the scroll bar that they need in this room. Textual finds out after the layout, and
        lays out and draws everything once more."""
        if self.styles.overflow_y == "auto":
            self.set_reactive(Widget.show_vertical_scrollbar, self.virtual_size.height > region.height)
        return super()._get_scrollable_region(region)

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
            return super().render_lines(crop)
        finally:
            self._for_screen = False

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
        segments = []
        for piece in self.line(y, cells):
            style = self._look(piece.role, role) if piece.role else ground
            if piece.click:
                style = style + Style(meta={"@click": piece.click})
            segments.append(Segment(piece.text, style))
        strip = Strip(segments).adjust_cell_length(cells, ground)
        return self._selected(strip, y, cells)

    def _look(self, role: str, ground: str) -> Style:
        """How a role looks on a line that is drawn as `ground` says; asking for what lines stand on costs a tenth of
        drawing one."""
        found = self._looks.get((role, ground))
        if found is None:
            if role:
                found = self._look("", ground) + self._style(role)
            else:
                found = self._look("", "") + self._style(ground) if ground else self.rich_style
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
        return Strip.join([strip.crop(0, start), marked, strip.crop(end, cells)])

    def _style(self, role: str) -> Style:
        look = LOOKS[role]
        return _style_of(self.app.theme_variables[look.token], look)
