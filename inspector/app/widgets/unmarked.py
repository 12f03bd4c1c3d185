"""Text as the characters that it has, for Textual, which reads a str as markup: colours, links, actions of a click."""

from __future__ import annotations

from textual.content import Content

from inspector.errors import one_line


def unmarked(text: str) -> Content:
    """`text` without markup, its control characters made visible: for what Textual draws itself, such as titles."""
    return Content(one_line(text))
