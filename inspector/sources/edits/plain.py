"""`id value` and `NAME=value` lines with single values replaced; every other character stays as it was."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Mapping
from typing import NamedTuple

from inspector.errors import InspectorError, RegisterError
from inspector.numbers import is_decimal
from inspector.registers.catalog import find
from inspector.sources.edits.change import Change, Changes
from inspector.sources.formats.plain_text import heading_in
from inspector.sources.pasted_lines import bare

_FULL = 16
_VALUE = re.compile(r"0[xX][0-9a-fA-F_]+|0[bB][01_]+|[0-9a-fA-F]{16}|[0-9][0-9_]*")
_LETTERS = frozenset(string.ascii_letters + string.digits + "_")


def edited(data: bytes, changes: Mapping[int, Changes], where: str) -> bytes:
    """The file with the changed values replaced; base, width and separators are kept.

    `changes` are by vCPU: `vcpu 1:` begins the lines of another one. Raises InspectorError for JSON.
    """
    if data.lstrip()[:1] in (b"{", b"["):
        hint = "`vcpu-inspector convert FILE -o NEW.json` makes a dump of it, whose copies can be written"
        raise InspectorError("is JSON of another tool, in which values are not replaced", where, hint)
    named = _namer()
    lines = text_of(data, where).splitlines(keepends=True)
    current = changes.get(0, {})
    for place, line in enumerate(lines):
        body = line.rstrip("\r\n")
        if heading := heading_in(bare(body)):
            current = changes.get(int(heading[2]), {})
        pair = _pair(body)
        change = current.get(named(pair.name)) if pair else None
        if pair is None or change is None:
            continue
        written = _like(line[pair.start : pair.end], change)
        lines[place] = f"{line[: pair.start]}{written}{line[pair.end :]}"
    return "".join(lines).encode()


class _Pair(NamedTuple):
    """A name, and where in its line the value stands."""

    name: str
    start: int
    end: int


def _pair(line: str) -> _Pair | None:
    """The name and value that a line is, a comment behind them; None for any other line.

    Read backwards from each `#` and from the end: an expression would try every way of sharing out a long line of
    blanks.
    """
    at = -1
    while True:
        at = line.find("#", at + 1)
        pair = _pair_before(line, len(line) if at < 0 else at)
        if pair or at < 0:
            return pair


def _pair_before(line: str, end: int) -> _Pair | None:
    end = _blanks_before(line, end)
    start = end
    while start and line[start - 1] in _LETTERS:
        start -= 1
    before = _blanks_before(line, start)
    if not _VALUE.fullmatch(line, start, end) or not before:
        return None
    if line[before - 1] in "=:,":
        before -= 1
    elif before == start:
        return None
    name = line[:before].strip()
    return _Pair(name, start, end) if name else None


def _blanks_before(line: str, at: int) -> int:
    while at and line[at - 1].isspace():
        at -= 1
    return at


def _like(old: str, change: Change) -> str:
    """The new value spelled as the old one was: base, prefix, width, case and separators."""
    before, new, _ = change
    prefix = old[:2] if old[:2].lower() in ("0x", "0b") else ""
    body = old[len(prefix) :]
    width = len(body.replace("_", ""))
    if prefix.lower() == "0b":
        return prefix + spread(f"{new:0{width}b}", body)
    decimal = not prefix and is_decimal(body.replace("_", "")) and int(body.replace("_", "")) == before
    if decimal and not (width == _FULL and int(body, 16) == before):
        return str(new)
    digits = f"{new:0{width}x}"
    return prefix + spread(digits.upper() if any(ch.isupper() for ch in body) else digits, body)


def _namer() -> Callable[[str], int]:
    """What gives the register id that a word names, -1 when it names none."""
    known: dict[str, int] = {}

    def named(word: str) -> int:
        if word not in known:
            try:
                known[word] = find(word).register.id
            except RegisterError:
                known[word] = -1
        return known[word]

    return named


def spread(digits: str, pattern: str) -> str:
    """`digits` with the `_` separators where `pattern` has them, counted from the right."""
    if len(digits) != len(pattern.replace("_", "")):
        return digits
    source = iter(digits)
    return "".join(ch if ch == "_" else next(source) for ch in pattern)


def text_of(data: bytes, where: str) -> str:
    """UTF-8 text. Raises InspectorError for anything else."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InspectorError(f"is not UTF-8 text ({error.reason} at byte {error.start})", where) from None
