"""Being asked to end: the signals that would kill the program become an exception, so that everything is put right.

A terminal that is closed and an ssh session that is lost arrive as SIGHUP, `timeout` and `systemctl stop` as SIGTERM.
Outside of `held` such a signal raises `Leaving` where the program stands, and `finally` runs. Inside of `held`, where a
guest stands still and a broken-off conversation would leave it so, it is only noted: the work asks `check` at each of
its waits, and puts back what it changed before it ends. What never ends by itself, by a fault of ours, is broken off by
a further signal when it has had time enough.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from types import FrameType
from typing import Any

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
"""What ends the program; one that was ignored from the start (nohup) stays ignored."""
SLICE = 0.1
"""Longest wait, in seconds, of work inside of `held` before it asks `check` again."""
INSISTING = 10.0
"""Seconds after which a further signal no longer waits for what puts things right: it is raised where the program
stands, which may be a loop without an end."""
AGAIN = 0.01
"""Seconds after which a signal is sent again that was raised where no exception comes out."""
Handlers = dict[signal.Signals, Any]
"""Who had a signal, as `signal.signal` gives it."""
_asked: list[int] = []
_listeners: list[Callable[[], object]] = []


class _Times:
    """Of the clock `time.monotonic`."""

    asked = 0.0
    """when the first of the signals came, or what was raised then has had no effect"""
    ending = 0.0
    """when the process began to end"""
    insisted = -INSISTING
    """when one was last raised where it would have been noted or left alone"""


class Leaving(KeyboardInterrupt):
    """A signal asked the program to end; `note` says what the user should know, such as a guest that may stand."""

    def __init__(self, number: int, note: str = "") -> None:
        super().__init__(number, note)
        self.number, self.note = number, note

    @property
    def code(self) -> int:
        """The exit code, as shells count it."""
        return 128 + self.number

    def __str__(self) -> str:
        return f"ended by {signal.Signals(self.number).name}"


def ask(number: int) -> None:
    """Note that signal `number` asked the program to end: work in `held`, in any thread, ends at its next wait."""
    if not _asked:
        _Times.asked = time.monotonic()
    _asked.append(number)
    for listener in _listeners:
        listener()


def on_ask(listener: Callable[[], object]) -> None:
    """Call `listener` when the program is asked to end, at once where it was already; it must not wait for anything."""
    _listeners.append(listener)
    if _asked:
        listener()


def check() -> None:
    """Raises Leaving when the program was asked to end."""
    if _asked:
        raise Leaving(_asked[0])


def insist() -> None:
    """Raise Leaving in the main thread, whatever that is at, from any thread; nothing where every signal is ignored.

    What puts things right is left in peace then, for INSISTING seconds.
    """
    taken = [number for number in ENDING if signal.getsignal(number) in (_raise, _note)]
    if taken and time.monotonic() - _Times.insisted >= INSISTING:
        ask(taken[0])
        _Times.asked = -INSISTING
        signal.pthread_kill(threading.main_thread().ident or 0, taken[0])


def _insisted() -> bool:
    """Whether the program was asked so long ago that it may never end by itself; true once, then it has time again."""
    now = time.monotonic()
    if not _asked or now - _Times.asked < INSISTING:
        return False
    _Times.asked = _Times.insisted = now
    return True


def _raise(number: int, _: FrameType | None) -> None:
    if not _asked or _insisted():
        ask(number)
        raise Leaving(_asked[0])


def _note(number: int, _: FrameType | None) -> None:
    if _insisted():
        raise Leaving(_asked[0])
    ask(number)


def _take(handler: Callable[[int, FrameType | None], None]) -> Handlers:
    """Let `handler` have the signals, and give who had them; nothing in a thread, where Python takes no handler."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    before: Handlers = {}
    for number in ENDING:
        # None: a handler that is not Python's own.
        if signal.getsignal(number) not in (signal.SIG_IGN, None):
            before[number] = signal.signal(number, handler)
    return before


def _give_back(before: Handlers) -> None:
    for number, handler in before.items():
        signal.signal(number, handler)


def _send_again(number: int) -> None:
    """To the main thread, from another one, when the main thread stands somewhere else."""
    time.sleep(AGAIN)
    _asked.clear()
    signal.pthread_kill(threading.main_thread().ident or 0, number)


def _leave_in_peace(number: int, _: FrameType | None) -> None:
    if time.monotonic() - _Times.ending >= INSISTING:
        os._exit(128 + number)


@contextlib.contextmanager
def unbroken(numbers: Iterable[signal.Signals] = ENDING) -> Iterator[None]:
    """The signals `numbers` wait until the block ends, for what bears no exception in its midst.

    msgspec (0.22.0) takes one that comes while it is imported for a name that typing lacks, goes on, and ends the
    program with a segmentation fault when it reads its first text.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def raised(*, last: bool = False) -> Iterator[None]:
    """The first signal raises Leaving where the program stands; more of them leave what puts things right in peace, for
    INSISTING seconds.

    `last`: the process ends behind the block. What ends machines and removes files then is left in peace as well.
    Threads that end by Leaving do so without a word: the main thread says it.
    No signal is lost where Python lets no exception out (`__del__`, what a weak reference calls, as each import does),
    and an error that other code makes of it is no fault.
    """
    _asked.clear()
    before, said, unraised = _take(_raise), threading.excepthook, sys.unraisablehook
    threading.excepthook = lambda ended: None if isinstance(ended.exc_value, Leaving) else said(ended)

    def ignored(what: Any) -> None:
        if isinstance(what.exc_value, Leaving):
            # No threading.Thread: the main thread may stand in the midst of making one.
            _thread.start_new_thread(_send_again, (what.exc_value.number,))
        else:
            unraised(what)

    sys.unraisablehook = ignored
    try:
        yield
    except Exception as error:
        if _asked:
            raise Leaving(_asked[0]) from error
        raise
    finally:
        if last:
            _Times.ending = time.monotonic()
            _take(_leave_in_peace)
        else:
            _give_back(before)
            threading.excepthook, sys.unraisablehook = said, unraised


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Signals are only noted until the block ends; then Leaving is raised, with what the block's own error said. One
    that comes INSISTING seconds after the first is raised where the program stands.

    A stop (ctrl+z) waits as well: a guest would stand as long as the program does.
    """
    stopped: list[int] = []
    outer = _take(_note)
    if outer and _note not in outer.values():
        _asked.clear()
    stop: Handlers = {}
    if outer and signal.getsignal(signal.SIGTSTP) is signal.SIG_DFL:
        stop[signal.SIGTSTP] = signal.signal(signal.SIGTSTP, lambda number, _: stopped.append(number))
    try:
        yield
    except Leaving:
        raise
    except Exception as error:
        if _asked and outer:
            raise Leaving(_asked[0], str(error)) from error
        raise
    finally:
        if outer and _note not in outer.values():
            _listeners.clear()
        _give_back({**outer, **stop})
        if stopped:
            signal.raise_signal(signal.SIGTSTP)
    if outer:
        check()
