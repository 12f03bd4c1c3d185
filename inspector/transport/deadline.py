"""A moment after which waiting is given up, asked at every wait, and work that is left alone when it is slow."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from inspector import leaving
from inspector.errors import SourceError

T = TypeVar("T")


class Deadline:
    """A moment after which a reading is given up."""

    def __init__(self, seconds: float, where: str, stated: float = 0.0, last: bool = False) -> None:
        """`stated`: the time-out that the user knows, where a part of it is kept for putting things back.

        `last`: the time for putting back, which goes on although the program was asked to end.
        """
        self._end = time.monotonic() + seconds
        self._seconds, self._where, self._last = stated or seconds, where, last

    def left(self) -> float:
        """Seconds left. Raises SourceError when there are none, and Leaving when the program was asked to end."""
        if not self._last:
            leaving.check()
        left = self._end - time.monotonic()
        if left <= 0:
            raise self.error()
        return left

    def slice(self) -> float:
        """Seconds to wait before asking again; raises like `left`."""
        return min(self.left(), leaving.SLICE)

    def error(self) -> SourceError:
        """The error of a reading that took too long."""
        return SourceError(f"no answer within {self._seconds:g} s", self._where)


def within(deadline: Deadline, work: Callable[[], T]) -> T:
    """The result or the error of `work`, done in a thread that is left alone when it is slow.

    For what cannot be broken off: a lock in the kernel, a name server that is silent.
    """
    result: list[T] = []
    failed: list[Exception] = []

    def body() -> None:
        try:
            result.append(work())
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(deadline.slice())
    if failed:
        raise failed[0]
    return result[0]
