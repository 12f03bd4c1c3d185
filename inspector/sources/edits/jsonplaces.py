"""Where the values of a JSON text stand, also inside texts and lists of bytes that hold another JSON text.

A `Layer` is one JSON text and the way from its characters to those of the file, so that a number deep inside is
replaced by replacing characters of the file and nothing else.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")
_NUMBER = re.compile(r"-?[0-9]+")
_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|.)", re.DOTALL)
_BYTES_ONLY = re.compile(r"\[[0-9, \t\r\n]*\]")
_LEAST = 32
"""Shorter lists of numbers hold no vCPU."""


class Span(NamedTuple):
    """Characters `start` to `end` of a text."""

    start: int
    end: int


class Edit(NamedTuple):
    """Characters of the file that become `text`."""

    start: int
    end: int
    text: str


class Layer:
    """A JSON text: the file itself, or one inside of it."""

    def __init__(self, text: str) -> None:
        self.text = text

    def edit(self, span: Span, new: str) -> Edit:
        """The edit of the file that puts the ASCII text `new` in the place of `span` of this layer."""
        return Edit(span.start, span.end, new)


class _Quoted(Layer):
    """The JSON text that stands in another layer as a JSON string."""

    def __init__(self, outer: Layer, span: Span) -> None:
        super().__init__(json.loads(outer.text[span.start : span.end]))
        self._outer, places, at = outer, [], span.start + 1
        for escape in _ESCAPE.finditer(outer.text, span.start + 1, span.end - 1):
            places.append(range(at, escape.start() + 1))
            at = escape.end()
        places.append(range(at, span.end))
        self._places = list(itertools.chain.from_iterable(places))
        if len(self._places) != len(self.text) + 1:
            raise ValueError("a text holds characters outside the first plane")

    def edit(self, span: Span, new: str) -> Edit:
        return self._outer.edit(Span(self._places[span.start], self._places[span.end]), new)


class _Bytes(Layer):
    """The JSON text whose bytes stand in another layer as a list of numbers."""

    def __init__(self, outer: Layer, numbers: Sequence[Span]) -> None:
        values = bytes(int(outer.text[one.start : one.end]) for one in numbers)
        super().__init__(values.decode("latin-1"))
        self._outer, self._numbers = outer, numbers
        self._between = outer.text[numbers[0].end : numbers[1].start]

    def edit(self, span: Span, new: str) -> Edit:
        where = Span(self._numbers[span.start].start, self._numbers[span.end - 1].end)
        return self._outer.edit(where, self._between.join(str(byte) for byte in new.encode("latin-1")))


def _behind_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def root(layer: Layer) -> Span:
    """The one value of a text. Raises ValueError when it is not JSON."""
    return value_at(layer, 1 if layer.text.startswith("\ufeff") else 0)


def value_at(layer: Layer, at: int) -> Span:
    """The value that begins at `at` or behind the space there. Raises ValueError when there is none."""
    start = _behind_space(layer.text, at)
    return Span(start, _DECODER.raw_decode(layer.text, start)[1])


def members(layer: Layer, span: Span) -> Iterator[tuple[str, Span]]:
    """The members of an object; nothing for any other value."""
    text, at = layer.text, span.start
    if text[at] != "{":
        return
    at = _behind_space(text, at + 1)
    while text[at] != "}":
        key, at = _DECODER.raw_decode(text, at)
        value = value_at(layer, _behind_space(text, at) + 1)
        yield key, value
        at = _behind_space(text, value.end)
        at = _behind_space(text, at + 1) if text[at] == "," else at


def elements(layer: Layer, span: Span) -> Iterator[Span]:
    """The elements of a list; nothing for any other value."""
    text, at = layer.text, span.start
    if text[at] != "[":
        return
    at = _behind_space(text, at + 1)
    while text[at] != "]":
        value = value_at(layer, at)
        yield value
        at = _behind_space(text, value.end)
        at = _behind_space(text, at + 1) if text[at] == "," else at


def numbers(layer: Layer, span: Span) -> list[Span]:
    """The elements of a list of nothing but whole numbers; none for any other value."""
    if layer.text[span.start] != "[" or not _BYTES_ONLY.fullmatch(layer.text, span.start, span.end):
        return []
    return [Span(*found.span()) for found in _NUMBER.finditer(layer.text, span.start, span.end)]


def number(layer: Layer, span: Span) -> int | None:
    """A whole number; None for any other value."""
    return int(layer.text[span.start : span.end]) if _NUMBER.fullmatch(layer.text, span.start, span.end) else None


def inside(layer: Layer, span: Span) -> Layer | None:
    """The layer of the JSON object that a text or a list of bytes holds; None for any other value."""
    try:
        if layer.text.startswith('"', span.start) and "{" in layer.text[span.start : span.start + 16]:
            return _Quoted(layer, span)
        found = numbers(layer, span)
        if len(found) >= _LEAST and layer.text[found[0].start : found[0].end] == str(ord("{")):
            return _Bytes(layer, found)
    except ValueError:
        return None
    return None


def applied(text: str, edits: Sequence[Edit]) -> str:
    """`text` with the edits made; no two of them overlap."""
    parts, at = [], 0
    for edit in sorted(set(edits)):
        parts += [text[at : edit.start], edit.text]
        at = edit.end
    return "".join([*parts, text[at:]])
