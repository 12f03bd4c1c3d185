"""ctrl+z: back to the shell that started the program, where there is one that can bring it back; and being stopped and
brought back from outside, by `kill -STOP` and `kill -CONT`."""

from __future__ import annotations

import asyncio
import os
import signal
import termios
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
    terminal as it was taken by the first. Here the thread goes on, with what was typed meanwhile, and the terminal is
    made again what it was; a shell may have changed it. A program that ends leaves it alone: nobody would give it back.
    """

    class Once(driver):  # type: ignore[misc, valid-type]
        def start_application_mode(self) -> None:
            self._away = self._over = False
            super().start_application_mode()
            self._taken = _modes(self)
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
            if self._away:
                super().resume_application_mode()
            elif _behind(self):
                os.kill(os.getpid(), signal.SIGSTOP)  # `bg`: as Textual does where ctrl+z was before
            else:
                _take_again(self)

    return Once


def _take_again(driver: Any) -> None:
    """Make the terminal what it was; who changed it meanwhile gets back what it was made."""
    found = _modes(driver)
    if driver._taken is not None and found not in (None, driver._taken):
        driver.attrs_before = found
        termios.tcsetattr(driver.fileno, termios.TCSANOW, driver._taken)
    driver.write("\x1b[?1049h\x1b[?25l\x1b[?1004h")
    driver._enable_mouse_support()
    driver._enable_bracketed_paste()
    driver._disable_line_wrap()
    driver.flush()
    driver._app.post_message(driver.SignalResume())


def _modes(driver: Any) -> list[Any] | None:
    """How the terminal treats what is typed; None where there is none."""
    try:
        return termios.tcgetattr(driver.fileno)
    except (OSError, AttributeError, termios.error):
        return None


def _behind(driver: Any) -> bool:
    """Whether the terminal is another job's at present."""
    try:
        return os.tcgetpgrp(driver.fileno) != os.getpgrp()
    except OSError:
        return False
