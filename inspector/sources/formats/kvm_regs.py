"""`struct kvm_regs` of arm64 (arch/arm64/include/uapi/asm/kvm.h) under the ids of its members."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from inspector.registers.encoding import CLASS_CORE, SIZE_U32, SIZE_U64, SIZE_U128, make_id

SIZE = 0x360
"""34 words of user_pt_regs, sp_el1, elr_el1, five spsr, then fpsimd_state aligned to 16 bytes"""


def mp_state_name(number: int) -> str:
    """struct kvm_mp_state of an arm64 vCPU (include/uapi/linux/kvm.h): 0 runnable, 5 stopped, 9 suspended."""
    return {0: "running", 5: "stopped", 9: "suspended"}.get(number, f"KVM_MP_STATE {number}")


def general(regs: Sequence[int], sp: int, pc: int, pstate: int) -> dict[int, int]:
    """X0 to X30 (`regs`), SP, PC and PSTATE."""
    values = {make_id(CLASS_CORE, 2 * n, SIZE_U64): value for n, value in enumerate(regs[:31])}
    return values | {make_id(CLASS_CORE, 62 + 2 * n, SIZE_U64): value for n, value in enumerate((sp, pc, pstate))}


def exception(sp_el1: int, elr_el1: int, spsr: Sequence[int]) -> dict[int, int]:
    """SP_EL1, ELR_EL1 and SPSR of EL1, abt, und, irq and fiq."""
    return {make_id(CLASS_CORE, 68 + 2 * n, SIZE_U64): value for n, value in enumerate((sp_el1, elr_el1, *spsr[:5]))}


def vectors(vregs: Sequence[int], fpsr: int, fpcr: int) -> dict[int, int]:
    """V0 to V31, FPSR and FPCR."""
    values = {make_id(CLASS_CORE, 0x54 + 4 * n, SIZE_U128): value for n, value in enumerate(vregs[:32])}
    return values | {make_id(CLASS_CORE, 0xD4, SIZE_U32): fpsr, make_id(CLASS_CORE, 0xD5, SIZE_U32): fpcr}


def unpack(data: bytes) -> dict[int, int]:
    """The whole structure as bytes of a little-endian machine. Raises ValueError for another length."""
    if len(data) != SIZE:
        raise ValueError(f"kvm_regs of {len(data)} bytes, {SIZE} expected")
    words = struct.unpack_from("<41Q", data)
    halves = struct.unpack_from("<64Q", data, 0x150)
    fpsr, fpcr = struct.unpack_from("<2I", data, 0x350)
    wide = [halves[2 * n] | halves[2 * n + 1] << 64 for n in range(32)]
    return general(words, *words[31:34]) | exception(words[34], words[35], words[36:]) | vectors(wide, fpsr, fpcr)
