"""Which of the kernel's own selftests notices a change, if any does.

Read in tools/testing/selftests/kvm/arm64 at 01f492e1817e: set_id_regs.c (test_regs and its ftr_ tables), get-reg-list.c
(fails for missing registers, prints new ones). Each asks one kernel about itself; no selftest restores a value that
another kernel showed.
"""

from __future__ import annotations

from collections.abc import Sequence

SET_ID_REGS = "tools/testing/selftests/kvm/arm64/set_id_regs.c"
GET_REG_LIST = "tools/testing/selftests/kvm/arm64/get-reg-list.c"
_ITSELF = "each asks one kernel about itself"
_WRITES = {
    "ID_AA64DFR0_EL1": "DoubleLock WRPs PMUVer DebugVer",
    "ID_DFR0_EL1": "PerfMon CopDbg",
    "ID_AA64ISAR0_EL1": "RNDR TLB TS FHM DP SM4 SM3 SHA3 RDM ATOMIC CRC32 SHA2 SHA1 AES",
    "ID_AA64ISAR1_EL1": "LS64 XS I8MM DGH BF16 SPECRES SB FRINTTS LRCPC FCMA JSCVT DPB",
    "ID_AA64ISAR2_EL1": "BC RPRES WFxT",
    "ID_AA64ISAR3_EL1": "FPRCVT LSUI LSFE FAMINMAX",
    "ID_AA64PFR0_EL1": "CSV3 CSV2 DIT SEL2 GIC EL3 EL2 EL1 EL0",
    "ID_AA64PFR1_EL1": "DF2 CSV2_frac SSBS BT",
    "ID_AA64MMFR0_EL1": "ECV EXS TGRAN4_2 TGRAN64_2 TGRAN16_2 TGRAN4 TGRAN64 TGRAN16 BIGENDEL0 SNSMEM BIGEND PARANGE",
    "ID_AA64MMFR1_EL1": "TIDCP1 AFP HCX ETS TWED SpecSEI PAN LO HPDS HAFDBS",
    "ID_AA64MMFR2_EL1": "E0PD BBM TTL AT ST VARange IESB LSM UAO CnP",
    "ID_AA64MMFR3_EL1": "S1POE S1PIE SCTLRX TCRX",
    "ID_AA64ZFR0_EL1": "F64MM F32MM I8MM SM4 SHA3 BF16 BitPerm AES SVEver",
}
"""Register -> fields that set_id_regs.c demands to be writable."""


def restoring(registers: Sequence[str]) -> str:
    """For values of a saved VM that are refused."""
    known = [name for name in registers if name in _WRITES]
    place = f"beside {known[0]}'s table in" if known else "in"
    return f"none notices it: {_ITSELF}. A case that writes the old value belongs {place} {SET_ID_REGS}"


def reading() -> str:
    """For fields that guests read otherwise."""
    return f"none notices it: {_ITSELF}"


def missing() -> str:
    """For registers that are not listed any more."""
    return f"{GET_REG_LIST} fails for the missing registers"


def new() -> str:
    """For registers that are newly listed."""
    return f"{GET_REG_LIST} prints them as new, and passes"


def no_longer_writable(names: Sequence[str]) -> str:
    """For `REGISTER.FIELD` whose bits cannot be written any more."""
    tested = [name for name in names if name.partition(".")[2] in _WRITES.get(name.partition(".")[0], "").split()]
    if not tested:
        return f"none notices it: {SET_ID_REGS} does not write these fields"
    return f"{SET_ID_REGS} fails at {', '.join(tested)}, which it demands to be writable"
