"""The end of a QEMU stream: is it all there, how many vCPUs does its own description count, where do sections lie?"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from inspector.budget import STEPS, Budget
from inspector.errors import SourceError
from inspector.readable import readable

_DESCRIPTION = re.compile(rb'\x00\x06(?=.{4}\s*\{\s*"\w{2,40}"\s*:)', re.DOTALL)
"""End mark, type byte, length, and the start of the JSON text: `{ "page_size" : ...` to QEMU 5.2, `{"` since 6.0"""
_FOOTER = 0x7E


class _Field(msgspec.Struct):
    name: str = ""
    array_len: int = 1
    size: int = 0
    """bytes of one element, all that lies in it included"""


class _Part(msgspec.Struct):
    """A subsection."""

    vmsd_name: str = ""
    fields: list[_Field] = []
    subsections: list[_Part] = []

    @property
    def size(self) -> int:
        """Bytes of its fields and its own subsections, each behind a type byte, its name and its version."""
        own = sum(field.size * field.array_len for field in self.fields)
        return own + sum(6 + len(part.vmsd_name.encode()) + part.size for part in self.subsections)


class _Device(_Part):
    name: str = ""
    instance_id: int = 0
    version: int = 0

    @property
    def registers(self) -> int:
        """How many registers a vCPU's section lists; 0 for another device."""
        return next((field.array_len for field in self.fields if field.name == "cpreg_vmstate_indexes"), 0)


class _Description(msgspec.Struct):
    devices: list[_Device] = []


def described_vcpus(tail: bytes, where: str) -> dict[int, int] | None:
    """Instance -> number of listed registers, from the description at the end; None for a stream without one.

    Raises SourceError when the end is missing: neither a whole description nor an end mark behind the last section.
    """
    found = [match.end() for match in _DESCRIPTION.finditer(tail)]
    devices: list[_Device] | None = None
    reasons: list[SourceError] = []
    for start in reversed(found):
        try:
            devices = _devices(tail, start, where)
            break
        except SourceError as error:
            reasons.append(error)
    if devices is None:
        if _has_end_mark(tail):
            return None
        if reasons:
            raise reasons[0]
        raise SourceError("the stream ends without its end mark", where, "it is truncated, vCPUs may be missing")
    return {device.instance_id: device.registers for device in devices if device.name == "cpu"}


def _devices(tail: bytes, start: int, where: str) -> list[_Device]:
    """The devices of the description whose length stands at `start`. Raises SourceError when it is not whole."""
    (length,) = struct.unpack_from(">I", tail, start)
    text = tail[start + 4 : start + 4 + length]
    if len(text) < length:
        raise SourceError("the stream ends inside the description of its devices", where, "it is truncated")
    try:
        return msgspec.json.decode(text, type=readable(_Description)).devices
    except (msgspec.DecodeError, RecursionError, ValueError):
        raise SourceError("the description at the stream's end is damaged", where, "copy the file again") from None


def _has_end_mark(tail: bytes) -> bool:
    """True when the last section's footer and the end mark are the last bytes, zero padding apart.

    The footer is its type byte and the section's number in four bytes, of which the last may be zero like the mark
    and the padding behind it.
    """
    used = tail.rstrip(b"\0")
    padding = len(tail) - len(used)
    return any(used[-behind:][:1] == bytes((_FOOTER,)) and padding >= 6 - behind for behind in range(1, 6))


class Section(msgspec.Struct, frozen=True):
    """A device's section whose place and length are known."""

    name: str
    number: int
    instance: int
    version: int
    registers: int
    """as `_Device.registers`"""
    at: int
    """offset in the stream of its first byte behind the header"""
    length: int
    """bytes from there to its footer"""


_WORD_AND_FOOTER = struct.Struct(">QBI")
_LAST_WORD = 0x10
"""The word that ends a part of guest memory (migration/ram.c, RAM_SAVE_FLAG_EOS)"""
_LOOKED_AT = (1 << 20, 16 << 20)
"""Bytes before the end of a stream in which its description begins; it has some 7 KB for each vCPU"""


