"""Which registers hold secrets of a guest: what it computes with, where its code and tables lie, its keys.

A value of theirs says nothing about why a migration failed, and much about the guest: pointers give away the layout of
its kernel (KASLR), vector registers hold key material, and with the pointer-authentication keys signatures are forged.
"""

from __future__ import annotations

from inspector.registers.encoding import ARCH_ARM, CLASS_CORE, CLASS_SVE, class_of, sysreg_id

_CORE_STATE = (66, *range(72, 82, 2), 212, 213)
"""Word offsets in struct kvm_regs (arch/arm64/include/uapi/asm/kvm.h) of PSTATE, the SPSRs, FPSR and FPCR."""
_SVE_VLS = 0xFFFF
"""KVM_REG_ARM64_SVE_VLS: the vector lengths, no contents."""
_POINTERS = frozenset(
    sysreg_id(*encoding)
    for encoding in (
        (3, 3, 13, 0, 2), (3, 3, 13, 0, 3), (3, 3, 13, 0, 5), (3, 0, 13, 0, 4), (3, 4, 13, 0, 2),  # TPIDR*
        (3, 0, 2, 0, 0), (3, 0, 2, 0, 1), (3, 4, 2, 0, 0), (3, 4, 2, 0, 1), (3, 4, 2, 1, 0),  # TTBR*, VTTBR_EL2
        (3, 0, 4, 1, 0), (3, 4, 4, 1, 0), (3, 6, 4, 1, 0), (3, 0, 4, 0, 1), (3, 4, 4, 0, 1),  # SP_ELx, ELR_ELx
        (3, 0, 6, 0, 0), (3, 4, 6, 0, 0), (3, 4, 6, 0, 4), (3, 0, 7, 4, 0),  # FAR_ELx, HPFAR_EL2, PAR_EL1
        (3, 0, 12, 0, 0), (3, 4, 12, 0, 0),  # VBAR_ELx
    )
)  # fmt: skip
_ARM_COPROCESSOR, _ARM_VFP = 0x000F, 0x0012
"""KVM_REG_ARM coprocessor 15 (bits 27:16) and VFP: the 32-bit guest's."""


def is_secret(reg_id: int) -> bool:
    """True for a general, vector or debug register, a pointer of the guest's, and a pointer-authentication key."""
    # Asked for every register of a dump: shifts, where a tuple of parts would cost a millisecond.
    kind, number = class_of(reg_id), reg_id & 0xFFFF
    if reg_id >> 56 == ARCH_ARM:
        return kind in (CLASS_CORE, _ARM_VFP) or (kind == _ARM_COPROCESSOR and _arm_pointer(number))
    if kind == CLASS_CORE:
        return number not in _CORE_STATE
    if kind == CLASS_SVE:
        return number != _SVE_VLS
    anysize = reg_id & ~_SIZE | _U64
    return anysize in _POINTERS or _is_key(anysize) or _is_debug(anysize)


_SIZE, _U64 = 0xF << 52, 3 << 52
"""The size of a register in its id, and that of 64 bits: an id of a wrong size is a secret as well."""
_FIRST_KEY, _LAST_KEY = sysreg_id(3, 0, 2, 1, 0), sysreg_id(3, 0, 2, 3, 1)
_FIRST_DEBUG, _LAST_DEBUG = sysreg_id(2, 0, 0, 0, 4), sysreg_id(2, 0, 0, 15, 7)
_OP2_HIGH = 1 << 2


def _is_key(reg_id: int) -> bool:
    """AP*Key*_EL1: S3_0_C2_C1_0 to S3_0_C2_C3_1, op2 up to 3."""
    return _FIRST_KEY <= reg_id <= _LAST_KEY and not reg_id & _OP2_HIGH


def _is_debug(reg_id: int) -> bool:
    """DBGBVR, DBGBCR, DBGWVR, DBGWCR: S2_0_C0_Cn_4 to 7."""
    return _FIRST_DEBUG <= reg_id <= _LAST_DEBUG and bool(reg_id & _OP2_HIGH)


def _arm_pointer(number: int) -> bool:
    """CRn (bits 10:7 of the index, asm/kvm.h KVM_REG_ARM_32_CRN) 2, 12 and 13: translation tables, vectors, threads."""
    return number >> 11 & 0xF in (2, 12, 13)
