"""Signals: raised where nothing stands, noted where a guest does, and never lost."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from inspector import leaving
from inspector.app.shell.application import run_app
from inspector.leaving import ENDING, Leaving, held, raised
from inspector.transport.deadline import Deadline
from tests.fresh import ROOT


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test before asked to end, and what a test asked is forgotten; a shell's background job ignores two of them.

    Two signals of a test follow each other at once, also where the machine stood for some seconds between them."""
    monkeypatch.setattr(leaving, "INSISTING", 600.0)
    leaving._asked.clear()
    leaving._listeners.clear()
    leaving._Times.insisted = -leaving.INSISTING
    before = {number: signal.getsignal(number) for number in ENDING}
    for number in ENDING:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    yield
    leaving._asked.clear()
    for number, handler in before.items():
        signal.signal(number, handler)


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_is_raised_once_and_handlers_are_given_back(number: signal.Signals) -> None:
    before, put_right = signal.getsignal(number), False
    with pytest.raises(Leaving) as caught, raised():
        try:
            send(number)
        finally:
            send(number)  # what puts things right is not disturbed
            put_right = True
    assert put_right and caught.value.code == 128 + number and number.name in str(caught.value)
    assert signal.getsignal(number) == before


@pytest.mark.parametrize("outer", [False, True])
def test_held_work_ends_at_its_next_wait(outer: bool) -> None:
    steps: list[str] = []

    def work() -> None:
        with held():
            try:
                send(signal.SIGTERM)
                steps.append("goes on")
                Deadline(10, "x").left()
                steps.append("never")
            finally:
                steps.append(f"{Deadline(1000, 'x', last=True).left() > 900}")

    with pytest.raises(Leaving):
        if outer:
            with raised():
                work()
        else:
            work()
    assert steps == ["goes on", "True"]


def test_held_work_that_is_done_ends_the_program_all_the_same() -> None:
    with pytest.raises(Leaving), held():
        send(signal.SIGHUP)
    with pytest.raises(Leaving) as caught, held():
        send(signal.SIGHUP)
        raise ValueError("the guest may stand")
    assert caught.value.note == "the guest may stand"


