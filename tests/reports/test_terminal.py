"""Reports on a terminal: wrapped under their column, coloured where colours are wanted, and plain in a pipe."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.reports.terminal import dressed, hanging
from tests.terminal.terminal import ROOT, Terminal

WRITE = ("write", "builtin:neoverse-n2-linux-6.1", "ID_AA64MMFR2_EL1.CCIDX=1", "--kernel", "6.12")
COLOUR = b"\x1b[31m"


def piped(*arguments: str, **environment: str) -> bytes:
    """Standard output of a command in a pipe."""
    surroundings = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "TERM")} | environment
    command = [sys.executable, "-m", "inspector", *arguments]
    return subprocess.run(command, check=False, capture_output=True, env=surroundings, cwd=ROOT).stdout


def shown(*arguments: str, size: tuple[int, int] = (80, 24), **environment: str) -> tuple[str, bytes]:
    """(screen, raw bytes) of a command on a terminal."""
    with Terminal(*arguments, size=size, environment=environment) as terminal:
        terminal.wait_for_end()
        return terminal.text(), terminal.raw


def test_a_long_line_goes_on_under_its_last_column() -> None:
    line = "  [23:20]  CCIDX  ▼ masked  made up in the 32-bit layout, so that the other is not offered"
    assert hanging(line, 60) == [
        "  [23:20]  CCIDX  ▼ masked  made up in the 32-bit layout, so",
        "                            that the other is not offered",
    ]
    assert hanging("words " * 12 + "end", 40)[1].startswith("    words")


@settings(deadline=None)
@given(st.lists(st.text("abc0x_", min_size=1, max_size=30), min_size=1, max_size=40), st.integers(40, 120), st.data())
def test_wrapping_keeps_every_word_whole_and_in_its_place(words: list[str], width: int, data: st.DataObject) -> None:
    line = words[0] + "".join(" " * data.draw(st.integers(1, 3)) + word for word in words[1:])
    pieces = hanging(line, width)
    assert " ".join(pieces).split() == words
    assert all(len(piece) <= width or len(piece.split()) == 1 for piece in pieces)


def test_a_report_that_forgot_to_spell_a_hidden_character_does_not_send_it() -> None:
    plain = io.StringIO()
    stream = dressed(plain, "never")
    print("name \x1b]0;title\x07 \x9b2J and \u202e turned", file=stream)
    print("no end \x1b[2J", end="", file=stream)
    stream.flush()
    assert plain.getvalue() == "name \\x1b]0;title\\x07 \\x9b2J and \\x202e turned\nno end \\x1b[2J"


def test_a_pipe_gets_plain_text_in_whole_lines_and_a_terminal_the_same_words() -> None:
    plain = piped(*WRITE)
    assert b"\x1b" not in plain
    assert any(len(line) > 80 for line in plain.decode().splitlines())
    screen, raw = shown(*WRITE)
    assert screen.split() == plain.decode().split()
    assert COLOUR in raw
    assert max(map(len, screen.splitlines())) <= 80


def test_no_color_and_never_leave_colour_out_and_force_color_and_always_bring_it() -> None:
    assert COLOUR not in shown(*WRITE, NO_COLOR="1")[1]
    assert COLOUR not in shown(*WRITE, "--color", "never")[1]
    assert COLOUR not in shown(*WRITE, TERM="dumb")[1]
    assert COLOUR in piped(*WRITE, FORCE_COLOR="1")
    assert COLOUR in piped(*WRITE, "--color", "always", TERM="dumb")
    assert b"\x1b" not in piped(*WRITE, "--json", "--color", "always")


@pytest.mark.parametrize("command", ["show", "caches", "expose", "compare"])
def test_every_report_fits_a_narrow_terminal(command: str, tmp_path: Path) -> None:
    source = "builtin:neoverse-n2-linux-6.1"
    others = {"expose": ("--kernel", "6.12", "CTR_EL0"), "compare": ("builtin:neoverse-n2-linux-6.12",)}
    with Terminal(command, source, *others.get(command, ()), size=(70, 400)) as terminal:
        terminal.wait_for_end()
        assert len(terminal.text()) > 500
        lines = terminal.raw.decode().replace("\r", "").split("\n")
    # What is said on standard error is talk.
    answer = [line for line in lines if "recordings keep" not in line and "--secrets" not in line]
    assert [line for line in answer if "\x1b" not in line and len(line) > 70 and " " in line.strip()] == []
