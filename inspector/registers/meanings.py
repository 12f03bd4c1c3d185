"""What a field's number means, in words: the tables of the definitions, and rules for fields that are numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from inspector.registers.definitions.implementers import IMPLEMENTERS

if TYPE_CHECKING:
    from inspector.registers.schema import Span


def meaning_of(span: Span, raw: int) -> tuple[str, bool]:
    """The meaning of `raw` in this field, and whether it deserves a flag."""
    if span.kind == "res0":
        return (f"reserved, must be 0, but is {raw:#x}", True) if raw else ("reserved, 0", False)
    if span.kind == "res1":
        ones = (1 << span.msb - span.lsb + 1) - 1
        return ("reserved, 1", False) if raw == ones else (f"reserved, must be {ones:#x}, but is {raw:#x}", True)
    known = span.values.get(raw)
    if known is not None:
        return known, False
    if span.form:
        return FORMS[span.form](raw), False
    if span.values:
        shown = f"{raw:#x}" if raw > 9 else str(raw)
        return f"reserved value {shown}", True
    return f"{raw:#x}", False


def size_text(size: int) -> str:
    """A number of bytes for people: `64 B`, `512 KiB`, `1.5 MiB`."""
    for unit, power in (("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if size >= 1 << power:
            scaled = size / (1 << power)
            return f"{scaled:.0f} {unit}" if scaled == int(scaled) else f"{scaled:.1f} {unit}"
    return f"{size} B"


def counted(number: int, noun: str) -> str:
    """`1 set`, `256 sets`, with the plural that the noun forms with s."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _log2_words(raw: int) -> str:
    return size_text(4 << raw)


def _log2_words_or_unstated(raw: int) -> str:
    """CTR_EL0.ERG and CWG: 0 says nothing and software assumes the architecture's maximum of 2048 bytes."""
    if raw == 0:
        return "not stated; assume the maximum of 2 KiB"
    if raw > 9:
        return f"{size_text(4 << raw)}; beyond the architecture's maximum of 2 KiB"
    return size_text(4 << raw)


def _plus_one(noun: str) -> Callable[[int], str]:
    return lambda raw: counted(raw + 1, noun)


def _plain(noun: str) -> Callable[[int], str]:
    return lambda raw: counted(raw, noun)


def _implementer(raw: int) -> str:
    name = IMPLEMENTERS.get(raw)
    return name if name else f"implementer {raw:#04x}, not in our table"


FORMS: dict[str, Callable[[int], str]] = {
    "hex": lambda raw: f"{raw:#x}",
    "decimal": lambda raw: f"{raw:,}",
    "implementation": lambda raw: f"{raw:#x}, implementation defined",
    "log2_words": _log2_words,
    "log2_words_or_unstated": _log2_words_or_unstated,
    "implementer": _implementer,
}
"""Rule name (as definitions give it in `form`) to the function that says a raw number in words."""
