"""Find the `cpu` sections behind a stream's RAM, where sections state no length."""

from __future__ import annotations

import os
import struct
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from inspector.sources.formats import qemu_cpu
from inspector.sources.formats.qemu_cpu import CpuSection, DamagedError

_NAME = b"\x03cpu"
_WINDOW = 1 << 20
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


def scan(stream: BinaryIO, position: int) -> Scan:
    """Look for `cpu` sections from `position` on, where `stream` stands; at most 2 MiB are held besides the tail."""
    found: list[Found] = []
    tail: deque[bytes] = deque()
    kept = 0
    names: set[str] = set()
    buffer, base, ended = b"", position, False
    while not ended:
        data = stream.read(_WINDOW)
        ended = not data
        tail.append(data)
        kept += len(data)
        while kept - len(tail[0]) > _TAIL:
            kept -= len(tail.popleft())
        buffer += data
        if b"\x09arm_gicv3" in buffer:
            names.add("arm_gicv3")
        at = 0
        while (hit := buffer.find(_NAME, at)) >= 0:
            if not ended and len(buffer) - hit < qemu_cpu.LARGEST:
                break
            at = hit + 1
            if entry := _examine(buffer, hit - 5, base):
                found.append(entry)
                at = hit + (entry.section.length if entry.section else 1)
        keep = max(0, hit - 5) if hit >= 0 else max(at, len(buffer) - 32)
        buffer, base = buffer[keep:], base + keep
    return Scan(found=tuple(found), tail=b"".join(tail), length=base + len(buffer), names=frozenset(names))


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
        looked += len(data)
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
        return error.errno == 6


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
