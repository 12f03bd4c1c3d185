"""Terminals with few colours or none: each verdict has a sign of its own, and the program runs as elsewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.terminal.terminal import Terminal

HOST_BESIDE = "builtin:neoverse-n2-linux-6.1"
STREAM = Path(__file__).resolve().parent.parent / "material" / "qemu" / "kvm-6.1_neoverse-n2_q100.mig.xz"
TERMS: dict[str, dict[str, str]] = {
    "xterm": {"TERM": "xterm", "COLORTERM": ""},
    "screen-256color": {"TERM": "screen-256color", "COLORTERM": ""},
    "linux": {"TERM": "linux", "COLORTERM": ""},
    "no-color": {"TERM": "xterm-256color", "COLORTERM": "", "NO_COLOR": "1"},
}
SIGNS = {
    "same": "=",
    "lowered": "▼",
    "masked": "▼",
    "rebuilt": "▲",
    "raised": "▲",
    "EINVAL": "✖",
    "refused": "✖",
    "uncertain": "?",
    "unknown": "?",
}
"""Words of the verdicts and what stands before each; the signs of different kinds differ."""
_WORDS = "|".join(SIGNS)
_VERDICT = re.compile(rf"(?<= )([^\w\s]) ({_WORDS})\b")


def signs_in(text: str) -> set[str]:
    """The signs on screen, each of which stands before a word of its own kind."""
    found = set(_VERDICT.findall(text))
    assert all(SIGNS[word] == sign for sign, word in found), found
    return {sign for sign, _ in found}


PAGES = (
    (HOST_BESIDE, "1", "▼ lowered"),
    (HOST_BESIDE, "2", "▲ rebuilt"),
    (str(STREAM), "4", "✖ EINVAL"),
    (str(STREAM), "4", "? uncertain"),
)


@pytest.mark.parametrize("environment", TERMS.values(), ids=TERMS)
def test_each_verdict_has_its_own_sign_whatever_the_terminal(environment: Mapping[str, str], tmp_path: Path) -> None:
    signs, said = set[str](), ""
    for source in dict.fromkeys(page[0] for page in PAGES):
        with Terminal(source, size=(120, 40), environment=environment, folder=tmp_path) as terminal:
            terminal.wait_for("p Policy")
            for _, key, verdict in (page for page in PAGES if page[0] == source):
                terminal.press(key)
                signs |= signs_in(terminal.wait_for(verdict))
            terminal.press("q")
            assert terminal.wait_for_end() == 0 and terminal.restored()
            said += terminal.raw.decode()
    assert signs == set(SIGNS.values())
    assert "Traceback" not in said and "internal error" not in said
    # 24 bits nowhere, 256 colours where the terminal's name says so.
    assert not re.search(r"\x1b\[[\d;]*38;2;", said)
    assert bool(re.search(r"\x1b\[[\d;]*38;5;", said)) is environment["TERM"].endswith("256color")
