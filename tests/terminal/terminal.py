"""A terminal for the real program: a pseudo-terminal of any size, its screen as text, keys, pastes and a resize.

Nothing here sleeps for a fixed time: `wait_for` reads until the wanted text is on a screen that was drawn to its end,
and fails with the screen at its deadline.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

import pyte

ROOT = Path(__file__).resolve().parent.parent.parent
DEADLINE = 120.0
"""Seconds until a test fails that waits for something; a busy machine takes its time."""
SETTLED = 30.0
"""Seconds that a program which draws on and on is read for."""
# Escape as terminals send it that were asked for unambiguous keys, as Textual does: alone it would melt with the next.
KEYS = {
    "enter": "\r",
    "escape": "\x1b[27u",
    "tab": "\t",
    "backspace": "\x7f",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "pageup": "\x1b[5~",
    "pagedown": "\x1b[6~",
    "home": "\x1b[H",
    "end": "\x1b[F",
    "f1": "\x1bOP",
    "f2": "\x1bOQ",
    "f3": "\x1bOR",
    "f5": "\x1b[15~",
    **{f"ctrl+{letter}": chr(ord(letter) - 96) for letter in "abcdefghijklmnopqrstuvwxyz"},
}
_PRIVATE = re.compile(
    rb"\x1b\[(?:[0-9;:]*m|[<=>?][0-9;]*(?:\$p|u|[a-gi-km-z]))|\x1b_[^\x1b]*\x1b\\|\x1bP[^\x1b]*\x1b\\"
)
"""Questions and modes that pyte would draw as text; `?...h` and `?...l` it knows. And colours: the screen is read as
text, and of what a program writes nine tenths are colours, which pyte takes byte by byte."""
_UNFINISHED = re.compile(rb"\x1b[^a-zA-Z~\\]{0,40}$")

Wanted = str | Callable[[str], bool]


class Drawn:
    """What a program wrote to a terminal, as the screen that it drew."""

    def __init__(self, columns: int, lines: int) -> None:
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self._rest = b""
        self._text = ""
        """the screen as it was drawn last; empty when more came"""

    def feed(self, data: bytes) -> None:
        """Take in what was written."""
        self._text = ""
        data = self._rest + data
        unfinished = _UNFINISHED.search(data)
        self._rest = unfinished.group() if unfinished else b""
        self._stream.feed(_PRIVATE.sub(b"", data[: len(data) - len(self._rest)]))

    def resize(self, columns: int, lines: int) -> None:
        """Another size."""
        self._screen.resize(lines, columns)
        self._text = ""

    def text(self) -> str:
        """The screen, a line per row, without blanks at the ends."""
        if not self._text:
            self._text = "\n".join(line.rstrip() for line in self._screen.display)
        return self._text


class Terminal:
    """The program in a terminal of its own; use it in a `with`."""

    def __init__(
        self,
        *arguments: str,
        size: tuple[int, int] = (80, 24),
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        command: Sequence[str] = (sys.executable, "-m", "inspector"),
    ) -> None:
        self.columns, self.lines = size
        self._drawn = Drawn(*size)
        self.raw = b""
        """everything that was written"""
        self._parent, child = pty.openpty()
        self._tell_size()
        left_out = ("TEXTUAL", "NO_COLOR", "COLUMNS", "LINES")
        surroundings = {key: value for key, value in os.environ.items() if not key.startswith(left_out)}
        surroundings |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "PYTHONPATH": str(ROOT)}
        surroundings |= {
            "XDG_CONFIG_HOME": "/nonexistent",
            "XDG_STATE_HOME": "/proc/nonexistent",
            **(environment or {}),
        }
        self._before = termios.tcgetattr(child)
        self._process = subprocess.Popen(
            [*command, *arguments],
            stdin=child,
            stdout=child,
            stderr=child,
            env=surroundings,
            cwd=folder or ROOT,
            start_new_session=True,
        )
        self._child = child

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        os.close(self._child)
        os.close(self._parent)

    def _tell_size(self) -> None:
        fcntl.ioctl(self._parent, termios.TIOCSWINSZ, struct.pack("HHHH", self.lines, self.columns, 0, 0))

    def _read(self, seconds: float) -> bool:
        """Take in what the program writes within some seconds; False when there was nothing."""
        if not select.select([self._parent], [], [], seconds)[0]:
            return False
        data = os.read(self._parent, 65536)
        self.raw += data
        self._drawn.feed(data)
        return True

    def text(self) -> str:
        """The screen, a line per row, without blanks at the ends."""
        while self._read(0):
            pass
        return self._drawn.text()

    @property
    def alive(self) -> bool:
        """True while the program runs."""
        return self._process.poll() is None

    def wait_for(self, wanted: Wanted, describe: str = "") -> str:
        """Read until a text, or a condition of the whole screen, is there and all is drawn; the screen.

        A busy machine draws a screen in several pieces: what is asserted of the text afterwards must not be a matter of
        which piece came first. A program that draws on and on is read for SETTLED seconds.
        """
        meets = wanted if callable(wanted) else lambda screen: wanted in screen
        end = time.monotonic() + DEADLINE
        while True:
            if meets(text := self.text()):
                self.settle(SETTLED)
                if meets(text := self.text()):
                    return text
            if not self.alive and not self._read(0.2):
                raise AssertionError(f"the program ended before {describe or wanted!r}:\n{self.text()}")
            if time.monotonic() > end:
                raise AssertionError(f"never happened: {describe or wanted!r}\n{text}")
            self._read(0.2)

    def wait_without(self, unwanted: str) -> str:
        """Read until a text is gone from the screen."""
        return self.wait_for(lambda text: unwanted not in text, f"{unwanted!r} is gone")

    def wait_for_end(self) -> int:
        """Read until the program has ended; its exit code."""
        end = time.monotonic() + DEADLINE
        while self.alive:
            self._read(0.2)
            if time.monotonic() > end:
                raise AssertionError(f"the program goes on:\n{self.text()}")
        self.text()
        return self._process.returncode

    def settle(self, seconds: float = DEADLINE) -> None:
        """Read until the program draws nothing and works on nothing: until what was sent has had its effect."""
        end, before = time.monotonic() + seconds, ""
        while self.alive and time.monotonic() < end:
            while self._read(0.05) and time.monotonic() < end:
                pass
            busy, now = self._work()
            if not busy and now == before:
                return
            before = now

    def _work(self) -> tuple[bool, str]:
        """Whether a thread of the program wants the processor, and the time that all have had of it.

        On a busy machine a thread waits for its turn for so long that the times alone would call it idle. State and
        times are fields 3, 14 and 15 of proc(5)'s stat.
        """
        spent: list[str] = []
        busy = False
        for thread in sorted(Path(f"/proc/{self._process.pid}/task").glob("*/stat")):
            try:
                fields = thread.read_text(encoding="ascii").rpartition(")")[2].split()
            except OSError:
                return True, ""  # it ended just now
            busy |= fields[0] in "RD"
            spent += [thread.parent.name, *fields[11:13]]
        return busy, " ".join(spent)

    def send(self, text: str) -> None:
        """Send characters at once, as a fast typist or a script would."""
        data = text.encode()
        while data:
            data = data[os.write(self._parent, data) :]

    def press(self, *keys: str) -> None:
        """Send keys: names of KEYS, or characters."""
        self.send("".join(KEYS.get(key, key) for key in keys))

    def paste(self, text: str) -> None:
        """Paste as a terminal does it: bracketed."""
        self.send(f"\x1b[200~{text}\x1b[201~")

    def resize(self, columns: int, lines: int) -> None:
        """Another size, as the user drags the window."""
        self.columns, self.lines = columns, lines
        self._drawn.resize(columns, lines)
        self._tell_size()
        with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
            os.killpg(self._process.pid, signal.SIGWINCH)

    def restored(self) -> bool:
        """True when the terminal is as it was: echo and line mode, main screen, no mouse or paste reports."""
        modes = termios.tcgetattr(self._child)
        last = {
            number: sign
            for numbers, sign in re.findall(rb"\x1b\[\?([0-9;]+)([hl])", self.raw)
            for number in numbers.split(b";")
        }
        off = all(last.get(number, b"l") == b"l" for number in (b"1049", b"1000", b"1003", b"1006", b"2004"))
        return modes[3] == self._before[3] and off and last.get(b"25", b"h") == b"h"
