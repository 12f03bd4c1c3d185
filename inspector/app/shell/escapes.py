"""Escape is a key of its own, also where another one follows it at once.

Terminals say Alt and a key with the bytes of escape and that key. Both come together where somebody types fast, on a
slow line, and in tmux, which waits half a second for what follows an escape and sends both at once. Textual's parser
loses the escape then, or types a `^` for it. Nothing here is bound to Alt but what moves by words in a text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from textual._xterm_parser import XTermParser
from textual.events import Key
from textual.message import Message

_ESC = "\x1b"
_BEGIN_SEQUENCES = "[O]P_^XN"
"""Letters behind an escape that may begin a sequence of the terminal's own; they are keys where nothing follows."""
_BY_WORDS = {"f": "ctrl+right", "b": "ctrl+left", "\x7f": "ctrl+w"}
"""What Alt and a key do in a text, as Option and an arrow send it on a Mac; anywhere else it is escape and that key"""
_BACK_TAB = "\t"
"""Shift and tab on a Linux console"""


class AltKey(Key):
    """Alt and a key, or escape and that key: where it comes to its turn tells which."""

    def __init__(self, letter: str) -> None:
        self._keys = [one for one in XTermParser().feed(letter) if isinstance(one, Key)]
        super().__init__(f"alt+{self._keys[0].key}", None)
        self._by_words = _BY_WORDS[letter]

    def meant(self, in_text: bool) -> list[Key]:
        """The keys that it is. `in_text`: the keys go into a text that holds something."""
        if in_text:
            return [Key(self._by_words, None)]
        return [Key("escape", _ESC), *self._keys]


class EscapesApart(XTermParser):
    """Textual's parser, which takes no escape for a part of the key that follows it."""

    def __init__(self, debug: bool = False) -> None:
        self._begun = ""
        """the beginning of a sequence that was read last"""
        super().__init__(debug)

    def feed(self, data: str) -> Iterable[Message]:
        """Parse what was read. What a later reading begins with is no part of an escape alone, unless it begins a
        sequence; an escape is no part of the two letters before it."""
        if self._waits(_ESC) and data[:1] in (*_BY_WORDS, _BACK_TAB):
            yield from self._wait_no_longer()
        if not data:
            yield from super().feed(data)
        for piece in filter(None, re.split(f"(?={_ESC})", data)):
            if piece.startswith(_ESC):
                if len(self._begun) == 2 and self._waits(self._begun):
                    yield from self._wait_no_longer()
                self._begun = _ESC
            yield from super().feed(piece)

    def _waits(self, begun: str) -> bool:
        """Whether it is waited for what follows `begun`."""
        return self._awaiting.timeout is not None and self._begun == begun

    def _wait_no_longer(self) -> Iterable[Message]:
        self._timeout_time = 0.0
        yield from super().tick()

    def _sequence_to_key_events(self, sequence: str, alt: bool = False) -> Iterable[Key]:
        """The keys of a sequence, none as long as it may go on. `alt`: it is a letter behind an escape, and nothing
        followed."""
        self._begun = sequence
        letter = sequence if alt else sequence[1:]
        if not alt and (sequence[:1] != _ESC or len(letter) != 1 or letter in _BEGIN_SEQUENCES or letter == _BACK_TAB):
            yield from super()._sequence_to_key_events(sequence)
        elif letter in _BY_WORDS:
            yield AltKey(letter)
        else:
            yield Key("escape", _ESC)
            yield from super()._sequence_to_key_events(letter)
