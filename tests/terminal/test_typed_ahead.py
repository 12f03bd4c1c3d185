"""Keys sent in one write: those behind a key that opens a line or a dialog arrive there whole.

The screen is drawn eight times a second here, so that what waits for the next drawing is late each time, as it is now
and then on a busy machine.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.terminal.terminal import Terminal

SLOW = {"TEXTUAL_FPS": "8"}
DUMPS = ("builtin:neoverse-n2-linux-6.1", "builtin:cortex-a72-linux-6.12")
SEARCHES = {"1": "n next", "2": "sve2", "0": "filter sve2", "0f": "filter sve2"}
"""Keys that lead to each mode with a search line; words of its answer to `sve2`."""
DIALOGS = {
    "o": "Open a dump",
    "2d": "Right side",
    "w": "Write registers",
    "e": "Write a new file",
    "p": "Kernel policy",
}


def arrived(terminal: Terminal, answer: str) -> None:
    """The search line holds every letter, and the search was answered."""
    terminal.wait_for(lambda text: "sve2" in text and answer in text and "┌─" not in text, f"sve2, {answer}")


@pytest.mark.parametrize("mode", SEARCHES)
def test_letters_behind_the_first_slash_of_a_program_that_starts(mode: str, tmp_path: Path) -> None:
    with Terminal(*DUMPS, folder=tmp_path, environment=SLOW) as terminal:
        terminal.wait_for(lambda text: b"\x1b[?1049h" in terminal.raw, "the program has taken the terminal")
        terminal.send(f"{mode.replace('1', '')}/sve2")
        arrived(terminal, SEARCHES[mode])


def test_letters_behind_a_slash_or_the_key_of_a_dialog_later(tmp_path: Path) -> None:
    with Terminal(*DUMPS, folder=tmp_path, environment=SLOW) as terminal:
        terminal.wait_for("Help")
        for mode, answer in SEARCHES.items():
            terminal.send(f"{mode}/sve2")
            arrived(terminal, answer)
            terminal.press("escape", "escape")
            terminal.wait_without("sve2" if mode == "2" else answer)
        for keys, title in DIALOGS.items():
            terminal.send(f"1{keys}gk/x")
            terminal.wait_for(f"┌─ {title}")
            terminal.wait_for("gk/x")
            terminal.press("escape")
            terminal.wait_without("┌─")
        terminal.send("\x10gk/x")
        terminal.wait_for("gk/x")


def test_the_key_of_a_mode_right_behind_escape(tmp_path: Path) -> None:
    """Textual took escape and a digit for a sign of a Mac's keyboard; the digit went nowhere, or `§` into a line."""
    with Terminal(DUMPS[0], folder=tmp_path) as terminal:
        terminal.wait_for("Help")
        terminal.send("o")
        terminal.wait_for("┌─ Open a dump")
        terminal.send("\x1b5")
        terminal.wait_for("6/7, kept if set")
        terminal.send("+")
        terminal.wait_for("Smaller")
        terminal.send("\x1b-")
        terminal.wait_for("6/7, kept if set")


def test_a_key_behind_the_one_for_migrate_waits_for_its_question(tmp_path: Path) -> None:
    """`p` was lost and `d` asked for a source while it was looked which VM goes where."""
    with Terminal(DUMPS[0], size=(120, 40), folder=tmp_path) as terminal:
        terminal.wait_for("p Policy  v ")
        terminal.send("4p6.1")
        terminal.wait_for("vCPU features of the destination")
        terminal.wait_for("│  6.1 ")
        terminal.press("escape")
        terminal.wait_without("of the destination ──")
    with Terminal(DUMPS[0], size=(120, 40), folder=tmp_path) as terminal:
        terminal.wait_for("p Policy  v ")
        terminal.send("4d6.1")
        text = terminal.wait_for("┌─ Destination")
        assert "┌─ Source" not in text and "│  6.1 " in text
