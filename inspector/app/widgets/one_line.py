"""The line to type in that every search and dialog uses."""

from __future__ import annotations

from rich.cells import cell_len
from textual.geometry import Size
from textual.reactive import Reactive
from textual.strip import Strip
from textual.widgets import Input

from inspector.app.widgets.ink import Ink, clip, plain


class OneLine(Input):
    """Textual's, which has the same size whatever was typed: nothing is laid out again for a letter."""

    virtual_size = Reactive(Size(0, 0), layout=False)

    def render_line(self, y: int) -> Strip:
        """The line; what can be typed ends with `…` where it is cut. Textual leaves words out without a sign."""
        hint, cells = self.placeholder, self.scrollable_content_region.width
        if self.value or cell_len(hint) <= cells:
            return super().render_line(y)
        self.set_reactive(Input.placeholder, plain(clip((Ink(hint),), cells)))
        try:
            return super().render_line(y)
        finally:
            self.set_reactive(Input.placeholder, hint)
