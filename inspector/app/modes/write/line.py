"""The line of the Write dialog: it may begin with a field of which only the value is missing."""

from __future__ import annotations

from inspector.app.dialogs.line import Line


class WriteLine(Line):
    """A line that a field was put into: a number goes on, whatever else is typed takes its place.

    A `=` directly behind another one, which `tab` or the field has put there, adds nothing.
    """

    def __init__(self, prefill: str, *, placeholder: str = "", id: str | None = None) -> None:
        super().__init__(prefill, placeholder=placeholder, id=id, keys=True)
        self._prefill = prefill

    def insert_text_at_cursor(self, text: str) -> None:
        """Insert what was typed or pasted."""
        if self.value[: self.cursor_position].endswith("=") and not (text := text.removeprefix("=")):
            return
        if self._prefill and self.value == self._prefill and text[:1].strip() and not text[:1].isdecimal():
            self.clear()
        self._prefill = ""
        super().insert_text_at_cursor(text)
