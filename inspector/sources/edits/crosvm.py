"""crosvm's file of one vCPU, CBOR or JSON, with the values of single registers replaced.

Registers are members of three maps (see `formats.crosvm`): numbers replaced where they stand. A number of CBOR takes
the fewest bytes that hold it, so the file may get some bytes longer or shorter; nothing in it counts bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from inspector.errors import InspectorError
from inspector.registers.crosvm_keys import key_of
from inspector.registers.encoding import CLASS_DEMUX, CLASS_FIRMWARE, split_id
from inspector.sources.edits import cbor, jsonplaces
from inspector.sources.edits.change import Change, Changes, not_found
from inspector.sources.edits.plain import text_of

_PATHS = {CLASS_DEMUX: ("cache_arch_info",), CLASS_FIRMWARE: ("hypervisor_data", "firmware_regs")}


class _Place(NamedTuple):
    """Where the number of one register stands, and its value."""

    start: int
    end: int
    value: int


def edited(data: bytes, changes: Mapping[int, Changes], where: str) -> bytes:
    """The file with the changed values replaced. Raises InspectorError for one whose place is not found."""
    wanted = next(iter(changes.values()), {})
    try:
        if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
            return _in_json(data, wanted, where)
        return _in_cbor(data, wanted, where)
    except (ValueError, IndexError, KeyError, RecursionError) as error:
        raise InspectorError(f"its registers cannot be placed ({error})", where) from None


def _path(reg_id: int) -> tuple[tuple[str, ...], int]:
    """The names of the map that holds a register, and its key there."""
    parts = split_id(reg_id)
    if parts.cls in _PATHS:
        return _PATHS[parts.cls], parts.number & (0xFF if parts.cls == CLASS_DEMUX else 0xFFFF)
    return ("sys",), key_of(reg_id)


def _in_json(data: bytes, wanted: Changes, where: str) -> bytes:
    layer = jsonplaces.Layer(text_of(data, where))
    edits = []
    for reg_id, change in wanted.items():
        names, key = _path(reg_id)
        span = jsonplaces.root(layer)
        for name in names:
            span = dict(jsonplaces.members(layer, span))[name]
        found = next((value for text, value in jsonplaces.members(layer, span) if text == str(key)), None)
        value = jsonplaces.number(layer, found) if found else None
        if found is None or value is None:
            raise not_found(reg_id, where)
        edits.append(layer.edit(found, str(_new(value, change, reg_id, where))))
    return jsonplaces.applied(layer.text, edits).encode()


def _in_cbor(data: bytes, wanted: Changes, where: str) -> bytes:
    parts, at = [], 0
    for place, reg_id in sorted((_place(data, reg_id, where), reg_id) for reg_id in wanted):
        new = cbor.unsigned_item(_new(place.value, wanted[reg_id], reg_id, where))
        parts += [data[at : place.start], new]
        at = place.end
    return b"".join([*parts, data[at:]])


def _place(data: bytes, reg_id: int, where: str) -> _Place:
    names, key = _path(reg_id)
    at = 0
    for name in names:
        at = {member.key: member.start for member in cbor.members(data, at)}[name]
    for member in cbor.members(data, at):
        value = cbor.unsigned(data, member.start)
        if member.key == key and value is not None:
            return _Place(member.start, member.end, value)
    raise not_found(reg_id, where)


def _new(found: int, change: Change, reg_id: int, where: str) -> int:
    """The number that replaces `found`; of CCSIDR_EL1, which is wider there, the upper half stays."""
    high = found & ~0xFFFFFFFF if split_id(reg_id).cls == CLASS_DEMUX else 0
    if found - high != change.old:
        raise InspectorError(f"the file changed meanwhile: {found:#x} where {change.old:#x} was read before", where)
    return high | change.new
