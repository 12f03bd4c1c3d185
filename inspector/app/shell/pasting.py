"""Nothing within a paste is a key: the parser of Textual's drivers, given what the terminal sends.

Some terminals (tmux 3.3 among them) send a pasted text as it is, with the escapes in it. Textual takes one for the
beginning of a key there, hands on what follows it as keys, and loses letters: a pasted log could press any of them.

Some (GNU screen, a serial console) do not mark a paste at all. Much text that comes at once is held until no more of it
comes, and is a `Burst` where it has many lines with words in them. Anything shorter is keys that were sent by a program
or typed ahead.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable

from textual._time import get_time
from textual._xterm_parser import XTermParser
from textual.events import Key, Paste
from textual.message import Message

from inspector.app.shell.escapes import EscapesApart

ESCAPE = "\u241b"
"""Stands for an escape within a paste (the symbol for one): `cleaned` takes sequences away that begin with it."""
_BEGIN, _END = "\x1b[200~", "\x1b[201~"
AT_ONCE = 48
"""Characters that come at once and may be the beginning of a paste."""
QUIET = 0.05
"""Seconds without more of it after which a burst has ended."""
_WORDS = 16
"""Characters from which a line with a blank in it is one of a text; the keys that are sent to a program have few such
lines behind each other."""
_LINES = 3
"""So many of them make a paste, where no more lines are shorter."""


class Burst(Paste):
    """A text of many lines that came at once, without the marks of a paste."""


class PasteKept(EscapesApart):
    """Textual's parser, which sees no escape within a paste but that of its end."""

    def __init__(self, debug: bool = False) -> None:
        super().__init__(debug)
        self._pasting = False
        self._before = ""
        """the last characters outside of a paste, where its mark may have begun"""
        self._held = ""
        """the end of what was read within a paste, where the mark of its end may have begun"""
        self._burst: list[str] = []
        """what was read of a text that may be a paste without marks"""
        self._ends = 0.0
        """when it has ended, unless more of it comes"""

    def feed(self, data: str) -> Iterable[Message]:
        """Parse what was read; nothing at all is the end of the input."""
        if self._is_text(data) and (self._burst or len(data) >= AT_ONCE):
            self._burst.append(data)
            self._ends = get_time() + QUIET
            return
        yield from self._told()
        yield from self._parsed(data) if data else super().feed(data)

    def tick(self) -> Iterable[Message]:
        """Called after each reading, and ten times a second besides."""
        if self._burst and get_time() >= self._ends:
            yield from self._told()
        yield from super().tick()

    def _is_text(self, data: str) -> bool:
        """Whether what was read is letters and line ends outside of a paste and of a key's sequence."""
        return bool(data) and "\x1b" not in data and not self._pasting and self._awaiting.timeout is None

    def _told(self) -> Iterable[Message]:
        """What a text that came at once was: a paste, or the keys of it. Enter that came behind it is one."""
        pieces, self._burst = self._burst, []
        entered = len(pieces) > 1 and pieces[-1] == "\r" and pieces[-2][-1] not in "\r\n"
        text = "".join(pieces[: len(pieces) - entered])
        if not is_paste(text):
            yield from self._parsed("".join(pieces))
            return
        yield Burst(text)
        if entered:
            yield from self._parsed("\r")

    def _parsed(self, data: str) -> Iterable[Message]:
        kept = self._kept(data)
        return super().feed(kept) if kept else ()

    def _kept(self, data: str) -> str:
        parts: list[str] = []
        while data:
            data = self._within(data, parts) if self._pasting else self._outside(data, parts)
        return "".join(parts)

    def _outside(self, data: str, parts: list[str]) -> str:
        """Take what lies before a paste, and its mark; what is left."""
        seen = self._before + data
        at = seen.find(_BEGIN)
        if at < 0:
            parts.append(data)
            self._before = seen[1 - len(_BEGIN) :]
            return ""
        end = at + len(_BEGIN) - len(self._before)
        parts.append(data[:end])
        self._pasting, self._before, self._held = True, "", ""
        return data[end:]

    def _within(self, data: str, parts: list[str]) -> str:
        """Take what is pasted, and the mark of its end; what is left."""
        seen = self._held + data
        at = seen.find(_END)
        if at >= 0:
            parts += [seen[:at].replace("\x1b", ESCAPE), _END]
            self._pasting, self._held = False, ""
            return seen[at + len(_END) :]
        begun = next((n for n in range(min(len(_END) - 1, len(seen)), 0, -1) if _END.startswith(seen[-n:])), 0)
        self._held = seen[len(seen) - begun :]
        parts.append(seen[: len(seen) - begun].replace("\x1b", ESCAPE))
        return ""


def is_paste(text: str) -> bool:
    """Whether a text that came at once is one to read, and not the keys of somebody who is fast."""
    lines = [line for line in re.split(r"[\r\n]+", text) if line.strip()]
    worded = sum(len(line) >= _WORDS and bool(re.search(r"\S\s", line)) for line in lines)
    return worded >= _LINES and 2 * worded >= len(lines) and all(one.isprintable() or one in "\r\n\t" for one in text)


def keys_of(text: str) -> list[Key]:
    """The keys that a text is."""
    return [event for event in XTermParser().feed(text) if isinstance(event, Key)]


def keep_pastes_whole(driver: type) -> None:
    """Let a driver of Textual's parse with this parser."""
    module = sys.modules[driver.__module__]
    if hasattr(module, "XTermParser"):
        module.XTermParser = PasteKept  # type: ignore[attr-defined]
