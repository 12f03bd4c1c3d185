"""KVM_GET_REG_LIST: which registers, in which order, and the reset values of those that are not feature IDs.

kvm_arm_copy_reg_indices(), arch/arm64/kvm/guest.c: core, SVE, firmware, bitmaps, (timers,) system registers, CCSIDR.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from itertools import chain
from typing import NamedTuple

from inspector.kvm.caches import fresh_ccsidr
from inspector.kvm.limits import Limits
from inspector.policies.setup import Feature
from inspector.policies.spans import expand_all
from inspector.registers.bits import ALL
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
    PMCR_EL0,
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


@cache
def core_ids(sve: bool) -> tuple[int, ...]:
    """The core registers in list order; with SVE the 128-bit V registers are not among them."""
    general = [make_id(CLASS_CORE, offset) for offset in range(0, 0x52, 2)]
    vectors = [] if sve else [make_id(CLASS_CORE, offset, SIZE_U128) for offset in range(0x54, 0xD4, 4)]
    return (*general, *vectors, make_id(CLASS_CORE, 0xD4, SIZE_U32), make_id(CLASS_CORE, 0xD5, SIZE_U32))


@cache
def sve_ids() -> tuple[int, ...]:
    """VLS, Z0-31, P0-15 and FFR (one slice)."""
    z = [make_id(CLASS_SVE, n << 5, SIZE_U2048) for n in range(32)]
    p = [make_id(CLASS_SVE, 0x400 | n << 5, SIZE_U256) for n in range(17)]
    return (SVE_VLS, *z, *p)


def _vm_conditions(limits: Limits) -> frozenset[str]:
    """Words for fields of the VM's own ID registers, on which some registers' membership depends."""
    return frozenset(word for word, (reg_id, lsb) in _VM_FIELDS.items() if limits.limit(reg_id) >> lsb & 0xF)


_VM_FIELDS = {
    "vm-tcr2": (ID_AA64MMFR3_EL1, 0), "vm-sctlr2": (ID_AA64MMFR3_EL1, 4), "vm-s1pie": (ID_AA64MMFR3_EL1, 8),
    "vm-s1poe": (ID_AA64MMFR3_EL1, 16), "vm-fpmr": (ID_AA64PFR2_EL1, 32),
}  # fmt: skip
"""Word for a field of the VM's own ID registers -> the register and the field's lowest bit."""
_OPTIONS = (
    ("sve", Feature.SVE, ("sve",)), ("pmu", Feature.PMU, ("pmu_v3",)),
    ("ptrauth", Feature.PTRAUTH_ADDRESS | Feature.PTRAUTH_GENERIC, ("ptrauth_address", "ptrauth_generic")),
)  # fmt: skip
"""Condition of a rule, the vCPU feature behind it, and the capabilities of the host that it needs."""


def open_list_words(limits: Limits) -> frozenset[str]:
    """The conditions of list rules of which it is not known whether they hold.

    Features that the vCPU was asked to have count where it is not known that the host can give them.
    """
    fields = {word for word, (reg_id, lsb) in _VM_FIELDS.items() if not _settled(limits, reg_id, 0xF << lsb)}
    options = {
        word
        for word, feature, capabilities in _OPTIONS
        if limits.setup.has(feature) and not all(map(limits.host.capability_known, capabilities))
    }
    mte = {"mte"} if limits.setup.mte and not limits.host.capability_known("mte") else set()
    return frozenset(limits.open_conditions | fields | options | mte)


def _settled(limits: Limits, reg_id: int, mask: int) -> bool:
    """True when it is known whether a field that KVM offers is 0."""
    known = limits.limit_known(reg_id) & mask
    return known == mask or bool(limits.limit(reg_id) & known)


class Membership(NamedTuple):
    """What decides whether KVM lists a register, where that is not known."""

    word: str
    """the condition, as list rules word it"""
    held: bool
    """True: it is listed where the condition holds; False: where it does not"""


def doubtful(limits: Limits) -> dict[int, Membership]:
    """Registers of which it is not known whether KVM lists them -> what decides."""
    open_ = open_list_words(limits)
    if not open_:
        return {}
    holding = (limits.conditions | _vm_conditions(limits)) - open_
    certain, possible = set[int](), dict[int, Membership]()
    for rule in limits.book.lists:
        may = (holding | open_).issuperset(rule.when) and not holding.intersection(rule.unless)
        deciding = sorted(open_.intersection((*rule.when, *rule.unless)))
        ids = expand_all(rule.registers) if may else ()
        if deciding:
            possible |= dict.fromkeys(ids, Membership(deciding[0], deciding[0] in rule.when))
        else:
            certain.update(ids)
    if "sve" in open_:
        possible |= dict.fromkeys(sve_ids(), Membership("sve", True))
        possible |= dict.fromkeys(_vectors(), Membership("sve", False))
    return {reg_id: membership for reg_id, membership in possible.items() if reg_id not in certain}


def _vectors() -> set[int]:
    """The 128-bit V registers, which KVM lists where the vCPU has no SVE."""
    return set(core_ids(False)) - set(core_ids(True))


def _table_order(reg_id: int) -> int:
    """The place in KVM's table: the two swapped timer ids stand at each other's."""
    return {CNTVCT_EL0: CNTV_CVAL_EL0, CNTV_CVAL_EL0: CNTVCT_EL0}.get(reg_id, reg_id)


def get_reg_list(limits: Limits, firmware: Iterable[int]) -> tuple[int, ...]:
    """The register list of a vCPU, in the kernel's order; `firmware`: the firmware pseudo-registers that exist."""
    *first, by_table, last = list_groups(limits, firmware)
    return (*chain.from_iterable(first), *sorted(set(by_table), key=_table_order), *last)


