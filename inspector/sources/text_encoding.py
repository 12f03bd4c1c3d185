"""Text in UTF-16, or with a byte order mark, as Windows writes it: to plain UTF-8, once, below every format."""

from __future__ import annotations

import codecs
import io
from typing import Any, BinaryIO, NamedTuple

from inspector.errors import SourceError

_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_UTF8_MARK = b"\xef\xbb\xbf"
_UNMARKED = 64
"""Bytes by which UTF-16 without a mark is recognised"""
_PRINTABLE = frozenset(b"\t\r\n") | frozenset(range(0x20, 0x7F)) | frozenset(range(0xA0, 0x100))


def encoding_of(first: bytes) -> str:
    """`utf-16-le`, `utf-16-be` or `utf-8-sig` of a text that begins with `first`; "" for UTF-8 and for anything else.

    Without a mark, every other byte of the beginning is zero and the rest is Latin text. Bytes that cannot be UTF-16
    are no text, whatever mark they begin with.
    """
    if first.startswith(_UTF8_MARK):
        return "utf-8-sig"
    found = _MARKS.get(first[:2]) or _unmarked(first[:_UNMARKED])
    if found:
        try:
            codecs.getincrementaldecoder(found)().decode(first)
        except UnicodeDecodeError:
            return ""
    return found


def _unmarked(sample: bytes) -> str:
    if len(sample) < 8:
        return ""
    even, odd = sample[::2], sample[1::2]
    for name, letters, zeros in (("utf-16-le", even, odd), ("utf-16-be", odd, even)):
        if not zeros.strip(b"\0") and _PRINTABLE.issuperset(letters):
            return name
    return ""


def as_utf8(stream: BinaryIO, encoding: str, where: str) -> BinaryIO:
    """A reader of the same text in UTF-8 without a mark; `stream` stands at its first byte."""
    if encoding == "utf-8-sig":
        stream.read(len(_UTF8_MARK))
        return stream
    return io.BufferedReader(_Transcoded(stream, encoding, where), 1 << 17)


class Utf8(NamedTuple):
    """A text as UTF-8, and how its file is written."""

    data: bytes
    mark: bytes
    """the byte order mark at its beginning"""
    encoding: str
    """`utf-16-le`, `utf-16-be`; empty for UTF-8 and for what is no text"""

    def back(self, data: bytes) -> bytes:
        """Other content as the file is written."""
        return self.mark + (data.decode("utf-8").encode(self.encoding) if self.encoding else data)


def to_utf8(data: bytes, where: str) -> Utf8:
    """A whole file as UTF-8, unchanged where it is no text in UTF-16. Raises SourceError where it is broken."""
    encoding = encoding_of(data[:_UNMARKED])
    if encoding == "utf-8-sig":
        return Utf8(data[len(_UTF8_MARK) :], _UTF8_MARK, "")
    if not encoding:
        return Utf8(data, b"", "")
    mark = data[:2] if data[:2] in _MARKS else b""
    text = as_utf8(io.BytesIO(data), encoding, where).read()
    return Utf8(text, mark, encoding)


class _Transcoded(io.RawIOBase):
    """A stream of UTF-16, encoded again as it is read. Reading raises SourceError where the text is broken."""

    def __init__(self, stream: BinaryIO, encoding: str, where: str) -> None:
        super().__init__()
        self._stream, self._where, self._ready, self._begun = stream, where, b"", False
        self._decoder = codecs.getincrementaldecoder(encoding)()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        room = memoryview(buffer).cast("B")
        ended = False
        while not self._ready and not ended:
            data = self._stream.read(1 << 16)
            ended = not data
            self._ready = self._encoded(data)
        count = min(len(room), len(self._ready))
        room[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _encoded(self, data: bytes) -> bytes:
        try:
            text = self._decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            hint = "is it truncated? save it again, in UTF-8"
            raise SourceError(f"is not valid UTF-16 text ({error.reason})", self._where, hint) from None
        if text and not self._begun:
            self._begun, text = True, text.removeprefix("\ufeff")
        return text.encode()
