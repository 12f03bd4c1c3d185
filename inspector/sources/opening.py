"""Open what a user named, and give every format the same view of it: a head, the whole text, or a forward reader.

Compression is taken off here, and text in UTF-16 becomes UTF-8, so a format sees neither. A file can be read again and
at any offset; a pipe only once.
"""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Mapping
from typing import Any, BinaryIO, Literal

from inspector.budget import TEXT, Budget, most
from inspector.errors import SourceError
from inspector.progress import under_way
from inspector.sources.text_encoding import as_utf8, encoding_of
from inspector.transport.compressed import compression_of, decompress

HEAD = 1 << 16
"""Bytes that a format may look at to recognise its own."""
_LAYERS = 2
"""How often a file may be compressed; more is no accident."""


class Content:
    """The bytes of one source, with compression taken off.

    `name` is what the user called it. `head` holds its first 64 KiB. `file` is the open file when nothing had to be
    unpacked and it can be read at any offset, else None.
    """

    def __init__(self, name: str, raw: BinaryIO, seekable: bool) -> None:
        self.name = name
        self.budget = Budget(name)
        self._raw, self._seekable, self._spent = raw, seekable, False
        self._whole: bytes | None = None
        self._keys: Mapping[str, Any] | None = None
        self.layers: tuple[str, ...] = ()
        self.declared: Literal["", "host", "el0", "vcpu", "guest"] = ""
        """whose values a text holds, where the user said so"""
        self.snapshot = ""
        """name or ID of the internal snapshot that the user asked for"""
        first = _read_up_to(raw, HEAD)
        stream: BinaryIO = raw if seekable else replay(first, raw)
        while layer := compression_of(first):
            if len(self.layers) == _LAYERS:
                raise SourceError(f"compressed more than {_LAYERS} times", name, "unpack it first")
            self.layers += (layer,)
            if len(self.layers) == 1 and seekable:
                raw.seek(0)
            stream = decompress(stream, layer, name)
            first = _read_up_to(stream, HEAD)
            stream = replay(first, stream)
        self.encoding = encoding_of(first)
        """of a text that was not plain UTF-8; "" elsewhere"""
        if self.encoding:
            if seekable and not self.layers:
                raw.seek(0)
            stream = as_utf8(stream, self.encoding, name)
            first = _read_up_to(stream, HEAD)
            stream = replay(first, stream)
        self.head = first
        self._stream = stream
        if not first:
            raise SourceError("is empty", name, "a saved vCPU state, a dump or a recording is expected")

    @property
    def compression(self) -> str:
        """Names of the layers taken off, joined by `+`."""
        return "+".join(self.layers)

    @property
    def file(self) -> BinaryIO | None:
        """The file itself, readable at any offset; None for pipes, compressed files and encoded text."""
        return self._raw if self._seekable and not self.layers and not self.encoding else None

    @property
    def size(self) -> int | None:
        """Length in bytes of an uncompressed file."""
        return os.fstat(self._raw.fileno()).st_size if self.file else None

    def stream(self, offset: int = 0) -> BinaryIO:
        """A buffered reader from `offset` on. Only files can be read twice: what came through a pipe is gone.

        Raises SourceError then.
        """
        if self.file:
            self._raw.seek(offset)
            return io.BufferedReader(_Shared(self._raw), 1 << 18)
        if self._spent:
            raise SourceError("can be read only once", self.name, "save it as an unpacked file and open that")
        self._spent = True
        skip(self._stream, offset)
        return self._stream

    def whole(self) -> bytes:
        """Everything, for formats that are read in one piece. Raises SourceError beyond 32 MiB."""
        if self._whole is None:
            short = self.file is not None and len(self.head) < HEAD  # the head is all there is
            data = self.head if short else _read_up_to(self.stream(), most(TEXT) + 1)
            self.budget.check(TEXT, len(data))
            self._whole = data
        return self._whole

    def close(self) -> None:
        """Give back the file, and what was kept of it."""
        self._stream.close()
        self._raw.close()
        self._whole = self._keys = None

    def __enter__(self) -> Content:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def json_object(self) -> Mapping[str, Any]:
        """The top level of a JSON object, values left raw (msgspec.Raw); empty when it is none."""
        if self._keys is None:
            self._keys = {}
            if _begins_object(self.head) and not _is_lines(self.head):
                import msgspec

                from inspector.sources.jsontext import check_members, decode

                check_members(self.whole(), self.budget)
                self._keys = decode(self.whole(), dict[str, msgspec.Raw], self.name)
        return self._keys


