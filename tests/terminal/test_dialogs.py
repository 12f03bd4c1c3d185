"""Every dialog, from every screen, in a real terminal: it opens, takes a burst and a paste whole, and closes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.terminal.terminal import Terminal

SIZES = ((120, 40), (80, 24), (60, 16), (200, 60))
FIRST, SECOND = "builtin:neoverse-n2-linux-6.1", "builtin:neoverse-n2-linux-6.12"
BURST, PASTE = "gGjk 0/g", "k j/pasted.G"
"""Letters that lists take as keys."""
OPEN, HELP = ("o", "Open a dump"), ("?", "Help: ")
POLICY, WRITE, EXPORT = ("p", "Kernel policy"), ("w", "Write registers"), ("e", "Write a new file")
DIALOGS = {
    "1": (OPEN, POLICY, WRITE, EXPORT, HELP),
    "2": (
        OPEN,
        POLICY,
        EXPORT,
        HELP,
        ("d", "Right side"),
        ("s", "Left side"),
        ("a", "Compare many"),
        ("b", "Baseline of"),
    ),
    "4": (OPEN, EXPORT, HELP, ("s", "Source"), ("d", "Destination"), POLICY, ("f", "Fix: ")),
    "5": (OPEN, POLICY, WRITE, EXPORT, HELP),
    "6": (OPEN, POLICY, WRITE, EXPORT, HELP),
}
PAGES = ("Help: ", "Baseline of")
"""Dialogs without a line; what letters do there is another matter."""
EXPLAIN = "Explain an error"


def visit(terminal: Terminal, title: str) -> None:
    """Type and paste into the dialog that is opening, look for both, and close it."""
    frame = f"┌─ {title}"
    if title in PAGES:
        terminal.wait_for(frame)
        terminal.press("j", "j", "pagedown", "k")
        terminal.paste(PASTE)
    else:
        # Behind the key that opens it, without waiting for the dialog; the palette is Textual's own.
        if title == EXPLAIN:
            terminal.wait_for(frame)
        terminal.send(BURST)
        terminal.wait_for(frame)
        terminal.wait_for(BURST)
        terminal.paste(f"{PASTE}\nsecond line")
        terminal.wait_for(BURST + PASTE)
    terminal.press("escape")
    terminal.wait_without(frame)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_every_dialog_of_every_mode(size: tuple[int, int], tmp_path: Path) -> None:
    """Faults 2, 3 and 4 of the review: letters and pastes were lost in the dialogs that choose a side."""
    with Terminal(FIRST, SECOND, size=size, folder=tmp_path) as terminal:
        terminal.wait_for("ID_AA64PFR0_EL1")
        for mode, dialogs in DIALOGS.items():
            terminal.press(mode)
            if mode == "4":
                terminal.wait_for("fails")
            for key, title in dialogs:
                terminal.press(key)
                visit(terminal, title)
            terminal.press("ctrl+p", *"explain", "enter")
            visit(terminal, EXPLAIN)
        terminal.press("q")
        assert terminal.wait_for_end() == 0 and terminal.restored()


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_start_page_opens_what_is_typed(size: tuple[int, int], tmp_path: Path) -> None:
    """Fault 1 of the review: opening a dump from the start page ended the program."""
    with Terminal(size=size, folder=tmp_path) as terminal:
        terminal.wait_for("enter Go")
        for key, title in (("f2", "Open a dump"), HELP):
            terminal.press(key)
            visit(terminal, title)
        terminal.press("ctrl+p", *"explain", "enter")
        visit(terminal, EXPLAIN)
        terminal.press("o", "enter")
        terminal.send(f"{SECOND}\r")
        terminal.wait_for("ID_AA64PFR0_EL1")
        terminal.wait_without("┌─ Open")
        terminal.press("escape", "escape", "6")
        terminal.wait_for("CLIDR_EL1")
        terminal.press("q")
        assert terminal.wait_for_end() == 0 and terminal.restored()


@pytest.mark.parametrize("keys", [("enter",), ("down", "down", "enter"), ("o", "enter", "down", "enter")], ids=" ".join)
def test_the_start_page_opens_what_is_highlighted(keys: tuple[str, ...]) -> None:
    with Terminal() as terminal:
        terminal.wait_for("Then ask")
        terminal.press(*keys)
        terminal.wait_for("ID_AA64PFR0_EL1")
        assert terminal.alive


def test_a_path_that_is_wrong_stays_in_the_dialog_and_is_mended_there() -> None:
    with Terminal() as terminal:
        terminal.wait_for("Then ask")
        terminal.press("f2")
        terminal.send("builtin:nonsense\r")
        terminal.wait_for("no dump of that name")
        terminal.press(*["backspace"] * len("nonsense"))
        terminal.paste("max-linux-6.1\n")
        terminal.press("enter")
        terminal.wait_for("ID_AA64PFR0_EL1")
        terminal.wait_without("┌─ Open")


def test_escape_pressed_too_often_and_the_key_of_a_dialog_twice() -> None:
    with Terminal(FIRST) as terminal:
        terminal.wait_for("ID_AA64PFR0_EL1")
        terminal.press("o")
        terminal.wait_for("┌─ Open")
        terminal.press("escape", "escape", "escape", "p", "p")
        terminal.wait_for("┌─ Kernel policy")
        terminal.press("escape")
        terminal.wait_without("┌─ Kernel policy")
        terminal.press("ctrl+p", "escape", "escape", "?", "?", "escape")
        terminal.press("6")
        terminal.wait_for("CLIDR_EL1")


def test_a_dialog_survives_other_sizes() -> None:
    with Terminal(FIRST, size=(120, 40)) as terminal:
        terminal.wait_for("ID_AA64PFR0_EL1")
        terminal.press("o")
        terminal.send("one ")
        for columns, lines in ((80, 24), (60, 16), (40, 10), (200, 60)):
            terminal.resize(columns, lines)
            terminal.send("gk ")
        terminal.wait_for("one gk gk gk gk")
        terminal.press("escape")
        terminal.wait_for(lambda text: "┌─ Open" not in text and "1 Browse" in text, "Browse at 200 columns")


_OLDER_SIZE_LAST = """
import sys
from textual.events import Resize
from textual.geometry import Size
from inspector.app.shell.application import InspectorApp
from inspector.cli import main
def older(self):
    self.post_message(Resize(Size(80, 24), Size(80, 24)))
