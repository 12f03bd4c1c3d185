"""QEMU's internal snapshots: the VM state that `savevm` keeps inside a qcow2 image.

The state lies behind the end of the virtual disk, at the first address that a new level-1 entry covers, in the mapping
of the snapshot (docs/interop/qcow2.txt). Clusters are followed through both table levels, so they may lie anywhere.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO, Final

import msgspec

from inspector.budget import STEPS, Budget
from inspector.errors import SourceError
from inspector.sources.dump import Dump
from inspector.sources.formats.qemu_stream import read_stream
from inspector.sources.opening import Content
from inspector.untrusted import Untrusted

NAME: Final = "qcow2-snapshot"
HAS_SNAPSHOTS = True
_MAGIC = b"QFI\xfb"
_HEADER = struct.Struct(">4sIQIIQIIQQIIQ")
_ENTRY = struct.Struct(">QIHHIIQII")
_OFFSET = 0x00FFFFFFFFFFFE00
_WORDS = 4096
"""Entries of the level-1 table that are read at once"""
_COMPRESSED, _ZERO = 1 << 62, 1


class Snapshot(msgspec.Struct, frozen=True):
    """One entry of the table of snapshots."""

    id: str
    name: str
    l1_offset: int
    l1_size: int
    state_size: int
    """bytes of VM state; 0 for a snapshot of the disk alone"""
    disk_size: int


class Image(msgspec.Struct, frozen=True):
    """An open image and its snapshots in the order of their table."""

    file: BinaryIO
    bits: int
    """a cluster has 2**bits bytes"""
    entry_bits: int
    """an entry of a level-2 table has 2**entry_bits bytes"""
    snapshots: tuple[Snapshot, ...]
    budget: Budget

    @property
    def with_state(self) -> tuple[Snapshot, ...]:
        """The snapshots that have VM state."""
        return tuple(each for each in self.snapshots if each.state_size)

    def chosen(self, wanted: str = "") -> Snapshot:
        """The snapshot with this name or ID; without one the last that has VM state. Raises SourceError."""
        where = self.budget.where
        if not wanted:
            if self.with_state:
                return self.with_state[-1]
            hint = f"snapshots: {named(self.snapshots)}; `savevm` makes one with state"
            raise SourceError("no snapshot in it has VM state", where, hint)
        found = [each for each in self.snapshots if each.name == wanted]
        found = found or [each for each in self.snapshots if each.id == wanted]
        if not found:
            raise SourceError(f"has no snapshot {wanted!r}", where, f"it has: {named(self.snapshots)}")
        if len(found) > 1:
            raise SourceError(f"has {len(found)} snapshots named {wanted!r}", where, f"use an ID: {named(found)}")
        if not found[0].state_size:
            raise SourceError(f"snapshot {wanted!r} has no VM state", where, f"it has: {named(self.snapshots)}")
        return found[0]

    def state(self, snapshot: Snapshot) -> State:
        """The VM state of a snapshot, as a seekable file."""
        return State(self.file, snapshot, self.bits, self.entry_bits, self.budget)


def sniff(content: Content) -> bool:
    """qcow2's magic."""
    return content.head.startswith(_MAGIC)


def named(snapshots: Sequence[Snapshot]) -> str:
    """`1 'before' (no VM state), 2 'after' and 3 more`, for messages."""
    texts = [f"{each.id} {each.name!r}{'' if each.state_size else ' (no VM state)'}" for each in snapshots[:8]]
    more = f" and {len(snapshots) - 8} more" if len(snapshots) > 8 else ""
    return ", ".join(texts) + more if texts else "none"


