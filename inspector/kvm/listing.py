"""KVM_GET_REG_LIST: which registers, in which order, and the reset values of those that are not feature IDs.

kvm_arm_copy_reg_indices(), arch/arm64/kvm/guest.c: core, SVE, firmware, bitmaps, (timers,) system registers, CCSIDR.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from itertools import chain
from typing import NamedTuple

import msgspec

from inspector.kvm.caches import CCSIDR_COUNT, cache_exists, fresh_ccsidr
from inspector.kvm.limits import SETTLED_BY, Limits
from inspector.policies.model import CONDITION_WORDS, List
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
    CLIDR_EL1,
    CNTV_CVAL_EL0,
    CNTVCT_EL0,
    EVENT_COUNTERS,
    ID_AA64DFR0_EL1,
    ID_AA64MMFR0_EL1,
    ID_AA64MMFR3_EL1,
    ID_AA64MMFR4_EL1,
    ID_AA64PFR0_EL1,
    ID_AA64PFR2_EL1,
    MDCR_EL2,
    PMSELR_EL0,
    PMSWINC_EL0,
    PSTATE,
    SVE_VLS,
)

COUNTER_MASKS = {
    sysreg_id(*e) for e in ((3, 0, 9, 14, 1), (3, 0, 9, 14, 2), (3, 3, 9, 12, 1), (3, 3, 9, 12, 2), (3, 3, 9, 12, 3),
    (3, 3, 9, 14, 3))
}  # fmt: skip
"""PMU registers with a bit for each counter"""
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
    return frozenset(word for word, field in VM_FIELDS.items() if field.holds(limits.limit(field.reg_id)))


class VmField(NamedTuple):
    """A field of the VM's own ID registers, which has to hold at least some value."""

    reg_id: int
    lsb: int
    least: int = 1

    def holds(self, value: int) -> bool:
        """True when the register's value has enough in the field."""
        return value >> self.lsb & 0xF >= self.least


VM_FIELDS = {
    "vm-tcr2": VmField(ID_AA64MMFR3_EL1, 0), "vm-sctlr2": VmField(ID_AA64MMFR3_EL1, 4),
    "vm-s1pie": VmField(ID_AA64MMFR3_EL1, 8), "vm-s1poe": VmField(ID_AA64MMFR3_EL1, 16),
    "vm-fpmr": VmField(ID_AA64PFR2_EL1, 32),
    "vm-fgt": VmField(ID_AA64MMFR0_EL1, 56), "vm-fgt2": VmField(ID_AA64MMFR0_EL1, 56, 2),
    "vm-nv2": VmField(ID_AA64MMFR4_EL1, 20), "vm-nv3": VmField(ID_AA64MMFR4_EL1, 20, 3),
}  # fmt: skip
"""Word of a rule's condition -> the field that it is about."""
_OPTIONS = (
    ("sve", Feature.SVE, ("sve",)), ("pmu", Feature.PMU, ("pmu_v3",)),
    ("ptrauth", Feature.PTRAUTH_ADDRESS | Feature.PTRAUTH_GENERIC, ("ptrauth_address", "ptrauth_generic")),
)  # fmt: skip
"""Condition of a rule, the vCPU feature behind it, and the capabilities of the host that it needs."""


def open_list_words(limits: Limits) -> frozenset[str]:
    """The conditions of list rules of which it is not known whether they hold.

    Features that the vCPU was asked to have count where it is not known that the host can give them.
    """
    fields = {word for word, field in VM_FIELDS.items() if not _settled(limits, *field)}
    options = {
        word
        for word, feature, capabilities in _OPTIONS
        if limits.setup.has(feature) and not all(map(limits.host.capability_known, capabilities))
    }
    mte = {"mte"} if limits.setup.mte and not limits.host.capability_known("mte") else set()
    return frozenset(limits.open_conditions | fields | options | mte)


def _settled(limits: Limits, reg_id: int, lsb: int, least: int = 1) -> bool:
    """True when it is known whether a field that KVM offers is at least `least`."""
    known, own = limits.limit_known(reg_id) >> lsb & 0xF, limits.limit(reg_id) >> lsb & 0xF
    return own & known >= least or own & known | 0xF & ~known < least


