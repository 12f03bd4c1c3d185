"""A writer of lzop files, for copies of what was compressed with lzop (libvirt's save_image_format "lzop").

An lzop file is a header, then blocks: both lengths, the checksum of the data, the data; a block that did not shrink is
kept as it is (lzop 1.04, src/lzop.c, lzo_compress() and do_compress()). The LZO library is needed to make blocks
smaller; where python-lzo is not installed, every block is kept as it is, which every reader takes.
"""

from __future__ import annotations

import importlib
import io
import struct
import zlib
from collections.abc import Callable
from typing import BinaryIO

_MAGIC = b"\x89LZO\0\r\n\x1a\n"
_LZOP_VERSION, _LIBRARY_VERSION, _NEEDED_VERSION = 0x1030, 0x20A0, 0x0940
_METHOD, _LEVEL = 1, 5
"""LZO1X-1, lzop's own default"""
_SUM_OF_DATA, _FROM_STDIN, _TO_STDOUT = 0x1, 0x4, 0x8
_BLOCK = 256 << 10


def _compressor() -> Callable[[bytes], bytes]:
    """LZO1X-1 without python-lzo's own header; nothing where it is not installed."""
    try:
        library = importlib.import_module("lzo")
    except ImportError:
        return lambda data: data
    return lambda data: bytes(library.compress(data, 1, False))


class LzopWriter(io.RawIOBase):
    """A file to write to; what is written goes to `out` in lzop's format, and `out` stays open."""

    def __init__(self, out: BinaryIO) -> None:
        super().__init__()
        self._out, self._compress, self._waiting = out, _compressor(), bytearray()
        header = struct.pack(">3HBBIIIIB", _LZOP_VERSION, _LIBRARY_VERSION, _NEEDED_VERSION, _METHOD, _LEVEL,
                             _SUM_OF_DATA | _FROM_STDIN | _TO_STDOUT, 0, 0, 0, 0)  # fmt: skip
        out.write(_MAGIC + header + struct.pack(">I", zlib.adler32(header)))

    def writable(self) -> bool:
        return True

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        """Take all of `data`."""
        self._waiting += data
        while len(self._waiting) >= _BLOCK:
            self._block(bytes(self._waiting[:_BLOCK]))
            del self._waiting[:_BLOCK]
        return len(data)

    def close(self) -> None:
        """Write the last block and the end mark."""
        if not self.closed:
            if self._waiting:
                self._block(bytes(self._waiting))
                self._waiting.clear()
            self._out.write(struct.pack(">I", 0))
        super().close()

    def _block(self, data: bytes) -> None:
        packed = self._compress(data)
        kept = packed if len(packed) < len(data) else data
        self._out.write(struct.pack(">3I", len(data), len(kept), zlib.adler32(data)) + kept)
