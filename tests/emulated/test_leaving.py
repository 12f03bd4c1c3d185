"""However a reading ends, at whatever step, the guest of a real QEMU counts on and nothing of ours is left."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.emulated.counting import Between, Counting, Machine, Runner, counting, shoot
from tests.emulated.proof import FULL
from tests.fresh import ROOT

pytestmark = pytest.mark.emulated
SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
KINDS = ("gdb", "qmp")
MOST = 2000


def steps_of(total: int) -> list[int]:
    """Every step in a full run; else all of the beginning and of the end, and some of the registers between."""
    return list(range(total)) if FULL else sorted({*range(30), *range(30, total, 41), *range(total - 16, total)})


@pytest.fixture
def guest(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Counting]:
    """A counting guest, with a gdbstub for `gdb:`."""
    stub = ("-gdb", f"unix:{tmp_path}/gdb,server=on,wait=off") if "gdb" in request.node.name else ()
    with counting(tmp_path, *stub) as running:
        assert running.counts_on()
        yield running


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    ready = Runner(tmp_path)
    yield ready
    ready.close()


def left_behind(guest: Counting) -> list[str]:
    """Temporary folders, and a gdbstub that QMP was asked for."""
    devices = Machine(guest.folder, guest.process).ask_list("other", "query-chardev")
    stubs = [] if (guest.folder / "gdb").exists() else [str(d) for d in devices if d.get("label") == "gdb"]
    return [*map(str, (guest.folder / "tmp").iterdir()), *stubs]


@pytest.mark.parametrize("kind", KINDS)
def test_a_signal_at_each_step_leaves_the_guest_counting(guest: Counting, runner: Runner, kind: str) -> None:
    at, number, stood = MOST, SIGNALS[0], False

    def act(step: int) -> None:
        if step == at:
            shoot(runner, number)

    with contextlib.closing(Between(guest.folder / "b", guest.folder / kind, act)) as between:
        runner.start("show", "--json", f"{kind}:{guest.folder}/b")
        assert runner.ended() == 0 and guest.counts_on()
        total = between.steps
        assert 300 < total < MOST
        for place, at in enumerate(steps_of(total)):
            number, between.steps = SIGNALS[place % len(SIGNALS)], 0
            runner.start("show", "--json", f"{kind}:{guest.folder}/b")
            code, said = runner.ended(), runner.said.read_text()
            where = f"step {at} of {total}, {number.name}: exit code {code}, {said!r}"
            assert guest.counts_on(), where
            # Runs differ by some pieces: the last steps may not be reached.
            assert code == 128 + number or (code == 0 and between.steps <= at), where
            if not code:
                continue
            assert said.count("\n") == (number != signal.SIGINT) and "Traceback" not in said, where
            stood = stood or "stand" in said
            assert not left_behind(guest), where
    assert not stood, "the guest counted, and the program was not sure"


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_signal_does_not_disturb_the_detach(guest: Counting, runner: Runner, kind: str) -> None:
    def act(step: int) -> None:
        if step >= 60:
            shoot(runner, SIGNALS[step % len(SIGNALS)])

    with contextlib.closing(Between(guest.folder / "b", guest.folder / kind, act)):
        runner.start("show", "--json", f"{kind}:{guest.folder}/b")
        code = runner.ended()
        # Negative: one more signal after the program had put everything right, while it ended.
        assert (code - 128 in SIGNALS or -code in SIGNALS) and guest.counts_on(), code
    assert not left_behind(guest)


@pytest.mark.parametrize("kind", KINDS)
def test_a_stop_waits_until_the_guest_runs(guest: Counting, runner: Runner, kind: str) -> None:
    """ctrl+z while the guest is paused: the reading ends first."""
    stopped_in = []

    def act(step: int) -> None:
        if step == 100:
            shoot(runner, signal.SIGTSTP)
        elif step > 100:
            stopped_in.append(step)

    with contextlib.closing(Between(guest.folder / "b", guest.folder / kind, act)):
        runner.start("show", "--json", f"{kind}:{guest.folder}/b")
        end = time.monotonic() + 60
        while "T" not in Path(f"/proc/{runner.pid}/stat").read_text().rpartition(")")[2].split()[0]:
            assert time.monotonic() < end
            time.sleep(0.02)
        assert guest.counts_on() and len(stopped_in) > 100
        shoot(runner, signal.SIGCONT)
        assert runner.ended() == 0 and guest.counts_on()


@pytest.mark.parametrize("kind", KINDS)
def test_a_connection_that_breaks_at_each_step_leaves_the_guest_counting_or_says_so(
    guest: Counting, runner: Runner, kind: str
) -> None:
    """`qmp:` connects once more; of `gdb:` QEMU itself lets the guest go or not, and the message says it may stand."""
    at = 0

    def act(step: int) -> None:
        if step == at:
            raise OSError("cut")

    for at in (1, 2, 3, 5, 7, 8, 9, 12, 40, 200, 400):
        with contextlib.closing(Between(guest.folder / "b", guest.folder / kind, act)):
            runner.start("show", "--json", f"{kind}:{guest.folder}/b")
            code, said = runner.ended(), runner.said.read_text()
        # 0: what was cut is the connection to QMP, on which QEMU had something to say during a reading that was whole.
        assert code == 0 if kind == "qmp" and not said else "closed the connection" in said or "went away" in said
        machine = Machine(guest.folder, guest.process)
        if not guest.counts_on(0.5) and not machine.running():
            assert "the guest may stand still" in said, (at, said)
            machine.ask("other", "cont")
        assert guest.counts_on()
        assert not list((guest.folder / "tmp").iterdir()), at


@pytest.mark.parametrize("screens", [False, True], ids=["show", "screens"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_closed_terminal_leaves_the_guest_counting(guest: Counting, kind: str, screens: bool) -> None:
    """The window is closed, or ssh is lost: the kernel hangs the terminal up."""
    closing: list[int] = []
    terminal = -1

    def act(step: int) -> None:
        if step in closing:
            closing.clear()
            os.close(terminal)

    # The screens open after a first reading of some 750 steps; the last place is in the second one.
    for at in (2, 5, 20, 150, 400, *([1000] if screens else [])):
        closing = [at]
        with contextlib.closing(Between(guest.folder / "b", guest.folder / kind, act)):
            arguments = ["--watch", "0.1"] if screens else ["show", "--json"]
            child, terminal = in_terminal(*arguments, f"{kind}:{guest.folder}/b")
            assert code_of(child) == 128 + signal.SIGHUP
        assert not closing and guest.counts_on(), at


@pytest.mark.parametrize("number", SIGNALS[:2])
@pytest.mark.parametrize("kind", KINDS)
def test_a_signal_to_the_screens_gives_the_terminal_back_and_lets_the_guest_count(
    guest: Counting, kind: str, number: signal.Signals
) -> None:
    """While the source is read again beside the screen."""
    total, process = 0, 0

    def act(step: int) -> None:
        nonlocal total
        total += 1
        if total == 1000:
            os.kill(process, number)

    with contextlib.closing(Between(guest.folder / "b", guest.folder / kind, act)):
        process, terminal = in_terminal("--watch", "0.1", f"{kind}:{guest.folder}/b")
        written = b""
        with contextlib.suppress(OSError):
            while data := os.read(terminal, 1 << 16):
                written += data
        assert code_of(process) == 128 + number and guest.counts_on()
        os.close(terminal)
    assert written.count(b"\x1b[?1049h") == written.count(b"\x1b[?1049l") == 1
    assert f"ended by {number.name}".encode() in written and b"Traceback" not in written
    assert not [d for d in devices_of(guest) if d.get("label") == "gdb"] or kind == "gdb"


def devices_of(guest: Counting) -> list[dict[str, object]]:
    return Machine(guest.folder, guest.process).ask_list("other", "query-chardev")


def in_terminal(*arguments: str) -> tuple[int, int]:
    """The program with a controlling terminal: its process, and the terminal's other end."""
    process, terminal = pty.fork()
    if not process:
        # A shell starts what runs in its background with SIGINT and SIGQUIT ignored.
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color"}
        os.execve(sys.executable, [sys.executable, "-m", "inspector", *arguments], environment)
    return process, terminal


def code_of(process: int) -> int:
    """The exit code of a child; fails when it goes on."""
    end = time.monotonic() + 60
    while True:
        found, status = os.waitpid(process, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > end:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            raise AssertionError("the program goes on")
        time.sleep(0.02)