def list_groups(limits: Limits, firmware: Iterable[int]) -> tuple[Iterable[int], ...]:
    """The same in the groups that the kernel writes one after the other; the last but one is not in its order yet."""
    sve = limits.setup.has(Feature.SVE)
    words = limits.conditions | _vm_conditions(limits)
    groups: dict[str, list[int]] = {"timers": [], "invariants": [], "sorted": []}
    for rule in limits.book.lists:
        if words.issuperset(rule.when) and not words.intersection(rule.unless):
            groups[rule.place] += expand_all(rule.registers)
    caches = (ccsidr_id(k) for k in sorted(fresh_ccsidr(limits)))
    return core_ids(sve), sve_ids() if sve else (), firmware, *groups.values(), caches


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


RESETS_IN_DOUBT = frozenset((MDCR_EL2, *_COUNTER_MASKS, *_PMEVTYPER))
"""Those of which `reset_known` may not know every bit."""


def reset_known(limits: Limits, reg_id: int) -> int:
    """Which bits of a reset value are known: the number of PMU counters behind some of them may not be."""
    counters = limits.host.knows(PMCR_EL0, 0x1F << 11)
    if reg_id == MDCR_EL2:
        return ALL if counters else ALL & ~0x1F
    if limits.book.variant("pmu-reset") == "poison":
        return ALL
    if reg_id in _COUNTER_MASKS:
        return ALL if counters else ALL & ~POISON | 1 << 31 | 0xFFFFFFFF << 32
    if reg_id in _PMEVTYPER:
        return ALL & ~_event_type_open(limits)
    return ALL


def _event_type_open(limits: Limits) -> int:
    """The bits of a PMEVTYPERn_EL0 of which it is not known whether it can hold them."""
    if limits.book.variant("pmu-reset") == "masked":
        return 0
    version = limits.limit_known(ID_AA64DFR0_EL1) >> 8 & 0xF == 0xF
    levels = ((8, 1 << 27), (12, 1 << 29 | 1 << 28 | 1 << 26))
    unknown = [mask for lsb, mask in levels if not _settled(limits, ID_AA64PFR0_EL1, 0xF << lsb)]
    return POISON & sum(unknown, 0 if version else 0xFC00)


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
            values |= dict.fromkeys(expand_all(rule.registers), number)
    return values


def varying(limits: Limits) -> dict[int, str]:
    """Registers that run by themselves -> why, as their rule says it."""
    return {
        reg_id: rule.reason
        for rule in limits.book.defaults
        if rule.value == "varies" and limits.applies(rule)
        for reg_id in expand_all(rule.registers)
    }
