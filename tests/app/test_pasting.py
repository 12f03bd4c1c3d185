"""The parser of what the terminal sends: nothing within a paste is a key, however it is cut up."""

from __future__ import annotations

import pytest
from textual.events import Key, Paste

from inspector.app.dialogs.line import cleaned
from inspector.app.shell.pasting import AT_ONCE, ESCAPE, PasteKept, is_paste

BEGIN, END = "\x1b[200~", "\x1b[201~"
HOSTILE = "a \x1b[31mred\x1b[0m line\r\x1b]0;title\x07q\x1bq\x1b\x1b[2J q\x1b[20"


def told(*pieces: str) -> list[str]:
    """What comes of pieces that are read one after the other: `key` or `<paste>`."""
    parser = PasteKept()
    events = [event for piece in pieces for event in parser.feed(piece)]
    for _ in range(3):
        parser._ends = 0.0  # nothing more comes
        parser._timeout_time = 0.0 if parser._timeout_time else None
        events += parser.tick()
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


LOG = (
    "2027-05-01 host libvirtd[1]: starting up libvirt version 10\r"
    "kvm_failed_reg_set Warning: Unable to set ONEREG 6931039826524487702 to KVM: Invalid argument\r"
    "\r"
    "qemu-system-aarch64: Failed to put registers after init: Invalid argument"
)
KEYS = (
    "/var/lib/libvirt/images/a virtual machine of mine.mig\r4k6.12\r",
    "ID_AA64PFR0_EL1.CSV2=0\rID_AA64PFR0_EL1.DIT=0\rSCTLR_EL1=0x5\r",
    "/memory model feature\rjjjj\x02/another one of them\r/and a third of them\r",
)
"""What programs send that press keys."""


@pytest.mark.parametrize("size", [50, 64, 100, 4096])
def test_a_text_that_comes_at_once_is_a_paste_without_its_marks(size: int) -> None:
    pieces = [LOG[at : at + size] for at in range(0, len(LOG), size)]
    assert told(*pieces) == [f"<{LOG}>"]
    assert told(*pieces, "\r") == [f"<{LOG}>", "enter"]
    assert told(*pieces, "\x1b[A", "x") == [f"<{LOG}>", "up", "x"]
    assert told(f"{LOG}\r") == [f"<{LOG}\r>"]


@pytest.mark.parametrize("sent", KEYS)
def test_what_a_program_sends_at_once_are_keys(sent: str) -> None:
    assert len(sent) >= AT_ONCE and not is_paste(sent)
    keys = told(sent)
    assert len(keys) == len(sent) and keys.count("enter") == sent.count("\r")


def test_the_rest_of_a_sequence_is_no_text() -> None:
    assert told("\x1b[20", f"0~{LOG}{END}") == [f"<{LOG}>"]


@pytest.mark.parametrize(
    ("sent", "keys"),
    [
        ("/sve", "escape slash s v e"), ("?", "escape question_mark"), (" ", "escape space"), ("5", "escape 5"),
        ("W", "escape W"), ("é", "escape é"), ("\r", "escape enter"), ("\x10", "escape ctrl+p"),
        ("[", "escape left_square_bracket"), ("]", "escape right_square_bracket"), ("O", "escape O"),
        ("o\x1b", "escape o escape"), ("[\x1b", "escape left_square_bracket escape"),
        (f"o\x1b{BEGIN}text{END}\x1bp", "escape o escape <text> escape p"), ("\x1b[A", "escape up"),
        ("\x1bOQ", "escape f2"), ("[A", "up"), ("OQ", "f2"), ("a" * 40, " ".join(["escape", *"a" * 40])),
        ("f", "alt+f"), ("b", "alt+b"), ("\x7f", "alt+backspace"), ("\t", "shift+tab"),
    ],
)  # fmt: skip
def test_escape_and_what_follows_it_at_once_are_two_keys(sent: str, keys: str) -> None:
    """tmux sends both together, where the second comes within half a second. The escape was lost, or a `^` typed."""
    assert told(f"\x1b{sent}") == keys.split()


@pytest.mark.parametrize("letter", ["f", "b", "\x7f", "\t", "/"])
def test_what_a_later_reading_brings_is_no_part_of_an_escape(letter: str) -> None:
    assert told("\x1b", letter) == ["escape", *told(letter)]


def test_a_sequence_in_pieces_is_one_key() -> None:
    assert told("\x1b", "[A") == told("\x1b[", "A") == ["up"]
