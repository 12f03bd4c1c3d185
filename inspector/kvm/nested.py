"""What KVM takes away from ID registers of a vCPU with EL2: limit_nv_id_reg(), arch/arm64/kvm/nested.c.

Works on (value, known) pairs. `variant` names the state of that function in a release.
"""

from __future__ import annotations

from typing import Literal

from inspector.registers.bits import ALL
from inspector.registers.ids import (
    ID_AA64DFR0_EL1,
    ID_AA64ISAR0_EL1,
    ID_AA64ISAR1_EL1,
    ID_AA64MMFR0_EL1,
    ID_AA64MMFR1_EL1,
    ID_AA64MMFR2_EL1,
    ID_AA64MMFR4_EL1,
    ID_AA64PFR0_EL1,
    ID_AA64PFR1_EL1,
    ID_AA64PFR2_EL1,
)

Variant = Literal["v6.15", "v6.17", "v6.18", "v6.19", "v7.0", "v7.3"]
ORDER = ("v6.15", "v6.17", "v6.18", "v6.19", "v7.0", "v7.3")
_TGRAN_HELD = 0xFFF << 32


def nibbles(*lsbs: int) -> int:
    """The mask of the 4-bit fields at these places."""
    return sum(0xF << lsb for lsb in lsbs)


def _set(value: int, known: int, lsb: int, field: int) -> tuple[int, int]:
    return value & ~(0xF << lsb) | field << lsb, known | 0xF << lsb


def _cap(value: int, known: int, lsb: int, limit: int) -> tuple[int, int]:
    return _set(value, known, lsb, limit) if value >> lsb & 0xF > limit else (value, known)


def _clear(value: int, known: int, mask: int) -> tuple[int, int]:
    return value & ~mask, known | mask


def _stage2_granules(host_mmfr0: int, page_size: int) -> int:
    """Bits 43:32 of MMFR0: TGRAN16_2, TGRAN64_2, TGRAN4_2 as offered (1: not implemented, 2: implemented)."""

    def supported(stage2_lsb: int, lsb: int, least: int) -> bool:
        stage2, stage1 = host_mmfr0 >> stage2_lsb & 0xF, host_mmfr0 >> lsb & 0xF
        signed = stage1 - 16 if least == 0 and stage1 > 7 else stage1
        return stage2 >= 2 or (stage2 == 0 and signed >= least)

    four = 2 if page_size == 4096 and supported(40, 28, 0) else 1
    sixteen = 2 if page_size <= 16384 and supported(32, 20, 1) else 1
    sixty_four = 2 if supported(36, 24, 0) else 1
    return sixteen | sixty_four << 4 | four << 8


def limit_nested(
    reg_id: int, value: int, known: int, variant: str, *, e2h0: bool, host_value: int, page_size: int
) -> tuple[int, int]:
    """(value, known) of one register after the limits for a vCPU with EL2.

    `e2h0`: the vCPU has HAS_EL2_E2H0; `host_value`: the sanitised host value; `page_size`: of the host kernel in bytes.
    """
    era = ORDER.index(variant) if variant in ORDER else -1
    if era < 0:
        return value, known
    handler = _LIMITS.get(reg_id)
    return handler(value, known, era, e2h0, host_value, page_size) if handler else (value, known)


def _pfr0(value: int, known: int, era: int, e2h0: bool, host: int, page: int) -> tuple[int, int]:
    value, known = _clear(value, known, nibbles(52, 44, 40, 36) | (0xF << 28 if era < 1 else 0))
    return value & ~0xFFFF | 0x1111, known | 0xFFFF


def _pfr1(value: int, known: int, era: int, e2h0: bool, host: int, page: int) -> tuple[int, int]:
    if era < 2:
        return _clear(value, known, ALL & ~nibbles(0, 4, 32))
    return _clear(value, known, nibbles(60, 52, 48, 44, 40, 36, 24, 16, 8))


def _pfr2(value: int, known: int, era: int, e2h0: bool, host: int, page: int) -> tuple[int, int]:
    return _clear(value, known, 0xF << 12)


def _isar0(value: int, known: int, era: int, e2h0: bool, host: int, page: int) -> tuple[int, int]:
    return _clear(value, known, 0xF << 24)


def _isar1(value: int, known: int, era: int, e2h0: bool, host: int, page: int) -> tuple[int, int]:
    return _clear(value, known, nibbles(60, 40))


def _mmfr0(value: int, known: int, era: int, e2h0: bool, host: int, page: int) -> tuple[int, int]:
    value, known = _clear(value, known, nibbles(44, 12))
    value, known = value & ~_TGRAN_HELD | _stage2_granules(host, page) << 32, known | _TGRAN_HELD
    value, known = _cap(value, known, 60, 1)
    return _cap(value, known, 0, 5)


def _mmfr1(value: int, known: int, era: int, e2h0: bool, host: int, page: int) -> tuple[int, int]:
    if era < 2:
        value, known = _clear(value, known, ALL & ~nibbles(40, 20, 16, 12, 8, 4))
    else:
        value, known = _clear(value, known, nibbles(56, 48, 36) | (nibbles(28, 0) if era < 3 else 0))
        value, known = _cap(value, known, 0, 1)
    return _clear(value, known, 0xF << 8) if e2h0 else (value, known)


def _mmfr2(value: int, known: int, era: int, e2h0: bool, host: int, page: int) -> tuple[int, int]:
    value, known = _clear(value, known, nibbles(52, 44, 28, 20, 16))
    return _set(value, known, 48, 1)


def _mmfr4(value: int, known: int, era: int, e2h0: bool, host: int, page: int) -> tuple[int, int]:
    if e2h0:
        return 0, ALL
    value, known = _set(value, known, 24, 0xE)
    nv_frac = host >> 20 & 0xF
    return _set(value, known, 20, nv_frac if era >= 5 and nv_frac > 1 else 1)


def _dfr0(value: int, known: int, era: int, e2h0: bool, host: int, page: int) -> tuple[int, int]:
    if era < 2:
        value, known = _clear(value, known, ALL & ~nibbles(60, 20, 12, 8, 0))
        return _cap(value, known, 0, 7)
    value, known = _clear(value, known, nibbles(56, 52, 48, 44, 40, 32, 28, 16, 4))
    return _cap(value, known, 0, 10)


_LIMITS = {
    ID_AA64PFR0_EL1: _pfr0, ID_AA64PFR1_EL1: _pfr1, ID_AA64PFR2_EL1: _pfr2,
    ID_AA64ISAR0_EL1: _isar0, ID_AA64ISAR1_EL1: _isar1,
    ID_AA64MMFR0_EL1: _mmfr0, ID_AA64MMFR1_EL1: _mmfr1, ID_AA64MMFR2_EL1: _mmfr2,
    ID_AA64MMFR4_EL1: _mmfr4, ID_AA64DFR0_EL1: _dfr0,
}  # fmt: skip
