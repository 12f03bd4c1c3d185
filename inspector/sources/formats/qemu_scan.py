"""Find the `cpu` sections behind a stream's RAM, where sections state no length."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import BinaryIO, NamedTuple

import msgspec

from inspector.budget import SEARCHED, STEPS, Budget, most
from inspector.errors import SourceError
from inspector.sources.formats import qemu_cpu
from inspector.sources.formats.qemu_cpu import CpuSection, DamagedError
from inspector.sources.formats.qemu_end import Section, described_vcpus
from inspector.sources.sparse import data_from, extents_from_end

_NAME = b"\x03cpu"
_WINDOW = 1 << 20
_EMPTY = bytes(_WINDOW)
_TAIL = 16 << 20
"""The trailing description has some 7 KB for each vCPU; so much is kept of a stream's end."""
_WIDE_HOLE = 2 << 20
"""Bytes of a hole that is stepped over; a shorter one may lie within a section that is zero in part."""
_ZEROS = 60
"""Steps of work that a window of zeros takes; ten times as many where nothing says that the stream is one"""
_FIRST_LOOK = 4096
"""Bytes at the end of a file that mostly tell whether it ends in zeros"""
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
    described: Mapping[int, int] | None = None
    """vCPU -> number of registers, where the stream's description was read already; None: it is in `tail`"""


class Extent(NamedTuple):
    """Where the bytes that are searched lie."""

    limit: int | None = None
    """so many bytes, where the device state's length is known"""
    base: int = 0
    """offset in the file of the stream's first byte"""
    length: int | None = None
    """the stream's own, where it can seek: holes are stepped over then"""


_UNBOUNDED = Extent()


def scan(
    stream: BinaryIO,
    position: int,
    budget: Budget,
    extent: Extent = _UNBOUNDED,
    *,
    may_stop: bool = True,
    within_limit: bool = True,
) -> Scan:
    """Look for `cpu` sections from `position` on, where `stream` stands; at most 2 MiB are held besides the tail.

    With `may_stop`, a stream whose end stands before a mebibyte of zeros is not read further: volumes are larger than
    what is saved in them. Without `within_limit` a stream of any length is searched to its end.
    """
    limit, base, length = extent
    search = _Search(position, budget)
    at, end = position, None if limit is None else position + limit
    while True:
        if length is not None and (start := data_from(stream, base + at, base + length) - base) - at > _WIDE_HOLE:
            search.pass_hole(start)
            stream.seek(base + start)
            at = start
        data = stream.read(_WINDOW if end is None else max(0, min(_WINDOW, end - at)))
        at += len(data)
        empty = len(data) == _WINDOW and data == _EMPTY
        if empty and search.empty:
            budget.spend(STEPS, 10 * _ZEROS if length is None and within_limit else _ZEROS)
            search.base += len(data)
            continue
        if within_limit:
            budget.spend(SEARCHED, len(data))
        search.take(data, ended=not data)
        if not data or (empty and may_stop and search.found and _ends(search.tail_bytes())):
            return search.result()
        search.empty = empty


class _Search:
    """What was found so far, and the bytes that may hold the beginning of more."""

    def __init__(self, position: int, budget: Budget) -> None:
        self.budget = budget
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
        self._look(ended)

    def pass_hole(self, start: int) -> None:
        """Go on at `start`, behind a hole that is longer than any section: zeros end what stands before it."""
        self.buffer += bytes(qemu_cpu.LARGEST)
        self._look(ended=True)
        self.buffer, self.base = b"", start

    def _look(self, ended: bool) -> None:
        if b"\x09arm_gicv3" in self.buffer:
            self.names.add("arm_gicv3")
        at = 0
        while (hit := self.buffer.find(_NAME, at)) >= 0:
            if not ended and len(self.buffer) - hit < qemu_cpu.LARGEST:
                break
            at = hit + 1
            self.budget.spend(STEPS)
            if entry := _examine(self.buffer, hit - 5, self.base, self.budget):
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


