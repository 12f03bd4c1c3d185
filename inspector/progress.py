"""How far a long work has come: nothing for what is done within two seconds.

A command tells it on standard error, on a terminal in one line that is written over, elsewhere in a line now and then;
standard output is not touched. A screen tells it where it says that something is read. Who listens is known to each
thread (`telling`), so that what takes its time says how far it is (`work`) and knows no command and no screen.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from types import TracebackType
from typing import TextIO, TypeVar

from inspector.errors import one_line
from inspector.version import PROGRAM

_T = TypeVar("_T")
FIRST = 2.0
"""Seconds until something is told."""
EVERY_LINE = 15.0
"""Seconds between lines where standard error is not a terminal; on one it is a fraction of a second."""
_EVERY_DRAW = 0.2
_CLEAR = "\r\x1b[K"
_LONGEST = 200
_LEAST_NAME = 12
"""Letters of what is done that stay, however narrow the terminal is."""
_MEGA = 1_000_000
_MINUTES = 100
"""Seconds from which on minutes are told, and minutes from which on hours"""


class Progress:
    """Tells `at(done)` of `total` things; used as a context, it leaves a clean line behind."""

    def __init__(
        self,
        what: str,
        total: int | None = None,
        stream: TextIO | None = None,
        *,
        hears: Callable[[str], object] | None = None,
        since: float | None = None,
    ) -> None:
        """`hears`: gets the sentences, in place of `stream`. `since`: when the whole began that this is a part of."""
        self._what, self._total = what, total
        self._stream = sys.stderr if stream is None else stream
        self._hears = hears
        self._drawn = hears is not None or bool(getattr(self._stream, "isatty", lambda: False)())
        self._begin = time.monotonic()
        self._next = (self._begin if since is None else since) + (FIRST if self._drawn else EVERY_LINE)
        self._told = False
        self._done = 0

    @classmethod
    def silent(cls) -> Progress:
        """One that tells nothing."""
        quiet = cls("")
        quiet._next = float("inf")
        return quiet

    def __enter__(self) -> Progress:
        if _HERE.now is None and self._next < float("inf"):
            _HERE.now = self
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if _HERE.now is self:
            _HERE.now = None
        self.clear()

    def at(self, done: int) -> None:
        """`done` things are done. Cheap: most calls only look at the clock."""
        self._done = done
        now = time.monotonic()
        if now >= self._next:
            self._wait(now)
            self.say(_sentence(self._what, done, self._total or 0, now - self._begin))

    def again(self) -> None:
        """No more is done than was, and time goes on."""
        self.at(self._done)

    def read(self, file: io.FileIO, so_far: int) -> None:
        """`so_far` bytes came out of a file or a pipe. Of a file it is told where in it that is; behind the number of
        things where these are counted."""
        if time.monotonic() < self._next:
            return
        whole = 0
        with contextlib.suppress(OSError, ValueError):
            whole = os.fstat(file.fileno()).st_size
            so_far = file.tell() if whole else so_far
        self.bytes_at(so_far, whole)

    def bytes_at(self, done: int, whole: int = 0) -> None:
        """`done` of `whole` bytes are done; 0 where it is not known how many there are."""
        now = time.monotonic()
        if now < self._next:
            return
        self._wait(now)
        if self._total is None:
            self.say(_sentence(self._what, done // _MEGA, whole // _MEGA, now - self._begin, " MB"))
        else:
            of_it = f"{done // _MEGA:,}" + f" of {whole // _MEGA:,}" * bool(whole)
            self.say(f"{self._what}: {self._done:,} of {self._total:,}, of the next {of_it} MB")

    def say_at(self, text: str) -> None:
        """Tell a sentence, no more often than `at` does."""
        now = time.monotonic()
        if now >= self._next:
            self._wait(now)
            self.say(text)

    def say(self, text: str) -> None:
        """Tell a sentence now."""
        line = one_line(text)
        if self._hears is not None:
            self._hears(line)
            return
        if self._drawn:
            self._stream.write(f"{_CLEAR}{_cut(line, _columns(self._stream))}")
        else:
            self._stream.write(f"{PROGRAM}: {line}\n")
        self._stream.flush()
        self._told = True

    def clear(self) -> None:
        """Take the line away, so that the answer begins on a clean one."""
        if self._told and self._drawn:
            self._stream.write(_CLEAR)
            self._stream.flush()
        self._told = False

    def _wait(self, now: float) -> None:
        self._next = now + (_EVERY_DRAW if self._drawn else EVERY_LINE)


def _sentence(what: str, done: int, total: int, seconds: float, unit: str = "") -> str:
    if not total:
        return f"{what}: {done:,}{unit} in {seconds:.0f} s" if done else f"{what}: {seconds:.0f} s so far"
    done = min(done, total)
    more = f", about {_spell(seconds / done * (total - done))} more" if done else ""
    return f"{what}: {done:,} of {total:,}{unit} ({100 * done // total} %){more}"


def _spell(seconds: float) -> str:
    if seconds < _MINUTES:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 60 * _MINUTES else f"{seconds / 3600:.0f} h"


def _columns(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or _LONGEST
    except (OSError, ValueError):
        return _LONGEST


def _cut(line: str, columns: int) -> str:
    """A line that stays one on a terminal of so many columns, since only one can be written over: what is too long is
    left out of what is done, and how far it has come is kept. Letters may take two columns each."""
    room = max(min(columns - 1, _LONGEST), _LEAST_NAME)
    if sum(map(_wide, line)) <= room:
        return line
    what, colon, rest = line.rpartition(": ")
    kept, left = "", max(room - len(rest) - len("...: "), _LEAST_NAME)
    for letter in what:
        left -= _wide(letter)
        if left < 0:
            break
        kept += letter
    return f"{kept}...{colon}{rest}"[: room - sum(map(_wide, kept)) + len(kept)]


def _wide(letter: str) -> int:
    """Columns that a letter may take."""
    return 1 if letter.isascii() else 2


class _Here(threading.local):
    """What is told in this thread, and to whom."""

    makes: Callable[[str, int | None], Progress] | None = None
    now: Progress | None = None
    """the piece of work that is told; pieces of it are not"""


_HERE = _Here()


@contextlib.contextmanager
def telling(hears: Callable[[str], object] | None = None) -> Iterator[None]:
    """In the block, this thread's `work` is told: by `hears`, else on standard error."""
    began = time.monotonic()
    before = _HERE.makes, _HERE.now
    _HERE.makes, _HERE.now = lambda what, total: Progress(what, total, hears=hears, since=began), None
    try:
        yield
    finally:
        clear()
        _HERE.makes, _HERE.now = before


