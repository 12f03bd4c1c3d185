"""Forward-only readers of gzip, bzip2, xz, zstd, lz4 and lzop, bounded in memory and in how far they expand.

lz4 and lzop need a library that is not always installed (lz4 and python-lzo of PyPI); without it the error has the
command that unpacks the file.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, BinaryIO

from inspector.budget import UNPACKED, exceeded, most
from inspector.errors import SourceError

_CHUNK = 1 << 16
"""Bytes that are read, or unpacked, at once: what is larger is new memory each time, which takes twice as long."""
_XZ_MEMORY = 100 << 20
"""xz -9 needs 65 MiB to decompress; a larger dictionary is refused."""
_MAX_RATIO = 100
"""Guest memory rarely shrinks as much; beyond this (and the limit on what is unpacked) it is a bomb."""
_WEIGHT = {"bzip2": 4}
"""By how much its bytes cost more than those of the others"""

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b\x08", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\x89LZO\0\r\n\x1a\n", "lzop"),
)
_NO_MEMORY = ("not enough memory", "ERROR_allocation_failed")
"""How the libraries of zstd (lib/common/error_private.c) and lz4 (lib/lz4frame.c) say so; the others raise MemoryError.
"""


def compression_of(head: bytes) -> str:
    """Name of the compression that `head` starts with, or an empty text."""
    return next((name for magic, name in _MAGIC if head.startswith(magic)), "")


def _is_skippable(head: bytes) -> bool:
    """Whether a zstd frame of the user's own begins, which holds nothing of what was packed (RFC 8878, 3.1.2)."""
    return head[1:4] == b"\x2a\x4d\x18" and head[0] >> 4 == 5


def decompress(raw: BinaryIO, name: str, where: str, offset: int = 0) -> BinaryIO:
    """A buffered, forward-only reader of what `raw` holds compressed as `name`; its reads raise SourceError.

    `name`: one that `compression_of` gives, or `lzma`, whose files begin with nothing that tells them from others.
    `offset`: where the compressed data begins in the file `where`, for the command that unpacks it. Raises SourceError
    when the library for it is not installed.
    """
    if name in _LIBRARIES and not _installed(_LIBRARIES[name][0]):
        module, package = _LIBRARIES[name]
        raise SourceError(
            f"is compressed with {name}, and the Python module {module} is not installed",
            where,
            f"`pip install {package}`, or unpack it: {unpack_command(name, where, offset)}",
        )
    if name == "lzop":
        return io.BufferedReader(_Lzop(raw, where), 1 << 17)
    return io.BufferedReader(_Members(raw, name, where), 1 << 17)


class EndsEarlyError(SourceError):
    """Compressed data ends before its end: what was read until then is as it was packed."""


_LIBRARIES = {"lz4": ("lz4", "lz4"), "lzop": ("lzo", "python-lzo")}
"""compression -> module that unpacks it, and its package of PyPI"""


def _installed(module: str) -> bool:
    from importlib.util import find_spec

    return find_spec(module) is not None


def _optional(module: str) -> Any:
    """A library that need not be installed, and has no types."""
    from importlib import import_module

    return import_module(module)


def unpack_command(name: str, where: str, offset: int) -> str:
    """The shell command that unpacks what begins at byte `offset` of the file `where`."""
    import shlex

    tool = f"{name} -dc"
    if where == "-":
        return f"`{tool}` in the pipe"
    path = shlex.quote(where)
    return f"`{tool} < {path} > unpacked`" if not offset else f"`tail -c +{offset + 1} {path} | {tool} > unpacked`"


def _maker(name: str) -> Callable[[], Any]:
    """What makes a fresh decompressor of one gzip member, xz stream, bzip2 stream, zstd or lz4 frame."""
    if name == "gzip":
        return _GzipMember
    if name == "bzip2":
        import bz2

        return bz2.BZ2Decompressor
    if name == "zstd":
        from inspector.zstd import ZstdDecompressor

        return ZstdDecompressor  # it refuses windows above 128 MiB by itself
    if name == "lz4":
        maker: Callable[[], Any] = _optional("lz4.frame").LZ4FrameDecompressor
        return maker
    import lzma

    kind = lzma.FORMAT_ALONE if name == "lzma" else lzma.FORMAT_XZ
    return lambda: lzma.LZMADecompressor(format=kind, memlimit=_XZ_MEMORY)


class _GzipMember:
    """zlib's decompressor with the interface that bz2 and lzma share."""

    def __init__(self) -> None:
        import zlib

        self._inner = zlib.decompressobj(31)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


