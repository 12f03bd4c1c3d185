"""What of a screen is drawn again, and written to the terminal: the lines that changed, and of these the pieces.

Textual draws every line of each widget on which something changed, those of containers that nobody sees, cuts them
where any widget begins, and writes them all. That is more than half of what a key costs. Here each line is taken apart
once for a layout, into the pieces that are seen and whose they are; only these are asked for; and a piece that the
terminal shows already is not written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from rich.console import Console
from textual._compositor import Compositor, CompositorUpdate
from textual._context import visible_screen_stack
from textual.app import App
from textual.geometry import Region, Size
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget


class Part(NamedTuple):
    """Cells of a line in which one widget is seen."""

    start: int
    end: int
    """the first cell that is not the widget's"""
    widget: Widget
    line: int
    """which of the widget's lines"""
    skipped: int
    """cells of that line that are not seen, left of the part"""
    width: int
    """cells of the whole line"""


Shown = list[dict[int, Strip]]
"""What stands on the terminal: for each line, by the cell in which it begins."""
_shown: WeakKeyDictionary[App[Any], Shown] = WeakKeyDictionary()
"""One terminal for all screens of a program."""


class Written(CompositorUpdate):
    """Pieces for the terminal."""

    def __init__(self, pieces: Sequence[tuple[int, int, Strip]]) -> None:
        self.pieces = pieces
        """line, cell, and what goes there, from the top and from the left"""

    def render_segments(self, console: Console) -> str:
        """Text and escape sequences."""
        written, at = [], (-1, -1)
        for y, x, strip in self.pieces:
            if at != (y, x):
                written.append(f"\x1b[{y + 1};{x + 1}H")
            written.append(strip.render(console))
            at = (y, x + strip.cell_length)
        return "".join(written)


