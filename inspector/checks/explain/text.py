"""Pasted log text made searchable: no colours, no record prefixes, no line wraps.

Logs reach us through terminals, journals, mail and trackers, each of which wraps and decorates lines in its own way,
even in the middle of a register id. Joining wrapped lines correctly is guesswork; taking all white space out is not.
Messages are therefore searched in a copy without any white space, and what a number lost by that (where it really
ended) is kept as a list of gaps.
"""

from __future__ import annotations

import html
import re
import textwrap
from bisect import bisect_left, bisect_right
from itertools import pairwise

import msgspec

MAX_TEXT = 4_000_000
"""Characters looked at, from the end: more than any log excerpt that somebody pastes."""

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours and cursor moves
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC: titles and links
    r"|\x1b[@-Z\\-_]"
    r"|(?:\\x1b|\\u001b|\\033|\\e|#033|\^\[)\[[0-9;]*[A-Za-z]",  # the same, made printable by a logger
    re.IGNORECASE,
)
_INVISIBLE = re.compile("[\u200b\u200c\u200d\u2060\ufeff\u00ad\x00]")
_PRINTABLE_ESCAPES = (("\\r\\n", "\n"), ("\\n", "\n"), ("\\t", "\t"), ('\\"', '"'), ("\\u003c", "<"), ("\\u003e", ">"))
_LOOKALIKES = str.maketrans(
    {"‘": "'", "’": "'", "“": '"', "”": '"', "`": "'", "≤": "<=", "\u2212": "-", "\u2010": "-", "\u2011": "-"}
)

_QUOTE = re.compile(r"^(?:\s*[>|│]\s?)+")
_CLOCK = r"\d{1,2}:\d{2}:\d{2}(?:[.,]\d+)?"
_PREFIXES = re.compile(
    r"^\s*(?:"
    rf"(?:\[\s*)?\d{{4}}-\d{{2}}-\d{{2}}[T ]{_CLOCK}\s?(?:Z|[+-]\d{{2}}:?\d{{2}})?(?:\s*\])?[:,]?"  # ISO date and time
    rf"|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\s+\d{{1,2}}\s+(?:\d{{4}}\s+)?{_CLOCK}"  # syslog, journal
    r"(?:\s+[\w.-]+\s+[\w./@-]+(?:\[\d+\])?:)?"
    rf"|\[?{_CLOCK}\]?"
    r"|(?:<\d+>)?\[\s*\d+\.\d+\](?:\[\s*[TC]\d+\])?"  # dmesg
    r"|(?:stdout|stderr)\s+[FP]"  # container runtimes
    r"|\d+@\d+\.\d+:"  # QEMU trace
    r"|\d+: (?:debug|info|warning|error) : \w+:\d+ :"  # libvirt, after its date
    r")\s*"
)
_AFTER_DATE = re.compile(r"^[\w.-]+\s+[\w./@-]+\[\d+\]:\s*")

_COLUMNS = frozenset((64, 68, 70, 72, 74, 75, 76, 78, 79, 80, 90, 96, 99, 100, 110, 119, 120, 130, 132, 140, 150, 160))
_MOST_PREFIXES = 8
"""Prefixes of a line: a container's, the journal's, the VMM's own; twice as many are taken off"""
_SHORTEST_WRAP = 24
_LONG = 40


