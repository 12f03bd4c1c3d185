"""`compare` over many dumps, as it is used: parts, merging, progress and being ended."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from inspector.registers.encoding import make_id, sysreg_id
from tests.commands.running import assert_one_line_error, run
from tests.fresh import ROOT

PFR0, SCTLR, X0 = sysreg_id(3, 0, 0, 4, 0), sysreg_id(3, 0, 1, 0, 0), make_id(0x10, 0)
PROGRAM = (sys.executable, "-m", "inspector")


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    """A folder with twelve dumps of two kinds of host."""
    for n in range(12):
        (tmp_path / f"h{n:02}.txt").write_text(f"0x{PFR0:x} {n % 2:#x}\n0x{SCTLR:x} {n:#x}\n0x{X0:x} 0x5ec5e7{n:x}\n")
    return tmp_path


def names(first: int, last: int) -> list[str]:
    """Names of dumps."""
    return [f"h{n:02}.txt" for n in range(first, last)]


def test_parts_made_apart_give_the_report_of_all(hosts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(hosts)
    whole = run("compare", *names(0, 12))
    assert whole.code == 1 and whole.err == "", whole.err
    for part, (first, last) in {"a.part": (0, 3), "b.part": (3, 7), "c.part": (7, 12)}.items():
        made = run("compare", *names(first, last), "--partial", part)
        assert (made.code, made.out) == (0, ""), made.err
        assert b"5ec5e7" not in (hosts / part).read_bytes()
    merged = run("compare", "--merge", "c.part", "a.part", "b.part")
    assert merged.code == 1, merged.err
    # The parts know nothing of X0, a secret; they say so. The names come in the order of each part's own list.
    told = "12 dumps in 2 groups, 1 feature register differs, {} guest state differ{}, 0 are equal."
    assert whole.out.splitlines()[0] == told.format("2 registers of", "")
    assert merged.out.splitlines()[0] == told.format("1 register of", "s")
    assert "A  6 x h" in merged.out and "B  6 x h" in merged.out and "leave out" in merged.out
    # Parts of parts, in any order.
    again = run("compare", "--merge", "b.part", "a.part", "--partial", "ab.part")
    assert again.code == 0, again.err
    assert run("compare", "--merge", "ab.part", "c.part").out == merged.out


def test_bad_uses_of_parts_end_in_one_line(hosts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(hosts)
    assert run("compare", *names(0, 2), "--partial", "a.part").code == 0
    for words, says in (
        (("compare", "--merge", "h00.txt"), "not a part"),
        (("compare", *names(0, 2), "--partial", "a.part"), "exists"),
        (("compare", *names(0, 2), "--partial", "b.part", "--all"), "no values"),
    ):
        made = run(*words)
        assert_one_line_error(made)
        assert says in made.err


def test_few_descriptors_suffice(hosts: Path) -> None:
    (hosts / "list").write_text("\n".join(names(0, 12) * 50))

    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [*PROGRAM, "compare", "--files-from", "list", "--jobs", "2"]
    made = subprocess.run(
        words, cwd=hosts, env=environment, capture_output=True, text=True, check=False, timeout=240, preexec_fn=few
    )
    assert made.returncode == 1 and made.stdout.startswith("600 dumps in 2 groups"), made.stderr


def children(pid: int) -> list[int]:
    """Processes of a process."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl+c", "SIGTERM"])
def test_ended_at_once_with_its_processes(hosts: Path, number: signal.Signals) -> None:
    """Every process of the group gets what the terminal sends; nothing stays, and nothing is printed but one line."""
    (hosts / "list").write_text("\n".join(names(0, 12) * 20_000))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [*PROGRAM, "compare", "--files-from", "list", "--jobs", "2"]
    with subprocess.Popen(
        words, cwd=hosts, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    ) as process:  # fmt: skip
        end = time.monotonic() + 120
        while len(found := children(process.pid)) < 3 and time.monotonic() < end:  # two that read, one that tracks
            time.sleep(0.05)
        assert len(found) >= 2 and process.poll() is None
        os.killpg(process.pid, number)
        told, said = process.communicate(timeout=120)
    assert process.returncode == 128 + number and told == "", (process.returncode, said)
    assert "Traceback" not in said
    while any(Path(f"/proc/{pid}").exists() for pid in found) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(Path(f"/proc/{pid}").exists() for pid in found)


def test_progress_on_a_terminal_is_one_line_that_goes_away() -> None:
    import io

    from inspector.progress import Progress

    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen, log = Screen(), io.StringIO()
    for stream in (screen, log):
        with Progress("read\x1b[31m dumps", 1000, stream=stream) as said:
            said.at(10)
            assert stream.getvalue() == ""  # within two seconds nothing is told
            said._next = 0.0
            said.at(500)
            assert "500 of 1,000 (50 %)" in stream.getvalue()
    assert screen.getvalue().endswith("\r\x1b[K") and "\n" not in screen.getvalue()
    assert log.getvalue().count("\n") == 1 and "\x1b" not in log.getvalue()
    assert "\x1b[31m" not in screen.getvalue()
