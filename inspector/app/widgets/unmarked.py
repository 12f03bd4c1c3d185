"""Text as the characters that it has, for Textual, which reads a str as markup: colours, links, actions of a click.

Everything of Textual's that parses a text is named here and nowhere else (`tests/test_untrusted.py`), behind functions
that take a `Content`. No `str` is one, so that mypy shows every text that would be parsed.
"""

from __future__ import annotations

from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Region
from textual.strip import Strip
from textual.style import Style

from inspector.app.shell.keys import pressing
from inspector.errors import one_line


def unmarked(text: str) -> Content:
    """`text` without markup, its control characters made visible: for what Textual draws itself, such as titles."""
    return Content(one_line(text))


_GAP = "   "
"""Between what one key does and what the next one does."""


def hints(text: str) -> Content:
    """What the keys of a dialog do (`enter opens   esc closes`), without markup; a click on one presses its key."""
    content, at = unmarked(text), 0
    for one in text.split(_GAP):
        key = one.partition(" ")[0]
        if key.isascii() and key.isalnum():
            name = "escape" if key == "esc" else key.lower() if key[1:].isdecimal() else key
            content = content.stylize(Style.from_meta({"@click": pressing(name)}), at, at + len(one))
        at += len(one) + len(_GAP)
    return content


class Box(Vertical):
    """The frame of a dialog, with a title and what its keys do."""

    def __init__(self, title: Content, keys: Content, *, classes: str = "tall") -> None:
        super().__init__(classes=f"dialog {classes}")
        self.border_title, self.border_subtitle = title, keys

    def render_lines(self, crop: Region) -> list[Strip]:
        """The frame. What is in it covers the lines between the first and the last: one of them is drawn for all."""
        last = self.outer_size.height - 1
        wanted = [0 if y == 0 else last if y == last else 1 for y in crop.line_range]
        drawn = {y: super(Box, self).render_lines(Region(crop.x, y, crop.width, 1))[0] for y in {*wanted}}
        return [drawn[y] for y in wanted]