def image_of(content: Content) -> Image:
    """The image and its table of snapshots. Raises SourceError for one that is damaged, packed or encrypted."""
    where = content.name
    if not content.file:
        raise SourceError("a qcow2 image has to be a plain file", where, "unpack it first; a pipe cannot be sought in")
    if len(content.head) < _HEADER.size:
        raise SourceError("the qcow2 header is cut short", where, "the file is truncated")
    _, version, _, _, bits, size, crypt, _, _, _, _, count, table = _HEADER.unpack_from(content.head)
    features = struct.unpack_from(">Q", content.head, 72)[0] if version >= 3 and len(content.head) >= 80 else 0
    if version not in (2, 3) or not 9 <= bits <= 21:
        raise SourceError(
            f"a qcow2 image of version {version} with clusters of 2**{bits} bytes", where, "is it damaged?"
        )
    if crypt or features & 0b100:
        raise SourceError("the image is encrypted or keeps its data in another file", where, "convert it first")
    entry_bits = 4 if features & 0b10000 else 3
    snapshots = tuple(_snapshots(content.file, count, table, size, where))
    return Image(content.file, bits, entry_bits, snapshots, content.budget)


def load(content: Content) -> Dump:
    """The dump of the snapshot that was asked for by name or ID, else of the last one that has VM state.

    Raises SourceError when there is none, or a table is damaged.
    """
    image = image_of(content)
    chosen = image.chosen(content.snapshot)
    state = image.state(chosen)
    dump = state_dump(state)
    vcpus = tuple(msgspec.structs.replace(v, offsets=_in_file(state, v.offsets)) for v in dump.vcpus)
    notes: tuple[str, ...] = (f"VM state of the internal snapshot {chosen.name!r}, ID {chosen.id}",)
    if others := [each for each in image.snapshots if each is not chosen]:
        notes += (f"other snapshots in the image, for --snapshot: {named(others)}",)
    provenance = msgspec.structs.replace(dump.provenance, format=NAME, snapshot=Untrusted(chosen.id))
    return msgspec.structs.replace(dump, provenance=provenance, vcpus=vcpus, notes=notes + dump.notes)


def _in_file(state: State, offsets: Mapping[int, int]) -> dict[int, int]:
    """The file offsets of the values that lie in one cluster each."""
    found = {reg_id: state.pieces(offset, 8) for reg_id, offset in offsets.items()}
    return {reg_id: at for reg_id, pieces in found.items() if len(pieces) == 1 and (at := pieces[0][0]) is not None}


def state_dump(state: State) -> Dump:
    """The dump of a VM state; offsets count from the state's first byte."""
    buffered = io.BufferedReader(state, 1 << 16)
    return read_stream(buffered, state.where, state.budget, seekable=True, length=state.size)


def _snapshots(file: BinaryIO, count: int, table: int, disk_size: int, where: str) -> list[Snapshot]:
    if count > 65536:
        raise SourceError(f"counts {count} snapshots", where, "the image is damaged")
    found, at = [], table
    for _ in range(count):
        data = _read_at(file, at, _ENTRY.size + 4096 + 2 * 65535)
        if len(data) < _ENTRY.size:
            raise SourceError("the table of snapshots runs past the end", where, "the file is truncated")
        l1_offset, l1_size, id_size, name_size, _, _, _, small, extra = _ENTRY.unpack_from(data)
        large, disk = (
            struct.unpack_from(">QQ", data, _ENTRY.size) if extra >= 16 and len(data) >= 56 else (small, disk_size)
        )
        start = _ENTRY.size + extra + id_size
        if extra > 4096 or start + name_size > len(data):
            raise SourceError("an entry of the table of snapshots is damaged", where, "the file is damaged")
        name = data[start : start + name_size].decode("utf-8", "replace")
        own = data[start - id_size : start].decode("utf-8", "replace")
        found.append(Snapshot(own, name, l1_offset, l1_size, large or small, disk))
        at += (start + name_size + 7) // 8 * 8
    return found


def _read_at(file: BinaryIO, offset: int, count: int) -> bytes:
    """Up to `count` bytes; none beyond what a file can hold."""
    if offset >= 1 << 63:
        return b""
    file.seek(offset)
    return file.read(count)


