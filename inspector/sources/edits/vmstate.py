"""Firecracker's vmstate with the values of single registers replaced, and its checksum computed again.

Values are little-endian and as wide as their register at the offsets that the dump keeps. The last eight bytes are
the CRC-64 of all before them (src/vmm/src/snapshot/mod.rs), in every release.
"""

from __future__ import annotations

from collections.abc import Mapping

from inspector.errors import InspectorError
from inspector.registers.encoding import size_of
from inspector.sources.edits.change import Changes, not_found
from inspector.sources.formats.firecracker_vmstate import checksum

_SUM = 8


def edited(data: bytes, changes: Mapping[int, Changes], where: str) -> bytes:
    """The file with the changed values replaced. Raises InspectorError when its checksum did not agree before."""
    if checksum(data):
        raise InspectorError("its checksum does not agree: it is damaged or cut short, so no copy is made", where)
    copy = bytearray(data)
    for wanted in changes.values():
        for reg_id, change in wanted.items():
            at, width = change.offset, size_of(reg_id)
            if at is None:
                raise not_found(reg_id, where)
            old, new = (value.to_bytes(width, "little") for value in (change.old, change.new))
            if data[at : at + width] != old or at + width > len(data) - _SUM:
                raise InspectorError(f"byte {at} does not hold {old.hex()}, which was read before", where)
            copy[at : at + width] = new
    copy[-_SUM:] = checksum(bytes(copy[:-_SUM])).to_bytes(_SUM, "little")
    return bytes(copy)
