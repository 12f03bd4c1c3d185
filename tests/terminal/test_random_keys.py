"""Random keys, pastes and sizes: the program stays alive, shows no fault, and answers afterwards.

VCPU_INSPECTOR_KEYS says how many keys are pressed for each seed.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.terminal.terminal import KEYS, Terminal

COUNT = int(os.environ.get("VCPU_INSPECTOR_KEYS", "300"))
CHUNK = 12
SIZES = ((120, 40), (80, 24), (60, 16), (200, 60), (30, 8))
PASTES = ("builtin:max-linux-6.1", "6.12", "CCIDX=1", "kvm [1]: Unsupported guest sys_reg access\n\x1b[31mx", "[/]")
LETTERS = "abcdefghijklmnoprstuvwxyzDNRTVWYG0123456789/?[]{} "
"""Without the key that ends the program."""
NAMED = [*(name for name in KEYS if name not in ("ctrl+q", "ctrl+c", "ctrl+z")), "enter", "escape", "escape"]


def press_some(terminal: Terminal, chance: random.Random) -> str:
    """Press one thing; how it is called in a report."""
    kind = chance.random()
    if kind < 0.04:
        terminal.resize(*(size := chance.choice(SIZES)))
        return f"<{size[0]}x{size[1]}>"
    if kind < 0.08:
        terminal.paste(text := chance.choice(PASTES))
        return f"<paste {text!r}>"
    key = chance.choice(NAMED) if kind < 0.4 else chance.choice(LETTERS)
    terminal.press(key)
    return key


@pytest.mark.parametrize("seed", [4, 11, 27])
def test_random_keys_end_nothing(seed: int, tmp_path: Path) -> None:
    chance, pressed = random.Random(seed), list[str]()
    sources = ("builtin:neoverse-n2-linux-6.1", "builtin:cortex-a72-linux-6.12")[: seed % 3]
    with Terminal(*sources, size=(80, 24), folder=tmp_path) as terminal:
        terminal.wait_for(lambda text: "Help" in text, "the first screen")
        while len(pressed) < COUNT and terminal.alive:
            pressed += [press_some(terminal, chance) for _ in range(CHUNK)]
            terminal.text()
        terminal.resize(120, 40)
        terminal.press(*["escape"] * 8)
        if terminal.alive:
            terminal.press("?")
            terminal.wait_for("┌─ Help: ", f"help, after {' '.join(pressed)}")
        said = terminal.raw.decode(errors="replace")
        assert "internal error" not in said and "Traceback" not in said, " ".join(pressed)
