"""A terminal that went away ends the screens, also where no SIGHUP says so.

The kernel sends SIGHUP to the session of a controlling terminal only; a program under `nohup`, in a container or on a
pseudo-terminal of another program's gets none, and reads "ready, nothing there" from its terminal for ever. poll(2)
tells both cases: POLLHUP.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
import time
from queue import Empty, Queue
from typing import Any

from inspector.leaving import ask

_AGAIN = 500
"""Milliseconds between two looks whether the terminal stands at all; a hang-up is told at once."""
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
