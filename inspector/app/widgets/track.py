"""The scroll bar of a list or page."""

from __future__ import annotations

from rich.segment import Segment
from textual.geometry import Region
from textual.scrollbar import ScrollBar, ScrollBarRender
from textual.strip import Strip


class Track(ScrollBar):
    """Textual's, drawn as the few pieces that it has: line by line, by way of a Rich console and of what may stand
    around a widget, a bar took as long as the list beside it."""

    def render_lines(self, crop: Region) -> list[Strip]:
        """A cell for each line."""
        bar, (cells, height) = self.render(), self.size
        if not isinstance(bar, ScrollBarRender) or not self.vertical or crop.width != cells:
            return super().render_lines(crop)
        look = self.app.console.get_style(bar.style)
        assert look.bgcolor is not None and look.color is not None  # `render` gives it both
        segments = bar.render_bar(
            size=height,
            virtual_size=bar.virtual_size,
            window_size=bar.window_size,
            position=bar.position,
            thickness=cells,
            back_color=look.bgcolor,
            bar_color=look.color,
        ).segments
        pieces = {place: self._piece(one, cells) for place, one in {id(one): one for one in segments}.items()}
        return [pieces[id(one)] for one in segments[crop.y : crop.bottom]]

    def _piece(self, segment: Segment, cells: int) -> Strip:
        """A piece as the program shows it, without any colour for one."""
        strip = Strip([Segment(segment.text, self.rich_style + segment.style)], cells)
        for one in self.get_line_filters():
            strip = strip.apply_filter(one, self.background_colors[1])
        return strip
