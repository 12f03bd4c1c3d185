"""Numbers as screens write them: hex in groups of four digits, binary in nibbles, decimal with separators."""

from __future__ import annotations

from typing import Literal

from inspector.registers.bits import ones, partial_hex
from inspector.registers.encoding import grouped_hex

Base = Literal["hex", "binary", "decimal"]
BASES: tuple[Base, ...] = ("hex", "binary", "decimal")


def value_text(value: int, size: int, base: Base = "hex") -> str:
    """A whole register value of `size` bytes."""
    if base == "decimal":
        return f"{value:,}".replace(",", "_")
    if base == "binary":
        digits = f"{value:0{size * 8}b}"
        return "0b" + "_".join(digits[at : at + 4] for at in range(0, len(digits), 4))
    return grouped_hex(value, size)


def field_text(value: int, bits: int, base: Base = "hex") -> str:
    """A field's value of `bits` bits; short fields without leading zeros, long ones grouped."""
    if base == "decimal":
        return str(value)
    if base == "binary":
        return f"0b{value:0{min(bits, 16)}b}"
    digits = f"{value:x}"
    if len(digits) <= 8:
        return f"0x{digits}"
    digits = digits.zfill(-(-len(digits) // 4) * 4)
    return "0x" + "_".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def short_text(value: int, base: Base = "hex") -> str:
    """A whole value without leading zeros, grouped."""
    return (
        f"0b{value:_b}" if base == "binary" else field_text(value, 64) if base == "hex" else value_text(value, 8, base)
    )


def part_text(value: int, known: int, size: int, base: Base = "hex") -> str:
    """A register value of `size` bytes of which only the bits in `known` are known: hex with `?` digits then."""
    whole = ones(size * 8)
    if known & whole == whole:
        return value_text(value, size, base)
    return partial_hex(value, known, size, grouped=True)


def bits_text(msb: int, lsb: int) -> str:
    """`47:44`, or `44` for a single bit."""
    return f"{msb}:{lsb}" if msb != lsb else str(msb)


def short_pair(left: str, right: str, cells: int) -> tuple[str, str]:
    """Two numbers cut alike, so that the first digit in which they differ stays in both: `0x1201_0011…`,
    `0x…1201_00…`. Texts that are no such numbers are cut one by one."""
    if max(len(left), len(right)) <= cells or len(left) != len(right) or left[:2] != right[:2] or cells < 8:
        return short_value(left, cells), short_value(right, cells)
    unlike = next((at for at, (one, other) in enumerate(zip(left, right, strict=True)) if one != other), len(left))
    if unlike >= len(left) - (cells - 3):
        return short_value(left, cells), short_value(right, cells)
    if unlike < cells - 1:
        return f"{left[: cells - 1]}…", f"{right[: cells - 1]}…"
    begin = unlike - 2
    window = slice(begin, begin + cells - 4)
    return f"{left[:2]}…{left[window]}…", f"{right[:2]}…{right[window]}…"


def short_value(text: str, cells: int) -> str:
    """A number cut on its left, where the equal digits usually are: `0x…0000_1111`."""
    return text if len(text) <= cells or cells < 6 else f"{text[:2]}…{text[-(cells - 3) :]}"
