"""The mode below a dialog, dimmed.

Textual blends each piece of it anew for each frame, by way of a Rich console, which is most of what opening a dialog
costs. Here each style is blended once, and lines stay lines.
"""

from __future__ import annotations

from functools import lru_cache
from typing import cast

from rich.console import RenderableType
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.css.styles import RulesMap
from textual.geometry import Region
from textual.renderables.background_screen import BackgroundScreen
from textual.screen import Screen
from textual.strip import Strip
from textual.style import Style as VisualStyle
from textual.visual import RenderOptions, Visual

from inspector.app.shell.lean import Lean


@lru_cache(1024)
def _dim(style: Style, tint: Color) -> Style:
    """A style without links, its colours under a tint."""
    plain = style.clear_meta_and_links()
    ink = (Color.from_rich_color(plain.color) + tint).rich_color if plain.color is not None else None
    ground = (Color.from_rich_color(plain.bgcolor) + tint).rich_color if plain.bgcolor is not None else None
    return plain + Style.from_color(ink, ground)


def _filtered(screen: Screen[object], style: Style) -> Style:
    """The style as the program shows it, without any colour for one."""
    for one in screen.get_line_filters():
        style = one.apply([Segment("", style)], screen.background_colors[1])[0].style or style
    return style


class Dimmed(Visual):
    """What lies below, in dimmed styles."""

    def __init__(self, below: Screen[object], tint: Color) -> None:
        self._below, self._tint = below, tint

    def render_strips(self, width: int, height: int | None, style: VisualStyle, options: RenderOptions) -> list[Strip]:
        """The lines of the screen below."""
        tint, nothing = self._tint, Style.null()
        looks: dict[Style | None, Style] = {}
        strips = []
        for strip in self._below._compositor.render_strips()[:height]:
            segments = []
            for text, look, _ in strip:
                dim = looks.get(look)
                if dim is None:
                    dim = looks[look] = _filtered(self._below, _dim(look or nothing, tint))
                segments.append(Segment(text, dim))
            strips.append(Strip(segments, strip.cell_length))
        return strips

    def get_optimal_width(self, rules: RulesMap, container_width: int) -> int:
        """As wide as there is room."""
        return container_width

    def get_height(self, rules: RulesMap, width: int) -> int:
        """As high as the screen below."""
        return self._below.size.height


class Over(Lean):
    """A screen over another one, which it shows dimmed behind its widgets."""

    def render(self) -> RenderableType:
        """The screen below, with each style blended once."""
        drawn = super().render()
        if isinstance(drawn, BackgroundScreen) and drawn.color.a:
            # Textual takes a Visual wherever it takes a renderable.
            return cast(RenderableType, Dimmed(drawn.screen, drawn.color))
        return drawn

    def render_lines(self, crop: Region) -> list[Strip]:
        """Its lines are ready: nothing is drawn around them."""
        if self._dirty_regions:
            self._render_content()
        start, end = crop.column_span
        lines = self._render_cache.lines[crop.y : crop.bottom]
        if len(lines) != crop.height or any(line.cell_length < end for line in lines):
            return super().render_lines(crop)
        return [line.crop(start, end) for line in lines]
