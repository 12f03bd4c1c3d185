"""Pasted log text made searchable: no colours, no record prefixes, no line wraps.

Logs reach us through terminals, journals, mail and trackers, each of which wraps and decorates lines in its own way,
even in the middle of a register id. Joining wrapped lines correctly is guesswork; taking all white space out is not.
Messages are therefore searched in a copy without any white space, and what a number lost by that (where it really
ended) is kept as a list of gaps.
"""

from __future__ import annotations

import re
import textwrap
from bisect import bisect_left, bisect_right
from itertools import pairwise

import msgspec

from inspector.checks.explain.wrappings import unwrapped
from inspector.sources.patch_text import Patch, patch_in

MAX_TEXT = 4_000_000
"""Characters looked at, from the end: more than any log excerpt that somebody pastes."""

_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\u034f\u061c\u180e\ufeff\u00ad\x00\x1e]")
_LOOKALIKES = str.maketrans(
    {"‘": "'", "’": "'", "“": '"', "”": '"', "`": "'", "≤": "<=", "\u2212": "-", "\u2010": "-", "\u2011": "-"}
    | {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}  # the full width of CJK texts
    | dict.fromkeys("\u00a0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B))), " ")
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
    r"|1\d{9}\.\d{6}(?=\s+[\w.-]+\s)"  # journal, seconds of Unix
    rf"|[IWEF]\d{{4}} {_CLOCK}\s+\d+ [\w.-]+:\d+\]"  # Kubernetes
    rf"|\d{{2}}-\d{{2}} {_CLOCK}\s+\d+\s+\d+ [VDIWEF](?=\s)"  # Android
    r"|E {3,8}(?=\S)"  # pytest
    r"|\d+@\d+\.\d+:"  # QEMU trace
    r"|\d+: (?:debug|info|warning|error) : \w+:\d+ :"  # libvirt, after its date
    r")\s*"
)
_AFTER_DATE = re.compile(r"^[\w.-]+\s+[\w./@-]+\[\d+\]:\s*")

_COLUMNS = frozenset((64, 68, 70, 72, 74, 75, 76, 78, 79, 80, 90, 96, 99, 100, 110, 119, 120, 130, 132, 140, 150, 160))
_MOST_PREFIXES = 8
"""Prefixes of a line: a container's, the journal's, the VMM's own; twice as many are taken off"""
_NEXT = ("qemu", "[", "(")
"""What begins another message, or a remark, behind a word in one line."""
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
    patch: Patch | None = None
    """the patches that stand in it; their lines are numbered as `lines` are"""

    def end_of_number(self, start: int, end: int) -> int:
        """Where the number at `squeezed[start:end]` ends, when nothing but digits shows it."""
        at = bisect_right(self.gaps, start)
        while at < len(self.gaps) and self.gaps[at] < end:
            before = self.squeezed[start : self.gaps[at]].lower()
            if before != "0x" and not (before == "0" and self.squeezed[self.gaps[at]] in "xX"):
                return self.gaps[at]
            at += 1
        return end

    def splits_number(self, at: int) -> bool:
        """True when `squeezed[at]` goes on with a number that begins before it."""
        return self.squeezed[at - 1 : at + 1].isdigit() and at < len(self.squeezed) and not self._gap_at(at)

    def is_word(self, start: int, end: int, letters: str) -> bool:
        """True when `squeezed[start:end]` is no part of a longer run of `letters` and no white space splits it."""
        at = bisect_right(self.gaps, start)
        if at < len(self.gaps) and self.gaps[at] < end:
            return False
        before = self.squeezed[start - 1 : start]
        after = self.squeezed[end : end + 1]
        free = not before or before not in letters or self._gap_at(start)
        return free and (not after or after not in letters or self._gap_at(end))

    def end_of_line(self, start: int, end: int) -> int:
        """Where the first line of what stands at `squeezed[start:end]` ends, or another message begins in it."""
        for gap in self.gaps[bisect_right(self.gaps, start) : bisect_left(self.gaps, end)]:
            if self._begins_line(gap) or self.squeezed.startswith(_NEXT, gap):
                return gap
        return end

    def is_split(self, start: int, end: int) -> bool:
        """True when a blank within a line stands between the letters of `squeezed[start:end]`; a line's end may."""
        inside = self.gaps[bisect_right(self.gaps, start) : bisect_left(self.gaps, end)]
        return any(not self._begins_line(gap) for gap in inside)

    def _begins_line(self, gap: int) -> bool:
        return self.starts[bisect_right(self.starts, gap) - 1] == gap

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
    split = _split(text[-MAX_TEXT:])
    shown = textwrap.dedent("\n".join(map(_decorations_off, split))).split("\n")
    bare = [_prefix_off(raw) for raw in shown]
    hard = _hard_breaks([len(raw) for raw in shown], [line for line, _ in bare])
    lines, starts, gaps, pieces, size = [], [], [], [], 0
    for number, (line, prefixed) in enumerate(bare):
        starts.append(size)
        goes_on = number and hard[number - 1] and _ENDS_IN_NUMBER.search(bare[number - 1][0].rstrip()[-_DIGITS:])
        goes_on = goes_on and (_CONTINUES.match(line) if prefixed else _MAY_CONTINUE.match(line))
        if number and (not goes_on or line[:1].isspace()):
            gaps.append(size)
        words = line.split()
        for at, word in enumerate(words):
            if at:
                gaps.append(size)
            pieces.append(word)
            size += len(word)
        lines.append(" ".join(words))
    return Pasted(tuple(lines), "".join(pieces), tuple(starts), tuple(sorted(set(gaps))), patch_in(split))


def _split(text: str) -> list[str]:
    if "\0" in text and text.count("\0") * 3 < len(text):
        text = text.replace("\0", "\n")  # ends of lines of `-z`, or what a crash left; more are half of UTF-16
    return re.split(
        r"\r\n|\r|\n|\x0b|\x0c|\x85|\u2028|\u2029", _INVISIBLE.sub("", unwrapped(text)).translate(_LOOKALIKES)
    )


_FRAMED = re.compile(r"\s*([│┃║|])(.*)\1$")


def _decorations_off(raw: str) -> str:
    """`raw` without a frame around it, and without the sign of a shell that it goes on in the next line."""
    line = raw.expandtabs(8).rstrip()
    if framed := _FRAMED.fullmatch(line):
        line = framed[2].rstrip()
    return line.removesuffix("\\")


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


_ENDS_IN_NUMBER = re.compile(r"(?:^|[^\w-])(?:0x)?[0-9a-f]*\Z", re.IGNORECASE)
_DIGITS = 40
"""Letters at a line's end by which it ends in a number that may go on: `0x12` and `(is 1221`, not `Neoverse-N1`"""
_ENDS_IN_FEW_DIGITS = re.compile(r"(?:^|[^\w.:-])\d{1,6}\Z")
_CONTINUES = re.compile(r"[0-9a-f]+(?=$|[)\],.;])", re.IGNORECASE)
_MAY_CONTINUE = re.compile(r"[0-9a-f]+(?!\w)", re.IGNORECASE)
_REST_OF_NUMBER = re.compile(r"[0-9a-f]+[)\],.;:'\"]*", re.IGNORECASE)


def _hard_breaks(lengths: list[int], bare: list[str]) -> list[bool]:
    """Which lines were cut at the wrap column: a number at their end may go on in the next line.

    The column is the width of the widest line, if several lines have it or it is a usual one, or if the next line is
    nothing but digits. One line has a usual width by chance too: a short decimal number at its end, as of vCPUs, goes
    on in a line of other words only where the column is sure.
    """
    widest = max(lengths, default=0)
    sure = widest >= _SHORTEST_WRAP and lengths.count(widest) > 1
    usual = widest >= _SHORTEST_WRAP and widest in _COLUMNS
    return [
        length == widest
        and (
            sure
            or (usual and _ENDS_IN_FEW_DIGITS.search(line.rstrip()[-_DIGITS:]) is None)
            or (widest >= _LONG and _REST_OF_NUMBER.fullmatch(after) is not None)
        )
        for length, line, after in zip(lengths, bare, [*bare[1:], ""], strict=True)
    ]
