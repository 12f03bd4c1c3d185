"""CBOR (RFC 8949) as VMMs write their state: numbers, texts, lists and maps, within the budget of their source.

Tags have no meaning here but one: a number of more than 64 bits (tag 2, RFC 8949 section 3.4.3), of at most 128.
Dates, fractions, references and regular expressions are refused, and so is a map with one key twice.
"""

from __future__ import annotations

import struct
from typing import TypeAlias

from inspector.budget import MEMBERS, NESTING, NUMBERS, Budget
from inspector.errors import SourceError

Item: TypeAlias = "int | float | bool | str | bytes | list[Item] | dict[int | str, Item] | None"
_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(8)
_INDEFINITE, _BREAK = 31, 0xFF
_SIMPLES: dict[int, bool | None] = {20: False, 21: True, 22: None, 23: None}
_FLOATS = {25: ">e", 26: ">f", 27: ">d"}
_BIGNUM = 2
_WIDEST = 16
"""Bytes of the widest number that a VMM writes so: a vector register."""


def read_cbor(data: bytes, budget: Budget) -> Item:
    """The one item that `data` is. Raises SourceError for anything else, and for more than `budget` allows."""
    reader = _Reader(data, budget)
    item = reader.item(0)
    if reader.at != len(data):
        raise reader.wrong("something stands behind its end")
    return item


class _Reader:
    """A place in the data that moves forward only."""

    def __init__(self, data: bytes, budget: Budget) -> None:
        self.data, self.budget, self.at = data, budget, 0

    def wrong(self, why: str) -> SourceError:
        return SourceError(f"is not valid CBOR: {why}, byte {self.at}", self.budget.where, "is it truncated?")

    def take(self, count: int) -> bytes:
        taken = self.data[self.at : self.at + count]
        if len(taken) < count:
            raise self.wrong("it ends early")
        self.at += count
        return taken

    def item(self, depth: int) -> Item:
        self.budget.check(NESTING, depth)
        head = self.take(1)[0]
        kind, short = head >> 5, head & 31
        if kind == _SIMPLE:
            return self._simple(short)
        if short == _INDEFINITE and kind in (_ARRAY, _MAP):
            return self._array(None, depth) if kind == _ARRAY else self._map(None, depth)
        size = self._size(short)
        if kind in (_UNSIGNED, _NEGATIVE):
            self.budget.spend(NUMBERS)
            return size if kind == _UNSIGNED else -1 - size
        self.budget.spend(MEMBERS)
        if kind == _BYTES:
            return self.take(size)
        if kind == _TEXT:
            return self._text(size)
        if kind == _ARRAY:
            return self._array(size, depth)
        return self._map(size, depth) if kind == _MAP else self._tagged(size, depth)

    def _size(self, short: int) -> int:
        if short < 24:
            return short
        if short > 27:
            raise self.wrong(f"a length of kind {short}")
        return int.from_bytes(self.take(1 << (short - 24)), "big")

    def _simple(self, short: int) -> Item:
        if short in _FLOATS:
            form = _FLOATS[short]
            return float(struct.unpack(form, self.take(struct.calcsize(form)))[0])
        if short not in _SIMPLES:
            raise self.wrong(f"a simple value {short}")
        return _SIMPLES[short]

    def _text(self, size: int) -> str:
        try:
            return self.take(size).decode()
        except UnicodeDecodeError:
            raise self.wrong("a text is not UTF-8") from None

    def _ended(self, count: int | None, done: int) -> bool:
        """Whether a list or map of `count` members, or of as many as stand before its end mark, ends here."""
        if count is not None:
            return done == count
        if self.data[self.at : self.at + 1] != bytes((_BREAK,)):
            return False
        self.at += 1
        return True

    def _array(self, count: int | None, depth: int) -> Item:
        found: list[Item] = []
        while not self._ended(count, len(found)):
            found.append(self.item(depth + 1))
        return found

    def _map(self, count: int | None, depth: int) -> Item:
        found: dict[int | str, Item] = {}
        done = 0
        while not self._ended(count, done):
            key = self.item(depth + 1)
            if not isinstance(key, int | str) or key in found:
                raise self.wrong("a key of a map occurs twice, or is neither number nor text")
            found[key] = self.item(depth + 1)
            done += 1
        return found

    def _tagged(self, tag: int, depth: int) -> Item:
        digits = self.item(depth + 1) if tag == _BIGNUM else None
        if not isinstance(digits, bytes) or len(digits) > _WIDEST:
            raise self.wrong(f"tag {tag}, which no VMM writes there")
        return int.from_bytes(digits, "big")
