"""What a field's number means, in words: the tables of the definitions, and rules for fields that are numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from inspector.registers.bits import ones
from inspector.registers.definitions.implementers import IMPLEMENTERS, PARTS

if TYPE_CHECKING:
    from inspector.registers.schema import Span

ABSENT = "not implemented"
"""What feature fields say at 0; a reading puts the field's title before it."""


def meaning_of(span: Span, raw: int, value: int) -> tuple[str, bool]:
    """The meaning of `raw` in this field of a register that holds `value`, and whether it deserves a flag."""
    if span.kind == "res0":
        return (f"reserved, must be 0, but is {raw:#x}", True) if raw else ("reserved, 0", False)
    if span.kind == "res1":
        set_ = ones(span.msb - span.lsb + 1)
        return ("reserved, 1", False) if raw == set_ else (f"reserved, must be {set_:#x}, but is {raw:#x}", True)
    known = span.values.get(raw)
    if known is not None:
        return known, False
    if span.form in CONTEXT_FORMS:
        return CONTEXT_FORMS[span.form](raw, value), False
    if span.form:
        return FORMS[span.form](raw), False
    if span.values:
        return f"reserved value {number_text(raw)}", True
    return number_text(raw), False


def number_text(raw: int) -> str:
    """A small number as people write it: decimal up to 9, hex above."""
    return f"{raw:#x}" if raw > 9 else str(raw)


