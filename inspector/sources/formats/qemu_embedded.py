"""A QEMU stream that begins somewhere inside a file: `migrate file:PATH,offset=N`, or behind a header of another
tool."""

from __future__ import annotations

import errno
import os
from typing import BinaryIO

from inspector.errors import SourceError
from inspector.sources.dump import Dump
from inspector.sources.formats.qemu_stream import load_at
from inspector.sources.formats.qemu_walk import MAGIC, VERSION
from inspector.sources.opening import Content

NAME = "qemu-stream"
_BEGINNING = MAGIC + VERSION.to_bytes(4, "big")
_WINDOW = 4 << 20
_MOST = 256 << 20
"""Bytes (holes not counted) that are searched for the beginning of a stream."""


def sniff(content: Content) -> bool:
    """The beginning of a stream is in the head, or further on in a binary file."""
    if _BEGINNING in content.head:
        return True
    return content.file is not None and b"\0" in content.head[:4096] and _find(content.file, 0) is not None


def load(content: Content) -> Dump:
    """The dump of the first stream in the file. Raises SourceError when there is none."""
    return load_embedded(content, 0)


def load_embedded(content: Content, start: int) -> Dump:
    """The dump of the first stream at or behind `start`."""
    offset = _find(content.file, start) if content.file else content.head.find(_BEGINNING, start)
    if offset is None or offset < 0:
        raise SourceError("holds no QEMU migration stream", content.name, "one begins with QEVM")
    return load_at(content, offset, container=f"a larger file, from byte {offset} on")


def _find(file: BinaryIO, start: int) -> int | None:
    """Offset of the first stream, stepping over holes."""
    looked, at = 0, start
    while looked < _MOST:
        try:
            at = os.lseek(file.fileno(), at, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
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