class Drawing(Compositor):
    """Puts the widgets of a screen together."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[Sequence[Part] | None] = []
        self._seen: Sequence[Sequence[tuple[Widget, Region, Region]]] = ()
        """for each line the widgets on it, with their cells and their whole region, front to back"""
        self._seen_of: object = None
        """the arrangement that both were made of"""

    def render_update(  # type: ignore[override]  # Textual calls it a renderable, and draws it as this
        self, full: bool = False, screen_stack: list[Screen[Any]] | None = None, simplify: bool = False
    ) -> CompositorUpdate | None:
        """What has to be written now; None where that is nothing. `full` and `simplify` are for pictures."""
        if full or simplify or self.root is None:
            return super().render_update(full, screen_stack, simplify)  # type: ignore[return-value]
        visible_screen_stack.set([] if screen_stack is None else screen_stack)
        screen, regions = self.size.region, self._dirty_regions.copy()
        self._dirty_regions.clear()
        full = screen in regions
        inside = [screen] if full else [one for region in regions if (one := region.intersection(screen))]
        spans = list(self._regions_to_spans(inside))
        # Drawing a widget may change where others are: what is written now is as it was before.
        lines = {y: self._line(y) for y, _, _ in spans}
        shown = self._on_terminal(self.root.app)
        drawn = self._draw(spans, lines)
        there = {y: [one for one in parts if not _is_gone(one[0].widget)] for y, parts in drawn.items()}
        pieces = [one for y, parts in there.items() for one in _changed(shown[y], lines[y], y, parts, full)]
        return Written(pieces) if pieces else None

    def render_strips(self, size: Size | None = None) -> list[Strip]:
        """Every line of the screen."""
        if size is not None and size != self.size:
            return super().render_strips(size)
        if self.root is not None and self.root is self.root.app.screen:
            # A screen takes the one below it, to be drawn behind it, from here, and leaves the others to that.
            visible_screen_stack.set(self.root.app._background_screens)
        every = range(self.size.height)
        drawn = self._draw([(y, 0, self.size.width) for y in every], [self._line(y) for y in every])
        return [Strip.join(strip for _, strip in drawn.get(y, ())) for y in every]

    def _on_terminal(self, app: App[Any]) -> Shown:
        """What the terminal shows; nothing is known of one of another height."""
        shown = _shown.get(app)
        if shown is None or len(shown) != self.size.height:
            shown = _shown[app] = [{} for _ in range(self.size.height)]
        return shown

    def _draw(
        self, spans: Iterable[tuple[int, int, int]], line: Mapping[int, Sequence[Part]] | Sequence[Sequence[Part]]
    ) -> dict[int, list[tuple[Part, Strip]]]:
        """The parts of some cells, (line, first cell, first behind), and what is seen there."""
        wanted: dict[int, list[Part]] = {}
        lines: dict[Widget, tuple[int, int]] = {}
        widths: dict[Widget, int] = {}
        for y, start, end in spans:
            for part in line[y]:
                if part.start < end and part.end > start:
                    wanted.setdefault(y, []).append(part)
                    first, last = lines.get(part.widget, (part.line, part.line))
                    lines[part.widget] = (min(first, part.line), max(last, part.line))
                    widths[part.widget] = part.width
        strips = {
            widget: [Strip.blank(widths[widget])] * (last - first + 1)
            if _is_gone(widget)
            else widget.render_lines(Region(0, first, widths[widget], last - first + 1))
            for widget, (first, last) in lines.items()
        }
        return {
            y: [(part, _cut(part, strips[part.widget][part.line - lines[part.widget][0]])) for part in parts]
            for y, parts in wanted.items()
        }

    def _line(self, y: int) -> Sequence[Part]:
        """Who is seen where on a line."""
        if self._seen_of is not (visible := self.visible_widgets):
            # Textual's own table of this kind outlives what it was made of.
            seen: list[list[tuple[Widget, Region, Region]]] = [[] for _ in range(self.size.height)]
            for widget, (region, clip) in visible.items():
                cells = region.intersection(clip)
                for line in range(max(cells.y, 0), min(cells.bottom, self.size.height)):
                    seen[line].append((widget, cells, region))
            self._seen_of, self._seen, self._parts = visible, seen, [None] * len(seen)
        if (parts := self._parts[y]) is None:
            parts = self._parts[y] = _parts_of(self._seen[y], y, self.size.width)
        return parts


def _is_gone(widget: Widget) -> bool:
    """True for one that was taken off the screen since the last layout, and cannot be drawn any more: the next layout,
    which is due, draws what comes in its place."""
    return widget._parent is None


def _parts_of(layers: Sequence[tuple[Widget, Region, Region]], y: int, width: int) -> Sequence[Part]:
    """The parts of a line, from the left. `layers`: widgets with their cells and their whole region, front to back."""
    parts: list[Part] = []
    free = [(0, width)]
    for widget, cells, region in layers:
        left = []
        for start, end in free:
            first, last = max(start, cells.x), min(end, cells.right)
            if first >= last:
                left.append((start, end))
                continue
            parts.append(Part(first, last, widget, y - region.y, first - region.x, region.width))
            left += [one for one in ((start, first), (last, end)) if one[0] < one[1]]
        if not (free := left):
            break
    return sorted(parts, key=lambda part: part.start)


def _cut(part: Part, strip: Strip) -> Strip:
    """What is seen of a widget's line."""
    cells = part.end - part.start
    return strip if not part.skipped and strip.cell_length == cells else strip.crop(part.skipped, part.skipped + cells)


def _changed(
    shown: dict[int, Strip], line: Sequence[Part], y: int, drawn: Iterable[tuple[Part, Strip]], full: bool
) -> list[tuple[int, int, Strip]]:
    """The pieces that the terminal does not show yet, or all of them; from now on it shows them."""
    if len(shown) != len(line) or any(
        (there := shown.get(part.start)) is None or there.cell_length != part.end - part.start for part in line
    ):
        # Taken apart otherwise than before: what will not be looked for again must not stand there.
        cells: Mapping[int, int] = {part.start: part.end - part.start for part in line}
        for start in [start for start, strip in shown.items() if strip.cell_length != cells.get(start)]:
            del shown[start]
    pieces = []
    for part, strip in drawn:
        there = shown.get(part.start)
        if full or there is None or (there is not strip and there._segments != strip._segments):
            pieces.append((y, part.start, strip))
            shown[part.start] = strip
    return pieces
