"""Write the report of a screen to a new file."""

from __future__ import annotations

from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input

from inspector.app.dialogs.dialog import DIALOG_CELLS, Dialog
from inspector.app.dialogs.line import Line
from inspector.app.widgets.ink import Ink, ink, row, wrap
from inspector.app.widgets.lines import Lines
from inspector.errors import InspectorError
from inspector.new_file import write_whole


def free_name(stem: str, suffix: str = "md") -> str:
    """A file name in the present folder that nothing has yet."""
    clean = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in stem).strip("-.") or "report"
    names = [f"{clean}.{suffix}", *(f"{clean}-{count}.{suffix}" for count in range(2, 1000))]
    return next((name for name in names if not Path(name).exists()), names[-1])


def write_new(path: str, text: str) -> str:
    """Write a file that does not exist yet; returns what went wrong in one line, or an empty text."""
    target = str(Path(path).expanduser())
    try:
        write_whole(target, (text.rstrip("\n") + "\n").encode("utf-8", "backslashreplace"))
    except InspectorError as error:
        taken = error.what == "exists already"
        return f"{path} exists already; give another name" if taken else f"{path}: {error.what}"
    return ""


class Export(Dialog):
    """Asks for a name; refuses to overwrite."""

    LINE = "#name"

    def __init__(self, stem: str, text: str, suffix: str = "md", kind: str = "Markdown") -> None:
        super().__init__()
        self._file, self._text, self._kind = free_name(stem, suffix), text, kind

    def compose(self) -> ComposeResult:
        """Name, and what happened."""
        with Vertical(classes="dialog small") as box:
            box.border_title = "Write a new file"
            yield Line(self._file, id="name")
            yield Lines(id="said")

    def on_mount(self) -> None:
        """Say what enter does."""
        lines = len(self._text.splitlines())
        self._to_line()
        self._say(ink(f"{self._kind}, {lines} lines. enter writes it, esc leaves.", "muted"))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Write the file."""
        problem = write_new(event.value.strip(), self._text)
        if problem:
            self._say(ink("✖ ", "refused"), ink(problem))
            return
        self.dismiss()
        self.app.notify(f"Wrote {Path(event.value.strip()).expanduser()}", markup=False)

    def _say(self, *pieces: Ink) -> None:
        rows = wrap(row(*pieces), min(self.app.size.width, DIALOG_CELLS) - 4)
        self.query_one("#said", Lines).fit(rows)
