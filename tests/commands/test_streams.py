"""Standard streams that are closed or full, and mistyped commands: one line, exit code 2, nothing in the answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.running import assert_one_line_error, run
from tests.fresh import ROOT

PROGRAM = [sys.executable, "-m", "inspector"]
N2 = "builtin:neoverse-n2-linux-6.1"


def _shell(redirect: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    script = f'exec "$@" {redirect}'
    return subprocess.run(["sh", "-c", script, "sh", *PROGRAM, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("arguments", [("--version",), ("show", "--help"), ("show", N2, "MIDR_EL1")])
@pytest.mark.parametrize("redirect", [">&-", ">/dev/full"])
def test_an_answer_that_cannot_be_written(redirect: str, arguments: tuple[str, ...]) -> None:
    """Neither a traceback nor a silent success."""
    done = _shell(redirect, *arguments)
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if line.startswith("vcpu-inspector: ")]
    assert len(lines) == 1 and "standard output" in lines[0]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [(("compare", N2, N2), 0), (("decode", "midr", "0x1"), 0), (("migrate", N2, "same-host", "--kernel", "6.12"), 1)],
)
def test_a_pipe_that_nobody_reads_is_no_yes(words: tuple[str, ...], code: int) -> None:
    """The exit code is the answer's, or where that was not known yet the one of SIGPIPE; it was 0, also for a no."""
    for unbuffered, told in (("", code), ("1", 141)):
        reading, writing = os.pipe()
        os.close(reading)
        environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
        done = subprocess.run([*PROGRAM, *words], stdout=writing, stderr=subprocess.PIPE, env=environment, check=False)
        os.close(writing)
        assert (done.returncode, done.stderr) == (told, b"")


def test_closed_standard_error_keeps_the_talk_out_of_the_answer(tmp_path: Path) -> None:
    """print() to a missing stream goes to standard output, where it would spoil JSON."""
    text = tmp_path / "idregs"
    text.write_text("     ID_AA64PFR0_EL1:\t1101000021111112\n")
    assert "idregs holds" in _shell("", "show", str(text), "aa64pfr0").stderr
    closed = _shell("2>&-", "show", str(text), "aa64pfr0")
    assert closed.returncode == 0
    assert "idregs holds" not in closed.stdout and "ID_AA64PFR0_EL1" in closed.stdout


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-16", "utf-8"])
def test_json_is_utf_8_in_every_encoding(encoding: str, tmp_path: Path) -> None:
    r"""`\xe9` is no escape of JSON, and 0xe9 no UTF-8."""
    name = "caf\u00e9 \U0001f984.txt"
    (tmp_path / name).write_text("MIDR_EL1=0x410fd490\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "inspector", "show", name, "--json"],
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0 and json.loads(done.stdout.decode("utf-8"))["source"]["source"] == name


def test_a_mistyped_command_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal nothing opens; a word that is no file is named together with the nearest command."""
    monkeypatch.chdir(tmp_path)
    done = run("shwo", N2)
    assert_one_line_error(done)
    assert done.err == "vcpu-inspector: shwo: is neither a command nor a file; did you mean vcpu-inspector show?\n"
    assert run("vm.mig").err.startswith("vcpu-inspector: the screens need a terminal; ")


def test_only_the_source_is_required() -> None:
    """The registers of `show` are optional, and the message says so."""
    done = run("show")
    assert_one_line_error(done)
    assert "SOURCE" in done.err and "REGISTER" not in done.err


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_explain_reads_a_log_in_any_encoding_that_windows_writes(tmp_path: Path, encoding: str) -> None:
    log = tmp_path / "log.txt"
    log.write_bytes(
        "qemu-system-aarch64: Failed to set register 0x603000000013c020: Invalid argument\n".encode(encoding)
    )
    for given, data in ((str(log), b""), ("-", log.read_bytes())):
        done = subprocess.run(
            [sys.executable, "-m", "inspector", "explain", given], input=data, capture_output=True, check=False
        )
        assert (done.returncode, b"ID_AA64PFR0_EL1" in done.stdout) == (0, True), done
