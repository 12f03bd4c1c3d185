"""Ways out that do not need the screens' loop: a terminal that went away, and a loop that never comes round.

The kernel sends SIGHUP to the session of a controlling terminal only; a program under `nohup`, in a container or on a
pseudo-terminal of another program's gets none, and reads "ready, nothing there" from its terminal for ever. poll(2)
tells both cases: POLLHUP.

In a terminal that Textual has taken, ctrl+c and ctrl+q are keys like others, which the loop takes: where a fault of
ours keeps it busy for ever, they are heeded by the thread that reads them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import threading
import time
from queue import Empty, Queue
from typing import Any

from textual.events import Key

from inspector.leaving import ask, insist

_AGAIN = 500
"""Milliseconds between two looks whether the terminal stands at all; a hang-up is told at once."""
STUCK = 2.0
"""Seconds after which a loop that does not come round is held to be stuck, where the user presses a key again"""
_BUSY = 5.0
"""The same after a signal, which may find a busy machine"""
_LEAVING = frozenset(("ctrl+c", "ctrl+q"))
_GONE = select.POLLHUP | select.POLLERR | select.POLLNVAL


def watch_terminal(driver: Any) -> None:
    """Ask the program to end, as SIGHUP does, when the terminal of Textual's `driver` hangs up; returns at once.

    Drivers without a terminal (tests, a browser) are not watched.
    """
    number = getattr(driver, "fileno", None)
    if isinstance(number, int) and os.isatty(number):
        threading.Thread(target=_watch, args=(driver, number), name="hangup", daemon=True).start()


def _watch(driver: Any, number: int) -> None:
    poller = select.poll()
    poller.register(number, 0)
    while not any(what & _GONE for _, what in poller.poll(_AGAIN)):
        pass
    ask(signal.SIGHUP)
    # Textual's thread that writes may have ended with an error; whoever writes would wait for it for ever.
    while True:
        writer = getattr(driver, "_writer_thread", None)
        if writer is not None and not writer.is_alive():
            _take_all(writer._queue)
        time.sleep(0.02)


def _take_all(waiting: Queue[str | None]) -> None:
    with contextlib.suppress(Empty):
        while True:
            waiting.get_nowait()


def heed_leaving_keys(driver: Any, loop: asyncio.AbstractEventLoop) -> None:
    """Let ctrl+c or ctrl+q end the program when the loop has not come round for STUCK seconds after one before."""
    take, asked = driver.process_message, _Asked(loop)

    def process(message: Any) -> None:
        if isinstance(message, Key) and message.key in _LEAVING and asked.in_vain():
            insist()
        take(message)

    driver.process_message = process


def insist_unless_answered(loop: asyncio.AbstractEventLoop) -> None:
    """A signal asked the program to end: break off a loop that does not come round for some seconds."""
    asked = _Asked(loop)
    asked.in_vain()

    def look() -> None:
        time.sleep(_BUSY)
        if asked.in_vain():
            insist()

    threading.Thread(target=look, name="insisting", daemon=True).start()


class _Asked:
    """What the loop was asked, from other threads."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._since: float | None = None
        """when it was asked something that it has not answered"""

    def in_vain(self) -> bool:
        """Ask the loop; True where it was asked STUCK seconds ago or more, and has not answered since."""
        since, now = self._since, time.monotonic()
        if since is not None:
            return now - since >= STUCK
        self._since = now
        with contextlib.suppress(RuntimeError):  # it has ended
            self._loop.call_soon_threadsafe(self._answered)
            return False
        self._since = None
        return False

    def _answered(self) -> None:
        self._since = None
