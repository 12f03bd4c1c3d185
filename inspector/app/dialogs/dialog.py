"""What every dialog shares: it lies over the mode, closes with escape, fits 80x24, and loses no letter.

A dialog closes itself and nothing else, however often it is asked to, and whichever mode has come to the front
meanwhile: see `dismiss`.
"""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import ClassVar, Protocol, cast

from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.css.query import NoMatches
from textual.events import Click, Key, Paste, Resize
from textual.screen import ModalScreen, ScreenResultType

from inspector.app.dialogs.dimmed import Over
from inspector.app.shell.frame import is_tiny
from inspector.app.shell.program import Program
from inspector.app.shell.session import Change

DIALOG_CELLS = 78
"""Width of every dialog, so that it fits 80 columns."""
AFTER = 0.05
"""Seconds after which a dialog that is open still gets ready for what may be typed: its first frame is drawn then."""


class TakesText(Protocol):
    """A widget to type in."""

    def take(self, text: str) -> None:
        """Insert what was typed at the cursor."""

    def paste(self, text: str) -> None:
        """Insert what was pasted at the cursor."""


class Dialog(Over, ModalScreen[None]):
    """A modal window; escape closes it."""

    is_dialog = True
    CSS_PATH: ClassVar[list[str | PurePath]] = [Path(__file__).parent / "style.tcss"]
    LINE: ClassVar[str] = ""
    """Selector of the line that takes what is typed or pasted while nothing else does; empty: there is none."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Close", show=False),
        # What every screen has is not asked for below a modal one.
        Binding("ctrl+q", "app.quit", "Quit", show=False),
        Binding("ctrl+z", "app.suspend_process", "Suspend", show=False),
        Binding("ctrl+c", "app.help_quit", "Copy", show=False),
    ]

    @property
    def program(self) -> Program:
        """The program."""
        return cast(Program, self.app)

    @property
    def shown(self) -> bool:
        """Whether this lies on the screens still: an answer that comes later finds no widgets to fill.

        `is_mounted` stays true for good and `is_running` until the last message, when the widgets are gone already.
        """
        return self.is_running and self in self.app.screen_stack

    @property
    def cells_across(self) -> int:
        """Cells of a dialog from border to border: as many as the terminal has, at most DIALOG_CELLS."""
        return min(self.app.size.width, DIALOG_CELLS)

    def on_resize(self, event: Resize) -> None:
        """Out of sight where nothing useful fits, so that the mode below can say so; else its lines are made anew."""
        self.set_class(is_tiny(self.app.size), "-tiny")
        if self.shown:
            self.wrap_anew()

    def wrap_anew(self) -> None:
        """The terminal has another width: lines that were wrapped to it are wrapped again."""

    def session_changed(self, change: Change) -> None:
        """The session changed while this lies over it."""

    def dismiss(self, result: ScreenResultType | None = None) -> AwaitComplete:
        """Take this dialog, and what lies over it, off the screen; nothing where it was taken off before.

        Textual takes off whatever is on top, which is another screen when escape is pressed twice, or when the mode
        below was exchanged.
        """
        if self not in self.app.screen_stack:
            return AwaitComplete()
        while self.app.screen is not self:
            self.app.pop_screen()
        return super().dismiss(None)

    @property
    def _line(self) -> TakesText | None:
        """Where text goes that nothing else took."""
        if not self.LINE:
            return None
        try:
            return cast(TakesText, self.query_one(self.LINE))
        except NoMatches:
            return None

    def on_key(self, event: Key) -> None:
        """A letter that means nothing to what has the keys goes into the line."""
        if event.character is None or not event.is_printable or event.key in self.active_bindings:
            # Textual looks for bindings only after the event came up here.
            return
        if (line := self._line) is not None:
            event.stop()
            line.take(event.character)
            self._to_line()

    def on_paste(self, event: Paste) -> None:
        """So does what is pasted over a list."""
        if (line := self._line) is not None:
            event.stop()
            line.paste(event.text)
            self._to_line()

    def _to_line(self) -> None:
        """The line has the keys, at once: `focus` would wait for its turn."""
        self.set_focus(self.query_one(self.LINE))

    def on_click(self, event: Click) -> None:
        """Beside the dialog: close it."""
        if event.widget is self:
            self.action_close()

    def action_close(self) -> None:
        """Back to what lies below."""
        self.dismiss()
