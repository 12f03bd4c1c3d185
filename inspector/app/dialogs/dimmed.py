"""The mode below a dialog, dimmed.

Textual blends each piece of it anew for each frame, by way of a Rich console, which is most of what opening a dialog
costs. Here each style is blended once, and lines stay lines.
"""

from __future__ import annotations

from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.css.styles import RulesMap
from textual.renderables.background_screen import BackgroundScreen
from textual.screen import Screen
from textual.strip import Strip
from textual.style import Style as VisualStyle
from textual.visual import RenderOptions, Visual, VisualType


@lru_cache(1024)
def _dim(style: Style, tint: Color) -> Style:
    """A style without links, its colours under a tint."""
    plain = style.clear_meta_and_links()
    ink = (Color.from_rich_color(plain.color) + tint).rich_color if plain.color is not None else None
    ground = (Color.from_rich_color(plain.bgcolor) + tint).rich_color if plain.bgcolor is not None else None
    return plain + Style.from_color(ink, ground)


class Dimmed(Visual):
    """What lies below, in dimmed styles."""

    def __init__(self, below: Screen[object], tint: Color) -> None:
        self._below, self._tint = below, tint

    def render_strips(self, width: int, height: int | None, style: VisualStyle, options: RenderOptions) -> list[Strip]:
        """The lines of the screen below."""
        tint, nothing = self._tint, Style.null()
        return [
            Strip([Segment(text, _dim(look or nothing, tint)) for text, look, _ in strip], strip.cell_length)
            for strip in self._below._compositor.render_strips()[:height]
        ]

    def get_optimal_width(self, rules: RulesMap, container_width: int) -> int:
        """As wide as there is room."""
        return container_width

    def get_height(self, rules: RulesMap, width: int) -> int:
        """As high as the screen below."""
        return self._below.size.height


def dimmed(drawn: VisualType) -> VisualType:
    """What a modal screen draws behind its widgets, with each style blended once."""
    return Dimmed(drawn.screen, drawn.color) if isinstance(drawn, BackgroundScreen) and drawn.color.a else drawn
