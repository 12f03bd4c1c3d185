"""Nothing within a paste is a key: the parser of Textual's drivers, given what the terminal sends.

Some terminals (tmux 3.3 among them) send a pasted text as it is, with the escapes in it. Textual takes one for the
beginning of a key there, hands on what follows it as keys, and loses letters: a pasted log could press any of them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from textual._xterm_parser import XTermParser
from textual.message import Message

ESCAPE = "\u241b"
"""Stands for an escape within a paste (the symbol for one): `cleaned` takes sequences away that begin with it."""
_BEGIN, _END = "\x1b[200~", "\x1b[201~"


class PasteKept(XTermParser):
    """Textual's parser, which sees no escape within a paste but that of its end."""

    def __init__(self, debug: bool = False) -> None:
        super().__init__(debug)
        self._pasting = False
        self._before = ""
        """the last characters outside of a paste, where its mark may have begun"""
        self._held = ""
        """the end of what was read within a paste, where the mark of its end may have begun"""

    def feed(self, data: str) -> Iterable[Message]:
        """Parse what was read; nothing at all is the end of the input."""
        kept = self._kept(data)
        return super().feed(kept) if kept or not data else ()

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


def keep_pastes_whole(driver: type) -> None:
    """Let a driver of Textual's parse with this parser."""
    module = sys.modules[driver.__module__]
    if hasattr(module, "XTermParser"):
        module.XTermParser = PasteKept  # type: ignore[attr-defined]