InspectorApp.action_refresh = older  # the key r
sys.exit(main())
"""


def test_a_size_that_is_out_of_date_when_it_arrives_is_not_kept() -> None:
    with Terminal(FIRST, size=(120, 40), command=(sys.executable, "-c", _OLDER_SIZE_LAST)) as terminal:
        terminal.wait_for("p Policy  v ")
        terminal.press("r")
        terminal.send("/CTR_EL0\r")
        terminal.wait_for(lambda text: "CTR_EL0  Cache type" in text and "1 Browse" in text.splitlines()[0])


def test_no_key_is_lost_while_the_palette_closes() -> None:
    """The command runs first, then the key behind it has its turn on the screen that came of it."""
    with Terminal(FIRST, size=(120, 40)) as terminal:
        terminal.wait_for("p Policy  v ")
        for word, key, frame in (("Summary", "?", "┌─ Help: Summary"), ("Cache", "o", "┌─ Open a dump")):
            terminal.press("ctrl+p", *word)
            terminal.wait_for(f"Everywhere: {word}")
            terminal.press("enter", key)
            terminal.wait_for(frame)
            terminal.press("escape")
            terminal.wait_without(frame)
        terminal.press("ctrl+p")
        terminal.wait_for("Search for commands")
        terminal.press("escape", "o", *"builtin:x")
        terminal.wait_for(lambda text: "┌─ Open a dump" in text and "builtin:x" in text, "the path in the dialog")


def test_a_name_that_is_typed_replaces_the_one_that_export_offers(tmp_path: Path) -> None:
    """It was put behind the offered one: `ID_AA64PFR0_EL1.md/tmp/report.md: cannot be written`."""
    wanted = tmp_path / "report.md"
    with Terminal(FIRST) as terminal:
        terminal.wait_for("ID_AA64PFR0_EL1")
        terminal.press("e")
        terminal.wait_for("┌─ Write a new file")
        terminal.send(f"{wanted}\r")
        terminal.wait_without("┌─ Write a new file")
        assert wanted.is_file()
