"""Which registers hold secrets of a guest: what it computes with, where its code and tables lie, its keys.

A value of theirs says nothing about why a migration failed, and much about the guest: pointers give away the layout of
its kernel (KASLR), vector registers hold key material, and with the pointer-authentication keys signatures are forged.
"""

from __future__ import annotations

from inspector.registers.encoding import (
    ARCH_ARM,
    CLASS_CORE,
    CLASS_SVE,
    CLASS_SYSREG,
    SIZE_U64,
    class_of,
    system_index,
)

_CORE_STATE = (66, *range(72, 82, 2), 212, 213)
"""Word offsets in struct kvm_regs (arch/arm64/include/uapi/asm/kvm.h) of PSTATE, the SPSRs, FPSR and FPCR."""
_SVE_VLS = 0xFFFF
"""KVM_REG_ARM64_SVE_VLS: the vector lengths, no contents."""
_POINTERS = frozenset(
    system_index(3, op1, *place)
    for op1 in (0, 3, 4, 5, 6)
    for place in (
        (2, 0, 0), (2, 0, 1), (2, 1, 0), (2, 6, 0),  # TTBR0, TTBR1, VTTBR_EL2, VSTTBR_EL2
        (2, 2, 0), (2, 5, 1),  # VNCR_EL2, GCSPR
        (4, 0, 1), (4, 1, 0), (4, 5, 1),  # ELR, SP, DLR_EL0
        (6, 0, 0), (6, 0, 4), (6, 0, 5), (7, 4, 0),  # FAR, HPFAR_EL2, PFAR (MFAR_EL3), PAR_EL1
        (12, 0, 0), (13, 0, 2),  # VBAR, TPIDR
    )
).union(system_index(3, *place) for place in ((0, 13, 0, 4), (3, 13, 0, 3), (3, 13, 0, 5)))  # fmt: skip
"""op1, CRn, CRm, op2 of pointers, which each exception level (op1, the EL12 aliases too) has in the same place; and
TPIDR_EL1, TPIDRRO_EL0, TPIDR2_EL0."""
_TRANSFER = frozenset(
    system_index(2, *place) for place in ((0, 0, 0, 2), (0, 0, 3, 2), (3, 0, 4, 0), (3, 0, 5, 0))
)  # fmt: skip
"""OSDTRRX_EL1, OSDTRTX_EL1, DBGDTR_EL0, DBGDTRRX_EL0: what a debugger and the guest say to each other."""
_BREAKPOINTS = system_index(2, 0, 0, 0, 0) >> 7
_FIRST_KEY, _LAST_KEY = system_index(3, 0, 2, 1, 0), system_index(3, 0, 2, 3, 1)
_OP2_HIGH = 1 << 2
_ARM_CP14, _ARM_CP15, _ARM_VFP = 0x000E, 0x000F, 0x0012
"""The 32-bit guest's coprocessors for debug and for the system (KVM_REG_ARM_COPROC), and VFP."""
_ARM_TRANSFER = frozenset(((0, 2), (3, 2), (5, 0), (6, 0)))
"""CRm, opc2 of cp14 c0: DBGDTRRXext, DBGDTRTXext, DBGDTR (of every opc1); DBGWFAR."""


def is_secret(reg_id: int) -> bool:
    """True for a general, vector or debug register, a pointer of the guest's, and a pointer-authentication key.

    The size in the id does not count: one of a wrong size is a secret as well.
    """
    # Asked for every register of a dump: shifts, where a tuple of parts would cost a millisecond.
    kind, number = class_of(reg_id), reg_id & 0xFFFF
    if reg_id >> 56 == ARCH_ARM:
        return kind in (CLASS_CORE, _ARM_VFP) or _is_arm_secret(kind, number, reg_id >> 52 & 0xF == SIZE_U64)
    if kind == CLASS_CORE:
        return number not in _CORE_STATE
    if kind == CLASS_SVE:
        return number != _SVE_VLS
    return kind == CLASS_SYSREG and (number in _POINTERS or _is_key(number) or _is_debug(number))


def _is_key(number: int) -> bool:
    """AP*Key*_EL1: S3_0_C2_C1_0 to S3_0_C2_C3_1, op2 up to 3."""
    return _FIRST_KEY <= number <= _LAST_KEY and not number & _OP2_HIGH


def _is_debug(number: int) -> bool:
    """DBGBVR, DBGBCR, DBGWVR, DBGWCR: S2_0_C0_Cn_4 to 7; and what is transferred."""
    return (number >> 7 == _BREAKPOINTS and bool(number & _OP2_HIGH)) or number in _TRANSFER


def _is_arm_secret(coprocessor: int, number: int, wide: bool) -> bool:
    """The same of an AArch32 view (QEMU's streams of emulated guests have them); places as in `coprocessor_of`.

    Arm ARM, part G, AArch32 System register encoding. cp15: c2, c6, c12 and c13 are translation tables, fault
    addresses, vectors and threads, c7,c4 is PAR; of those with 64 bits, which have CRm only, c2 are tables, c7 is PAR.
    cp14: c0 with opc2 from 4 and c1 with opc2 1 are breakpoints and watchpoints.
    """
    crn, crm, opc1, opc2 = number >> 11 & 0xF, number >> 7 & 0xF, number >> 3 & 0xF, number & 7
    if coprocessor == _ARM_CP15:
        return crm in (2, 7) if wide else crn in (2, 6, 12, 13) or (crn, crm) == (7, 4)
    if coprocessor != _ARM_CP14 or wide or crn > 1:
        return False
    if crn == 1:
        return opc1 == 0 and opc2 == 1
    if opc1 == 0 and opc2 & _OP2_HIGH:
        return True
    return (crm, opc2) in _ARM_TRANSFER