def sections_from_end(
    file: BinaryIO, begin: int, end: int, ram_id: int, page_size: int, budget: Budget
) -> tuple[Section, ...] | None:
    """Every device section behind guest memory, from the end of a file backwards; None unless all of it fits together.

    `file` holds the stream up to its byte `end` exactly, `begin` is behind the stream's beginning. The description that
    ends there says each section's length. It is believed where each header, with name, instance and version, and each
    footer stands where these lengths put it, all the way to the mark at which guest memory with the number `ram_id`
    ends; and where none of it can be pages of guest memory, as of a stream that is cut off where the guest keeps
    another one.
    """
    found = _description(file, begin, end)
    if found is None:
        return None
    at, devices = found
    sections: list[Section] = []
    for device in reversed(devices):
        budget.spend(STEPS, 10)
        section = _section_before(file, begin, at, device)
        if section is None:
            break  # a device that is saved before guest memory, or something else
        sections.append(section)
        at = section.at - _header_length(device)
    cpus = sum(device.name == "cpu" for device in devices)
    if not cpus or sum(section.name == "cpu" for section in sections) != cpus:
        return None
    if not _behind_memory(file, begin, at, ram_id) or end - at > _LONGEST_STATE:
        return None
    return None if _may_be_memory(_read(file, at, end - at), page_size, budget) else tuple(reversed(sections))


def _may_be_memory(data: bytes, page_size: int, budget: Budget) -> bool:
    """Whether `data` may be a part of guest memory in a stream, whatever its pages hold.

    Then a word with an address and the flags of a page stands before every page, and another such word behind it. Two
    of them are in anything that is as long as two pages; less than that could be either.
    """
    stride = 8 + page_size
    if len(data) < 2 * stride + 8:
        return True
    mark, flags = bytes((_FULL_PAGE,)), page_size - 1
    at = data.find(mark, 7)
    while 0 <= at < len(data) - stride:
        budget.spend(STEPS)
        word, behind = (int.from_bytes(data[start : start + 8], "big") for start in (at - 7, at - 7 + stride))
        if word & flags == _FULL_PAGE and behind & flags in _BEHIND_PAGE and not (word | behind) >> _ADDRESS_BITS:
            return True
        at = data.find(mark, at + 1)
    return False


_FULL_PAGE = 0x28
"""Flags of a page as it is, of the same block as the one before (migration/ram.c, RAM_SAVE_FLAG_)"""
_BEHIND_PAGE = frozenset((0x28, 0x22, 0x08, 0x02, 0x10, 0x40, 0x60, 0x100, 0x120, 0x200))
_ADDRESS_BITS = 52
_LONGEST_STATE = 64 << 20


def _description(file: BinaryIO, begin: int, end: int) -> tuple[int, list[_Device]] | None:
    """The description that ends at `end`: offset of the end mark before it, and its devices."""
    for most in _LOOKED_AT:
        start = max(begin, end - most)
        tail = _read(file, start, end - start)
        for at in _marks(tail):
            try:
                return start + at, _devices(tail, at + 2, "")
            except SourceError:
                return None
        if start == begin:
            break
    return None


def _marks(tail: bytes) -> Iterator[int]:
    """Where an end mark and a description stand that reaches the end exactly."""
    at = tail.rfind(b"\x00\x06")
    while at >= 0:
        if int.from_bytes(tail[at + 2 : at + 6], "big") == len(tail) - at - 6:
            yield at
        at = tail.rfind(b"\x00\x06", 0, at + 1)


def _header_length(device: _Device) -> int:
    """Type, number, name with its length, instance, version."""
    return 1 + 4 + 1 + len(device.name.encode()) + 8


def _section_before(file: BinaryIO, begin: int, end: int, device: _Device) -> Section | None:
    """The device's section that ends at `end`, footer included; None where it does not stand there."""
    name, length = device.name.encode(), device.size
    at = end - 5 - length
    start = at - _header_length(device)
    if length < 0 or start < begin or len(name) > 255:
        return None
    header, foot = _read(file, start, at - start), _read(file, end - 5, 5)
    number = header[1:5]
    told = struct.pack(">B", len(name)) + name + struct.pack(">Q", device.instance_id << 32 | device.version)
    if header[:1] != b"\x04" or header[5:] != told or foot != bytes((_FOOTER,)) + number:
        return None
    return Section(
        device.name, int.from_bytes(number, "big"), device.instance_id, device.version, device.registers, at, length
    )


def _behind_memory(file: BinaryIO, begin: int, at: int, ram_id: int) -> bool:
    """Whether a section of guest memory ends at `at`: its last word and its footer."""
    size = _WORD_AND_FOOTER.size
    data = _read(file, at - size, size) if at - size >= begin else b""
    if len(data) < size:
        return False
    word, mark, number = _WORD_AND_FOOTER.unpack(data)
    return (word, mark, number) == (_LAST_WORD, _FOOTER, ram_id)


def _read(file: BinaryIO, at: int, count: int) -> bytes:
    file.seek(at)
    return file.read(count)