class State(io.RawIOBase):
    """The VM state of one snapshot as a seekable file."""

    def __init__(self, file: BinaryIO, snapshot: Snapshot, bits: int, entry_bits: int, budget: Budget) -> None:
        super().__init__()
        self._file, self._snapshot, self._bits, self.where = file, snapshot, bits, budget.where
        self.budget = budget
        self.size = snapshot.state_size
        self._l2_bits = bits - entry_bits
        self._entry = 1 << entry_bits
        covered = 1 << (bits + self._l2_bits)
        self._start = (snapshot.disk_size + covered - 1) // covered * covered
        self._table: tuple[int, bytes] = (-1, b"")
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = (0, self._at, self._snapshot.state_size)[whence] + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        room = memoryview(buffer).cast("B")
        inside = (self._start + self._at) & ((1 << self._bits) - 1)
        count = min(len(room), (1 << self._bits) - inside, self._snapshot.state_size - self._at)
        if count <= 0:
            return 0
        place = self.place(self._at)
        if place is None:
            data = bytes(count)
        else:
            data = _read_at(self._file, place, count)
            if len(data) < count:
                raise SourceError(
                    "a cluster of the VM state lies past the end of the image", self.where, "is it truncated?"
                )
        room[:count] = data
        self._at += count
        return count

    def pieces(self, offset: int, count: int) -> list[tuple[int | None, int]]:
        """Where `count` bytes of the state lie: file offset (None for a hole) and length of each piece, in order."""
        found = []
        while count > 0:
            inside = (self._start + offset) & ((1 << self._bits) - 1)
            length = min(count, (1 << self._bits) - inside)
            found.append((self.place(offset), length))
            offset, count = offset + length, count - length
        return found

    def place(self, offset: int) -> int | None:
        """File offset of one byte of the state, and of those that follow it in its cluster; None for a hole."""
        address = self._start + offset
        inside = address & ((1 << self._bits) - 1)
        index, second = address >> (self._bits + self._l2_bits), address >> self._bits & ((1 << self._l2_bits) - 1)
        if index >= self._snapshot.l1_size:
            raise SourceError("the VM state is longer than its mapping", self.where, "the image is damaged")
        if self._table[0] != index:
            l2 = self._word(self._snapshot.l1_offset + 8 * index) & _OFFSET
            self._table = (index, _read_at(self._file, l2, 1 << self._bits) if l2 else b"")
        data = self._table[1]
        if not data:
            return None
        if len(data) < 1 << self._bits:
            raise SourceError("a mapping table lies past the end of the image", self.where, "is it truncated?")
        entry = int.from_bytes(data[second * self._entry :][:8], "big")
        if entry & _COMPRESSED:
            raise SourceError("a cluster of the VM state is compressed", self.where, "QEMU never writes such an image")
        if entry & _ZERO or not entry & _OFFSET:
            return None
        return (entry & _OFFSET) + inside

    def next_data(self, offset: int) -> int | None:
        """Offset in the state of the first byte at or behind `offset` that is mapped; None when there is none."""
        return self._next(offset, mapped=True)

    def next_hole(self, offset: int) -> int:
        """Offset of the first byte at or behind `offset` that is not mapped; the end where all are."""
        found = self._next(offset, mapped=False)
        return self._snapshot.state_size if found is None else found

    def _next(self, offset: int, mapped: bool) -> int | None:
        """The first byte at or behind `offset` that is mapped or not: tables that are missing are passed as a whole."""
        size = 1 << self._bits
        at = offset
        while at < self._snapshot.state_size:
            self.budget.spend(STEPS, 2)
            if (self.place(at) is not None) == mapped:
                return at
            at += size - ((self._start + at) & (size - 1)) if self._table[1] else self._to_next_table(at)
        return None

    def _to_next_table(self, offset: int) -> int:
        """How far it is to the next table of clusters that exists, from `offset` in one that does not."""
        covered, count = self._bits + self._l2_bits, self._snapshot.l1_size
        index = ((self._start + offset) >> covered) + 1
        while index < count:
            self.budget.spend(STEPS, 50)
            words = _read_at(self._file, self._snapshot.l1_offset + 8 * index, 8 * min(_WORDS, count - index))
            index += (len(words) - len(words.lstrip(b"\0"))) // 8
            if words.strip(b"\0") or not words:
                break
        return (index << covered) - self._start - offset

    def _word(self, offset: int) -> int:
        data = _read_at(self._file, offset, 8)
        if len(data) < 8:
            raise SourceError("the level-1 table lies past the end of the image", self.where, "is it truncated?")
        return int.from_bytes(data, "big")
