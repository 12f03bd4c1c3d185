"""Which layout a CCSIDR_EL1 value has, and whether KVM cut it or made it up.

CCSIDR_EL1 is 32 bits wide on most cores and 64 bits wide with FEAT_CCIDX (Arm ARM, CCSIDR_EL1). KVM's register ids
carry 32 bits of it. Three eras of kernels (arch/arm64/kvm/sys_regs.c):

* up to 6.2 the word is the low half of the hardware register: with FEAT_CCIDX the number of sets, bits 55:32, is lost;
* some vendor kernels of that time (Amazon's 6.1) already hide CCIDX in ID_AA64MMFR2_EL1 but still pass that word on,
  so the ID register of the same dump is not to be trusted alone;
* from 6.3 (commit 7af0c2534f4c) the word is made up from CTR_EL0: a line size, one set, one way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from inspector.registers import encoding as enc
from inspector.registers.ids import CLIDR_EL1, ID_AA64MMFR2_EL1, ID_MMFR4_EL1

IMPLAUSIBLE = 4096
"""Bytes. No Armv8 core has a cache below this; a word that says so in the 32-bit reading lacks its number of sets."""

_LINE_ONLY = 0x7
_UPPER_LAYOUT = 0xFFFF_E000
"""Bits 31:13: the number of sets of the 32-bit layout, and the old policy bits."""


class WordShape(NamedTuple):
    """How the CCSIDR values of one vCPU are to be read."""

    wide: bool
    """The 64-bit layout applies (to whole values, or to the low half that is left)."""
    lost: bool
    """The values are low halves of 64-bit ones: the number of sets is not in them."""
    fabricated: bool
    """KVM made them up: one set, one way."""
    reason: str


def existing_caches(clidr: int) -> tuple[int, ...]:
    """The CSSELR_EL1 values (level << 1 | instruction) of the caches that a CLIDR_EL1 value describes.

    A level without a cache ends the list: what stands above it has no meaning (Arm ARM, CLIDR_EL1).
    """
    found: list[int] = []
    for level in range(7):
        kind = clidr >> 3 * level & 7
        if kind == 0:
            break
        if kind in (2, 3, 4):
            found.append(level << 1)
        if kind in (1, 3):
            found.append(level << 1 | 1)
    return tuple(found)


def ccidx_of(values: Mapping[int, int]) -> int | None:
    """FEAT_CCIDX by the vCPU's own ID_AA64MMFR2_EL1[23:20], else ID_MMFR4_EL1[27:24]; None when both are missing."""
    if ID_AA64MMFR2_EL1 in values:
        return values[ID_AA64MMFR2_EL1] >> 20 & 0xF
    if ID_MMFR4_EL1 in values:
        return values[ID_MMFR4_EL1] >> 24 & 0xF
    return None


def shape_of_words(values: Mapping[int, int]) -> WordShape:
    """Judge all CCSIDR words of a vCPU together; those of caches that CLIDR_EL1 does not describe have no say."""
    clidr = values.get(CLIDR_EL1)
    numbers = existing_caches(clidr) if clidr else range(14)
    words = [values[enc.ccsidr_id(number)] for number in numbers if enc.ccsidr_id(number) in values]
    return shape_of(words, ccidx_of(values))


def shape_of(words: Iterable[int], ccidx: int | None) -> WordShape:
    """Judge CCSIDR values of existing caches; `ccidx` is what the ID registers of the same dump say."""
    words = tuple(words)
    if not words:
        return WordShape(ccidx == 1, False, False, _by_id_register(ccidx))
    if any(word >> 32 for word in words):
        return WordShape(True, False, False, "64-bit layout: bits above 31 are set, which only FEAT_CCIDX has")
    if all(word & ~_LINE_ONLY == 0 for word in words):
        reason = "made up by KVM: one set, one way, and CTR_EL0's line size; both layouts read it alike"
        return WordShape(ccidx == 1, False, True, reason)
    if ccidx == 1:
        return WordShape(True, not _contradicts(words), False, _wide_reason(words))
    if _is_cut(words):
        return WordShape(True, True, False, _cut_reason(ccidx))
    return WordShape(False, False, False, _by_id_register(ccidx))


def _is_cut(words: tuple[int, ...]) -> bool:
    """Every 32-bit reading has one set and is smaller than any real cache, yet some have several ways."""
    one_set = all(word & _UPPER_LAYOUT == 0 for word in words)
    return one_set and all((word >> 3) + 1 << (word & 7) + 4 < IMPLAUSIBLE for word in words)


def _contradicts(words: tuple[int, ...]) -> bool:
    """Bits that the 64-bit layout reserves are set."""
    return any(word >> 24 for word in words)


def _wide_reason(words: tuple[int, ...]) -> str:
    if _contradicts(words):
        return (
            "64-bit layout by ID_AA64MMFR2_EL1.CCIDX = 1, but bits 31:24, reserved there, are set: the value looks like"
            " the 32-bit layout"
        )
    return (
        "64-bit layout (ID_AA64MMFR2_EL1.CCIDX = 1); an older KVM saves only its low 32 bits, so the number of sets,"
        " bits 55:32, is lost"
    )


def _cut_reason(ccidx: int | None) -> str:
    told = (
        "although ID_AA64MMFR2_EL1.CCIDX = 0: its kernel hides CCIDX but passes the word on (one of Amazon's does), or"
        " the value was restored from an older kernel; a guest reads it as one set"
        if ccidx == 0
        else "ID_AA64MMFR2_EL1 is not known here"
    )
    return (
        "low half of a 64-bit value (FEAT_CCIDX), number of sets lost: in the 32-bit layout every cache would have one"
        f" set and less than {IMPLAUSIBLE // 1024} KiB; {told}"
    )


def _by_id_register(ccidx: int | None) -> str:
    if ccidx is None:
        return "32-bit layout: the number of sets is where that layout has it; ID_AA64MMFR2_EL1.CCIDX is not known here"
    return f"{'64' if ccidx == 1 else '32'}-bit layout: ID_AA64MMFR2_EL1.CCIDX = {ccidx}"


def ccsidr_layout(reg_id: int, value: int, values: Mapping[int, int]) -> tuple[bool, str]:
    """Whether the 64-bit layout applies to one CCSIDR value, and why; `values` may be empty.

    A word of a cache that CLIDR_EL1 does not describe is judged alone.
    """
    if value >> 32:
        shape = shape_of((value,), ccidx_of(values))
        return shape.wide, shape.reason
    clidr = values.get(CLIDR_EL1)
    judged_together = clidr is None or (reg_id & 0xFF) in existing_caches(clidr)
    if values.get(reg_id) == value and judged_together:
        shape = shape_of_words(values)
    else:
        shape = shape_of((value,), ccidx_of(values))
    return shape.wide, shape.reason