def by_fields(limits: Limits) -> dict[int, tuple[frozenset[str], ...]]:
    """Registers that are there only while fields of the VM's own ID registers say so -> the words that each rule needs.

    The visibility hooks of sys_reg_descs[] look at the VM as it is (sysreg_hidden(), arch/arm64/kvm/sys_regs.h): a
    write of an ID register takes registers away, and the first run may.
    """
    found: dict[int, tuple[frozenset[str], ...]] = {}
    always = set[int]()
    for rule in limits.book.lists:
        words = VM_FIELDS.keys() & rule.when
        if not _listing(rule, limits.conditions | words):
            continue
        for reg_id in expand_all(rule.registers):
            if words:
                found[reg_id] = (*found.get(reg_id, ()), frozenset(words))
            else:
                always.add(reg_id)
    return {reg_id: needs for reg_id, needs in found.items() if reg_id not in always}


class Membership(msgspec.Struct, frozen=True):
    """What decides whether KVM lists a register, where that is not known."""

    words: str
    """the condition, as it stands behind "with" or "without\""""
    held: bool
    """True: it is listed where the condition holds; False: where it does not"""
    settle: tuple[str, str] = ("", "")
    """what `--host` takes to say that the condition holds, and that it does not; empty where nothing can"""


def _membership(word: str, held: bool) -> Membership:
    """Of a register that a list rule's condition `word` decides on."""
    return Membership(CONDITION_WORDS[word], held, SETTLED_BY.get(word, ("", "")))


def doubtful(limits: Limits) -> dict[int, Membership]:
    """Registers of which it is not known whether KVM lists them -> what decides."""
    open_, caches = open_list_words(limits), _doubtful_caches(limits)
    if not open_:
        return caches
    holding = (limits.conditions | _vm_conditions(limits)) - open_
    certain, possible = set[int](), dict(caches)
    for rule in limits.book.lists:
        may = (holding | open_).issuperset(rule.when) and not holding.intersection(rule.unless)
        deciding = sorted(open_.intersection((*rule.when, *rule.unless)))
        ids = expand_all(rule.registers) if may else ()
        if deciding:
            possible |= dict.fromkeys(ids, _membership(deciding[0], deciding[0] in rule.when))
        else:
            certain.update(ids)
    if "sve" in open_:
        possible |= dict.fromkeys(sve_ids(), _membership("sve", True))
        possible |= dict.fromkeys(_vectors(), _membership("sve", False))
    return {reg_id: membership for reg_id, membership in possible.items() if reg_id not in certain}


def _doubtful_caches(limits: Limits) -> dict[int, Membership]:
    """The CCSIDR_EL1 of caches that the hardware's CLIDR_EL1 may have, where the kernel lists those that it has.

    write_demux_regids() and is_valid_cache(), arch/arm64/kvm/sys_regs.c up to v6.2.
    """
    if not limits.raw_caches:
        return {}
    found = {}
    for csselr in range(CCSIDR_COUNT):
        level = csselr >> 1
        types = limits.host.could_be(CLIDR_EL1, 7 << 3 * level)
        if len({cache_exists(ctype << 3 * level, csselr) for ctype in types}) == 2:
            kind = "an instruction" if csselr & 1 else "a data or unified"
            words = f"{kind} cache of level {level + 1} in the host's CLIDR_EL1"
            settle = f"CLIDR_EL1.Ctype{level + 1}=VALUE"
            found[ccsidr_id(csselr)] = Membership(words, True, (settle, settle))
    return found


def _vectors() -> set[int]:
    """The 128-bit V registers, which KVM lists where the vCPU has no SVE."""
    return set(core_ids(False)) - set(core_ids(True))


def _table_order(reg_id: int) -> int:
    """The place in KVM's table: the two swapped timer ids stand at each other's."""
    return {CNTVCT_EL0: CNTV_CVAL_EL0, CNTV_CVAL_EL0: CNTVCT_EL0}.get(reg_id, reg_id)


