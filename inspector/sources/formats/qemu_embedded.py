"""A QEMU stream that begins somewhere inside a file: `migrate file:PATH,offset=N`, or behind a header of another
tool."""

from __future__ import annotations

from typing import BinaryIO, Final

from inspector.budget import SEARCHED, most
from inspector.errors import SourceError
from inspector.sources.dump import Dump
from inspector.sources.formats.qemu_stream import load_at
from inspector.sources.formats.qemu_walk import MAGIC, VERSION
from inspector.sources.opening import Content
from inspector.sources.sparse import data_from

NAME: Final = "qemu-stream"
_BEGINNING = MAGIC + VERSION.to_bytes(4, "big")
_WINDOW = 4 << 20


def sniff(content: Content) -> bool:
    """The beginning of a stream is in the head, or further on in a binary file."""
    if _BEGINNING in content.head:
        return True
    return content.file is not None and b"\0" in content.head[:4096] and _find(content.file, 0) is not None


def load(content: Content) -> Dump:
    """The dump of the first stream in the file. Raises SourceError when there is none."""
    return load_embedded(content, 0)


def load_embedded(content: Content, start: int) -> Dump:
    """The dump of the first stream at or behind `start`. Raises SourceError where there is none."""
    offset = _find(content.file, start) if content.file else content.head.find(_BEGINNING, start)
    if offset is None or offset < 0:
        raise SourceError("holds no QEMU migration stream", content.name, "one begins with QEVM")
    return load_at(content, offset, container=f"a larger file, from byte {offset} on")


def _find(file: BinaryIO, start: int) -> int | None:
    """Offset of the first stream, stepping over holes; None where a quarter of what may be searched holds none."""
    looked, at, end = 0, start, file.seek(0, 2)
    while looked < most(SEARCHED) // 4:
        at = data_from(file, at, end)
        if at >= end:
            return None
        file.seek(at)
        data = file.read(_WINDOW + len(_BEGINNING) - 1)
        hit = data.find(_BEGINNING)
        if hit >= 0:
            return at + hit
        if len(data) < len(_BEGINNING):
            return None
        looked += len(data)
        at += _WINDOW
    return None
