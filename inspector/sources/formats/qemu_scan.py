"""Find the `cpu` sections behind a stream's RAM, where sections state no length."""

from __future__ import annotations

import errno
import os
import struct
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from inspector.errors import SourceError
from inspector.sources.formats import qemu_cpu
from inspector.sources.formats.qemu_cpu import CpuSection, DamagedError
from inspector.sources.formats.qemu_end import described_vcpus

_NAME = b"\x03cpu"
_WINDOW = 1 << 20
_EMPTY = bytes(_WINDOW)
_TAIL = 16 << 20
"""The trailing description has some 7 KB for each vCPU; so much is kept of a stream's end."""
_HEAD = struct.Struct(">BI4sII")
"""type, section id, name with its length, instance, version"""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A `cpu` section header, and what stands behind it."""

    payload_at: int
    """offset in the stream of the first byte behind the header"""
    instance: int
    version: int
    section: CpuSection | None
    damage: str = ""
    """why `section` is None"""


class Scan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything behind one position of a stream."""

    found: tuple[Found, ...]
    tail: bytes
    """the last bytes of the stream"""
    length: int
    """offset of the stream's end"""
    names: frozenset[str]
    """device sections of interest that were seen: `arm_gicv3`"""


def scan(stream: BinaryIO, position: int, limit: int | None = None, *, may_stop: bool = True) -> Scan:
    """Look for `cpu` sections from `position` on, where `stream` stands; at most 2 MiB are held besides the tail.

    `limit`: so many bytes, where the device state's length is known. With `may_stop`, a stream whose end stands before
    a mebibyte of zeros is not read further: volumes are larger than what is saved in them.
    """
    search = _Search(position)
    left = limit
    while True:
        data = stream.read(_WINDOW if left is None else min(_WINDOW, left))
        left = None if left is None else left - len(data)
        empty = len(data) == _WINDOW and data == _EMPTY
        if empty and search.empty:
            search.base += len(data) + _step_over_hole(stream, left)
            continue
        search.take(data, ended=not data)
        if not data or (empty and may_stop and search.found and _ends(search.tail_bytes())):
            return search.result()
        search.empty = empty


class _Search:
    """What was found so far, and the bytes that may hold the beginning of more."""

    def __init__(self, position: int) -> None:
        self.found: list[Found] = []
        self.names: set[str] = set()
        self.base = position
        """offset in the stream of the first byte of `buffer`"""
        self.buffer = b""
        self.empty = False
        """the last window was all zeros"""
        self.tail: deque[bytes] = deque()
        self._kept = 0

    def take(self, data: bytes, ended: bool) -> None:
        """Search the next bytes; with `ended` there are no more."""
        self.tail.append(data)
        self._kept += len(data)
        while self._kept - len(self.tail[0]) > _TAIL:
            self._kept -= len(self.tail.popleft())
        self.buffer += data
        if b"\x09arm_gicv3" in self.buffer:
            self.names.add("arm_gicv3")
        at = 0
        while (hit := self.buffer.find(_NAME, at)) >= 0:
            if not ended and len(self.buffer) - hit < qemu_cpu.LARGEST:
                break
            at = hit + 1
            if entry := _examine(self.buffer, hit - 5, self.base):
                self.found.append(entry)
                at = hit + (entry.section.length if entry.section else 1)
        keep = max(0, hit - 5) if hit >= 0 else max(at, len(self.buffer) - 32)
        self.buffer, self.base = self.buffer[keep:], self.base + keep

    def tail_bytes(self) -> bytes:
        """The last bytes of the stream."""
        return b"".join(self.tail)

    def result(self) -> Scan:
        """Everything, at the end."""
        names = frozenset(self.names)
        return Scan(found=tuple(self.found), tail=self.tail_bytes(), length=self.base + len(self.buffer), names=names)


def _ends(tail: bytes) -> bool:
    """True when the stream's own end is among these bytes."""
    try:
        described_vcpus(tail, "")
    except SourceError:
        return False
    return True


def _step_over_hole(stream: BinaryIO, left: int | None) -> int:
    """Go to the next data of a sparse file; gives how many zeros were not read."""
    try:
        number = stream.fileno()
        at = stream.tell()
        end = at + left if left is not None else os.fstat(number).st_size
        stand = os.lseek(number, 0, os.SEEK_CUR)
        try:
            data = os.lseek(number, at, os.SEEK_DATA)
        except OSError as error:
            data = end if error.errno == errno.ENXIO else at
        os.lseek(number, stand, os.SEEK_SET)
    except (OSError, ValueError):
        return 0
    target = max(at, min(data, end))
    stream.seek(target)
    return target - at


def _examine(buffer: bytes, start: int, base: int) -> Found | None:
    """The section whose header starts at `start`, or None when this is no header of a `cpu` section."""
    if start < 0 or start + _HEAD.size > len(buffer):
        return None
    kind, number, _, instance, version = _HEAD.unpack_from(buffer, start)
    if kind not in (1, 4) or number >= 1 << 20 or instance >= 1 << 16 or version >= 1 << 8:
        return None
    at = start + _HEAD.size
    section, damage = None, ""
    try:
        if version != qemu_cpu.VERSION:
            raise DamagedError(f"has version {version}, not an arm64 vCPU's {qemu_cpu.VERSION}")
        section = qemu_cpu.read_cpu(buffer[at : at + qemu_cpu.LARGEST], number, instance)
    except DamagedError as error:
        damage = str(error)
    return Found(payload_at=base + at, instance=instance, version=version, section=section, damage=damage)


def start_from_end(file: BinaryIO, begin: int, end: int) -> int:
    """Where to begin scanning a file whose RAM could not be walked: some way before the last group of `cpu` sections.

    Windows are looked at from the end backwards, holes are stepped over. Gives `begin` when there is no such section.
    """
    upper, seen = end, end
    looked = 0
    while upper > begin and looked < _FARTHEST:
        lower = max(begin, upper - 4 * _WINDOW)
        if _is_hole(file, lower, upper):
            upper = lower
            continue
        file.seek(lower)
        data = file.read(upper - lower + 64)
        empty = not data.strip(b"\0")
        looked += 0 if empty else len(data)
        hits = [
            i for i in _positions(data) if (entry := _examine(data, i - 5, 0)) and entry.version == qemu_cpu.VERSION
        ]
        if hits:
            seen = lower + hits[0] - 5
        elif seen < end:
            return max(begin, seen)
        upper = lower
    return max(begin, seen) if seen < end else begin


_FARTHEST = 2 << 30
"""Bytes of a file that are searched for its device state."""


def _positions(data: bytes) -> Iterator[int]:
    at = data.find(_NAME)
    while at >= 0:
        yield at
        at = data.find(_NAME, at + 1)


def _is_hole(file: BinaryIO, lower: int, upper: int) -> bool:
    try:
        return os.lseek(file.fileno(), lower, os.SEEK_DATA) >= upper
    except OSError as error:
        return error.errno == errno.ENXIO


def first_group(found: tuple[Found, ...]) -> tuple[Found, ...]:
    """The headers of one VM's vCPUs: those up to the first instance that occurs again as a whole section."""
    group: dict[int, Found] = {}
    for entry in found:
        known = group.get(entry.instance)
        if known and known.section:
            if entry.section:
                break
            continue
        if entry.section or not known:
            group[entry.instance] = entry
    return tuple(group.values())


def last_group(found: tuple[Found, ...]) -> tuple[Found, ...]:
    """The same from the end: the last sections, up to the first instance that occurs again."""
    return tuple(reversed(first_group(tuple(reversed(found)))))
