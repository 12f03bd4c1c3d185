"""Keys sent in one write: those behind a key that opens a line or a dialog arrive there whole.

The screen is drawn eight times a second here, so that what waits for the next drawing is late each time, as it is now
and then on a busy machine.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.terminal.terminal import Terminal

MATERIAL = Path(__file__).resolve().parent.parent / "material"
STREAM = "vm.mig.xz"
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


def test_any_key_right_behind_escape_and_an_escape_behind_that(tmp_path: Path) -> None:
    """tmux sends escape and what follows within half a second at once: the escape was lost, or a `^` typed."""
    with Terminal(DUMPS[0], folder=tmp_path) as terminal:
        terminal.wait_for("Help")
        terminal.send("o")
        terminal.wait_for("┌─ Open a dump")
        terminal.send("\x1b/sve2")
        arrived(terminal, SEARCHES["1"])
        terminal.send("\x1b\x1bo\x1bw\x1b?")
        terminal.wait_for(lambda text: "┌─ Help" in text and "┌─ Open" not in text and "┌─ Write" not in text)
        terminal.send("\x1bw^\x1b\x1bw")
        terminal.wait_for(lambda text: "┌─ Write" in text and "^" not in text.replace("^p palette", ""))


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


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a saved VM in it."""
    shutil.copy(MATERIAL / "qemu" / "kvm-6.1_neoverse-n2_q100.mig.xz", tmp_path / STREAM)
    return tmp_path


@pytest.mark.parametrize("enter", ["\r", "\n"], ids=["enter", "newline"])
@pytest.mark.parametrize("early", [True, False], ids=["early", "later"])
def test_a_file_enter_and_the_keys_behind_them_in_one_piece(enter: str, early: bool, folder: Path) -> None:
    """The keys went into the line, and the file that was entered was not shown."""
    with Terminal(size=(120, 40), folder=folder) as terminal:
        if not early:
            terminal.wait_for("type or paste")
        # Before the program has taken the terminal, that makes a newline of enter.
        terminal.send(f"{STREAM}{enter}2jo/x")
        terminal.wait_for(lambda text: "Compare" in text and "┌─ Open a dump" in text and "│  /x" in text, "all of it")
        terminal.press("escape")
        terminal.wait_without("┌─")
        terminal.send(f"o{STREAM}{enter}6")
        terminal.wait_for("CCSIDR[")
        terminal.press("1")
        terminal.send(f"/aa64mmfr2{enter}w/x")
        terminal.wait_for(lambda text: "┌─ Write registers" in text and "│ write     /x" in text)
        terminal.press("escape")
        terminal.send(f"\x10summary{enter}gf")
        terminal.wait_for("FEAT_")


def test_many_lines_at_once_are_a_paste_unless_they_begin_with_a_file(folder: Path) -> None:
    log = "".join(f"qemu-system-aarch64: line {number} of a log\n" for number in range(100))
    refused = "kvm_failed_reg_set Warning: Unable to set ONEREG 6931039826524487702 to KVM: Invalid argument"
    with Terminal(size=(120, 40), folder=folder) as terminal:
        terminal.wait_for("type or paste")
        terminal.send(log + refused)
        terminal.wait_for("101 lines pasted")
        terminal.press("enter")
        terminal.wait_for("refused 1 register: ID_MMFR4_EL1")
        terminal.press("escape")
        terminal.wait_without("┌─")
        terminal.press("escape")
        terminal.wait_for("type or paste")
        terminal.send(f"{STREAM}\n/virtual memory system\n/first memory model\n/third of the searches\n")
        terminal.wait_for("third of the searches")
