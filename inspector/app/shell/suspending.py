"""ctrl+z: back to the shell that started the program, where there is one that can bring it back; and being stopped and
brought back from outside, by `kill -STOP` and `kill -CONT`."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

from textual.driver import Driver


def can_come_back() -> bool:
    """True when a shell with job control started the program: its parent, in a group of its own of the same session.

    Without one nobody would ever wake the program that stopped itself, and its terminal would be dead.
    """
    parent = os.getppid()
    try:
        return os.getsid(parent) == os.getsid(0) and os.getpgid(parent) != os.getpgrp()
    except OSError:
        return False


def taking_its_terminal_once(driver: type[Driver]) -> type[Driver]:
    """A driver of Textual's that bears a SIGCONT without a ctrl+z before, as systemd sends one behind SIGTERM.

    Textual takes the terminal once more then: two threads share the keys, and what is given back in the end is the
    terminal as it was taken by the first. Here it is given back before; the shell may have changed it meanwhile.
    Nor is the terminal taken again by a program that has given it back for good: it would read keys for ever.
    """

    class Once(driver):  # type: ignore[misc, valid-type]
        def start_application_mode(self) -> None:
            self._away = self._over = False
            super().start_application_mode()
            if hasattr(self, "_sigcont_application"):
                # Of a program that stands the kernel may give the signal to any thread, and Python's handlers wait for
                # the main one, which sleeps until the next key: asyncio's wake it.
                asyncio.get_running_loop().add_signal_handler(signal.SIGCONT, self._sigcont_application)

        def suspend_application_mode(self) -> None:
            self._away = True
            super().suspend_application_mode()

        def stop_application_mode(self) -> None:
            self._over = not self._away
            super().stop_application_mode()

        def resume_application_mode(self) -> None:
            # A terminal that is closed sends SIGCONT behind SIGHUP.
            if self._over or self._app._exit:
                return
            thread = getattr(self, "_key_thread", None)
            if thread is not None and thread.is_alive():
                if _behind(self):
                    os.kill(os.getpid(), signal.SIGSTOP)  # `bg`: as Textual does where ctrl+z was before
                    return
                self.suspend_application_mode()
                self._must_signal_resume = True
            super().resume_application_mode()

    return Once


def _behind(driver: Any) -> bool:
    """Whether the terminal is another job's at present."""
    try:
        return os.tcgetpgrp(driver.fileno) != os.getpgrp()
    except OSError:
        return False
