"""Firecracker's vmstate file, up to 1.14: every vCPU's registers, found by the structure of their list.

The file begins with a magic number and a version; what surrounds the vCPUs changes with every release, but the list
itself (since 1.5) is a count, that many ids, the length of a block of bytes, and the values back to back, each as
wide as its id says, little-endian. A place where all of this fits is a vCPU. From 1.15 on the encoding is packed and
cannot be found so.
"""

from __future__ import annotations

import re
import struct

from inspector.budget import RECORDS, STEPS, VCPUS, Budget
from inspector.errors import SourceError
from inspector.registers.encoding import size_of
from inspector.sources.dump import Dump, Provenance, Vcpu
from inspector.sources.jsontext import checked
from inspector.sources.opening import Content
from inspector.sources.vcpu_setup import listed_setup

NAME = "firecracker-vmstate"
_MAGIC = struct.pack("<Q", 0x07101984AAAA0000)
_MAGIC_X86 = struct.pack("<Q", 0x0710198486640000)
_LIST = re.compile(rb"(?=.[\x00-\x04]\x00{6}..[\x10-\x16]\x00\x00\x00[\x20-\x80]\x60)", re.DOTALL)
"""a count below 1280, and an id of a KVM register"""


def sniff(content: Content) -> bool:
    """Firecracker's magic number, of either architecture."""
    return content.head.startswith((_MAGIC, _MAGIC_X86))


def load(content: Content) -> Dump:
    """The dump. Raises SourceError for x86 snapshots and for those without a list of that form."""
    where = content.name
    if content.head.startswith(_MAGIC_X86):
        raise SourceError("is a Firecracker snapshot of an x86 VM", where)
    data = content.whole()
    version = _version(data)
    vcpus: list[Vcpu] = []
    notes = ["vCPUs were found by the form of their register lists"]
    if len(data) <= _CHECKED and checksum(data):
        notes.append("the checksum does not agree: the file is damaged or cut short, vCPUs may be missing")
    at = 8
    while match := _LIST.search(data, at):
        at = match.start() + 1
        if found := _read(data, match.start(), content.budget):
            rows, at = found
            content.budget.spend(VCPUS)
            content.budget.spend(RECORDS, len(rows))
            values = checked([(reg_id, value) for reg_id, value, _ in rows], f"{where}, vCPU {len(vcpus)}")
            offsets = {reg_id: place for reg_id, _, place in rows}
            setup = listed_setup(values, gic="v3")
            vcpus.append(Vcpu(index=len(vcpus), values=values, setup=setup, offsets=offsets))
    if not vcpus:
        raise SourceError(
            f"no list of registers is found in this Firecracker snapshot{version and f' (format {version})'}",
            where,
            "Firecracker 1.15 and newer pack them; use cpu-template-helper fingerprint dump of the same version",
        )
    provenance = Provenance(
        source=where, format=NAME, compression=content.compression, tool=f"Firecracker, snapshot format {version}"
    )
    return Dump(provenance=provenance, vcpus=tuple(vcpus), notes=tuple(notes))


def checksum(data: bytes) -> int:
    """CRC-64/Redis (Jones' polynomial, reflected, nothing inverted), which is 0 over a file that ends in its own."""
    crc = 0
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc


def _table() -> list[int]:
    table = []
    for crc in range(256):
        for _ in range(8):
            crc = crc >> 1 ^ (0x95AC9329AC4BC9B5 if crc & 1 else 0)
        table.append(crc)
    return table


_TABLE = _table()
_CHECKED = 4 << 20
"""Longer files are not summed up: a vCPU takes some 6 KB, and a second of time is too much."""


def _version(data: bytes) -> str:
    """The format's version: a text with its length before it, or three numbers (bincode 2)."""
    length = int.from_bytes(data[8:16], "little")
    if 5 <= length <= 16 and re.fullmatch(rb"[0-9.]+", text := data[16 : 16 + length]):
        return text.decode()
    numbers = struct.unpack_from("<3Q", data.ljust(32, b"\xff"), 8)
    return ".".join(map(str, numbers)) if max(numbers) < 1000 else ""


def _read(data: bytes, start: int, budget: Budget) -> tuple[list[tuple[int, int, int]], int] | None:
    """Ids, values and offsets, and the end of the list that begins at `start`, if all its parts fit each other."""
    count = int.from_bytes(data[start : start + 8], "little")
    block = start + 8 + 8 * count
    if not 1 <= count <= 1200 or block + 8 > len(data):
        return None
    budget.spend(STEPS, 3 + count // 16)
    ids = struct.unpack_from(f"<{count}Q", data, start + 8)
    if ids[-1] >> 56 != 0x60 or any(reg_id >> 56 != 0x60 for reg_id in ids) or len(set(ids)) != count:
        return None
    budget.spend(STEPS, count // 4)
    length = sum(map(size_of, ids))
    if int.from_bytes(data[block : block + 8], "little") != length or block + 8 + length > len(data):
        return None
    rows, at = [], block + 8
    for reg_id in ids:
        size = size_of(reg_id)
        rows.append((reg_id, int.from_bytes(data[at : at + size], "little"), at))
        at += size
    return rows, at
