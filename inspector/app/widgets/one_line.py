"""The line to type in that every search and dialog uses."""

from __future__ import annotations

from textual.geometry import Size
from textual.reactive import Reactive
from textual.widgets import Input


class OneLine(Input):
    """Textual's, which has the same size whatever was typed: nothing is laid out again for a letter."""

    virtual_size = Reactive(Size(0, 0), layout=False)
