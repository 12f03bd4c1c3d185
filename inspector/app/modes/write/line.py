"""The line of the Write dialog: it may begin with a field of which only the value is missing."""

from __future__ import annotations

from inspector.app.dialogs.line import Line


class WriteLine(Line):
    """A line that a field was put into: a number goes on, whatever else is typed takes its place."""

    def __init__(self, prefill: str, *, placeholder: str = "", id: str | None = None) -> None:
        super().__init__(prefill, placeholder=placeholder, id=id)
        self._prefill = prefill

    def insert_text_at_cursor(self, text: str) -> None:
        """Insert what was typed or pasted."""
        if self._prefill and self.value == self._prefill and text[:1].strip() and not text[:1].isdecimal():
            self.clear()
        self._prefill = ""
        super().insert_text_at_cursor(text)