@contextlib.contextmanager
def told_nowhere() -> Iterator[None]:
    """In the block nothing is told: the screens have the terminal."""
    before, _HERE.makes = _HERE.makes, None
    try:
        yield
    finally:
        _HERE.makes = before


def work(what: str, total: int | None = None) -> Progress:
    """A piece of work of this thread, as a context: `what` is done, with `total` things where they are counted.

    It is told where somebody listens, unless it is a part of another piece.
    """
    if _HERE.makes is None or _HERE.now is not None:
        return _NOTHING
    return _HERE.makes(what, total)


_NOTHING = Progress.silent()
"""One for all that nobody hears: each dump of a fleet asks for it"""


def steps(what: str, things: Iterable[_T]) -> Iterator[_T]:
    """Each of the things, told as a piece of work when what is done with it is done."""
    with work(what, len(things) if isinstance(things, Sized) else None) as told:
        for number, one in enumerate(things, 1):
            yield one
            told.at(number)


def under_way() -> Progress | None:
    """The piece of work that this thread tells about."""
    return _HERE.now


def tell_again() -> None:
    """Nothing more of what is told is done; see `Progress.again`."""
    if _HERE.now is not None:
        _HERE.now.again()


def clear() -> None:
    """Take away what is told now, so that something else can be said."""
    if _HERE.now is not None:
        _HERE.now.clear()