@pytest.mark.parametrize("kind", [raised, held])
def test_what_never_ends_is_broken_off_by_a_signal_that_comes_later(
    kind: Callable[[], AbstractContextManager[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was to be put right, or was held, goes on for ever by a fault; and at once no second signal disturbs."""
    steps: list[str] = []

    def stuck() -> None:
        send(signal.SIGTERM)
        steps.append("in peace")
        monkeypatch.setattr(leaving, "INSISTING", 0.0)
        send(signal.SIGTERM)
        steps.append("never")

    with pytest.raises(Leaving) as caught, kind():
        try:
            send(signal.SIGTERM)
        finally:
            stuck()
    assert steps == ["in peace"] and caught.value.code == 143


def test_another_thread_may_insist() -> None:
    """The main thread goes round and round, by a fault."""
    with pytest.raises(Leaving) as caught, held():
        threading.Thread(target=leaving.insist).start()
        end = time.monotonic() + 60
        while time.monotonic() < end:
            pass
    assert caught.value.number == ENDING[0]


def test_an_ignored_signal_stays_ignored() -> None:
    """As under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with raised(), held():
            send(signal.SIGHUP)
            leaving.check()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_work_in_a_thread_ends_when_the_program_is_asked_to() -> None:
    ended: list[int] = []

    def work() -> None:
        with held():
            try:
                while True:
                    time.sleep(Deadline(120, "x").slice())
            except Leaving as error:
                ended.append(error.number)

    thread = threading.Thread(target=work)
    with pytest.raises(Leaving), held():
        thread.start()
        send(signal.SIGTERM)
        thread.join(60)
        assert not thread.is_alive()
    assert ended == [signal.SIGTERM]


def test_a_command_says_what_ended_it() -> None:
    command = [sys.executable, "-m", "inspector", "show", "-"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin and process.stderr
        process.stdin.write(b"{")
        process.stdin.flush()
        while fcntl.ioctl(process.stdin, termios.FIONREAD, bytes(4)) != bytes(4):
            time.sleep(0.01)  # until the program has begun to read
        process.terminate()
        assert process.wait(60) == 143
        assert process.stderr.read() == b"vcpu-inspector: ended by SIGTERM\n"


@pytest.mark.parametrize("threads", ["", "threading.Thread(target=late).start()"])
@pytest.mark.parametrize(("given", "code", "said"), [("--version", 0, "vcpu-inspector "), ("--nonsense", 2, "")])
def test_the_process_ends_with_its_code_and_what_was_registered_for_the_end(
    given: str, code: int, said: str, threads: str
) -> None:
    program = f"""if True:
        import atexit, sys, threading, time
        from inspector.cli import start
        def late(): time.sleep(0.1); print("late")
        atexit.register(print, "at the end")
        {threads}
        sys.argv = ["vcpu-inspector", {given!r}]
        start()
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == code
    lines = done.stdout.splitlines()
    assert lines[-1] == "at the end" and ("late" in lines) == bool(threads)
    assert done.stdout.startswith(said)


def test_a_stop_waits_until_the_guest_runs_again() -> None:
    """ctrl+z while a guest stands: the program goes on, and stops when it has let the guest go."""
    inside = "os.kill(os.getpid(), signal.SIGTSTP); print('inside', flush=True)"
    code = (
        f"import os, signal\nfrom inspector.leaving import held\nwith held():\n    {inside}\nprint('after', flush=True)"
    )
    # In a group of its own in this session, whose leader runs: the kernel stops no orphaned group.
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True, process_group=0
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "inside\n"
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        process.send_signal(signal.SIGCONT)
        assert process.stdout.readline() == "after\n" and process.wait(60) == 0


ENDING_SLOWLY = """
import atexit, sys, time
from inspector import cli, command_line

def say(word):
    print(word, file=sys.stderr, flush=True)

def work(given):
    say("up")
    time.sleep(60)

def end():
    say("ending")
    time.sleep(0.3)
    say("ended")

command_line.dispatch = work
atexit.register(end)
cli.start()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_another_signal_leaves_the_end_of_the_process_in_peace(number: signal.Signals) -> None:
    """ctrl+c twice: the machines of the lab end and their files go, without a traceback."""
    command, told = [sys.executable, "-c", ENDING_SLOWLY, "list"], list[str]()
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            told.append(line.strip())
            if told[-1] in ("up", "ending"):
                process.send_signal(number)
    said = [] if number == signal.SIGINT else ["vcpu-inspector: ended by SIGTERM"]
    assert told == ["up", *said, "ending", "ended"] and process.returncode == 128 + number


def test_a_thread_that_ends_because_the_program_does_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """Machines of the lab are asked in threads of their own; any other fault of theirs is told."""

    def fail() -> None:
        raise ValueError("a fault")

    told: list[object] = []
    before = threading.excepthook
    try:
        threading.excepthook = lambda ended: told.append(ended.exc_value)
        with raised():
            leaving._asked.append(signal.SIGINT)
            for work in (leaving.check, fail):
                thread = threading.Thread(target=work)
                thread.start()
                thread.join(60)
        assert [str(one) for one in told] == ["a fault"] and "Traceback" not in capfd.readouterr().err
    finally:
        threading.excepthook = before


SOUGHT = """
import signal, sys
sought, *given = sys.argv[1:]
class Finder:
    def find_spec(self, name, *more):
        if name == sought:
            print(sorted(one.name for one in signal.pthread_sigmask(signal.SIG_BLOCK, ())))
            if name == "textual.app":
                sys.exit()
sys.meta_path.insert(0, Finder())
from inspector import cli, command_line
command_line.on_terminal = lambda *streams: True
cli.main(given)
print(sorted(one.name for one in signal.pthread_sigmask(signal.SIG_BLOCK, ())), "in the end")
"""


@pytest.mark.parametrize(
    ("sought", "given"),
    [
        *(("msgspec._core", given) for given in ("show /nowhere", "explain /nowhere", "help migrate", "/nowhere")),
        ("textual.app", "builtin:max-linux-6.1"),
    ],
)
def test_signals_wait_while_others_are_imported_that_do_not_bear_them(sought: str, given: str) -> None:
    """An exception in the midst of msgspec is swallowed there, and the program ends with a segmentation fault later."""
    command = [sys.executable, "-c", SOUGHT, sought, *given.split()]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    first, *_, last = done.stdout.splitlines()
    assert first == "['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM']" and last == "[] in the end", done.stderr


def test_a_signal_that_python_has_swallowed_comes_again(capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing comes out of `__del__`, nor of what a weak reference calls, as each import does at its end."""

    class Dying:
        def __del__(self) -> None:
            send(signal.SIGTERM)

    before = sys.unraisablehook
    with pytest.raises(Leaving) as caught, raised():
        Dying()
        time.sleep(60)
    assert caught.value.code == 143 and sys.unraisablehook is before and capfd.readouterr().err == ""


def test_what_other_code_makes_of_a_signal_is_no_fault() -> None:
    def other() -> None:
        try:
            send(signal.SIGTERM)
        except KeyboardInterrupt:
            raise TypeError("expected a name") from None

    with pytest.raises(Leaving) as caught, raised():
        other()
    assert caught.value.code == 143
    with pytest.raises(ValueError, match="a fault"), raised():
        raise ValueError("a fault")


def test_the_screens_do_not_open_where_a_signal_came_before() -> None:
    with pytest.raises(Leaving), raised():
        with contextlib.suppress(KeyboardInterrupt):  # as some library may
            send(signal.SIGTERM)
        run_app([])


def test_ctrl_c_before_the_program_has_taken_it_is_no_traceback() -> None:
    """Python's own handler printed one while the first modules were imported."""
    code = (
        "import os, runpy, signal, sys\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'inspector.talk': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "runpy.run_module('inspector', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")
