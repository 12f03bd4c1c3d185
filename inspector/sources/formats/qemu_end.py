"""The end of a QEMU stream: is it all there, and how many vCPUs does its own description count?"""

from __future__ import annotations

import re
import struct

import msgspec

from inspector.errors import SourceError

_DESCRIPTION = re.compile(rb'\x00\x06(?=.{4}\{"(?:configuration|page_size|devices|vmsd_name)")', re.DOTALL)
"""End mark, type byte, length, and the start of the JSON text"""
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
    start = -1
    for match in _DESCRIPTION.finditer(tail):
        start = match.end()
    if start < 0:
        if not _has_end_mark(tail):
            raise SourceError("the stream ends without its end mark", where, "it is truncated, vCPUs may be missing")
        return None
    (length,) = struct.unpack_from(">I", tail, start)
    text = tail[start + 4 : start + 4 + length]
    if len(text) < length:
        raise SourceError("the stream ends inside the description of its devices", where, "it is truncated")
    try:
        devices = msgspec.json.decode(text, type=_Description).devices
    except (msgspec.DecodeError, RecursionError, ValueError):
        raise SourceError("the description at the stream's end is damaged", where, "copy the file again") from None
    return {
        device.instance_id: next((f.array_len for f in device.fields if f.name == "cpreg_vmstate_indexes"), 0)
        for device in devices
        if device.name == "cpu"
    }


def _has_end_mark(tail: bytes) -> bool:
    """True when the last section's footer and the end mark are the last bytes, zero padding apart."""
    padding = len(tail) - len(tail.rstrip(b"\0"))
    return any(tail[-6 - n : -5 - n] == bytes((_FOOTER,)) for n in range(min(padding, 5))) or (
        padding > 5 and tail[-padding - 5 : -padding - 4] == bytes((_FOOTER,))
    )
