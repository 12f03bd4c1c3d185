"""A fault of the program's own: the terminal is given back, one line says what to report, and the exit code is 2."""

from __future__ import annotations

import sys

import pytest

from tests.terminal.terminal import Terminal

BROKEN = """
import sys
from inspector.app.shell.application import InspectorApp
from inspector.cli import main

def broken(self):
    raise {error}

{place} = broken
sys.exit(main(["builtin:max-linux-6.1"]))
"""


def broken(place: str, error: str, **environment: str) -> Terminal:
    """The program with a function that raises."""
    code = BROKEN.format(place=place, error=error)
    return Terminal(size=(200, 24), command=(sys.executable, "-c", code), environment=environment)


@pytest.mark.parametrize("error", ["ValueError('one\\n\\x1b[31mtwo [/]')", "KeyError(7)", "OSError(5, 'odd')"])
def test_a_fault_behind_a_key_is_one_line(error: str) -> None:
    with broken("InspectorApp.action_help", error) as terminal:
        terminal.wait_for("ID_AA64PFR0_EL1")
        terminal.press("?")
        assert terminal.wait_for_end() == 2 and terminal.restored()
        last = terminal.raw.decode().rpartition("\x1b")[2]
        assert last.count("vcpu-inspector: internal error: ") == 1 and error.partition("(")[0] in last
        assert "please report" in last and "Traceback" not in last and last.strip().count("\n") == 0


def test_a_fault_while_the_first_screen_is_made_is_one_line() -> None:
    with broken("InspectorApp.get_default_screen", "RuntimeError('no screen')") as terminal:
        assert terminal.wait_for_end() == 2 and terminal.restored()
        assert "internal error: RuntimeError: no screen" in terminal.text() and b"Traceback" not in terminal.raw


def test_the_traceback_is_shown_where_it_is_asked_for() -> None:
    with broken("InspectorApp.action_help", "ValueError('odd')", VCPU_INSPECTOR_DEBUG="1") as terminal:
        terminal.wait_for("ID_AA64PFR0_EL1")
        terminal.press("?")
        assert terminal.wait_for_end() == 2 and terminal.restored()
        assert b"Traceback (most recent call last)" in terminal.raw and b"please report" in terminal.raw
