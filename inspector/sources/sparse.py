"""Where a file has data: holes are stepped over, whether the file system or an image's mapping says so."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Iterator
from typing import BinaryIO, Protocol, cast

from inspector.budget import STEPS, Budget

_NEAR = 1 << 26
"""Bytes of the first stretch that is looked at from the end; each further one is twice as long."""


class _Mapped(Protocol):
    """A reader that knows its own holes, as one over an image's mapping does."""

    def next_data(self, offset: int) -> int | None:
        """Offset of the first byte at or behind `offset` that is mapped; None when there is none."""

    def next_hole(self, offset: int) -> int:
        """Offset of the first byte at or behind `offset` that is not."""


def data_from(stream: BinaryIO, offset: int, end: int) -> int:
    """Where the first data at or behind `offset` begins; `end` when there is none before it."""
    raw = _raw(stream)
    if hasattr(raw, "next_data"):
        found = cast(_Mapped, raw).next_data(offset)
        return end if found is None else min(end, found)
    return _sought(stream, offset, end, os.SEEK_DATA, nothing=end)


def _hole_from(stream: BinaryIO, offset: int, end: int) -> int:
    raw = _raw(stream)
    if hasattr(raw, "next_hole"):
        return min(end, cast(_Mapped, raw).next_hole(offset))
    return _sought(stream, offset, end, os.SEEK_HOLE, nothing=end)


def _raw(stream: BinaryIO) -> object:
    return stream.raw if isinstance(stream, io.BufferedReader) else stream


def _sought(stream: BinaryIO, offset: int, end: int, what: int, nothing: int) -> int:
    """lseek(2) with SEEK_DATA or SEEK_HOLE; `offset` where the file system cannot tell holes (data), `end` (a hole)."""
    try:
        descriptor = stream.fileno()
    except (OSError, io.UnsupportedOperation):
        return offset if what == os.SEEK_DATA else end
    before = os.lseek(descriptor, 0, os.SEEK_CUR)
    try:
        return min(end, os.lseek(descriptor, offset, what))
    except OSError as error:
        return nothing if error.errno == errno.ENXIO or what == os.SEEK_HOLE else offset
    finally:
        # A buffered reader above the descriptor relies on where it left it.
        os.lseek(descriptor, before, os.SEEK_SET)


def extents(stream: BinaryIO, begin: int, end: int, budget: Budget) -> Iterator[tuple[int, int]]:
    """The stretches between `begin` and `end` that have data, in their order."""
    at = begin
    while at < end:
        budget.spend(STEPS, 4)
        start = data_from(stream, at, end)
        if start >= end:
            return
        at = max(start + 1, _hole_from(stream, start, end))
        yield start, at


def extents_from_end(stream: BinaryIO, begin: int, end: int, budget: Budget) -> Iterator[tuple[int, int]]:
    """The same from the end backwards. Nothing reports the hole before a place, so stretches of growing length are
    listed forwards, each in turn."""
    upper, length = end, _NEAR
    while upper > begin:
        lower = max(begin, upper - length)
        yield from reversed(list(extents(stream, lower, upper, budget)))
        upper, length = lower, 2 * length
