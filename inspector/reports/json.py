"""How results become JSON: ids and register values are hex strings, field values integers unless wider than 64 bits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from inspector.errors import encodable, escaped_json
from inspector.registers.catalog import Register
from inspector.registers.encoding import hex_id, hex_value
from inspector.registers.reading import FieldReading, Reading
from inspector.sources.dump import Provenance
from inspector.untrusted import raw

Json = dict[str, Any]


def dumps(answer: object) -> str:
    """`answer` as indented JSON text, in which no character is hidden or acts on a terminal."""
    try:
        data = msgspec.json.encode(answer)
    except UnicodeEncodeError:
        # A file name that is not UTF-8.
        data = msgspec.json.encode(_encodable(msgspec.to_builtins(answer)))
    return escaped_json(msgspec.json.format(data, indent=2).decode())


def _encodable(answer: Any) -> Any:
    """`answer` with the bytes of names that are not UTF-8 spelled out."""
    if isinstance(answer, str):
        return encodable(answer)
    if isinstance(answer, dict):
        return {_encodable(key): _encodable(value) for key, value in answer.items()}
    return [_encodable(one) for one in answer] if isinstance(answer, list) else answer


def source_json(provenance: Provenance) -> Json:
    """Provenance as a JSON object; what is not known is left out."""
    return {name: text for name in provenance.__struct_fields__ if (text := raw(getattr(provenance, name)))}


def field_json(field: FieldReading) -> Json:
    """One decoded field."""
    wide = field.msb - field.lsb >= 64
    answer: Json = {
        "name": field.name,
        "msb": field.msb,
        "lsb": field.lsb,
        "value": f"0x{field.value:x}" if wide else field.value,
        "meaning": field.meaning,
    }
    if field.flagged:
        answer["flagged"] = True
    return answer


def register_json(register: Register, value: int | None) -> Json:
    """The keys by which every command names a register, with its value (None: not known)."""
    return {
        "id": hex_id(register.id),
        "name": register.name,
        "size": register.size,
        "value": None if value is None else hex_value(value, register.size),
    }


def reading_json(reading: Reading) -> Json:
    """One register with its decoded fields."""
    answer = register_json(reading.register, reading.value)
    answer["fields"] = [field_json(field) for field in reading.fields]
    if reading.note:
        answer["note"] = reading.note
    return answer


def hex_map(values: Mapping[int, int]) -> Json:
    """Register id -> value as hex strings."""
    return {hex_id(reg_id): hex_value(value) for reg_id, value in values.items()}