class _Counted:
    """The compressed side of a reader, which counts what it gives."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self.taken = 0

    def read(self, count: int) -> bytes:
        """At most that many bytes; none at the end."""
        data = self._raw.read(count) or b""
        self.taken += len(data)
        return data


class _Bounded(io.RawIOBase):
    """Counts bytes in and out, and gives up on a decompression bomb."""

    def __init__(self, raw: BinaryIO, name: str, where: str) -> None:
        super().__init__()
        self._compressed, self._name, self._where = _Counted(raw), name, where
        self._given = 0
        self._weight = _WEIGHT.get(name, 1)

    def readable(self) -> bool:
        return True

    def _give(self, data: bytes, room: memoryview) -> int:
        room[: len(data)] = data
        return self._count(len(data))

    def _count(self, count: int) -> int:
        self._given += count
        if self._given * self._weight > most(UNPACKED) + _MAX_RATIO * self._compressed.taken:
            raise exceeded(UNPACKED, self._where)
        return count

    def _damaged(self, error: Exception) -> SourceError:
        return SourceError(
            f"damaged {self._name} data after {self._given} unpacked bytes ({error})", self._where, "copy it again"
        )

    def _truncated(self) -> SourceError:
        return EndsEarlyError(
            f"{self._name} data ends early, after {self._given} unpacked bytes", self._where, "the file is truncated"
        )


class _Members(_Bounded):
    """gzip, bzip2, xz, zstd and lz4: one or more members, streams or frames after each other."""

    def __init__(self, raw: BinaryIO, name: str, where: str) -> None:
        super().__init__(raw, name, where)
        self._make = _maker(name)
        self._member = self._make()
        self._left = b""

    def readinto(self, buffer: Any) -> int:
        room = memoryview(buffer).cast("B")
        while True:
            if self._member.eof and not self._next_member():
                return 0
            data, self._left = self._left, b""
            if not data and self._member.needs_input and not (data := self._compressed.read(_CHUNK)):
                raise self._truncated()
            try:
                out = self._member.decompress(data, min(len(room), _CHUNK))
            except MemoryError:
                raise
            except Exception as error:
                if any(words in str(error) for words in _NO_MEMORY):
                    raise MemoryError from None
                raise self._damaged(error) from None
            if out:
                return self._give(out, room)

    def _next_member(self) -> bool:
        """Begin the next member; False at the end. Zero padding is passed over, anything else ends the data.

        Behind zstd's frames nothing else may stand: `zstd -dc` refuses it, where the others' tools pass over it.
        """
        rest: bytes = self._member.unused_data or b""
        while not (rest := rest.lstrip(b"\0")):
            if not (rest := self._compressed.read(_CHUNK)):
                return False
        if len(rest) < 8:
            rest += self._compressed.read(_CHUNK)
        if compression_of(rest) != self._name and not (self._name == "zstd" and _is_skippable(rest)):
            if self._name == "zstd":
                raise self._damaged(ValueError("no frame begins behind the last one"))
            return False
        self._member, self._left = self._make(), rest
        return True


class _Lzop(_Bounded):
    """lzop's blocks, each compressed by itself (lzop 1.04, the header's layout in its lzop.c and conf.h).

    Behind nine bytes of magic stand versions, method, flags, mode, time and name; then blocks of two lengths, checksums
    as the flags say, and data, to one of length 0. Every number is big-endian.
    """

    _CHECKS = ((0x1, 0x2, "adler32"), (0x100, 0x200, "crc32"))
    """flags for a checksum of the unpacked and of the packed bytes, and its function in zlib"""
    _LARGEST = 64 << 20

    def __init__(self, raw: BinaryIO, where: str) -> None:
        super().__init__(raw, "lzop", where)
        library = _optional("lzo")
        self._unpack: Callable[[bytes, bool, int], bytes] = library.decompress
        self._error: type[Exception] = library.error
        self._ready, self._input = b"", b""
        self._ended = False
        self._flags = self._header()

    def _need(self, count: int) -> bytes:
        parts = [self._input]
        have = len(self._input)
        while have < count:
            data = self._compressed.read(_CHUNK)
            if not data:
                raise self._truncated()
            parts.append(data)
            have += len(data)
        data = b"".join(parts)
        self._input = data[count:]
        return data[:count]

    def _number(self, width: int = 4) -> int:
        return int.from_bytes(self._need(width), "big")

    def _header(self) -> int:
        self._need(9)
        version = self._number(2)
        self._need(6 if version >= 0x940 else 3)
        flags = self._number()
        self._need((4 if flags & 0x800 else 0) + 8 + (4 if version >= 0x940 else 0))
        self._need(self._number(1) + 4)
        if flags & 0x40:
            self._need(self._number() + 4)
        return flags

    def _block(self) -> bytes:
        """The next block unpacked; empty at the end."""
        import zlib

        size = self._number()
        if not size:
            return b""
        packed = self._number()
        if max(size, packed) > self._LARGEST:
            raise self._damaged(ValueError(f"a block of {max(size, packed)} bytes"))
        sums = [(name, self._number()) for flag, _, name in self._CHECKS if self._flags & flag]
        if packed < size:
            self._need(4 * sum(bool(self._flags & flag) for _, flag, _ in self._CHECKS))
        data = self._need(packed)
        if packed < size:
            try:
                data = self._unpack(data, False, size)
            except self._error as error:
                raise self._damaged(error) from None
        if len(data) != size or any(getattr(zlib, name)(data) != value for name, value in sums):
            raise self._damaged(ValueError("a checksum does not agree"))
        return data

    def readinto(self, buffer: Any) -> int:
        room = memoryview(buffer).cast("B")
        if not self._ready and not self._ended:
            self._ready = self._block()
            self._ended = not self._ready
        data, self._ready = self._ready[: len(room)], self._ready[len(room) :]
        return self._give(data, room)
