"""What happens when something goes wrong that nobody foresaw: one line, exit code 2, whatever standard error is."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import weakref
from pathlib import Path
from typing import NoReturn

import pytest

from inspector.cli import main
from inspector.errors import DEBUG, LONGEST, MORE_MEMORY, NO_MEMORY, InspectorError, short_line
from tests.commands.running import run
from tests.fresh import ROOT

BROKEN = """
import sys
from inspector import sources
from inspector.cli import main

def broken(*arguments, **options):
    raise {error}

sources.load = broken
sys.exit(main(sys.argv[1:]))
"""
ERRORS = ("KeyError('k')", "RecursionError('deep')", "AssertionError('a' * 9999)", "EOFError()")


def run_broken(error: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line with a loader that raises."""
    command = [sys.executable, "-c", BROKEN.format(error=error), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


@pytest.mark.parametrize("error", ERRORS)
def test_any_exception_of_a_loader_is_one_line(error: str) -> None:
    done = run_broken(error, "show", "x.json")
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("vcpu-inspector: internal error: ") and done.stderr.count("\n") == 1
    assert len(done.stderr) < 500 and "Traceback" not in done.stderr


def test_too_little_memory_is_no_fault_of_ours_and_needs_none_to_be_told() -> None:
    done = run_broken("MemoryError()", "show", "x.json")
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == f"vcpu-inspector: {NO_MEMORY}; {MORE_MEMORY}\n"
    done = run_broken("MemoryError()", "show", "x.json", "--debug")
    assert done.returncode == 2 and "Traceback" in done.stderr and NO_MEMORY in done.stderr


def test_what_the_work_had_made_is_let_go_of_before_anything_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """To say it failed for want of memory as well, with a traceback and exit code 1."""

    class Large(list[int]):
        pass

    class Watched(io.StringIO):
        def write(self, text: str) -> int:
            gone.append(made[0]() is None)
            return super().write(text)

    made: list[weakref.ref[Large]] = []
    gone: list[bool] = []

    def greedy(*_: object) -> NoReturn:
        large = Large()
        made.append(weakref.ref(large))
        raise MemoryError

    monkeypatch.setattr("inspector.cli._run", greedy)
    monkeypatch.setattr(sys, "stderr", Watched())
    monkeypatch.delenv(DEBUG, raising=False)
    monkeypatch.setattr("inspector.cli._drop_output", lambda: None)
    assert main(["list"]) == 2 and gone and all(gone)


def test_the_traceback_is_shown_where_it_is_asked_for() -> None:
    done = run_broken("KeyError('k')", "show", "x.json", "--debug")
    assert done.returncode == 2 and "Traceback (most recent call last)" in done.stderr


@pytest.mark.parametrize("arguments", [("show", "/nowhere"), ("show",), ("nowhere",), ("kernels", "6.1", "9.9")])
def test_a_full_standard_error_does_not_change_the_exit_code(arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-m", "inspector", *arguments], stdout=subprocess.PIPE, stderr=full, check=False, cwd=ROOT
        )
    assert done.returncode == 2 and done.stdout == b""


@pytest.mark.parametrize(
    "size", ["\N{SUPERSCRIPT TWO}", "9" * 5000, "-1", "wide", ""], ids=["superscript", "9s", "-1", "wide", "none"]
)
def test_an_odd_size_of_the_terminal_is_as_none(size: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rich reads it: `²` is a digit for it, and no number."""
    answers = []
    for given in (None, size):
        for name in ("COLUMNS", "LINES"):
            monkeypatch.delenv(name, raising=False)
            if given is not None:
                monkeypatch.setenv(name, given)
        answers.append(run("show", "builtin:neoverse-n2-linux-6.1", "CTR_EL0", "--color", "always"))
    assert answers[0] == answers[1] and not answers[0].code


def test_a_full_standard_error_does_not_change_an_answer(tmp_path: Path) -> None:
    """`show` prints notes on standard error besides the answer."""
    dump = tmp_path / "d.txt"
    dump.write_text("ID_AA64PFR0_EL1=0x11\nwhat is this\n", encoding="utf-8")
    told = [sys.executable, "-m", "inspector", "show", str(dump), "ID_AA64PFR0_EL1"]
    well = subprocess.run(told, capture_output=True, check=False, cwd=ROOT)
    assert well.stderr
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(told, stdout=subprocess.PIPE, stderr=full, check=False, cwd=ROOT)
    assert (done.returncode, done.stdout) == (well.returncode, well.stdout) == (0, well.stdout)


def test_a_closed_standard_error_is_no_fault() -> None:
    done = subprocess.run(
        ["bash", "-c", '"$0" -m inspector show /nowhere 2>&-', sys.executable],
        stdout=subprocess.PIPE,
        check=False,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 2 and done.stdout == b""


@pytest.mark.parametrize("size", [0, 1, 100, 479, 480, 481, 10_000, 5_000_000])
@pytest.mark.parametrize("letter", ["x", "\x1b", "\n", "\U000e0041"])
def test_a_refusal_has_at_most_500_characters(size: int, letter: str) -> None:
    text = letter * size
    for error in (
        InspectorError(text),
        InspectorError("w", text),
        InspectorError("w", "p", text),
        InspectorError(text, text, text),
    ):
        line = str(error)
        assert len(line) <= LONGEST < 500 - len("vcpu-inspector: ") and line.isprintable()


def test_a_refusal_keeps_its_place_its_beginning_and_its_hint() -> None:
    line = str(InspectorError("begins well " + "x" * 900, "file.json, line 7", "write it so"))
    assert line.startswith("file.json, line 7: begins well x") and line.endswith("; write it so")
    assert short_line("short", 80) == "short" and len(short_line("y" * 300, 80)) == 80


@pytest.mark.parametrize(
    "arguments",
    [("compare", "9" * 5000, "x"), ("show", "builtin:max-linux-6.1", "--x" + "9" * 5000), ("decode", "9" * 5000, "1"),
     ("show", "9" * 5000), ("9" * 5000,), ("kernels", "6.1." + "9" * 5000), ("explain", "--kernel", "9" * 5000)],
)  # fmt: skip
def test_refused_arguments_are_short_too(arguments: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "inspector", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, stdin=subprocess.DEVNULL)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and len(done.stderr) <= 501


@pytest.mark.parametrize("times", ["0", "-1", "x", "1e3", "²", "9999999", ""])
def test_limit_takes_a_number(times: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "inspector", "show", "builtin:max-linux-6.1", f"--limit={times}"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 2 and "--limit" in done.stderr and done.stderr.count("\n") == 1


def test_a_dependency_that_is_not_installed_is_one_line(tmp_path: Path) -> None:
    """`python3 -m inspector` in a checkout, beside the venv: no fault of ours, but for a module of our own."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    command = [str(tmp_path / "bare" / "bin" / "python"), "-m", "inspector", "show", "builtin:neoverse-n2-linux-6.1"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "Traceback" not in done.stderr
    assert "msgspec: " in done.stderr and "pip install" in done.stderr and "internal error" not in done.stderr
    done = run_broken("ModuleNotFoundError('x', name='inspector.gone')", "show", "x.json")
    assert done.returncode == 2 and "internal error: ModuleNotFoundError" in done.stderr
