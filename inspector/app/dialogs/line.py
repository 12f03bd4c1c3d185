"""The line to type in that every dialog uses, and how pasted text is made safe to show."""

from __future__ import annotations

import re

from textual.binding import Binding
from textual.events import Paste
from textual.widget import Widget

from inspector.app.shell.pasting import ESCAPE
from inspector.app.widgets.one_line import OneLine

_ESC = f"[\\x1b{ESCAPE}]"
_SEQUENCE = rf"{_ESC}(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b{ESCAPE}]*(?:\x07|{_ESC}\\)|[^\x1b{ESCAPE}])?"
"""An escape sequence, as it is or as it comes out of a paste. Compiled with the first paste."""
MOVES: tuple[Binding, ...] = (
    Binding("down", "move(1)", "Down", show=False),
    Binding("up", "move(-1)", "Up", show=False),
    Binding("pagedown", "page(1)", "Page down", show=False),
    Binding("pageup", "page(-1)", "Page up", show=False),
)
"""Keys of a line that move in the list below it, while the line keeps the focus."""
LONGEST = 1 << 20
"""Characters of a pasted text that are kept; a log holds the error in its last ones."""


def cleaned(text: str) -> str:
    """A pasted text without colours, cursor movements and other control characters, so that it is safe to show."""
    text = re.sub(_SEQUENCE, "", text[-LONGEST:].replace("\r\n", "\n").replace("\r", "\n"))
    return "".join(one if one == "\n" or one.isprintable() else " " for one in text)


class Line(OneLine):
    """One line of text."""

    def __init__(self, value: str = "", *, placeholder: str = "", id: str | None = None, keys: bool = False) -> None:
        """`keys`: what opens gives them to this line at once, so it is styled for that alone."""
        # Textual would select the whole text when the focus comes, which may be after the first letters.
        super().__init__(value, placeholder=placeholder, id=id, select_on_focus=False)
        self.set_reactive(Widget.has_focus, keys)

    def take(self, text: str) -> None:
        """Insert what was typed or pasted at the cursor, in place of what is selected."""
        if self.selection.is_empty:
            self.insert_text_at_cursor(text)
        else:
            self.replace(text, *self.selection)

    def takes_lines(self, text: str) -> bool:
        """Whether a text of many lines that came at once, without the marks of a paste, is one; else it is keys: each
        of its lines is entered, as programs do that send keys."""
        return False

    def paste(self, text: str) -> None:
        """Insert the first line of a pasted text that says something."""
        lines = (line.strip() for line in cleaned(text).split("\n"))
        self.take(next(filter(None, lines), ""))

    def _on_paste(self, event: Paste) -> None:
        event.prevent_default()
        event.stop()
        self.paste(event.text)
