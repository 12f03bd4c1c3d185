"""KVM register ids and architectural encodings: one integer <-> one name.

A 64-bit register id (include/uapi/linux/kvm.h, arch/arm64/include/uapi/asm/kvm.h) holds: architecture in bits 63:56
(0x60 arm64, 0x40 arm), size as a power of two of bytes in 55:52, a class in 27:16 and a class-specific index in 15:0.
For system registers the index is op0[15:14] op1[13:11] CRn[10:7] CRm[6:3] op2[2:0].
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

ARCH_ARM64 = 0x60
ARCH_ARM = 0x40

CLASS_CORE = 0x0010
CLASS_DEMUX = 0x0011
CLASS_SYSREG = 0x0013
CLASS_FIRMWARE = 0x0014
CLASS_SVE = 0x0015
CLASS_BITMAP = 0x0016

SIZE_U32, SIZE_U64, SIZE_U128, SIZE_U256, SIZE_U512, SIZE_U2048 = 2, 3, 4, 5, 6, 8

POISON = 0x1DE7EC7EDBADC0DE
"""The value KVM gives a register whose reset value is unknown (arch/arm64/kvm/sys_regs.h, reset_unknown())."""


def system_index(op0: int, op1: int, crn: int, crm: int, op2: int) -> int:
    """The 16-bit index of a system register: op0[15:14] op1[13:11] CRn[10:7] CRm[6:3] op2[2:0]."""
    return op0 << 14 | op1 << 11 | crn << 7 | crm << 3 | op2


class SysReg(NamedTuple):
    """The encoding of a system register, as MRS and MSR carry it; iterates over its five numbers."""

    op0: int
    op1: int
    crn: int
    crm: int
    op2: int

    @property
    def packed(self) -> int:
        """The 16-bit index, see `system_index`."""
        return system_index(*self)

    @property
    def spelling(self) -> str:
        """The generic name, e.g. `S3_0_C0_C4_0` (Arm ARM, D24 "System register encoding")."""
        return f"S{self.op0}_{self.op1}_C{self.crn}_C{self.crm}_{self.op2}"

    def __iter__(self) -> Iterator[int]:
        return iter((self.op0, self.op1, self.crn, self.crm, self.op2))

    @classmethod
    def from_index(cls, index: int) -> SysReg:
        """The encoding that a 16-bit index stands for."""
        return cls(index >> 14 & 3, index >> 11 & 7, index >> 7 & 15, index >> 3 & 15, index & 7)


class RegId(NamedTuple):
    """A register id taken apart; `rest` holds bits 51:28, which are zero in every valid id (AArch32 ids apart)."""

    arch: int
    size: int
    rest: int
    cls: int
    number: int


def split_id(reg_id: int) -> RegId:
    """Take a 64-bit register id apart; any integer below 2**64 is accepted."""
    return RegId(
        reg_id >> 56 & 0xFF, reg_id >> 52 & 0xF, reg_id >> 28 & 0xFFFFFF, reg_id >> 16 & 0xFFF, reg_id & 0xFFFF
    )


def make_id(cls: int, index: int, size: int = SIZE_U64) -> int:
    """The arm64 register id of class `cls`, index `index` and size code `size`."""
    return ARCH_ARM64 << 56 | size << 52 | cls << 16 | index


def size_of(reg_id: int) -> int:
    """The size in bytes that the id states (1 to 32768)."""
    return 1 << (reg_id >> 52 & 0xF)


def every_bit_of(reg_id: int) -> int:
    """Every bit that a value of the register may have: at least 64 of them, as narrower ones are held too."""
    return (1 << max(8 * size_of(reg_id), 64)) - 1


def class_of(reg_id: int) -> int:
    """The class that the id states (bits 27:16), one of the CLASS_ numbers where it is a valid id."""
    return reg_id >> 16 & 0xFFF


def is_demux(reg_id: int) -> bool:
    """Whether the id is of the class that holds CCSIDR_EL1 by CSSELR_EL1 value."""
    return class_of(reg_id) == CLASS_DEMUX


def sysreg_id(op0: int, op1: int, crn: int, crm: int, op2: int) -> int:
    """The register id of a system register."""
    return make_id(CLASS_SYSREG, system_index(op0, op1, crn, crm, op2))


def ccsidr_id(csselr: int) -> int:
    """The demux id of CCSIDR_EL1 for one CSSELR_EL1 value (32 bits wide: kvm's demux_c15_*)."""
    return make_id(CLASS_DEMUX, csselr, SIZE_U32)


def firmware_id(index: int) -> int:
    """The id of firmware pseudo-register `index` (KVM_REG_ARM_FW_REG)."""
    return make_id(CLASS_FIRMWARE, index)


def bitmap_id(index: int) -> int:
    """The id of firmware feature bitmap `index` (KVM_REG_ARM_FW_FEAT_BMAP_REG)."""
    return make_id(CLASS_BITMAP, index)


def sysreg_of(reg_id: int) -> SysReg | None:
    """The encoding of an arm64 system-register id, or None for every other id."""
    parts = split_id(reg_id)
    if parts.arch != ARCH_ARM64 or parts.cls != CLASS_SYSREG or parts.rest:
        return None
    return SysReg.from_index(parts.number)


def in_machine(reg_id: int) -> bool:
    """True for registers that a machine has; firmware pseudo-registers and the like exist in KVM alone."""
    return sysreg_of(reg_id) is not None or is_demux(reg_id)


def hex_id(reg_id: int) -> str:
    """The id as every command prints it: `0x603000000013c020`."""
    return f"0x{reg_id:016x}"


def hex_value(value: int, size: int = 8) -> str:
    """A value of `size` bytes in full width, without separators: `0x0000000000000001`."""
    return f"0x{value:0{size * 2}x}"


def grouped_hex(value: int, size: int = 8) -> str:
    """A value for screens: full width, `_` between groups of four digits above eight digits."""
    digits = f"{value:0{size * 2}x}"
    if len(digits) <= 8:
        return f"0x{digits}"
    return "0x" + "_".join(digits[i : i + 4] for i in range(0, len(digits), 4))


class CoprocessorReg(NamedTuple):
    """An AArch32 coprocessor register of an id with architecture 0x40 (QEMU's TCG streams)."""

    coprocessor: int
    wide: bool
    """Reached by MRRC/MCRR (64 bits) instead of MRC/MCR."""
    non_secure: bool
    opc1: int
    crn: int
    crm: int
    opc2: int

    @property
    def spelling(self) -> str:
        """`cp15 c2,c0,0,2 (NS)` lists CRn, CRm, opc1, opc2; `cp15 c7,0 (64-bit, NS)` CRm and opc1."""
        bank = "NS" if self.non_secure else "S"
        if self.wide:
            return f"cp{self.coprocessor} c{self.crm},{self.opc1} (64-bit, {bank})"
        return f"cp{self.coprocessor} c{self.crn},c{self.crm},{self.opc1},{self.opc2} ({bank})"

    @property
    def reg_id(self) -> int:
        """The register id, the inverse of `coprocessor_of`."""
        index = self.crn << 11 | self.crm << 7 | self.opc1 << 3 | self.opc2
        size = SIZE_U64 if self.wide else SIZE_U32
        return ARCH_ARM << 56 | size << 52 | self.non_secure << 29 | self.coprocessor << 16 | index


def coprocessor_of(reg_id: int) -> CoprocessorReg | None:
    """The AArch32 encoding of an id, or None for any other id.

    Coprocessor [19:16], NS bank [29], CRn [14:11], CRm [10:7], opc1 [6:3], opc2 [2:0] (QEMU, target/arm/cpregs.h).
    """
    size = reg_id >> 52 & 0xF
    if reg_id >> 56 != ARCH_ARM or size not in (SIZE_U32, SIZE_U64) or reg_id & 0x000F_FFFF_DFF0_8000:
        return None
    return CoprocessorReg(
        coprocessor=reg_id >> 16 & 15,
        wide=size == SIZE_U64,
        non_secure=bool(reg_id >> 29 & 1),
        opc1=reg_id >> 3 & 15,
        crn=reg_id >> 11 & 15,
        crm=reg_id >> 7 & 15,
        opc2=reg_id & 7,
    )
