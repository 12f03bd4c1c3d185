"""Which registers hold secrets of a guest: what it computes with, where its code and tables lie, its keys.

A value of theirs says nothing about why a migration failed, and much about the guest: pointers give away the layout of
its kernel (KASLR), vector registers hold key material, and with the pointer-authentication keys signatures are forged.
"""

from __future__ import annotations

from inspector.registers.encoding import ARCH_ARM, CLASS_CORE, CLASS_SVE, SysReg, class_of, split_id, sysreg_of

_CORE_STATE = (66, *range(72, 82, 2), 212, 213)
"""Word offsets in struct kvm_regs (arch/arm64/include/uapi/asm/kvm.h) of PSTATE, the SPSRs, FPSR and FPCR."""
_SVE_VLS = 0xFFFF
"""KVM_REG_ARM64_SVE_VLS: the vector lengths, no contents."""
_POINTERS = frozenset(
    SysReg(*encoding)
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
    parts = split_id(reg_id)
    if parts.arch == ARCH_ARM:
        return parts.cls in (CLASS_CORE, _ARM_VFP) or (parts.cls == _ARM_COPROCESSOR and _arm_pointer(parts.number))
    if class_of(reg_id) == CLASS_CORE:
        return parts.number not in _CORE_STATE
    if class_of(reg_id) == CLASS_SVE:
        return parts.number != _SVE_VLS
    found = sysreg_of(reg_id)
    return found is not None and (found in _POINTERS or _is_key(found) or _is_debug(found))


def _is_key(found: SysReg) -> bool:
    """AP*Key*_EL1: S3_0_C2_C1_0 to S3_0_C2_C3_1."""
    return found[:3] == (3, 0, 2) and 1 <= found.crm <= 3 and (found.crm < 3 or found.op2 < 2) and found.op2 < 4


def _is_debug(found: SysReg) -> bool:
    """DBGBVR, DBGBCR, DBGWVR, DBGWCR: S2_0_C0_Cn_4 to 7."""
    return found[:3] == (2, 0, 0) and 4 <= found.op2 <= 7


def _arm_pointer(number: int) -> bool:
    """CRn (bits 10:7 of the index, asm/kvm.h KVM_REG_ARM_32_CRN) 2, 12 and 13: translation tables, vectors, threads."""
    return number >> 11 & 0xF in (2, 12, 13)
