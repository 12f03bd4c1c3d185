"""Standard error, where the talk goes: what cannot be printed there is dropped, and the exit code stays."""

from __future__ import annotations

import os

TYPE_CHECKING = False  # see `cli`
if TYPE_CHECKING:
    from typing import Any, TextIO


class _Unfailing:
    """Standard error whose writes never fail: what cannot be printed is dropped, and the exit code stays."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, or drop the text when the disk is full or the reader has gone."""
        try:
            return self._stream.write(text)
        except OSError:
            self._drop()
            return len(text)

    def flush(self) -> None:
        """Flush, or drop what is left."""
        try:
            self._stream.flush()
        except OSError:
            self._drop()

    def _drop(self) -> None:
        """Send everything from now on, and what the buffer still holds, to /dev/null: Python flushes again at exit."""
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, self._stream.fileno())
        os.close(null)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def unfailing(stream: TextIO) -> TextIO:
    """`stream`, standard error, as one whose writes never fail."""
    return _Unfailing(stream)  # type: ignore[return-value]  # `__getattr__` gives it the rest of a TextIO


def on_terminal(*streams: TextIO | None) -> bool:
    """Whether each of the streams is a terminal; one that is closed (None: `<&-`) is not."""
    return all(stream is not None and stream.isatty() for stream in streams)
