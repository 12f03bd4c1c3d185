"""KVM_GET_REG_LIST: which registers, in which order, and the reset values of those that are not feature IDs.

kvm_arm_copy_reg_indices(), arch/arm64/kvm/guest.c: core, SVE, firmware, bitmaps, (timers,) system registers, CCSIDR.
"""

from __future__ import annotations

from collections.abc import Iterable

from inspector.kvm.caches import fresh_ccsidr
from inspector.kvm.limits import Limits
from inspector.policies.setup import Feature
from inspector.policies.spans import expand
from inspector.registers.encoding import (
    CLASS_CORE,
    CLASS_SVE,
    POISON,
    SIZE_U32,
    SIZE_U128,
    SIZE_U256,
    SIZE_U2048,
    ccsidr_id,
    make_id,
    sysreg_id,
)
from inspector.registers.ids import (
    CNTV_CVAL_EL0,
    CNTVCT_EL0,
    ID_AA64DFR0_EL1,
    ID_AA64MMFR3_EL1,
    ID_AA64PFR0_EL1,
    ID_AA64PFR2_EL1,
    MDCR_EL2,
    PMSELR_EL0,
    PMSWINC_EL0,
    PSTATE,
    SVE_VLS,
)

_COUNTER_MASKS = {
    sysreg_id(*e) for e in ((3, 0, 9, 14, 1), (3, 0, 9, 14, 2), (3, 3, 9, 12, 1), (3, 3, 9, 12, 2), (3, 3, 9, 12, 3),
    (3, 3, 9, 14, 3))
}  # fmt: skip
_PMEVCNTR = {sysreg_id(3, 3, 14, 8 + n // 8, n % 8) for n in range(31)}
_PMEVTYPER = {sysreg_id(3, 3, 14, 12 + n // 8, n % 8) for n in range(31)}


def core_ids(sve: bool) -> list[int]:
    """The core registers in list order; with SVE the 128-bit V registers are not among them."""
    general = [make_id(CLASS_CORE, offset) for offset in range(0, 0x52, 2)]
    vectors = [] if sve else [make_id(CLASS_CORE, offset, SIZE_U128) for offset in range(0x54, 0xD4, 4)]
    return [*general, *vectors, make_id(CLASS_CORE, 0xD4, SIZE_U32), make_id(CLASS_CORE, 0xD5, SIZE_U32)]


def sve_ids() -> list[int]:
    """VLS, Z0-31, P0-15 and FFR (one slice)."""
    z = [make_id(CLASS_SVE, n << 5, SIZE_U2048) for n in range(32)]
    p = [make_id(CLASS_SVE, 0x400 | n << 5, SIZE_U256) for n in range(17)]
    return [SVE_VLS, *z, *p]


def _vm_conditions(limits: Limits) -> frozenset[str]:
    """Words for fields of the VM's own ID registers, on which some registers' membership depends."""
    mmfr3, pfr2 = limits.limit(ID_AA64MMFR3_EL1), limits.limit(ID_AA64PFR2_EL1)
    facts = {
        "vm-tcr2": mmfr3 & 0xF, "vm-sctlr2": mmfr3 >> 4 & 0xF, "vm-s1pie": mmfr3 >> 8 & 0xF, "vm-s1poe": mmfr3 >> 16 &
        0xF, "vm-fpmr": pfr2 >> 32 & 0xF,
    }  # fmt: skip
    return frozenset(word for word, field in facts.items() if field)


def _table_order(reg_id: int) -> int:
    """The place in KVM's table: the two swapped timer ids stand at each other's."""
    return {CNTVCT_EL0: CNTV_CVAL_EL0, CNTV_CVAL_EL0: CNTVCT_EL0}.get(reg_id, reg_id)


def get_reg_list(limits: Limits, firmware: Iterable[int]) -> tuple[int, ...]:
    """The register list of a vCPU, in the kernel's order; `firmware`: the firmware pseudo-registers that exist."""
    sve = limits.setup.has(Feature.SVE)
    words = limits.conditions | _vm_conditions(limits)
    groups: dict[str, list[int]] = {"timers": [], "invariants": [], "sorted": []}
    for rule in limits.book.lists:
        if words.issuperset(rule.when) and not words.intersection(rule.unless):
            groups[rule.place] += [reg_id for spec in rule.registers for reg_id in expand(spec)]
    return (
        *core_ids(sve), *(sve_ids() if sve else ()), *firmware,
        *groups["timers"], *groups["invariants"], *sorted(set(groups["sorted"]), key=_table_order),
        *(ccsidr_id(k) for k in sorted(fresh_ccsidr(limits))),
    )  # fmt: skip


def _pmu_resets(limits: Limits) -> dict[int, int]:
    """Reset values of the PMU's registers (reset_pmu_reg(), reset_pmevcntr(), reset_pmevtyper(), reset_pmselr())."""
    variant = limits.book.variant("pmu-reset")
    every = _COUNTER_MASKS | _PMEVCNTR | _PMEVTYPER | {PMSELR_EL0, PMSWINC_EL0}
    if variant == "poison":
        return dict.fromkeys(every, POISON)
    counters = 1 << 31 | (1 << limits.pmcr_counters) - 1
    values = dict.fromkeys(_COUNTER_MASKS, POISON & counters) | dict.fromkeys(_PMEVCNTR, POISON & 0xFFFFFFFF)
    values |= dict.fromkeys(_PMEVTYPER, POISON & event_type_mask(limits)) | {
        PMSELR_EL0: POISON & 0x1F,
        PMSWINC_EL0: 0,
    }
    return values


def event_type_mask(limits: Limits) -> int:
    """The bits that PMEVTYPERn_EL0 can hold (kvm_pmu_evtyper_mask())."""
    if limits.book.variant("pmu-reset") == "masked":
        return 0xC800FFFF
    pfr0 = limits.limit(ID_AA64PFR0_EL1)
    mask = 0xC0000000 | (0x3FF if limits.limit(ID_AA64DFR0_EL1) >> 8 & 0xF == 1 else 0xFFFF)
    if pfr0 >> 8 & 0xF:
        mask |= 1 << 27
    if pfr0 >> 12 & 0xF:
        mask |= 1 << 29 | 1 << 28 | 1 << 26
    return mask


def _pstate(limits: Limits) -> int:
    """PSTATE after reset: all exceptions masked, in the highest level that the vCPU has (kvm_reset_vcpu())."""
    if limits.setup.has(Feature.EL1_32BIT):
        return 0x1D3
    return 0x3C9 if limits.setup.has(Feature.EL2) else 0x3C5


def reset_values(limits: Limits) -> dict[int, int]:
    """Values of listed registers that are not feature IDs, as far as they are not zero."""
    values = _pmu_resets(limits) | {PSTATE: _pstate(limits), MDCR_EL2: limits.pmcr_counters}
    lengths = limits.host.sve_lengths
    if lengths is not None:
        values[SVE_VLS] = lengths
    for rule in limits.book.defaults:
        if limits.applies(rule) and rule.value != "varies":
            number = POISON if rule.value == "poison" else int(rule.value, 16)
            values |= {reg_id: number for spec in rule.registers for reg_id in expand(spec)}
    return values


def varying(limits: Limits) -> dict[int, str]:
    """Registers that run by themselves -> why, as their rule says it."""
    return {
        reg_id: rule.reason
        for rule in limits.book.defaults
        if rule.value == "varies" and limits.applies(rule)
        for spec in rule.registers
        for reg_id in expand(spec)
    }
