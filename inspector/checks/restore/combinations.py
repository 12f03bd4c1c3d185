"""Register values that no one vCPU can have at the same time, with what follows from them.

Such a dump was edited, mixed from two vCPUs, or saved by a kernel with a bug. Each rule is one function of the values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from inspector.checks.restore.result import Remark
from inspector.registers.bits import ones
from inspector.registers.encoding import CLASS_SVE, POISON, ccsidr_id, split_id, sysreg_id
from inspector.registers.ids import (
    CLIDR_EL1,
    CTR_EL0,
    GCR_EL1,
    ID_AA64DFR0_EL1,
    ID_AA64ISAR1_EL1,
    ID_AA64ISAR2_EL1,
    ID_AA64MMFR0_EL1,
    ID_AA64MMFR2_EL1,
    ID_AA64PFR0_EL1,
    ID_AA64PFR1_EL1,
    ID_AA64ZFR0_EL1,
    ID_DFR0_EL1,
    ID_MMFR4_EL1,
    PMUSERENR_EL0,
    VPIDR_EL2,
    ZCR_EL1,
    APIAKeyLo_EL1,
)

Values = Mapping[int, int]


def impossible(values: Values, vcpu: int) -> list[Remark]:
    """Every rule that `values`, the registers of vCPU number `vcpu`, break."""
    found = []
    for rule in _RULES:
        answer = rule(values)
        if answer is not None:
            ids, text = answer
            found.append(
                Remark(severity="changes", title="values that cannot occur together", text=text, ids=ids, vcpus=(vcpu,))
            )
    return found


def _field(values: Values, reg_id: int, lsb: int, width: int = 4) -> int | None:
    value = values.get(reg_id)
    return None if value is None else value >> lsb & ones(width)


Answer = tuple[tuple[int, ...], str] | None


def _sve_off(values: Values) -> Answer:
    if _field(values, ID_AA64PFR0_EL1, 32) == 0 and values.get(ID_AA64ZFR0_EL1):
        return (ID_AA64PFR0_EL1, ID_AA64ZFR0_EL1), (
            f"ID_AA64PFR0_EL1 says that there is no SVE, ID_AA64ZFR0_EL1 is 0x{values[ID_AA64ZFR0_EL1]:x}: KVM gives "
            "zero there for a vCPU without SVE and accepts nothing else"
        )
    return None


def _sve_registers(values: Values) -> Answer:
    has = ZCR_EL1 in values or any(split_id(i).cls == CLASS_SVE for i in values)
    if has and _field(values, ID_AA64PFR0_EL1, 32) == 0:
        return (ID_AA64PFR0_EL1, ZCR_EL1), "SVE registers are listed although ID_AA64PFR0_EL1 says that there is no SVE"
    if not has and _field(values, ID_AA64PFR0_EL1, 32) and _is_whole(values):
        return (ID_AA64PFR0_EL1, ZCR_EL1), (
            "ID_AA64PFR0_EL1 says that there is SVE, but no SVE register is listed: the guest would use registers "
            "whose content was not saved"
        )
    return None


def _pointer_authentication(values: Values) -> Answer:
    said = any(_field(values, ID_AA64ISAR1_EL1, lsb) for lsb in (4, 8, 24, 28)) or any(
        _field(values, ID_AA64ISAR2_EL1, lsb) for lsb in (8, 12)
    )
    if said and APIAKeyLo_EL1 not in values and _is_whole(values):
        return (ID_AA64ISAR1_EL1, ID_AA64ISAR2_EL1, APIAKeyLo_EL1), (
            "the ID registers show pointer authentication, but no key register is listed: the guest would go on with "
            "other keys and fault at its next signed return"
        )
    return None


def _memory_tagging(values: Values) -> Answer:
    if (_field(values, ID_AA64PFR1_EL1, 8) or 0) >= 2 and GCR_EL1 not in values and _is_whole(values):
        return (ID_AA64PFR1_EL1, GCR_EL1), "ID_AA64PFR1_EL1 shows memory tagging, but no tag register is listed"
    return None


def _pmu(values: Values) -> Answer:
    version = _field(values, ID_AA64DFR0_EL1, 8)
    if version not in (None, 0, 15) and PMUSERENR_EL0 not in values and _is_whole(values) and _lists_by_feature(values):
        return (ID_AA64DFR0_EL1, PMUSERENR_EL0), (
            f"ID_AA64DFR0_EL1 shows a PMU (PMUVer {version}), but no PMU register is listed: the oldest kernels "
            "do this, newer kernels do not"
        )
    return None


def _ccidx(values: Values) -> Answer:
    wide, narrow = _field(values, ID_AA64MMFR2_EL1, 20), _field(values, ID_MMFR4_EL1, 24)
    if (
        wide is None
        or narrow is None
        or _field(values, ID_AA64PFR0_EL1, 0) != 2
        or wide == narrow
        or values.get(ID_MMFR4_EL1) == 0
    ):
        return None
    return (ID_AA64MMFR2_EL1, ID_MMFR4_EL1), (
        f"CCIDX is {wide} in ID_AA64MMFR2_EL1 and {narrow} in ID_MMFR4_EL1: 64-bit and 32-bit software of the guest "
        "read CCSIDR_EL1 in two layouts"
    )


def _aarch32(values: Values) -> Answer:
    # A vCPU with EL2 is shown as 64-bit only, and KVM leaves its AArch32 ID registers as they are.
    if _field(values, ID_AA64PFR0_EL1, 0) != 1 or VPIDR_EL2 in values:
        return None
    ids = tuple(
        i for i in range(sysreg_id(3, 0, 0, 1, 0), sysreg_id(3, 0, 0, 3, 7) + 1) if values.get(i) and i != ID_DFR0_EL1
    )
    if not ids:
        return None
    return (ID_AA64PFR0_EL1, *ids), (
        f"{len(ids)} AArch32 ID registers are not zero although ID_AA64PFR0_EL1 says that EL0 has no AArch32"
    )


def _floating_point(values: Values) -> Answer:
    if _field(values, ID_AA64PFR0_EL1, 16) == 15 and (
        _field(values, ID_AA64PFR0_EL1, 32) or _field(values, ID_AA64PFR0_EL1, 20) != 15
    ):
        return (
            ID_AA64PFR0_EL1,
        ), "ID_AA64PFR0_EL1 says no floating point, but Advanced SIMD or SVE: they come together"
    return None


def _two_stage(values: Values) -> Answer:
    """FP and AdvSIMD hold the same value in every implementation (Arm ARM, ID_AA64PFR0_EL1)."""
    fp, simd = _field(values, ID_AA64PFR0_EL1, 16), _field(values, ID_AA64PFR0_EL1, 20)
    if fp is not None and simd is not None and fp != simd and 15 not in (fp, simd):
        return (ID_AA64PFR0_EL1,), f"ID_AA64PFR0_EL1 has FP {fp} and AdvSIMD {simd}: the two are always equal"
    return None


def _granules(values: Values) -> Answer:
    if (
        ID_AA64MMFR0_EL1 in values
        and values[ID_AA64MMFR0_EL1]
        and all((_field(values, ID_AA64MMFR0_EL1, lsb) or 0) == absent for lsb, absent in ((20, 0), (24, 15), (28, 15)))
    ):
        return (
            ID_AA64MMFR0_EL1,
        ), "ID_AA64MMFR0_EL1 offers no translation granule at all: no guest can turn its MMU on"
    return None


def _cache_lines(values: Values) -> Answer:
    ctr = values.get(CTR_EL0)
    if ctr is None:
        return None
    for index in range(14):
        value = values.get(ccsidr_id(index))
        smallest = (ctr if index & 1 else ctr >> 16) & 0xF
        if value is not None and (value & 7) + 2 < smallest:
            return (ccsidr_id(index), CTR_EL0), (
                f"CCSIDR[{index}] has lines of {1 << (value & 7) + 4} bytes, CTR_EL0 says that the smallest line is "
                f"{4 << smallest} bytes: a KVM that makes cache registers up refuses such a CCSIDR"
            )
    return None


def _cache_levels(values: Values) -> Answer:
    clidr = values.get(CLIDR_EL1)
    if clidr is None or clidr == POISON:
        return None
    types = [clidr >> 3 * n & 7 for n in range(7)]
    coherent = clidr >> 24 & 7
    last = max((n + 1 for n, kind in enumerate(types) if kind), default=0)
    if coherent > last:
        return (
            CLIDR_EL1,
        ), f"CLIDR_EL1 puts the level of coherence at {coherent}, but describes caches up to level {last}"
    gap = next((n + 1 for n in range(last) if types[n] == 0), 0)
    if gap:
        return (CLIDR_EL1,), f"CLIDR_EL1 describes a cache at level {last}, but none at level {gap}"
    return None


def _poisoned_identity(values: Values) -> Answer:
    ids = tuple(
        i for i in (ID_AA64PFR0_EL1, ID_AA64DFR0_EL1, ID_AA64MMFR0_EL1, CTR_EL0, CLIDR_EL1) if values.get(i) == POISON
    )
    return (ids, "an ID register holds KVM's pattern for registers that were never initialised") if ids else None


def _is_whole(values: Values) -> bool:
    """True for a list as KVM gives it, not for a handful of ID registers."""
    return sysreg_id(3, 0, 1, 0, 0) in values and sysreg_id(3, 0, 2, 0, 0) in values


def _lists_by_feature(values: Values) -> bool:
    """True when the kernel shows the firmware bitmaps: such a kernel lists PMU registers only with a PMU."""
    return 0x6030000000160000 in values


_RULES: tuple[Callable[[Values], Answer], ...] = (
    _sve_off,
    _sve_registers,
    _pointer_authentication,
    _memory_tagging,
    _pmu,
    _ccidx,
    _aarch32,
    _floating_point,
    _two_stage,
    _granules,
    _cache_lines,
    _cache_levels,
    _poisoned_identity,
)
