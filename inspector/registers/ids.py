"""Register ids by name: every system register, firmware pseudo-register and cache of the tables, and the ID space.

The ID space is op0=3, op1=0, CRn=0, CRm=1..7 (arch/arm64/kvm/sys_regs.c, is_vm_ftr_id_reg() and sys_reg_descs[]).
Unallocated encodings of it have no name of their own: KVM shows them as zero (ID_UNALLOCATED, ID_HIDDEN).
"""

from __future__ import annotations

import re

from inspector.registers.definitions import kvm_registers as kvm
from inspector.registers.definitions.families import FAMILIES
from inspector.registers.definitions.system_registers import SYSTEM_REGISTERS
from inspector.registers.encoding import (
    CLASS_CORE,
    CLASS_SVE,
    CLASS_SYSREG,
    SIZE_U512,
    bitmap_id,
    ccsidr_id,
    firmware_id,
    make_id,
    sysreg_id,
    system_index,
)


def _family(pattern: str, first: int, members: int, step: int) -> dict[str, int]:
    return {pattern.format(n=n): make_id(CLASS_SYSREG, first + n * step) for n in range(members)}


IDS: dict[str, int] = {
    **{name: sysreg_id(*code) for name, code, _, _ in SYSTEM_REGISTERS},
    **{
        name: reg_id
        for pattern, code, members, step, _, _ in FAMILIES
        for name, reg_id in _family(pattern, system_index(*code), members, step).items()
    },
    **{name: firmware_id(index) for name, index, _, _ in kvm.FIRMWARE_REGISTERS},
    **{name: bitmap_id(index) for name, index, _, _ in kvm.FIRMWARE_BITMAPS},
    # KVM has a demux register for each of 14 caches; ids up to CSSELR 15 occur in hostile and in old streams.
    **{f"CCSIDR[{csselr}]": ccsidr_id(csselr) for csselr in range(16)},
}
"""Name -> register id, as the catalogue names them; core and SVE registers are not among them."""

NAMES: dict[int, str] = {reg_id: name for name, reg_id in IDS.items()}
"""The same the other way round."""

ID_SPACE: tuple[int, ...] = tuple(sysreg_id(3, 0, 0, crm, op2) for crm in range(1, 8) for op2 in range(8))
"""The 56 register ids of the ID space, ascending."""

AARCH32_IDS: tuple[int, ...] = tuple(i for i in ID_SPACE if i >> 3 & 0xF in (1, 2, 3))
"""CRm 1..3: the AArch32 ID registers with the unallocated encodings among them."""