def _examine(buffer: bytes, start: int, base: int, budget: Budget) -> Found | None:
    """The section whose header starts at `start`, or None when this is no header of a `cpu` section."""
    if start < 0 or start + _HEAD.size > len(buffer):
        return None
    kind, number, _, instance, version = _HEAD.unpack_from(buffer, start)
    if kind not in (1, 4) or number >= 1 << 20 or instance >= 1 << 16 or version >= 1 << 8:
        return None
    budget.spend(STEPS, 10)
    at = start + _HEAD.size
    section, damage = None, ""
    try:
        if version != qemu_cpu.VERSION:
            raise DamagedError(f"has version {version}, not an arm64 vCPU's {qemu_cpu.VERSION}")
        budget.spend(STEPS, 20 + qemu_cpu.listed(buffer, at) // 8)
        section = qemu_cpu.read_cpu(buffer[at : at + qemu_cpu.LARGEST], number, instance)
    except DamagedError as error:
        damage = str(error)
    return Found(payload_at=base + at, instance=instance, version=version, section=section, damage=damage)


def examine_section(payload: bytes, place: Section, base: int, budget: Budget) -> Found:
    """A vCPU's section of which the place is known; `payload` reaches to the end of its footer."""
    budget.spend(STEPS, 30 + qemu_cpu.listed(payload, 0) // 8)
    section, damage = None, ""
    try:
        section = qemu_cpu.read_cpu(payload, place.number, place.instance)
    except DamagedError as error:
        damage = str(error)
    at = place.at - base
    return Found(payload_at=at, instance=place.instance, version=place.version, section=section, damage=damage)


def end_of_data(file: BinaryIO, begin: int, end: int, budget: Budget) -> int:
    """Where the zeros begin that fill a file up to `end`: a volume is larger than what is kept in it; 0 where there is
    nothing else, or too much to look through."""
    looked = 0
    last = max(begin, end - _FIRST_LOOK)
    for lower, upper in chain(((last, end),), _windows_from_end(file, begin, last, budget)):
        file.seek(lower)
        if used := len(file.read(upper - lower).rstrip(b"\0")):
            return lower + used
        budget.spend(STEPS, 4 * _ZEROS)
        looked += upper - lower
        if looked > most(SEARCHED):
            break
    return 0


def start_from_end(file: BinaryIO, begin: int, end: int, budget: Budget) -> int | None:
    """Where to begin scanning a file whose RAM could not be walked: some way before the last group of `cpu` sections.

    Windows are looked at from the end backwards, holes are stepped over. None where no such section is found among the
    bytes that may be searched.
    """
    seen: int | None = None
    looked = 0
    for lower, upper in _windows_from_end(file, begin, end, budget):
        file.seek(lower)
        data = file.read(upper - lower + 64)
        budget.spend(STEPS, 4 * _ZEROS)
        looked += len(data) if data.strip(b"\0") else 0
        if looked > most(SEARCHED):
            break
        hits = [at for at in _positions(data) if _is_header(data, at - 5, budget)]
        if hits:
            seen = lower + hits[0] - 5
        elif seen is not None:
            break
    return None if seen is None else max(begin, seen)


def _windows_from_end(file: BinaryIO, begin: int, end: int, budget: Budget) -> Iterator[tuple[int, int]]:
    """Every piece of the file's data from the end backwards, none longer than 4 MiB."""
    for start, stop in extents_from_end(file, begin, end, budget):
        upper = stop
        while upper > start:
            lower = max(start, upper - 4 * _WINDOW)
            yield lower, upper
            upper = lower


def _is_header(data: bytes, start: int, budget: Budget) -> bool:
    budget.spend(STEPS)
    entry = _examine(data, start, 0, budget)
    return entry is not None and entry.version == qemu_cpu.VERSION


def _positions(data: bytes) -> Iterator[int]:
    at = data.find(_NAME)
    while at >= 0:
        yield at
        at = data.find(_NAME, at + 1)


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
