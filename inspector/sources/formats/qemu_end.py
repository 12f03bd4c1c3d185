"""The end of a QEMU stream: is it all there, and how many vCPUs does its own description count?"""

from __future__ import annotations

import re
import struct

import msgspec

from inspector.errors import SourceError

_DESCRIPTION = re.compile(rb'\x00\x06(?=.{4}\s*\{\s*"\w{2,40}"\s*:)', re.DOTALL)
"""End mark, type byte, length, and the start of the JSON text: `{ "page_size" : ...` to QEMU 5.2, `{"` since 6.0"""
_FOOTER = 0x7E


class _Field(msgspec.Struct):
    name: str = ""
    array_len: int = 1


class _Device(msgspec.Struct):
    name: str = ""
    instance_id: int = 0
    fields: list[_Field] = []


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
    return {
        device.instance_id: next((f.array_len for f in device.fields if f.name == "cpreg_vmstate_indexes"), 0)
        for device in devices
        if device.name == "cpu"
    }


def _devices(tail: bytes, start: int, where: str) -> list[_Device]:
    """The devices of the description whose length stands at `start`. Raises SourceError when it is not whole."""
    (length,) = struct.unpack_from(">I", tail, start)
    text = tail[start + 4 : start + 4 + length]
    if len(text) < length:
        raise SourceError("the stream ends inside the description of its devices", where, "it is truncated")
    try:
        return msgspec.json.decode(text, type=_Description).devices
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
