"""What the program remembers from one start to the next: theme, number base, and the sources that were opened last.

It is kept in `$XDG_STATE_HOME/vcpu-inspector/remembered.json`, readable by its owner only. A file that cannot be read
or written costs nothing but what it would have remembered.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from inspector.folders import REMEMBERED
from inspector.readable import readable

MOST_RECENT = 12
"""so many sources are remembered"""


class Recent(msgspec.Struct, frozen=True):
    """A source that was opened."""

    source: str
    """an absolute path or a live address"""
    what: str = ""
    """what it was, in a few words"""
    when: float = 0.0
    """seconds since 1970"""


class Remembered(msgspec.Struct, frozen=True):
    """Everything that is remembered; empty texts for what never was chosen."""

    theme: str = ""
    base: str = ""
    recent: tuple[Recent, ...] = ()
    """the newest first"""


class Memory:
    """The file of what is remembered, and what it holds."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / REMEMBERED
        self.now = _read(self._path)

    def change(self, change: Callable[[Remembered], Remembered]) -> None:
        """Remember something more; what another program wrote meanwhile is kept."""
        self.now = change(_read(self._path))
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            new = self._path.with_suffix(f".{os.getpid()}")
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(self.now), indent=1))
            new.replace(self._path)

    def opened(self, recent: Recent) -> None:
        """A source was opened: it comes first."""

        def change(old: Remembered) -> Remembered:
            others = tuple(one for one in old.recent if one.source != recent.source)
            return msgspec.structs.replace(old, recent=(recent, *others)[:MOST_RECENT])

        self.change(change)


def _read(path: Path) -> Remembered:
    try:
        return msgspec.json.decode(path.read_bytes(), type=readable(Remembered))
    except (OSError, ValueError, msgspec.MsgspecError, RecursionError):
        return Remembered()
