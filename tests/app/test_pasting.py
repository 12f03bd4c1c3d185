"""The parser of what the terminal sends: nothing within a paste is a key, however it is cut up."""

from __future__ import annotations

import pytest
from textual.events import Key, Paste

from inspector.app.dialogs.line import cleaned
from inspector.app.shell.pasting import ESCAPE, PasteKept

BEGIN, END = "\x1b[200~", "\x1b[201~"
HOSTILE = "a \x1b[31mred\x1b[0m line\r\x1b]0;title\x07q\x1bq\x1b\x1b[2J q\x1b[20"


def told(*pieces: str) -> list[str]:
    """What comes of pieces that are read one after the other: `key` or `<paste>`."""
    parser = PasteKept()
    events = [event for piece in pieces for event in parser.feed(piece)]
    return [f"<{one.text}>" if isinstance(one, Paste) else one.key if isinstance(one, Key) else "" for one in events]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 6, 7, 11, 1000])
def test_a_paste_with_escapes_is_one_paste(size: int) -> None:
    sent = f"x{BEGIN}{HOSTILE}{END}y\x1b[A{BEGIN}second{END}z"
    pieces = [sent[at : at + size] for at in range(0, len(sent), size)]
    expected = f"<{HOSTILE}>".replace("\x1b", ESCAPE)
    assert told(*pieces) == ["x", expected, "y", "up", "<second>", "z"]


def test_colours_and_titles_of_a_paste_are_gone() -> None:
    (paste,) = told(f"{BEGIN}{HOSTILE}{END}")
    assert cleaned(paste[1:-1]) == "a red line\nq q20"


def test_keys_are_as_they_were() -> None:
    assert told("ab\x1b[A\x1b[5~\x1bOQ\x1b[27u") == ["a", "b", "up", "pageup", "f2", "escape"]
