"""Text as the characters that it has, for Textual, which reads a str as markup: colours, links, actions of a click.

Everything of Textual's that parses a text is named here and nowhere else (`tests/test_untrusted.py`), behind functions
that take a `Content`. No `str` is one, so that mypy shows every text that would be parsed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from textual.command import DiscoveryHit, Hit
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from inspector.errors import one_line


def unmarked(text: str) -> Content:
    """`text` without markup, its control characters made visible: for what Textual draws itself, such as titles."""
    return Content(one_line(text))


class Box(Vertical):
    """The frame of a dialog, with a title and what its keys do."""

    def __init__(self, title: Content, keys: Content, *, classes: str = "tall") -> None:
        super().__init__(classes=f"dialog {classes}")
        self.border_title, self.border_subtitle = title, keys


def still(text: Content, *, id: str) -> Static:
    """A text that stays as it is."""
    return Static(text, id=id)


def hit(score: float, text: Content, run: Callable[[], object], help: Content) -> Hit:
    """A command that a search in the palette found. Textual names the type of a help str, and takes a Content."""
    return Hit(score, text, run, text=text.plain, help=cast(str, help))


def offer(text: Content, run: Callable[[], object], help: Content) -> DiscoveryHit:
    """A command that the palette offers before anything was typed."""
    return DiscoveryHit(text, run, text=text.plain, help=cast(str, help))
