"""Where the items of a CBOR document stand (RFC 8949), so that a single number can be replaced among them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG = range(7)
_WIDTHS = {24: 1, 25: 2, 26: 4, 27: 8}
_INDEFINITE = 31
_BREAK = 0xFF
_DEEP = 64


class Head(NamedTuple):
    """The first bytes of an item: its type, its number (a value, a length or a count), and where its content begins."""

    major: int
    number: int
    content: int
    indefinite: bool


class Member(NamedTuple):
    """One member of a map: its key, and the bytes `start` to `end` of its value."""

    key: int | str
    start: int
    end: int


def head(data: bytes, at: int) -> Head:
    """The head of the item at `at`. Raises ValueError for bytes that are none."""
    if at >= len(data):
        raise ValueError("the document ends early")
    major, low = data[at] >> 5, data[at] & 31
    if low < 24:
        return Head(major, low, at + 1, False)
    if low == _INDEFINITE and _BYTES <= major <= _MAP:
        return Head(major, 0, at + 1, True)
    width = _WIDTHS.get(low)
    if width is None or at + 1 + width > len(data):
        raise ValueError(f"byte {at} begins no item")
    return Head(major, int.from_bytes(data[at + 1 : at + 1 + width], "big"), at + 1 + width, False)


def end_of(data: bytes, at: int, depth: int = 0) -> int:
    """Where the item at `at` ends. Raises ValueError for damage and for nesting that no snapshot has."""
    first = head(data, at)
    if depth > _DEEP:
        raise ValueError("it is nested too deeply")
    if first.major in (_BYTES, _TEXT) and not first.indefinite:
        return _inside(data, first.content + first.number)
    if first.major == _TAG:
        return end_of(data, first.content, depth + 1)
    if first.major in (_BYTES, _TEXT, _ARRAY, _MAP):
        *_, last = first.content, *_ends(data, first, depth)
        return last + 1 if first.indefinite else last
    return first.content


def _ends(data: bytes, first: Head, depth: int) -> Iterator[int]:
    """The end of each item directly inside an array, a map (keys and values alike) or a text in parts."""
    at, left = first.content, first.number * (1 + (first.major == _MAP))
    while left > 0 or first.indefinite:
        if first.indefinite and data[at : at + 1] == bytes((_BREAK,)):
            return
        at = end_of(data, at, depth + 1)
        yield at
        left -= 1


def _inside(data: bytes, at: int) -> int:
    if at > len(data):
        raise ValueError("the document ends early")
    return at


def members(data: bytes, at: int) -> Iterator[Member]:
    """The members of the map at `at` whose keys are numbers or texts. Raises ValueError when it is no map."""
    first = head(data, at)
    if first.major != _MAP:
        raise ValueError(f"byte {at} begins no map")
    ends = [first.content, *_ends(data, first, 0)]
    for start, middle, end in zip(ends[:-1:2], ends[1::2], ends[2::2], strict=True):
        key = head(data, start)
        if key.major == _UNSIGNED:
            yield Member(key.number, middle, end)
        elif key.major == _TEXT and not key.indefinite:
            yield Member(data[key.content : key.content + key.number].decode("utf-8", "replace"), middle, end)


def unsigned(data: bytes, at: int) -> int | None:
    """The number at `at`; None when the item there is something else."""
    first = head(data, at)
    return first.number if first.major == _UNSIGNED else None


def unsigned_item(value: int) -> bytes:
    """`value` below 2**64 in the fewest bytes, as every writer of crosvm's files does it."""
    if value < 24:
        return bytes((value,))
    low, width = next((low, width) for low, width in _WIDTHS.items() if value < 1 << 8 * width)
    return bytes((low,)) + value.to_bytes(width, "big")
