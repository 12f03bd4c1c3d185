"""Random registers of a KVM vCPU on arm64, in the widths and classes that a real list has."""

from __future__ import annotations

import random
from collections.abc import Mapping

PC, PSTATE, FPSR, FPCR = 0x6030000000100040, 0x6030000000100042, 0x60200000001000D4, 0x60200000001000D5
MPIDR, MIDR, PFR0, ZCR, APIA_LO = (0x6030000000130000 | n for n in (0xC005, 0xC000, 0xC020, 0xC090, 0xC108))
VLS = 0x606000000015FFFF
V = tuple(0x6040000000100054 + 4 * n for n in range(32))
X = tuple(0x6030000000100000 + 2 * n for n in range(31))
SP, SP_EL1, ELR_EL1 = 0x603000000010003E, 0x6030000000100044, 0x6030000000100046
SPSR = tuple(0x6030000000100048 + 2 * n for n in range(5))
CORE = (*X, SP, PC, PSTATE, SP_EL1, ELR_EL1, *SPSR)
Z = tuple(0x6080000000150000 | n << 5 for n in range(32))
P = tuple(0x6050000000150400 | n << 5 for n in range(17))
CCSIDR = tuple(0x6020000000110000 | n for n in range(3))
FIRMWARE = tuple(0x6030000000140000 | n for n in range(4))
BITMAPS = tuple(0x6030000000160000 | n for n in range(3))


def width(reg_id: int) -> int:
    """Bytes of a register: two to the power of bits 55:52 of its id (include/uapi/linux/kvm.h)."""
    return 1 << (reg_id >> 52 & 15)


def vcpu(seed: int, index: int = 0, *, sve: bool = False, keys: bool = False, bitmaps: bool = True) -> dict[int, int]:
    """Registers of one vCPU in the order in which KVM lists classes: core, SVE, firmware, system registers, CCSIDR."""
    dice = random.Random(seed * 1009 + index)
    ids = [*CORE, *(() if sve else V), FPSR, FPCR, *((VLS, *Z, *P) if sve else ()), *FIRMWARE]
    ids += BITMAPS if bitmaps else ()
    system = {0x6030000000130000 | n for n in dice.sample(range(0xC000, 0xC800, 8), 40)} | {MIDR, MPIDR, PFR0}
    system |= {0x603000000013DF19, 0x603000000013DF1A, 0x603000000013DF02}
    system -= {ZCR, 0x603000000013C200, *(APIA_LO + n for n in range(20))}  # SPSR_EL1 is a core register to KVM
    system |= ({ZCR} if sve else set()) | ({APIA_LO + n for n in range(2)} if keys else set())
    values = {reg_id: dice.getrandbits(8 * width(reg_id)) for reg_id in [*ids, *sorted(system), *CCSIDR]}
    values[MPIDR] = 0x80000000 | index
    values[PSTATE] = 0x3C5
    values[PFR0] = 0x1101000011111112
    return values


def feature_word(values: Mapping[int, int]) -> int:
    """The word that such a vCPU was created with (arch/arm64/include/uapi/asm/kvm.h, KVM_ARM_VCPU_*)."""
    return 1 << 2 | (1 << 4 if ZCR in values else 0) | (3 << 5 if APIA_LO in values else 0)
