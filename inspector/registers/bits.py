"""Bits of a register: masks, fields, values of which only some bits are known, and how two field values compare."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

ALL = (1 << 64) - 1
"""Every bit of a 64-bit register."""
ALL_BITS = (1 << 2048) - 1
"""Every bit of the widest register."""

State = Literal["same", "masked", "lowered", "raised", "rebuilt", "unknown"]
"""How a field's value stands to the one it is compared with: `masked` is lowered to 0, `rebuilt` is made up by KVM
without regard to the other, `unknown` is not decided because bits of one of them are not known."""


def ones(width: int) -> int:
    """`width` bits set from bit 0 on."""
    return (1 << width) - 1


def mask_of(msb: int, lsb: int) -> int:
    """The bits msb:lsb in place."""
    return ones(msb - lsb + 1) << lsb


def extract(value: int, msb: int, lsb: int) -> int:
    """The raw bits msb:lsb of `value`, never negative."""
    return value >> lsb & ones(msb - lsb + 1)


def insert(value: int, msb: int, lsb: int, field: int) -> int:
    """`value` with the bits msb:lsb replaced by as many bits of `field`, which may be negative."""
    return value & ~mask_of(msb, lsb) | (field & ones(msb - lsb + 1)) << lsb


def as_signed(raw: int, width: int) -> int:
    """`width` raw bits as a two's complement number: 0xf of four bits is -1.

    Arm ARM DDI 0487, D24.1.3 "Principles of the ID scheme for fields in ID registers": most fields grow unsigned; in a
    signed field 0xf stands for less than 0.
    """
    return raw - (1 << width) if raw >> width - 1 else raw


def difference(before: int | None, after: int | None, *, width: int = 64, signed: bool = False) -> State:
    """How the raw bits `after` stand to `before`; None is a value that is not known.

    In a signed field 0xf is less than 0, so 0xf after 0 is `lowered` and 0 after 0xf is `raised`, not masked.
    """
    if after is None or before is None:
        return "unknown"
    if before == after:
        return "same"
    grown = as_signed(after, width) > as_signed(before, width) if signed else after > before
    if grown:
        return "raised"
    return "masked" if after == 0 else "lowered"


class Partial(NamedTuple):
    """A value of which only the bits in `known` are known; all other bits of `value` are 0 and mean nothing."""

    value: int
    known: int = ALL

    @classmethod
    def nothing(cls) -> Partial:
        """A value of which no bit is known."""
        return cls(0, 0)

    @property
    def complete(self) -> bool:
        """Whether all 64 bits are known."""
        return self.known & ALL == ALL

    def field(self, msb: int, lsb: int) -> int | None:
        """The raw bits msb:lsb, or None when one of them is not known."""
        mask = mask_of(msb, lsb)
        return (self.value & mask) >> lsb if self.known & mask == mask else None

    def part(self, msb: int, lsb: int) -> Partial:
        """The bits msb:lsb, moved down to bit 0, with what is known of them."""
        return Partial(extract(self.value, msb, lsb), extract(self.known, msb, lsb))

    def set(self, mask: int, value: int) -> Partial:
        """The bits in `mask` become known as those of `value`."""
        return Partial(self.value & ~mask | value & mask, self.known | mask)

    def forget(self, mask: int) -> Partial:
        """The bits in `mask` are no longer known."""
        return Partial(self.value & ~mask, self.known & ~mask)

    def differs(self, other: Partial) -> bool:
        """Whether a bit known on both sides differs: then the two cannot be the same value."""
        return bool((self.value ^ other.value) & self.known & other.known)

    def hex(self, size: int = 8, *, blank: str = "?", grouped: bool = False) -> str:
        """`size` bytes in hex: `?` for a digit of which a bit is not known, `blank` where none of its four is."""
        return partial_hex(self.value, self.known, size, blank=blank, grouped=grouped)

    def binary(self, width: int) -> str:
        """The lowest `width` bits, `?` for those that are not known."""
        return "".join(
            ("1" if self.value >> at & 1 else "0") if self.known >> at & 1 else "?" for at in range(width - 1, -1, -1)
        )


def partial_hex(value: int, known: int, size: int = 8, *, blank: str = "?", grouped: bool = False) -> str:
    """Hex of `size` bytes, `?` for a digit of which some bit is not known, `blank` for one of which no bit is.

    `grouped` puts `_` between groups of four digits where there are more than eight. A known-mask of -1 means all bits.
    """
    size = max(size, 8 if value >> size * 8 else size)
    digits = []
    for lsb in range(size * 8 - 4, -1, -4):
        held = known >> lsb & 0xF
        digits.append(f"{value >> lsb & 0xF:x}" if held == 0xF else "?" if held else blank)
    text = "".join(digits)
    if not grouped or len(text) <= 8:
        return f"0x{text}"
    return "0x" + "_".join(text[at : at + 4] for at in range(0, len(text), 4))


def open_text(value: int, known: int, bits: int, blank: str = "?") -> str:
    """A field of `bits` bits of which only those in `known` are known: `0x3?`, or `0b001?` for a short one.

    `blank` alone where no bit is known.
    """
    if not known & ones(bits):
        return blank
    if bits <= 4:
        return f"0b{Partial(value, known).binary(bits)}"
    lsbs = range((bits - 1) // 4 * 4, -1, -4)
    digits = (
        f"{value >> at & 0xF:x}" if known >> at & 0xF & ones(bits - at) == 0xF & ones(bits - at) else "?" for at in lsbs
    )
    return "0x" + "".join(digits)


def worst(states: Sequence[State]) -> State:
    """The state that stands for all fields of a register: a difference before what is not known, before `same`."""
    order: tuple[State, ...] = ("raised", "masked", "lowered", "rebuilt", "unknown", "same")
    return min(states, key=order.index, default="same")
