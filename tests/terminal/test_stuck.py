"""A loop without an end behind a key: keys and signals end the program all the same, and the terminal is given back."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.terminal.terminal import Terminal

STUCK = """
import sys
from pathlib import Path
from inspector import leaving
from inspector.app.shell.application import InspectorApp
from inspector.app.shell.background import aside
from inspector.cli import main

def reading():
    # As a guest that was paused goes on.
    try:
        with leaving.held():
            while True:
                leaving.check()
                time.sleep(0.05)
    finally:
        Path("put-right").touch()

def stuck(self):
    aside(self, reading, print, print, finish=True)
    Path("entered").touch()
    while True:
        pass

import time
InspectorApp.action_base = stuck
sys.exit(main(["builtin:max-linux-6.1"]))
"""


def stuck(folder: Path) -> Terminal:
    """The program with a loop behind the key x; a reading beside it has something to put right."""
    return Terminal(size=(200, 24), command=(sys.executable, "-c", STUCK), folder=folder)


def enter(terminal: Terminal, folder: Path) -> None:
    """Press the key, and wait until the loop goes round."""
    terminal.wait_for("ID_AA64PFR0_EL1")
    terminal.press("x")
    terminal.wait_for(lambda _: (folder / "entered").exists(), "the loop")


def check(terminal: Terminal, folder: Path, number: signal.Signals) -> None:
    assert terminal.wait_for_end() == 128 + number and terminal.restored()
    said = terminal.raw.decode().rpartition("\x1b")[2]
    assert said.count(f"vcpu-inspector: ended by {number.name}; the screens did not answer (at ") == 1
    assert "Traceback" not in said
    assert (folder / "put-right").exists()


@pytest.mark.parametrize("key", ["ctrl+q", "ctrl+c"])
def test_a_key_that_is_pressed_again(key: str, tmp_path: Path) -> None:
    with stuck(tmp_path) as terminal:
        enter(terminal, tmp_path)
        for _ in range(60):
            terminal.press(key)
            terminal._read(0.5)
            if not terminal.alive:
                break
        check(terminal, tmp_path, signal.SIGINT)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_one_signal(number: signal.Signals, tmp_path: Path) -> None:
    """Whoever sends it, or closes the terminal, is not there to send another."""
    with stuck(tmp_path) as terminal:
        enter(terminal, tmp_path)
        os.kill(terminal._process.pid, number)
        check(terminal, tmp_path, number)


def test_a_loop_that_comes_round_takes_the_keys_itself(tmp_path: Path) -> None:
    """ctrl+c is no way out then, however often it is pressed."""
    with Terminal("builtin:max-linux-6.1", folder=tmp_path) as terminal:
        terminal.wait_for("ID_AA64PFR0_EL1")
        for _ in range(6):
            terminal.press("ctrl+c")
            terminal._read(0.5)
            terminal.settle()
        assert terminal.alive
        terminal.press("ctrl+q")
        assert terminal.wait_for_end() == 0
