"""The patch page with real kernels of the lab, in a real terminal."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.emulated.fetch import cache
from tests.emulated.proof import emulator, kernel
from tests.terminal.terminal import Terminal

pytestmark = [pytest.mark.emulated, pytest.mark.slow]
_START = """
import sys
from pathlib import Path
from inspector.app.modes.patch import screen
from inspector.app.shell import real
from inspector.cli import main
from inspector.sources.live import laboratory
laboratory.cache_folder = lambda: Path({cache!r})
screen.kernels = real.kernels = lambda folder: {{"6.1": [], "6.12": []}}
screen.NEWEST = ()
sys.exit(main(["builtin:neoverse-n2-linux-6.1"]))
"""


def _row(screen: str, name: str) -> str:
    lines = screen.partition("real kernels")[2].splitlines()
    return next((" ".join(line.split()) for line in lines if line.startswith(f" {name} ")), "")


def test_two_real_kernels_answer_beside_the_predictions_while_a_value_is_typed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    emulator()
    kernel("6.1"), kernel("6.12")
    monkeypatch.setattr("tests.terminal.terminal.DEADLINE", 300.0)
    command = (sys.executable, "-c", _START.format(cache=str(cache())))
    with Terminal(command=command, size=(200, 60), folder=tmp_path) as terminal:
        terminal.wait_for("ID_AA64PFR0_EL1")
        terminal.press("5", "j", "L")
        terminal.wait_for("real kernels ID_AA64MMFR2_EL1")
        terminal.wait_for(lambda text: "EINVAL EINVAL" in _row(text, "6.12"), "6.12 refuses the saved value")
        terminal.wait_for(lambda text: " 0 0 " in _row(text, "6.1"), "6.1 accepts it")
        assert all("= as predicted" in _row(terminal.text(), name) for name in ("6.1", "6.12"))
        terminal.wait_for("every value of a fresh vCPU: 2 of ")
        terminal.press("ctrl+u")
        terminal.send("CCIDX=0")
        terminal.wait_for(lambda text: "EINVAL EINVAL" in _row(text, "6.1"), "6.1 refuses what was typed")
        terminal.wait_for(lambda text: " 0 0 " in _row(text, "6.12"), "6.12 accepts it")
        terminal.press("escape")
        terminal.wait_without("real kernels")
        terminal.press("p")
        terminal.wait_for("┌─ Kernel policy")
        terminal.send("6.11.11\r")
        terminal.wait_without("┌─ Kernel policy")
        terminal.press("]")
        terminal.wait_for(
            lambda text: "6.11.11 → 6.12.0: real 6.12." in text and " = as predicted" in text.splitlines()[1],
            "the real 6.12 answers beside the slider",
        )
        terminal.press("q")
        assert terminal.wait_for_end() == 0 and terminal.restored()
