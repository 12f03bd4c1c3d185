"""Odd surroundings: a user without a home, no standard input, terminals of any kind. One line, never a hang."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from inspector.folders import cache_folder, config_folder, expanded, state_folder
from tests.fresh import ROOT
from tests.terminal.terminal import Terminal

DUMP = "builtin:neoverse-n2-linux-6.1"
HOMELESS = """
import os, pwd, sys
def unknown(number):
    raise KeyError(number)
pwd.getpwuid = unknown
for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
    os.environ.pop(name, None)
from inspector.cli import main
sys.exit(main(sys.argv[1:]))
"""
"""The program of a user who is a number without a name, as in a container."""


def test_a_user_without_a_home_has_folders_that_do_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(number: int) -> None:
        raise KeyError(number)

    monkeypatch.setattr("pwd.getpwuid", unknown)
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert not any(folder().exists() for folder in (cache_folder, config_folder, state_folder))
    assert all(folder().is_absolute() for folder in (cache_folder, config_folder, state_folder))
    assert expanded("~/x") == Path("~/x") and expanded("~nobody-of-this-name/x") == Path("~nobody-of-this-name/x")


@pytest.mark.parametrize(
    "given", [("lab", "list"), ("lab", "doctor"), ("lab", "clear"), ("show", "lab:~nobody-here/x")]
)
def test_the_lab_of_a_user_without_a_home(given: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HOMELESS, *given], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert "internal error" not in done.stderr and "Traceback" not in done.stderr
    assert done.returncode in (0, 1) or done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (("explain",), 2), (("explain", "-"), 2), (("show", "-"), 2), (("compare", "--files-from", "-"), 2),
        (("demo",), 0), ((DUMP,), 2), (("show", DUMP), 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)  # fmt: skip
def test_a_closed_standard_input(given: tuple[str, ...], code: int) -> None:
    command = ["sh", "-c", 'exec "$@" <&-', "sh", sys.executable, "-m", "inspector", *given]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == code and "internal error" not in done.stderr
    assert code == 0 or (done.stderr.count("\n") == 1 and done.stdout == "")


@pytest.mark.parametrize("size", [(10, 3), (1, 1), (500, 200)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_screens_of_a_tiny_and_of_a_huge_terminal(size: tuple[int, int]) -> None:
    """They are drawn, take every mode's key, and end."""
    with Terminal(DUMP, size=size) as terminal:
        terminal.wait_for(lambda _: b"\x1b[?2004h" in terminal.raw, "the screens")
        terminal.settle()
        terminal.press(*("0245671?" if size[0] < 100 else "04"))  # drawing the huge one is the test's own time
        terminal.settle()
        assert terminal.alive
        terminal.press("escape", "escape", "ctrl+q")
        assert terminal.wait_for_end() == 0 and terminal.restored()


@pytest.mark.parametrize(
    "surroundings",
    [
        {"TERM": "dumb"},
        {"TERM": "no-such-terminal"},
        {"TERM": ""},
        {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LC_ALL": "en_US.ISO-8859-1", "PYTHONIOENCODING": "latin-1"},
        {"HOME": "/proc/nonexistent", "XDG_STATE_HOME": "", "XDG_CONFIG_HOME": ""},
    ],
    ids=["dumb", "unknown", "none", "C", "latin-1", "home"],
)
def test_the_screens_in_odd_surroundings(surroundings: dict[str, str]) -> None:
    with Terminal(DUMP, size=(80, 24), environment=surroundings) as terminal:
        terminal.wait_for("ID_AA64PFR0_EL1")
        terminal.press("ctrl+q")
        assert terminal.wait_for_end() == 0 and terminal.restored()


@pytest.mark.parametrize(
    "given",
    ["TEXTUAL_COLOR_SYSTEM=24bit", "TEXTUAL_COLOR_SYSTEM=", "TEXTUAL_DRIVER=no\x1b[31m:Driver", "TEXTUAL_DRIVER=os"],
)
def test_what_textual_cannot_do_is_one_line(given: str) -> None:
    name, _, value = given.partition("=")
    with Terminal(DUMP, size=(200, 24), environment={name: value}) as terminal:
        assert terminal.wait_for_end() == 2 and terminal.restored()
        said = terminal.text().strip()
        assert said.count("\n") == 0 and said.startswith(f"vcpu-inspector: {name}=") and "internal" not in said


def test_the_screens_of_a_user_without_a_home() -> None:
    """Also where `~NAME` is typed as a path, and completed."""
    with Terminal(command=(sys.executable, "-c", HOMELESS), size=(100, 30)) as terminal:
        terminal.wait_for("Quit")
        terminal.send("~nobody-of-this-name/x")
        terminal.press("tab", "enter")
        terminal.settle()
        assert terminal.alive and "internal error" not in terminal.text()
        terminal.press("ctrl+q")
        assert terminal.wait_for_end() == 0 and terminal.restored()