AIDR_EL1 = IDS["AIDR_EL1"]
APIAKeyLo_EL1 = IDS["APIAKeyLo_EL1"]
CCSIDR_EL1 = IDS["CCSIDR_EL1"]
CLIDR_EL1 = IDS["CLIDR_EL1"]
CNTPCT_EL0 = IDS["CNTPCT_EL0"]
CNTP_CTL_EL0 = IDS["CNTP_CTL_EL0"]
CNTVCT_EL0 = IDS["CNTVCT_EL0"]
CNTV_CTL_EL0 = IDS["CNTV_CTL_EL0"]
CNTV_CVAL_EL0 = IDS["CNTV_CVAL_EL0"]
CSSELR_EL1 = IDS["CSSELR_EL1"]
CTR_EL0 = IDS["CTR_EL0"]
DCZID_EL0 = IDS["DCZID_EL0"]
GCR_EL1 = IDS["GCR_EL1"]
HCR_EL2 = IDS["HCR_EL2"]
ID_AA64DFR0_EL1 = IDS["ID_AA64DFR0_EL1"]
ID_AA64ISAR0_EL1 = IDS["ID_AA64ISAR0_EL1"]
ID_AA64ISAR1_EL1 = IDS["ID_AA64ISAR1_EL1"]
ID_AA64ISAR2_EL1 = IDS["ID_AA64ISAR2_EL1"]
ID_AA64MMFR0_EL1 = IDS["ID_AA64MMFR0_EL1"]
ID_AA64MMFR1_EL1 = IDS["ID_AA64MMFR1_EL1"]
ID_AA64MMFR2_EL1 = IDS["ID_AA64MMFR2_EL1"]
ID_AA64MMFR3_EL1 = IDS["ID_AA64MMFR3_EL1"]
ID_AA64MMFR4_EL1 = IDS["ID_AA64MMFR4_EL1"]
ID_AA64PFR0_EL1 = IDS["ID_AA64PFR0_EL1"]
ID_AA64PFR1_EL1 = IDS["ID_AA64PFR1_EL1"]
ID_AA64PFR2_EL1 = IDS["ID_AA64PFR2_EL1"]
ID_AA64ZFR0_EL1 = IDS["ID_AA64ZFR0_EL1"]
ID_AA64SMFR0_EL1 = IDS["ID_AA64SMFR0_EL1"]
ID_AFR0_EL1 = IDS["ID_AFR0_EL1"]
ID_DFR0_EL1 = IDS["ID_DFR0_EL1"]
ID_DFR1_EL1 = IDS["ID_DFR1_EL1"]
ID_MMFR4_EL1 = IDS["ID_MMFR4_EL1"]
ID_PFR0_EL1 = IDS["ID_PFR0_EL1"]
ID_PFR1_EL1 = IDS["ID_PFR1_EL1"]
MDCR_EL2 = IDS["MDCR_EL2"]
MIDR_EL1 = IDS["MIDR_EL1"]
MPIDR_EL1 = IDS["MPIDR_EL1"]
OSLSR_EL1 = IDS["OSLSR_EL1"]
PIRE0_EL1 = IDS["PIRE0_EL1"]
PIR_EL1 = IDS["PIR_EL1"]
PMCR_EL0 = IDS["PMCR_EL0"]
PMMIR_EL1 = IDS["PMMIR_EL1"]
PMSELR_EL0 = IDS["PMSELR_EL0"]
PMSWINC_EL0 = IDS["PMSWINC_EL0"]
PMUSERENR_EL0 = IDS["PMUSERENR_EL0"]
REVIDR_EL1 = IDS["REVIDR_EL1"]
RGSR_EL1 = IDS["RGSR_EL1"]
TCR2_EL1 = IDS["TCR2_EL1"]
VMPIDR_EL2 = IDS["VMPIDR_EL2"]
VPIDR_EL2 = IDS["VPIDR_EL2"]
ZCR_EL1 = IDS["ZCR_EL1"]

PSCI_VERSION = IDS["PSCI_VERSION"]
WORKAROUND_1, WORKAROUND_2, WORKAROUND_3 = (IDS[f"SMCCC_ARCH_WORKAROUND_{n}"] for n in (1, 2, 3))
STD_BITMAP, STD_HYP_BITMAP = IDS["STD_BMAP"], IDS["STD_HYP_BMAP"]
VENDOR_HYP_BITMAP, VENDOR_HYP_BITMAP_2 = IDS["VENDOR_HYP_BMAP"], IDS["VENDOR_HYP_BMAP_2"]

EVENT_COUNTERS = frozenset(IDS[f"PMEVCNTR{n}_EL0"] for n in range(31))
PSTATE = make_id(CLASS_CORE, 0x42)
TIMERS = frozenset(
    IDS[name] for name in ("CNTVCT_EL0", "CNTV_CTL_EL0", "CNTV_CVAL_EL0", "CNTPCT_EL0", "CNTP_CTL_EL0", "CNTP_CVAL_EL0")
)
"""The guest's timers, whose count runs on by itself."""
SVE_VLS = make_id(CLASS_SVE, kvm.SVE_VLS_INDEX, SIZE_U512)

_SPELLING = re.compile(r"S([0-3])_([0-7])_C([0-9]+)_C([0-9]+)_([0-7])")


def id_of(name: str) -> int:
    """The register id of a kernel name or of a generic spelling such as `S3_0_C0_C4_0`; KeyError for anything else."""
    if (known := IDS.get(name)) is not None:
        return known
    if match := _SPELLING.fullmatch(name):
        parts = [int(text) for text in match.groups()]
        if parts[2] < 16 and parts[3] < 16:
            return sysreg_id(*parts)
    raise KeyError(name)