class Pasted(msgspec.Struct, frozen=True):
    """A pasted text in three forms."""

    lines: tuple[str, ...]
    """visible lines without colours and prefixes"""
    squeezed: str
    """the lines without any white space"""
    starts: tuple[int, ...]
    """for each line, the index in `squeezed` of its first character"""
    gaps: tuple[int, ...]
    """indexes in `squeezed` before which white space stood that does end a number; ascending"""

    def end_of_number(self, start: int, end: int) -> int:
        """Where the number at `squeezed[start:end]` ends, when nothing but digits shows it."""
        at = bisect_right(self.gaps, start)
        while at < len(self.gaps) and self.gaps[at] < end:
            if self.squeezed[start : self.gaps[at]].lower() not in ("0", "0x"):
                return self.gaps[at]
            at += 1
        return end

    def is_word(self, start: int, end: int, letters: str) -> bool:
        """True when `squeezed[start:end]` is no part of a longer run of `letters` and no white space splits it."""
        at = bisect_right(self.gaps, start)
        if at < len(self.gaps) and self.gaps[at] < end:
            return False
        before = self.squeezed[start - 1 : start]
        after = self.squeezed[end : end + 1]
        free = not before or before not in letters or self._gap_at(start)
        return free and (not after or after not in letters or self._gap_at(end))

    def _gap_at(self, index: int) -> bool:
        at = bisect_left(self.gaps, index)
        return at < len(self.gaps) and self.gaps[at] == index

    def line_of(self, index: int) -> int:
        """Number of the line that holds `squeezed[index]`."""
        return max(0, bisect_right(self.starts, index) - 1)

    def excerpt(self, start: int, end: int) -> str:
        """The message at `squeezed[start:end]` with single blanks where it had white space; wrapped words are whole."""
        cuts = [start, *self.gaps[bisect_right(self.gaps, start) : bisect_left(self.gaps, end)], end]
        return " ".join(self.squeezed[a:b] for a, b in pairwise(cuts))


def read_pasted(text: str) -> Pasted:
    """Prepare `text`; never fails, whatever it holds."""
    shown = textwrap.dedent("\n".join(_decorations_off(raw) for raw in _split(text[-MAX_TEXT:]))).split("\n")
    bare = [_prefix_off(raw) for raw in shown]
    hard = _hard_breaks([len(raw) for raw in shown], [line for line, _ in bare])
    lines, starts, gaps, pieces, size = [], [], [], [], 0
    for number, (line, prefixed) in enumerate(bare):
        starts.append(size)
        goes_on = number and hard[number - 1] and (_CONTINUES.match(line) if prefixed else _MAY_CONTINUE.match(line))
        if number and (not goes_on or line[:1].isspace()):
            gaps.append(size)
        words = line.split()
        for at, word in enumerate(words):
            if at:
                gaps.append(size)
            pieces.append(word)
            size += len(word)
        lines.append(line.strip())
    return Pasted(tuple(lines), "".join(pieces), tuple(starts), tuple(sorted(set(gaps))))


def _split(text: str) -> list[str]:
    return re.split(r"\r\n|\r|\n|\x0b|\x0c|\x85|\u2028|\u2029", _unescape(text))


def _unescape(text: str) -> str:
    """Undo what JSON loggers and HTML pages do to quotes, newlines and angle brackets."""
    text = _INVISIBLE.sub("", _ESCAPES.sub("", text))
    if "\\" in text:
        for escaped, plain in _PRINTABLE_ESCAPES:
            text = text.replace(escaped, plain)
    if "&" in text:
        text = html.unescape(text)
    return text.translate(_LOOKALIKES)


def _decorations_off(raw: str) -> str:
    return raw.expandtabs(8).rstrip()


def _prefix_off(raw: str) -> tuple[str, bool]:
    """`raw` without quote marks and record prefixes; the second is True when it starts a log record of its own."""
    line = _QUOTE.sub("", raw)
    prefixed = False
    for _ in range(_MOST_PREFIXES):
        found = _PREFIXES.match(line)
        if not found or not found.end():
            break
        line = line[found.end() :]
        if host := _AFTER_DATE.match(line):
            line = line[host.end() :]
        prefixed = True
    return line, prefixed


_CONTINUES = re.compile(r"[0-9a-f]+(?=$|[)\],.;])", re.IGNORECASE)
_MAY_CONTINUE = re.compile(r"[0-9a-f]+(?!\w)", re.IGNORECASE)
_REST_OF_NUMBER = re.compile(r"[0-9a-f]+[)\],.;:'\"]*", re.IGNORECASE)


def _hard_breaks(lengths: list[int], bare: list[str]) -> list[bool]:
    """Which lines were cut at the wrap column: a number at their end may go on in the next line.

    The column is the width of the widest line, if several lines have it or it is a usual one, or if the next line is
    nothing but digits.
    """
    widest = max(lengths, default=0)
    usual = widest >= _SHORTEST_WRAP and (lengths.count(widest) > 1 or widest in _COLUMNS)
    return [
        length == widest and (usual or (widest >= _LONG and _REST_OF_NUMBER.fullmatch(after) is not None))
        for length, after in zip(lengths, [*bare[1:], ""], strict=True)
    ]