class RegList(msgspec.Struct, frozen=True):
    """The registers that a vCPU lists."""

    order: tuple[int, ...]
    """as the kernel writes them"""
    members: frozenset[int]


def get_reg_list(limits: Limits, firmware: Iterable[int]) -> RegList:
    """The register list of a vCPU; `firmware`: the firmware pseudo-registers that exist."""
    words = limits.conditions | _vm_conditions(limits)
    rules = tuple([rule for rule in limits.book.lists if _listing(rule, words)])
    sve, caches, firmware = limits.setup.has(Feature.SVE), tuple(sorted(fresh_ccsidr(limits))), tuple(firmware)
    key = sve, caches, firmware, tuple(map(id, rules))
    held = _LISTS.get(key)
    if held is None:
        if len(_LISTS) > _MOST_LISTS:
            _LISTS.clear()
        held = _LISTS[key] = rules, _written(sve, firmware, rules, caches)
    return held[1]


_LISTS: dict[tuple[object, ...], tuple[tuple[List, ...], RegList]] = {}
"""all that a list is made of, with the identities of the rules -> those rules, kept so that their identities stay
theirs, and the list: most kernels have that of another one"""
_MOST_LISTS = 256


def _written(sve: bool, firmware: Iterable[int], rules: Iterable[List], caches: Iterable[int]) -> RegList:
    """The groups that the kernel writes one after the other; the last but one is in table order."""
    groups: dict[str, list[int]] = {"timers": [], "invariants": [], "sorted": []}
    for rule in rules:
        groups[rule.place] += expand_all(rule.registers)
    by_table = sorted(set(groups.pop("sorted")), key=_table_order)
    first = core_ids(sve), sve_ids() if sve else (), firmware, *groups.values()
    order = (*chain.from_iterable(first), *by_table, *map(ccsidr_id, caches))
    return RegList(order, frozenset(order))


def _listing(rule: List, words: frozenset[str]) -> bool:
    """True when a rule lists its registers under these conditions."""
    return words.issuperset(rule.when) and not words.intersection(rule.unless)


def lists(limits: Limits, reg_id: int) -> bool:
    """Whether a vCPU lists one system register, without the list of all."""
    depending = []
    for rule in limits.book.lists:
        if reg_id in expand_all(rule.registers):
            if not rule.when and not rule.unless:
                return True
            depending.append(rule)
    words = limits.conditions | _vm_conditions(limits) if depending else limits.conditions
    return any(_listing(rule, words) for rule in depending)


def _pmu_resets(limits: Limits) -> dict[int, int]:
    """Reset values of the PMU's registers (reset_pmu_reg(), reset_pmevcntr(), reset_pmevtyper(), reset_pmselr())."""
    variant = limits.book.variant("pmu-reset")
    every = COUNTER_MASKS | EVENT_COUNTERS | _PMEVTYPER | {PMSELR_EL0, PMSWINC_EL0}
    if variant == "poison":
        return dict.fromkeys(every, POISON)
    counters = 1 << 31 | (1 << limits.pmcr_counters) - 1
    values = dict.fromkeys(COUNTER_MASKS, POISON & counters) | dict.fromkeys(EVENT_COUNTERS, POISON & 0xFFFFFFFF)
    values |= dict.fromkeys(_PMEVTYPER, POISON & event_type_mask(limits)) | {
        PMSELR_EL0: POISON & 0x1F,
        PMSWINC_EL0: 0,
    }
    return values


RESETS_IN_DOUBT = frozenset((MDCR_EL2, *COUNTER_MASKS, *_PMEVTYPER))
"""Those of which `reset_known` may not know every bit."""


def reset_known(limits: Limits, reg_id: int) -> int:
    """Which bits of a reset value are known: the number of PMU counters behind some of them may not be."""
    counters = limits.pmcr_counters_known
    if reg_id == MDCR_EL2:
        return ALL if counters else ALL & ~0x1F
    if limits.book.variant("pmu-reset") == "poison":
        return ALL
    if reg_id in COUNTER_MASKS:
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
    unknown = [mask for lsb, mask in levels if not _settled(limits, ID_AA64PFR0_EL1, lsb)]
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
