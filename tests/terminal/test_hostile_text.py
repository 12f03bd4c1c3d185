"""A dump whose every text is hostile, in a real terminal: what reaches it, byte by byte, on every screen."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from inspector.errors import InspectorError
from inspector.sources import load
from tests.fresh import ROOT
from tests.hostile_text import EVIL, poison
from tests.sources.examples import EXAMPLES
from tests.terminal.terminal import Terminal

_OURS = re.compile(
    rb"\x1b(?:\[[0-9:;<=>?]*[ !\"$]?[@-~]|[=>78]|\][0-9]+;[^\x07\x1b]*(?:\x07|\x1b\\)|[P_][^\x1b]*\x1b\\)"
)
"""A sequence as Textual writes them."""
_HIDDEN = re.compile(
    "[\u0080-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe0f\ufeff\U000e0000-\U000e0fff]"
)


def poisoned(folder: Path, name: str) -> Path:
    """A file of the format with the string at every place that leaves it readable."""
    path = folder / name

    def accepted(data: bytes) -> bool:
        path.write_bytes(data)
        try:
            load(str(path))
        except InspectorError:
            return False
        return True

    path.write_bytes(poison(EXAMPLES[name]()).gathered(accepted))
    return path


def assert_harmless(raw: bytes) -> None:
    """No link, no clipboard, no character that hides or reorders; only sequences of the program's own."""
    assert b"\x1b]8;" not in raw and b"\x1b]52;" not in raw
    rest = _OURS.sub(b"", raw)
    assert b"\x1b" not in rest, rest[max(0, rest.index(b"\x1b") - 80) :][:160]
    assert not _HIDDEN.search(raw.decode(errors="replace"))


@pytest.mark.parametrize("name", ["dump-json", "kvm-recording", "firecracker-json", "qemu-stream"])
def test_every_screen_of_hostile_dumps(name: str, tmp_path: Path) -> None:
    first = tmp_path / f"{EVIL[:60]}.json".replace("/", "_")
    shutil.copy(ROOT / "snapshots" / "neoverse-n2-linux-6.12.json", first)
    second = poisoned(tmp_path, name)
    with Terminal(str(first), str(second), size=(120, 40)) as terminal:
        terminal.wait_for("ID_AA64PFR0_EL1")
        for keys in ("}", "2", "3", "4", "5", "6", "7", "1", "?", "o", "p", "w"):
            terminal.press(keys)
            terminal.wait_for(lambda text: bool(text.strip()))
            terminal.press("escape")
        terminal.press("ctrl+p")
        terminal.send("Look")
        terminal.wait_for("Look at")
        terminal.press("escape")
        terminal.press("ctrl+p")
        terminal.send("Compare: with")
        terminal.wait_for("Compare: with")
        terminal.press("enter")
        terminal.press("ctrl+q")
        assert terminal.wait_for_end() == 0 and terminal.restored()
        assert_harmless(terminal.raw)
