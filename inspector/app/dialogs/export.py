"""Write the report of a screen to a new file."""

from __future__ import annotations

import io
from pathlib import Path
from typing import ClassVar

from rich.console import Console
from rich.markdown import Markdown
from textual.app import App, ComposeResult
from textual.widgets import Input
from textual.widgets.input import Selection

from inspector.app.dialogs.line import Line
from inspector.app.dialogs.telling import Telling
from inspector.app.widgets.lines import Lines
from inspector.app.widgets.unmarked import Box, hints, unmarked
from inspector.errors import InspectorError
from inspector.folders import expanded, is_there
from inspector.new_file import write_whole


def free_name(stem: str, suffix: str = "md") -> str:
    """A file name in the present folder that nothing has yet."""
    clean = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in stem).strip("-.") or "report"
    names = [f"{clean}.{suffix}", *(f"{clean}-{count}.{suffix}" for count in range(2, 1000))]
    return next((name for name in names if not is_there(name)), names[-1])


def write_new(path: str, text: str) -> str:
    """Write a file that does not exist yet; returns what went wrong in one line, or an empty text."""
    target = str(expanded(path))
    try:
        write_whole(target, (text.rstrip("\n") + "\n").encode("utf-8", "backslashreplace"))
    except InspectorError as error:
        taken = error.what == "exists already"
        return f"{path} exists already; give another name" if taken else f"{path}: {error.what}"
    return ""


def plain(markdown: str, width: int = 100) -> str:
    """Markdown as text for a mail or a terminal: tables aligned, no marks."""
    out = io.StringIO()
    Console(file=out, width=width, color_system=None, force_terminal=False).print(Markdown(markdown))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


class Export(Telling):
    """Asks for a name, whose ending says the form; refuses to overwrite."""

    LINE = "#name"
    FORMS: ClassVar[dict[str, str]] = {".md": "Markdown", ".txt": "plain text", ".svg": "a picture of the screen"}

    def __init__(self, stem: str, text: str, suffix: str = "md", kind: str = "Markdown") -> None:
        super().__init__()
        self._file, self._text, self._kind = free_name(stem, suffix), text, kind
        self._own = f".{suffix}"
        """the ending of the form that the text is in already"""

    def compose(self) -> ComposeResult:
        """Name, and what happened."""
        with Box(unmarked("Write a new file"), hints("enter writes   esc closes"), classes="small"):
            yield Line(self._file, id="name", keys=True)
            yield Lines(id="said")

    def on_mount(self) -> None:
        """Say what enter does."""
        lines = len(self._text.splitlines())
        self._to_line()
        # Another name replaces this one, as it is typed or pasted.
        self.query_one("#name", Line).selection = Selection(0, len(self._file))
        others = "; .txt: plain text, .svg: a picture of the screen" if self._own == ".md" else ""
        self.say(f"{self._kind}, {lines} lines{others}")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Write the file in the form that its name says."""
        path = event.value.strip()
        ending = Path(path).suffix.lower()
        if self._own == ".md" and ending not in ("", *self.FORMS):
            known = ", ".join(f"{one} ({what})" for one, what in self.FORMS.items())
            self.refuse(f"a name that ends in {known}")
            return
        if ending == ".svg":
            if is_there(path):
                self.refuse(f"{path} exists already; give another name")
                return
            # The picture is of the screen without this dialog.
            self.dismiss()
            self.app.call_after_refresh(self._picture, self.app, path)
            return
        problem = write_new(path, plain(self._text) if ending == ".txt" and self._own == ".md" else self._text)
        if problem:
            self.refuse(problem)
            return
        self.dismiss()
        self.app.notify(f"Wrote {expanded(path)}", markup=False)

    @staticmethod
    def _picture(app: App[object], path: str) -> None:
        problem = write_new(path, app.export_screenshot(title=""))
        app.notify(problem or f"Wrote {expanded(path)}", markup=False)
