"""What screens and dialogs may ask of the program that they run in; the application has all of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from textual.screen import Screen

from inspector.app.shell.keys import Mode
from inspector.app.shell.remembered import Memory
from inspector.app.shell.session import Session
from inspector.app.shell.settings import Settings
from inspector.errors import InspectorError
from inspector.sources.dump import Dump

if TYPE_CHECKING:
    from inspector.app.shell.live import Opening


class Program(Protocol):
    """The program with a screen, as its screens see it."""

    session: Session
    settings: Settings
    memory: Memory
    config: Path
    """the user's folder of settings and themes"""
    own_themes: Sequence[str]
    """names of the shipped themes and of the user's own"""
    watch_seconds: float | None
    """live sources are read again at this interval"""

    @property
    def modes_present(self) -> tuple[Mode, ...]:
        """The numbered modes that exist."""

    def open_dialog(self, dialog: Screen[None]) -> None:
        """Put a dialog over what is in front."""

    def copy(self, text: str, *, folders: bool = False) -> None:
        """Copy to the terminal's clipboard; without the folders of this machine, unless they are wanted."""

    def export(self, stem: str, text: str) -> None:
        """Ask for a file name and write `text` there."""

    def open_source(self, source: str) -> str:
        """Load a source and browse it; returns the error in one line, or an empty text."""

    def open_live(
        self,
        address: str,
        opened: Callable[[], bool],
        failed: Callable[[InspectorError], object],
        said: Callable[[str], object],
    ) -> Opening:
        """Read a live source beside the screen and browse it, where `opened` says that whoever asked is still there."""

    def keep_read(self, dump: Dump) -> None:
        """Load a dump that came when the user was at something else by then."""

    def look_at(self, index: int) -> None:
        """Browse a dump that is loaded."""

    def show_dump(self, dump: Dump) -> None:
        """Browse a dump that was just loaded."""

    def go_to(self, reg_id: int, field: str = "") -> None:
        """Show a register in Browse."""

    def action_mode(self, mode: str) -> None:
        """Another mode."""

    def action_open(self) -> None:
        """Choose a dump to open."""

    def step_kernel(self, step: int) -> None:
        """Ask the next or previous kernel of the catalogue."""

    def ask_real_kernels(self, cpu: str) -> None:
        """From now on let the lab's kernels answer beside the slider; `cpu` is their machines' model."""

    def action_policy(self) -> None:
        """Choose the kernel policy that is asked, and the vCPU's features."""