def _begins_object(head: bytes) -> bool:
    """True for a `{` with what may follow it in JSON: a dictionary of Python or Rust, `{'MIDR_EL1': 1}`, is text."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    inside = start[1:].lstrip(b" \t\r\n")[:1]
    return start.startswith(b"{") and not (inside == b"'" or inside.isalnum())


def open_path(path: str, name: str, valid: str = "name a file, or - for standard input") -> Content:
    """Open a regular file, or a pipe that the shell made (`/dev/fd/N`). Raises SourceError for anything else.

    `valid`: what an error says may be named.
    """
    if not path:
        raise SourceError("no source is named", "''", valid)
    try:
        mode = os.stat(path).st_mode  # pathlib is a twentieth of a small command
        if stat.S_ISDIR(mode):
            raise SourceError("is a folder", name, "name a file in it")
        if not stat.S_ISREG(mode) and not (stat.S_ISFIFO(mode) and path.startswith(("/dev/fd/", "/proc/self/fd/"))):
            raise SourceError("is not a regular file", name, "pipe it in and name the source -")
        raw = _Raw(path, name)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SourceError(f"cannot be opened: {reason}", name, valid) from None
    return Content(name, raw, stat.S_ISREG(mode))


def check_standard_input() -> None:
    """Raises SourceError where there is no standard input (`<&-`)."""
    if sys.stdin is None or sys.stdin.closed:
        raise SourceError("standard input is closed", "-")


def open_standard_input() -> Content:
    """Standard input: a pipe or a redirected file. Raises SourceError for a terminal."""
    check_standard_input()
    if sys.stdin.isatty():
        raise SourceError("standard input is a terminal", "-", "pipe a dump in, or name a file")
    try:
        raw = _Raw(sys.stdin.fileno(), "-", closefd=False)
        seekable = stat.S_ISREG(os.fstat(raw.fileno()).st_mode)
    except (OSError, ValueError, AttributeError):
        return Content("-", sys.stdin.buffer, seekable=False)
    return Content("-", raw, seekable)


def skip(stream: BinaryIO, count: int) -> int:
    """Go `count` bytes forward; gives how far it really went (less at the end)."""
    gone = 0
    while gone < count and (data := stream.read(min(count - gone, 1 << 20))):
        gone += len(data)
    return gone


def replay(first: bytes, rest: BinaryIO) -> BinaryIO:
    """A reader of bytes that were already read, then of the rest of their stream."""
    return io.BufferedReader(_Replay(first, rest), 1 << 17)


def read_into(stream: BinaryIO, room: memoryview) -> int:
    """Fill `room` from what comes next, without a copy where the stream can; how much came, 0 at the end."""
    if isinstance(stream, io.IOBase) and hasattr(stream, "readinto"):
        return int(stream.readinto(room) or 0)
    data = stream.read(len(room))
    room[: len(data)] = data
    return len(data)


def _read_up_to(stream: BinaryIO, count: int) -> bytes:
    parts, have = [], 0
    while have < count:
        data = stream.read(min(count - have, 1 << 20))
        if not data:
            break
        parts.append(data)
        have += len(data)
    return b"".join(parts)


def _is_lines(head: bytes) -> bool:
    """True when the first line is a whole JSON object and another one follows: JSON lines, not one object."""
    first, newline, rest = head.lstrip(b"\xef\xbb\xbf \t\r\n").partition(b"\n")
    return bool(newline) and first.rstrip().endswith(b"}") and rest.lstrip().startswith(b"{")


class _Raw(io.FileIO):
    """A file or pipe that names itself where it cannot be read: nobody further up knows which of several it was, and
    a bad disk makes no damaged file. Raises SourceError then."""

    def __init__(self, file: str | int, name: str, closefd: bool = True) -> None:
        super().__init__(file, "r", closefd)
        self._where = name
        self._got = 0

    def readinto(self, buffer: Any) -> int:
        try:
            count = super().readinto(buffer) or 0
        except OSError as error:
            raise self._failed(error) from None
        self._told(count)
        return count

    def read(self, size: int | None = -1) -> bytes:
        try:
            data = super().read(size) or b""
        except OSError as error:
            raise self._failed(error) from None
        self._told(len(data))
        return data

    def _told(self, count: int) -> None:
        self._got += count
        if (told := under_way()) is not None:
            told.read(self, self._got)

    def _failed(self, error: OSError) -> SourceError:
        return SourceError(f"cannot be read: {error.strerror}", self._where)


class _Shared(io.RawIOBase):
    """A raw file whose owner keeps it open when a buffered reader over it goes away."""

    def __init__(self, raw: BinaryIO) -> None:
        super().__init__()
        self._raw = raw

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._raw.seek(offset, whence)

    def tell(self) -> int:
        return self._raw.tell()

    def readinto(self, buffer: Any) -> int:
        return read_into(self._raw, memoryview(buffer).cast("B"))


class _Replay(io.RawIOBase):
    """Bytes that were already read, then the rest of a stream."""

    def __init__(self, first: bytes, rest: BinaryIO) -> None:
        super().__init__()
        self._first, self._rest = io.BytesIO(first), rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        room = memoryview(buffer).cast("B")
        return self._first.readinto(room) or read_into(self._rest, room)