def size_text(size: int) -> str:
    """A number of bytes for people: `64 B`, `512 KiB`, `1.5 MiB`."""
    for unit, power in (("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if size >= 1 << power:
            scaled = size / (1 << power)
            return f"{scaled:,.0f} {unit}" if scaled == int(scaled) else f"{scaled:,.1f} {unit}"
    return f"{size} B"


def counted(number: int, noun: str) -> str:
    """`1 set`, `256 sets`: nouns that form their plural with s."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _log2_words(raw: int) -> str:
    return size_text(4 << raw)


def _log2_words_or_unstated(raw: int) -> str:
    """CTR_EL0.ERG and CWG: 0 says nothing, and software has to assume the architecture's maximum of 2 KiB."""
    if raw == 0:
        return "not stated; assume the maximum of 2 KiB"
    return size_text(4 << raw) + ("; more than the architecture allows" if raw > 9 else "")


def _tag_words(raw: int) -> str:
    return "not stated, or no tag cache" if raw == 0 else size_text(4 << raw)


def _level(raw: int, nothing: str) -> str:
    return f"level {raw}" if raw else nothing


def _tag_caches(raw: int) -> str:
    """CLIDR_EL1.Ttype1 to Ttype7, two bits each, level 1 lowest."""
    words = {1: "separate tag cache", 2: "tags in the same lines as data", 3: "tags beside data, in lines of their own"}
    levels = [f"level {n + 1}: {words[raw >> 2 * n & 3]}" for n in range(7) if raw >> 2 * n & 3]
    return "; ".join(levels) or "no tag caches"


def _old_policies(raw: int) -> str:
    """CCSIDR_EL1[31:28] up to Armv8.2: WT, WB, RA, WA."""
    names = ("write-allocate", "read-allocate", "write-back", "write-through")
    held = [name for bit, name in enumerate(names) if raw >> bit & 1]
    return f"{raw:#x}; on older cores {', '.join(held[::-1])}" if held else "0"


def _extended_count(noun: str) -> Callable[[int], str]:
    """ID_AA64DFR1_EL1 counts: 0 leaves the word to ID_AA64DFR0_EL1."""
    return lambda raw: "as ID_AA64DFR0_EL1 says" if raw == 0 else counted(raw + 1, noun)


def _address_space(raw: int) -> str:
    """TCR_EL1.TnSZ: 2 to the power of 64 - TnSZ bytes."""
    return f"{64 - raw} address bits"


def _memory_type(raw: int) -> str:
    """One byte of MAIR_EL1: Device types have a high half of zero, Normal memory has outer and inner caching."""
    special = {0x40: "Normal, Non-cacheable; fast for DSB nXS", 0xA0: "Normal, write-through; fast for DSB nXS"}
    if raw in special:
        return special[raw]
    if raw == 0xF0:
        return "Normal, write-back; tagged (FEAT_MTE2)"
    if raw >> 4 == 0:
        device = {0: "Device-nGnRnE", 1: "Device-nGnRE", 2: "Device-nGRE", 3: "Device-GRE"}[raw >> 2]
        return device if raw & 3 == 0 else f"{device}; XS or reserved bits set"
    outer, inner = _caching(raw >> 4), _caching(raw & 0xF)
    return f"Normal, {outer}" if outer == inner else f"Normal, outer {outer}, inner {inner}"


def _caching(half: int) -> str:
    if half == 4:
        return "Non-cacheable"
    policy = "write-back" if half & 4 else "write-through"
    hints = [word for bit, word in ((2, "read"), (1, "write")) if half & bit]
    return policy + (f", {' and '.join(hints)} allocate" if hints else "")


def _pmu_implementer(raw: int) -> str:
    return "reported by MIDR_EL1" if raw == 0 else _implementer(raw)


def _implementer(raw: int) -> str:
    return IMPLEMENTERS.get(raw) or f"implementer {raw:#04x}, not in our table"


def _part(raw: int, value: int) -> str:
    """MIDR_EL1.PartNum: the number belongs to the implementer in bits 31:24."""
    return PARTS.get(value >> 24 & 0xFF, {}).get(raw) or f"part {raw:#05x}, not in our table"


def _psci(raw: int, value: int) -> str:
    return f"{raw}; PSCI {value >> 16 & 0xFFFF}.{raw}"


def core_name(midr: int) -> str:
    """A MIDR_EL1 value in words: `Arm Neoverse N2 r0p3`; unknown codes appear as numbers."""
    maker, part = _implementer(midr >> 24 & 0xFF).partition(" (")[0], _part(midr >> 4 & 0xFFF, midr)
    prefix = "" if midr >> 24 & 0xFF == 0 else f"{maker} "
    return f"{prefix}{part} r{midr >> 20 & 0xF}p{midr & 0xF}"


FORMS: dict[str, Callable[[int], str]] = {
    "hex": lambda raw: f"{raw:#x}",
    "decimal": lambda raw: f"{raw:,}",
    "implementation": lambda raw: f"{raw:#x}; implementation defined",
    "implementer": _implementer,
    "pmu_implementer": _pmu_implementer,
    "major_revision": lambda raw: f"r{raw}",
    "minor_revision": lambda raw: f"p{raw}",
    "affinity": lambda raw: f"{raw:#x}; unit number among those of the machine",
    "log2_words": _log2_words,
    "log2_words_or_unstated": _log2_words_or_unstated,
    "tag_words": _tag_words,
    "tag_caches": _tag_caches,
    "tag_block": lambda raw: f"{size_text(4 << raw)} of tags" if raw else "not stated",
    "point_of_unification": lambda raw: _level(raw, "no cache needs cleaning"),
    "point_of_coherency": lambda raw: _level(raw, "no cache needs cleaning"),
    "cache_level": lambda raw: f"level {raw + 1}",
    "old_policies": _old_policies,
    "sets": lambda raw: counted(raw + 1, "set"),
    "ways": lambda raw: counted(raw + 1, "way"),
    "line": lambda raw: f"{size_text(16 << raw)} line",
    "plus_one_context": lambda raw: counted(raw + 1, "context-aware breakpoint"),
    "plus_one_linking": lambda raw: counted(raw + 1, "breakpoint") + " that can link",
    "plus_one_breakpoint": lambda raw: counted(raw + 1, "breakpoint"),
    "plus_one_watchpoint": lambda raw: counted(raw + 1, "watchpoint"),
    "extended_breakpoints": _extended_count("breakpoint"),
    "extended_contexts": _extended_count("context-aware breakpoint"),
    "extended_watchpoints": _extended_count("watchpoint"),
    "same_as_copdbg": lambda raw: f"{raw:#x}; coded as CopDbg" if raw else "not implemented",
    "counters": lambda raw: counted(raw, "event counter"),
    "bus_width": lambda raw: size_text(1 << raw - 1) if raw else "not stated",
    "address_space": _address_space,
    "table_address": lambda raw: f"{raw << 1:#x}",
    "memory_type": _memory_type,
    "vector_length": lambda raw: f"{(raw + 1) * 128} bits",
}
"""Rule name (as definitions give it in `form`) to the function that says a raw number in words."""

CONTEXT_FORMS: dict[str, Callable[[int, int], str]] = {"part": _part, "psci": _psci}
"""As `FORMS`, for fields whose meaning depends on the rest of the register: raw number, whole value."""
