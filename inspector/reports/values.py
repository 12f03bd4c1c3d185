"""Values as reports show them: hex with `?` for what is not known, bits of a field, and their JSON."""

from __future__ import annotations

from typing import Protocol

from inspector.registers.bits import ones, partial_hex
from inspector.registers.encoding import hex_value
from inspector.reports.json import Json


class _Place(Protocol):
    @property
    def msb(self) -> int: ...

    @property
    def lsb(self) -> int: ...


def bits_text(field: _Place) -> str:
    """`[23:20]`, `[4]`."""
    return f"[{field.msb}:{field.lsb}]" if field.msb != field.lsb else f"[{field.msb}]"


def number_text(value: int | None) -> str:
    """`0x1`, or `?` for what is not known or not there."""
    return "?" if value is None else f"0x{value:x}"


def value_text(value: int | None, known: int, size: int = 8) -> str:
    """A register's value in hex, `?` for digits that are not known; one `?` where nothing is."""
    return "?" if value is None else partial_hex(value, known, size, grouped=True)


def hex_json(value: int | None, size: int = 8) -> str | None:
    """A register's value for JSON; None for what is not known."""
    return None if value is None else hex_value(value, size)


def partly_json(name: str, value: int | None, known: int, size: int) -> Json:
    """A value, and the mask of its known bits where it is known only in part."""
    whole = ones(8 * min(size, 8))
    answer: Json = {name: hex_json(value if value is None else value & known, size)}
    partly = value is not None and known & whole != whole
    return answer | {f"{name}_known": hex_json(known & whole, size)} if partly else answer
