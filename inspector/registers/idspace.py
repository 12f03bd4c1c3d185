"""Which encodings KVM treats as feature-ID registers, and the kernel's names for the registers that rules speak of.

The ID space is op0=3, op1=0, CRn=0, CRm=1..7 (arch/arm64/kvm/sys_regs.c, is_vm_ftr_id_reg() and sys_reg_descs[]).
Unallocated encodings of it have no name of their own: KVM shows them as zero (ID_UNALLOCATED, ID_HIDDEN).
"""

from __future__ import annotations

import re

from inspector.registers.encoding import bitmap_id, ccsidr_id, firmware_id, sysreg_id
from inspector.registers.naming import by_id

_ID_ROWS = {
    1: "ID_PFR0_EL1 ID_PFR1_EL1 ID_DFR0_EL1 ID_AFR0_EL1 ID_MMFR0_EL1 ID_MMFR1_EL1 ID_MMFR2_EL1 ID_MMFR3_EL1",
    2: "ID_ISAR0_EL1 ID_ISAR1_EL1 ID_ISAR2_EL1 ID_ISAR3_EL1 ID_ISAR4_EL1 ID_ISAR5_EL1 ID_MMFR4_EL1 ID_ISAR6_EL1",
    3: "MVFR0_EL1 MVFR1_EL1 MVFR2_EL1 - ID_PFR2_EL1 ID_DFR1_EL1 ID_MMFR5_EL1 -",
    4: "ID_AA64PFR0_EL1 ID_AA64PFR1_EL1 ID_AA64PFR2_EL1 - ID_AA64ZFR0_EL1 ID_AA64SMFR0_EL1 - ID_AA64FPFR0_EL1",
    5: "ID_AA64DFR0_EL1 ID_AA64DFR1_EL1 ID_AA64DFR2_EL1 - ID_AA64AFR0_EL1 ID_AA64AFR1_EL1 - -",
    6: "ID_AA64ISAR0_EL1 ID_AA64ISAR1_EL1 ID_AA64ISAR2_EL1 ID_AA64ISAR3_EL1 - - - -",
    7: "ID_AA64MMFR0_EL1 ID_AA64MMFR1_EL1 ID_AA64MMFR2_EL1 ID_AA64MMFR3_EL1 ID_AA64MMFR4_EL1 - - -",
}

_OTHERS = {
    "MIDR_EL1": (3, 0, 0, 0, 0), "MPIDR_EL1": (3, 0, 0, 0, 5), "REVIDR_EL1": (3, 0, 0, 0, 6),
    "CCSIDR_EL1": (3, 1, 0, 0, 0), "CLIDR_EL1": (3, 1, 0, 0, 1), "CCSIDR2_EL1": (3, 1, 0, 0, 2),
    "GMID_EL1": (3, 1, 0, 0, 4), "SMIDR_EL1": (3, 1, 0, 0, 6), "AIDR_EL1": (3, 1, 0, 0, 7),
    "CSSELR_EL1": (3, 2, 0, 0, 0), "CTR_EL0": (3, 3, 0, 0, 1), "DCZID_EL0": (3, 3, 0, 0, 7),
    "PMCR_EL0": (3, 3, 9, 12, 0), "CNTFRQ_EL0": (3, 3, 14, 0, 0), "OSLSR_EL1": (2, 0, 1, 1, 4),
    "VPIDR_EL2": (3, 4, 0, 0, 0), "VMPIDR_EL2": (3, 4, 0, 0, 5),
}  # fmt: skip

ID_SPACE: tuple[int, ...] = tuple(sysreg_id(3, 0, 0, crm, op2) for crm in range(1, 8) for op2 in range(8))
"""The 56 register ids of the ID space, ascending."""

_FIRMWARE = ("PSCI_VERSION", "SMCCC_ARCH_WORKAROUND_1", "SMCCC_ARCH_WORKAROUND_2", "SMCCC_ARCH_WORKAROUND_3")
_BITMAPS = ("STD_BMAP", "STD_HYP_BMAP", "VENDOR_HYP_BMAP", "VENDOR_HYP_BMAP_2")

NAMES: dict[int, str] = {
    **{
        sysreg_id(3, 0, 0, crm, op2): name
        for crm, row in _ID_ROWS.items()
        for op2, name in enumerate(row.split())
        if name != "-"
    },
    **{sysreg_id(*encoding): name for name, encoding in _OTHERS.items()},
    **{firmware_id(n): name for n, name in enumerate(_FIRMWARE)},
    **{bitmap_id(n): name for n, name in enumerate(_BITMAPS)},
    **{ccsidr_id(n): f"CCSIDR[{n}]" for n in range(16)},
}
"""Register id -> the kernel's name, for the registers that rules speak of."""

IDS: dict[str, int] = {name: reg_id for reg_id, name in NAMES.items()}
"""The same the other way round."""

AARCH32_IDS: tuple[int, ...] = tuple(i for i in ID_SPACE if i >> 3 & 0xF in (1, 2, 3))
"""CRm 1..3: the AArch32 ID registers with the unallocated encodings among them."""

PSCI_VERSION, WORKAROUND_1, WORKAROUND_2, WORKAROUND_3 = (firmware_id(n) for n in range(4))
STD_BITMAP, STD_HYP_BITMAP, VENDOR_HYP_BITMAP, VENDOR_HYP_BITMAP_2 = (bitmap_id(n) for n in range(4))

_SPELLING = re.compile(r"S([0-3])_([0-7])_C(\d+)_C(\d+)_([0-7])")


def id_of(name: str) -> int:
    """The register id of a kernel name or of a generic spelling such as `S3_0_C0_C4_0`; KeyError for anything else."""
    if (known := IDS.get(name)) is not None:
        return known
    if match := _SPELLING.fullmatch(name):
        parts = [int(text) for text in match.groups()]
        if parts[2] < 16 and parts[3] < 16:
            return sysreg_id(*parts)
    raise KeyError(name)


def name_of(reg_id: int) -> str:
    """The kernel's name; for a register without one what the catalogue calls it: `CCSIDR[2]`, `S3_0_C0_C0_7`."""
    return NAMES.get(reg_id) or by_id(reg_id).name
