"""Reports on a terminal: verdicts in colour, long lines wrapped under the column that they belong to.

In a pipe and in a file a report stays as it was printed. Rich decides what colours a terminal has, and follows NO_COLOR
and TERM; no word depends on its colour.
"""

from __future__ import annotations

import io
import re
import textwrap
from typing import Literal, TextIO

from rich.console import Console
from rich.text import Text

from inspector.errors import one_line

Colour = Literal["auto", "always", "never"]
_STYLES = (
    (
        re.compile(r"✖[^.;,]{0,40}?(?=  |$)|\b(?:refused|REFUSED|FAILS|fails|not kept|missing)\b|\bE[A-Z]{3,11}\b"),
        "red",
    ),
    (re.compile(r"✔|\b(?:accepted|passes|loads)\b"), "green"),
    (re.compile(r"▼ \w+|~|\b(?:uncertain|ignored|withheld)\b|\b0x[0-9a-f_]*\?[0-9a-f_?]*"), "yellow"),
    (re.compile(r"▲ \w+"), "cyan"),
)
_NARROWEST = 40


def dressed(stream: TextIO, colour: Colour) -> TextIO:
    """`stream` for a report on a terminal, or in a pipe where colours are asked for."""
    return _Dressed(  # type: ignore[return-value]
        stream, coloured=colour != "never", forced=colour == "always", wrapped=stream.isatty()
    )


class _Dressed(io.TextIOBase):
    """Standard output that takes whole lines, wraps and colours them."""

    def __init__(self, stream: TextIO, coloured: bool, forced: bool, wrapped: bool) -> None:
        self._stream = stream
        self._rest = ""
        self._wrapped = wrapped
        self._console = Console(
            file=stream,
            color_system="standard" if forced else "auto",  # "always" is meant for TERM=dumb too
            force_terminal=True if forced else None,
            no_color=False if forced else not coloured or None,
        )

    def write(self, text: str) -> int:
        """Take text; what follows its last newline waits for its own."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._line(line, "\n")
        return len(text)

    def _line(self, line: str, end: str) -> None:
        # Reports spell out what files bring (`one_line`, or a type that does); this is for the one that forgot.
        line = one_line(line)
        pieces = hanging(line, self._console.width) if self._wrapped else [line]
        for piece in pieces:
            text = Text(piece, end=end)
            for pattern, style in _STYLES:
                text.highlight_regex(pattern, style)
            self._console.print(text, soft_wrap=True, highlight=False, end=end)

    def flush(self) -> None:
        """Let out what is there; a line that has no end yet is let out too."""
        if self._rest:
            self._line(self._rest, "")
            self._rest = ""
        self._stream.flush()

    def isatty(self) -> bool:
        """As the stream below."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """As the stream below."""
        return self._stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """As the stream below."""
        return self._stream.encoding


def hanging(line: str, width: int) -> list[str]:
    """A line in pieces of at most `width` columns; the later ones stand under the last column of the first.

    Columns are what two blanks divide. A word that is longer than the room stays whole.
    """
    if len(line) <= width or width < _NARROWEST:
        return [line]
    left = len(line) - len(line.lstrip())
    starts = [gap.end() for gap in re.finditer(r"(?<=\S) {2,}", line) if gap.end() <= width * 6 // 10]
    indent = starts[-1] if starts else left + 4
    return textwrap.wrap(
        line,
        width,
        subsequent_indent=" " * indent,
        drop_whitespace=True,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
    )
