"""How far a long work has come, on standard error: nothing for what is done within two seconds.

On a terminal one line that is written over, elsewhere a line now and then. Standard output is not touched.
"""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TextIO

from inspector.errors import one_line
from inspector.version import PROGRAM

FIRST = 2.0
"""Seconds until something is told."""
EVERY_LINE = 15.0
"""Seconds between lines where standard error is not a terminal; on one it is a fraction of a second."""
_EVERY_DRAW = 0.2
_CLEAR = "\r\x1b[K"


class Progress:
    """Tells `at(done)` of `total` things; used as a context, it leaves a clean line behind."""

    def __init__(self, what: str, total: int | None = None, stream: TextIO | None = None) -> None:
        self._what, self._total = what, total
        self._stream = sys.stderr if stream is None else stream
        self._drawn = bool(getattr(self._stream, "isatty", lambda: False)())
        self._begin = time.monotonic()
        self._next = self._begin + (FIRST if self._drawn else EVERY_LINE)
        self._told = False

    @classmethod
    def silent(cls) -> Progress:
        """One that tells nothing."""
        quiet = cls("")
        quiet._next = float("inf")
        return quiet

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.clear()

    def at(self, done: int) -> None:
        """`done` things are done. Cheap: most calls only look at the clock."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + (_EVERY_DRAW if self._drawn else EVERY_LINE)
            self.say(self._sentence(done, now - self._begin))

    def say_at(self, text: str) -> None:
        """Tell a sentence, no more often than `at` does."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + (_EVERY_DRAW if self._drawn else EVERY_LINE)
            self.say(text)

    def say(self, text: str) -> None:
        """Tell a sentence now."""
        line = one_line(text)
        self._stream.write(f"{_CLEAR}{line[:200]}" if self._drawn else f"{PROGRAM}: {line}\n")
        self._stream.flush()
        self._told = True

    def clear(self) -> None:
        """Take the line away, so that the answer begins on a clean one."""
        if self._told and self._drawn:
            self._stream.write(_CLEAR)
            self._stream.flush()
        self._told = False

    def _sentence(self, done: int, seconds: float) -> str:
        if not self._total:
            return f"{self._what}: {done:,} in {seconds:.0f} s"
        left = seconds / done * (self._total - done) if done else 0.0
        more = f", about {left:.0f} s more" if done else ""
        return f"{self._what}: {done:,} of {self._total:,} ({100 * done // self._total} %){more}"
