"""A log taken out of what it travels in: mail, records of JSON and CSV, HTML and Markdown, what a terminal drew.

Each wrapping is undone only where its own marks show it, so that a text without any stays as it is; what is needed for
one is loaded then. Nothing here is about virtual machines: what comes out is a text of lines, as the program printed
them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

_OF_PAGES = ("<", "&", "\\", "`", "**", ": '", "::error", "::warning")


def unwrapped(text: str) -> str:
    """`text` without its wrappings; never fails, and takes linear time."""
    if "=" in text or "content-transfer-encoding" in text.lower():
        from inspector.checks.explain.mails import bodies

        text = bodies(text)
    if "%" in text and _PERCENT.search(text):
        from inspector.checks.explain.urls import decoded

        text = decoded(text)
    if '"' in text:
        from inspector.checks.explain.records import opened

        text = opened(text)
    text = _drawn(_oldest_first(_unnumbered(_whole_lines(text))))
    if any(sign in text for sign in _OF_PAGES):
        from inspector.checks.explain.pages import read

        text = read(text)
    return text


_PERCENT = re.compile(r"%(?:[2-7][0-9A-F]|0A)", re.IGNORECASE)
_PARTIAL = re.compile(r"^\S{10,40} (stdout|stderr) P ")
_GOES_ON = re.compile(r"^\S{10,40} (stdout|stderr) [FP] ")
_NUMBERED = re.compile(r"\s{0,9}(\d{1,7}|1\d{12})(?:[:|\t]| {1,4})(?=\S|$)")
_DATED = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:[.,]\d+)?")


def _whole_lines(text: str) -> str:
    """The log of a container, with lines whole that its runtime wrote in pieces."""
    if " P " not in text:
        return text
    lines: list[str] = []
    open_stream = ""
    for line in text.split("\n"):
        goes_on = _GOES_ON.match(line) if open_stream else None
        if goes_on and goes_on[1] == open_stream:
            lines[-1] = lines[-1].rstrip("\r") + line[goes_on.end() :]
        else:
            lines.append(line)
        begun = _PARTIAL.match(line)
        open_stream = begun[1] if begun else ""
    return "\n".join(lines)


def _unnumbered(text: str) -> str:
    """Lines without the numbers that `cat -n`, `grep -n` or an export puts before each."""
    if not text[:1].isdigit() and not text[:1].isspace():
        return text
    lines = text.split("\n")
    found = [_NUMBERED.match(line) for line in lines if line.strip()]
    numbers = [int(one[1]) for one in found if one is not None]
    if len(numbers) < max(2, len(found)) or any(a > b for a, b in pairwise(numbers)):
        return text
    if any(b - a != 1 for a, b in pairwise(numbers)) and min(numbers) < 10**12:
        return text
    return "\n".join(line[one.end() :] if (one := _NUMBERED.match(line)) else line for line in lines)


def _oldest_first(text: str) -> str:
    """Records of an export that gives the newest first, in the order in which they were written."""
    lines = text.split("\n")
    begins = [(at, found[0]) for at, line in enumerate(lines) if (found := _DATED.match(line))]
    dates = [date for _, date in begins]
    if len(dates) < _FEWEST or dates[0] == dates[-1] or any(a < b for a, b in pairwise(dates)):
        return text
    places = [at for at, _ in begins]
    records = [lines[a:b] for a, b in zip(places, [*places[1:], len(lines)], strict=True)]
    return "\n".join([*lines[: places[0]], *(line for record in reversed(records) for line in record)])


_FEWEST = 3
"""Dates that show an order: of two logs under one another the later may be the first."""


_CONTROL = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*(?P<end>[@-~])"
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # titles and links
    r"|\x1b[()*+][0-9A-Za-z]"  # character sets
    r"|\x1b[@-Z\\-_78=>]"
    r"|(?:\\x1b|\\u001b|\\033|\\e|#033|\^\[)\[[0-9;]*(?P<printed>[A-Za-z])",  # the same, made printable by a logger
    re.IGNORECASE,
)
_MOVES = dict.fromkeys("ABEFGHdf", "\n") | {"C": " "}
"""What cursor movements leave between words: another line, or another column of the same."""


def _drawn(text: str) -> str:
    """What is left on the screen of control sequences and of letters that were taken back."""
    text = _CONTROL.sub(lambda found: _MOVES.get(found["end"] or found["printed"] or "", ""), text)
    return "".join(_kept(text)) if "\b" in text else text


def _kept(text: str) -> Sequence[str]:
    kept: list[str] = []
    for letter in text:
        if letter != "\b":
            kept.append(letter)
        elif kept and kept[-1] != "\n":
            kept.pop()
    return kept
