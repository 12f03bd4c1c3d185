"""Random keys, pastes, sizes and stops: the program stays alive, shows no fault, and answers afterwards.

VCPU_INSPECTOR_KEYS says how many keys are pressed for each seed, VCPU_INSPECTOR_SEEDS which seeds (`1,2,3`).
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.terminal.terminal import KEYS, Terminal

COUNT = int(os.environ.get("VCPU_INSPECTOR_KEYS", "300"))
SEEDS = tuple(map(int, os.environ.get("VCPU_INSPECTOR_SEEDS", "4,11,27").split(",")))
CHUNK, PAUSE = 12, 240
"""Keys that are sent at once, and after how many it is waited until all of them have had their effect."""
BUSY = 120.0
"""Seconds within which they have had it, on a machine that many share."""
PLACES = ("5", "0f", "4", "2", "6", "1", "0", "3", "7")
"""Keys that lead to each mode: at a pause the next one is gone to, so that a long run has been in all of them."""
SIZES = ((120, 40), (80, 24), (60, 16), (200, 60), (30, 8))
PASTES = ("builtin:max-linux-6.1", "6.12", "CCIDX=1", "kvm [1]: Unsupported guest sys_reg access\n\x1b[31mx", "[/]")
LETTERS = "abcdefghijklmnoprstuvwxyzDNRSTVWYG0123456789/?[]{}<>+-.$ "
"""Without the keys that end the program, and that start machines of the lab."""
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
    if kind < 0.09 and terminal.alive:
        os.kill(terminal._process.pid, signal.SIGSTOP)
        pressed = " ".join(press_some(terminal, chance) for _ in range(3))
        time.sleep(chance.choice((0.0, 0.1, 0.3)))
        with contextlib.suppress(ProcessLookupError):  # it was leaving already
            os.kill(terminal._process.pid, signal.SIGCONT)
        return f"<stopped> {pressed} <goes on>"
    key = chance.choice(NAMED) if kind < 0.4 else chance.choice(LETTERS)
    terminal.press(key)
    return key


@pytest.mark.parametrize("seed", SEEDS)
def test_random_keys_end_nothing(seed: int, tmp_path: Path) -> None:
    at, chance, places = 0, random.Random(seed), itertools.cycle(PLACES)
    sources = ("builtin:neoverse-n2-linux-6.1", "builtin:cortex-a72-linux-6.12")[: seed % 3]
    while at < COUNT:
        with Terminal(*sources, size=(80, 24), folder=tmp_path) as terminal:
            terminal.wait_for(lambda text: "Help" in text, "the first screen")
            at = press_until_left(terminal, at, chance, places)


def press_until_left(terminal: Terminal, at: int, chance: random.Random, places: Iterator[str]) -> int:
    """Press keys until there were COUNT; how many there were when the program was left by the palette's Quit."""
    pressed = list[str]()
    while at < COUNT and terminal.alive:
        at += CHUNK
        pressed += [press_some(terminal, chance) for _ in range(CHUNK)]
        if at % PAUSE == 0:
            terminal.settle(BUSY)
            terminal.press(*["escape"] * 4, *(place := next(places)))
            pressed.append(f"<escape, {place}>")
        terminal.text()
    terminal.settle(BUSY)
    last = " ".join(pressed[-400:])
    if terminal.alive:
        terminal.resize(120, 40)
        terminal.press(*["escape"] * 8)
        terminal.press("?")
        terminal.wait_for("┌─ Help: ", f"help, after {last}")
    else:
        assert terminal.wait_for_end() == 0, f"{terminal.raw[-2000:].decode(errors='replace')}\nafter {last}"
    said = terminal.raw.decode(errors="replace")
    assert "internal error" not in said and "Traceback" not in said, last
    return at
