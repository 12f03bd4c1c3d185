"""A machine of the lab in the screens, in a real terminal: opened from the start page, written to, dead and back."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from inspector.cli import main
from inspector.lab import store
from tests.emulated.fetch import cache
from tests.emulated.proof import emulator, kernel
from tests.terminal.terminal import Terminal

pytestmark = [pytest.mark.emulated, pytest.mark.slow]
_START = """
import sys
from pathlib import Path
from inspector.cli import main
from inspector.sources.live import laboratory
laboratory.cache_folder = lambda: Path({cache!r})
sys.exit(main({arguments!r}))
"""


def command(*arguments: str) -> tuple[str, ...]:
    """The program with what the tests have fetched."""
    return sys.executable, "-c", _START.format(cache=str(cache()), arguments=list(arguments))


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """Where running machines are noted."""
    emulator()
    monkeypatch.setattr("tests.terminal.terminal.DEADLINE", 100.0)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return {"XDG_STATE_HOME": os.environ["XDG_STATE_HOME"]}


def test_a_machine_is_opened_from_the_start_page_dies_and_comes_back(
    state: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    address = f"lab:{kernel('6.12')}"
    with Terminal(command=command(), size=(200, 40), environment=state) as terminal:
        terminal.wait_for("Shipped")
        terminal.send(f"{address}\r")
        terminal.wait_for(lambda text: "booting" in text or "starting the saved" in text, "progress")
        terminal.wait_for("live read")
        (machine,) = store.running()
        assert machine.address == address and not machine.left
        assert main(["lab", "stop"]) == 0
        assert f"ended {address}" in capsys.readouterr().out
        terminal.press("r")
        terminal.wait_for(f"reading {address}")
        terminal.wait_for("live read")
        terminal.press("q")
        assert terminal.wait_for_end() == 0 and terminal.restored()
    assert store.running() == []


def test_a_write_for_real_is_answered_beside_its_prediction(state: dict[str, str]) -> None:
    address = f"lab:{kernel('6.12')}"
    with Terminal(command=command("live", address, "--for-real"), size=(120, 40), environment=state) as terminal:
        terminal.wait_for("live read")
        terminal.wait_for("ID_AA64PFR0_EL1  AArch64 processor features 0")
        terminal.press("3")
        terminal.wait_for("type a value")
        terminal.press("ctrl+u")
        terminal.send("DIT=15")
        terminal.wait_for("EINVAL")
        terminal.send("\x1b[20~")  # F9
        terminal.wait_for("predicted EINVAL, actual EINVAL: = as predicted")
        terminal.press("escape", "q")
        assert terminal.wait_for_end() == 0 and terminal.restored()
    assert store.running() == []


def test_the_program_ends_while_a_machine_boots_and_nothing_is_left(state: dict[str, str]) -> None:
    address = f"lab:{kernel('6.12')},append=unique={os.getpid()}"
    with Terminal(command=command(), size=(200, 40), environment=state) as terminal:
        terminal.wait_for("Shipped")
        terminal.send(f"{address}\r")
        terminal.wait_for("booting")
        terminal.wait_for(lambda text: bool(store.running()), "a machine runs")
        terminal.press("ctrl+q")
        assert terminal.wait_for_end() == 0 and terminal.restored()
    assert store.running() == []
