"""Which vCPU feature or kernel release brings a register into KVM_GET_REG_LIST.

A missing register rarely comes alone: a vCPU without PMUv3 lacks 74 of them. The table below names those sets, so that
a list difference reads as one cause instead of dozens of ids. Membership was read off the register lists that real
kernels gave for one vCPU configuration with and without the feature; releases come from the kernel's history and are
given as a range where only the two ends are known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from inspector.checks.vmms.base import MEMORY_TAGGING, NESTED, PMU, POINTER_AUTH, SVE
from inspector.policies.eras import era_of, era_with, listed_since
from inspector.registers.encoding import (
    CLASS_BITMAP,
    CLASS_CORE,
    CLASS_DEMUX,
    CLASS_FIRMWARE,
    CLASS_SVE,
    SysReg,
    firmware_id,
    split_id,
    sysreg_id,
    sysreg_of,
)
from inspector.registers.ids import ZCR_EL1


class FeatureSet(msgspec.Struct, frozen=True, kw_only=True):
    """A set of registers that is listed or missing as a whole."""

    key: str
    """stable word for JSON: `pmu`"""
    feature: str
    """what brings the registers, for headlines: `PMUv3`"""
    member: Callable[[int], bool]
    """does this register id belong to the set?"""
    text: str
    """when KVM lists the set, one sentence without a full stop"""
    dated: Callable[[], str] | None = None
    """answers in which release the set appeared; None when it was always there"""
    size: int = 0
    """registers of the whole set that a QEMU stream carries (no core, no SVE class); 0 when it varies"""
    option: str = ""
    """key of the VMM's option that turns the set on or off (checks/vmms/base.py)"""
    harmless: str = ""
    """why losing the set costs the guest nothing, where that is true"""
    told: str = ""
    """which kernels list the set for which vCPU, in few words, where `since` does not say it"""

    @property
    def since(self) -> str:
        """The release in which the set appeared, perhaps with what was before; empty when it was always there."""
        return self.dated() if self.dated is not None else ""


class FeatureGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Some register ids and the feature that brings them."""

    key: str
    feature: str
    ids: tuple[int, ...]
    """ascending"""
    text: str
    option: str = ""
    harmless: str = ""

    @property
    def since(self) -> str:
        """The release in which the feature's registers appeared (`FeatureSet.since`), looked up when it is told: that
        reads the policies of all releases."""
        known = _BY_KEY.get(self.key)
        return known.since if known else ""

    def headline(self, word: str) -> str:
        """`74 missing: PMUv3` for word `missing`."""
        return f"{len(self.ids)} {word}: {self.feature}"

    @property
    def sentence(self) -> str:
        """When the registers are listed and since which release: `listed only ..., since 6.13`."""
        return f"{self.text}, since {self.since}" if self.since else self.text


def _sysregs(*encodings: tuple[int, int, int, int, int]) -> Callable[[int], bool]:
    ids = frozenset(sysreg_id(*e) for e in encodings)
    return lambda reg_id: reg_id in ids


def _listed(*encoding: int) -> Callable[[], str]:
    """Since when KVM lists a register, asked when somebody wants to know."""
    op0, op1, crn, crm, op2 = encoding
    return lambda: listed_since(sysreg_id(op0, op1, crn, crm, op2))


def _behaves(function: str, *variants: str) -> Callable[[], str]:
    """Since when KVM behaves in one of these ways."""
    return lambda: era_of(function, *variants).since


def _where(test: Callable[[SysReg], bool]) -> Callable[[int], bool]:
    def member(reg_id: int) -> bool:
        reg = sysreg_of(reg_id)
        return reg is not None and test(reg)

    return member


def _class(*classes: int) -> Callable[[int], bool]:
    return lambda reg_id: split_id(reg_id).cls in classes


def _is_pmu(reg: SysReg) -> bool:
    """PMU registers of a vCPU: (3,0,9,14,*), (3,3,9,12..14,*), (3,3,14,8..15,*), PMMIR_EL1 apart."""
    if reg.op0 != 3:
        return False
    if reg.crn == 9:
        return (reg.op1 == 0 and reg.crm == 14 and reg.op2 in (1, 2)) or (reg.op1 == 3 and reg.crm in (12, 13, 14))
    return reg.op1 == 3 and reg.crn == 14 and reg.crm >= 8


def _is_ptrauth(reg: SysReg) -> bool:
    """The five 128-bit keys, low and high halves: (3,0,2,1..3,*)."""
    return (reg.op0, reg.op1, reg.crn) == (3, 0, 2) and reg.crm in (1, 2, 3)


_STATE32 = _sysregs((3, 4, 3, 0, 0), (3, 4, 5, 0, 1), (3, 4, 5, 3, 0))
"""DACR32_EL2, IFSR32_EL2, FPEXC32_EL2: EL2 by their names, and listed for every vCPU by every recorded kernel, 5.10 to
7.3, with AArch32 on the host or without."""


def _is_el2(reg: SysReg) -> bool:
    """Registers of a nested hypervisor: op1 4, and SP_EL2."""
    return reg.op0 == 3 and (reg.op1 in (4, 5) or (reg.op1, reg.crn) == (6, 4))


def _is_id_space(reg: SysReg) -> bool:
    return (reg.op0, reg.op1, reg.crn) == (3, 0, 0) and 1 <= reg.crm <= 7


def _demux(first: int, last: int) -> Callable[[int], bool]:
    def member(reg_id: int) -> bool:
        parts = split_id(reg_id)
        return parts.cls == CLASS_DEMUX and first <= parts.number <= last

    return member


def _bitmap(*indexes: int) -> Callable[[int], bool]:
    def member(reg_id: int) -> bool:
        parts = split_id(reg_id)
        return parts.cls == CLASS_BITMAP and parts.number in indexes

    return member


def _is_vector(reg_id: int) -> bool:
    """V0..V31 of struct kvm_regs: 128-bit core registers."""
    parts = split_id(reg_id)
    return parts.cls == CLASS_CORE and parts.size == 4


_AARCH32_ARCH = 0x40

FEATURE_SETS: tuple[FeatureSet, ...] = (
    FeatureSet(
        key="pmu",
        feature="PMUv3",
        member=_where(_is_pmu),
        text="PMU registers, listed only when the vCPU has a PMU (the oldest kernels list them always)",
        size=74,
        option=PMU,
        told="with a PMU; the oldest kernels for every vCPU",
    ),
    FeatureSet(
        key="pmmir",
        feature="PMUv3 (PMMIR_EL1)",
        member=_sysregs((3, 0, 9, 14, 6)),
        text="PMMIR_EL1, listed when the vCPU has a PMU",
        dated=_listed(3, 0, 9, 14, 6),
        size=1,
        option=PMU,
    ),
    FeatureSet(
        key="tcr2",
        feature="FEAT_TCR2 / FEAT_S1PIE",
        member=_sysregs((3, 0, 2, 0, 3), (3, 0, 10, 2, 2), (3, 0, 10, 2, 3)),
        text="listed only when the vCPU has FEAT_TCR2 / FEAT_S1PIE",
        dated=_listed(3, 0, 2, 0, 3),
        size=3,
        harmless="a guest without these features never used them",
    ),
    FeatureSet(
        key="s1poe",
        feature="FEAT_S1POE",
        member=_sysregs((3, 0, 10, 2, 4), (3, 3, 10, 2, 4)),
        text="POR_EL0 and POR_EL1, listed only when the vCPU has FEAT_S1POE",
        dated=_listed(3, 0, 10, 2, 4),
        size=2,
    ),
    FeatureSet(
        key="sctlr2",
        feature="FEAT_SCTLR2",
        member=_sysregs((3, 0, 1, 0, 3)),
        text="SCTLR2_EL1, listed only when the vCPU has FEAT_SCTLR2",
        dated=_listed(3, 0, 1, 0, 3),
        size=1,
    ),
    FeatureSet(
        key="fpmr",
        feature="FEAT_FPMR",
        member=_sysregs((3, 3, 4, 4, 2)),
        text="FPMR, listed only when the vCPU has FEAT_FPMR",
        dated=_listed(3, 3, 4, 4, 2),
        size=1,
    ),
    FeatureSet(
        key="ptrauth",
        feature="pointer authentication (FEAT_PAuth)",
        member=_where(_is_ptrauth),
        text="key registers, listed only when the vCPU was created with both pointer-authentication features",
        size=10,
        option=POINTER_AUTH,
    ),
    FeatureSet(
        key="mte",
        feature="memory tagging (FEAT_MTE2)",
        member=_sysregs((3, 0, 1, 0, 5), (3, 0, 1, 0, 6), (3, 0, 5, 6, 0), (3, 0, 5, 6, 1)),
        text="tag registers, listed only when the VM enabled KVM_CAP_ARM_MTE",
        dated=_listed(3, 0, 1, 0, 5),
        size=4,
        option=MEMORY_TAGGING,
    ),
    FeatureSet(
        key="sve",
        feature="SVE (FEAT_SVE)",
        member=lambda i: split_id(i).cls == CLASS_SVE or i == ZCR_EL1,
        text="ZCR_EL1, vector lengths, Z, P, FFR, listed only when the vCPU has SVE (QEMU streams keep ZCR_EL1 alone)",
        size=1,
        option=SVE,
    ),
    FeatureSet(
        key="fpsimd",
        feature="no SVE (V registers as core registers)",
        member=_is_vector,
        text="V0..V31, listed as core registers only when the vCPU has no SVE (with SVE they are part of Z0..Z31)",
    ),
    FeatureSet(
        key="zfr0",
        feature="SVE (ID_AA64ZFR0_EL1)",
        member=_sysregs((3, 0, 0, 4, 4)),
        text="ID_AA64ZFR0_EL1; Linux 5.2 to 5.9 until their fix of Nov 2020, and kernels with their SVE such as "
        "4.18.0-147 of RHEL and CentOS, list it only when the vCPU has SVE, all others always",
        size=1,
        option=SVE,
        harmless="without SVE it reads as zero",
        told="not by 5.2 to 5.9 for a vCPU without SVE",
    ),
    FeatureSet(
        key="state32",
        feature="state of AArch32 EL1",
        member=_STATE32,
        text="DACR32_EL2, IFSR32_EL2, FPEXC32_EL2, listed for every vCPU by KVM",
    ),
    FeatureSet(
        key="el2",
        feature="nested virtualisation (EL2)",
        member=_where(_is_el2),
        text="EL2 registers, listed only when the vCPU was created with KVM_ARM_VCPU_HAS_EL2",
        dated=_listed(3, 4, 1, 0, 0),
        option=NESTED,
    ),
    FeatureSet(
        key="bitmap2",
        feature="firmware bitmap 2 (KVM_REG_ARM_VENDOR_HYP_BMAP_2)",
        member=_bitmap(3),
        text="second bitmap of hypercalls offered to the guest, listed for every vCPU",
        dated=lambda: era_with("hypercall-bitmaps-2").since,
        size=1,
        harmless="its value is 0 unless the VMM set it",
    ),
    FeatureSet(
        key="bitmaps",
        feature="firmware feature bitmaps",
        member=_bitmap(0, 1, 2),
        text="three bitmaps of hypercalls offered to the guest, listed for every vCPU",
        dated=lambda: era_with("hypercall-bitmaps").since,
        size=3,
    ),
    FeatureSet(
        key="firmware",
        feature="firmware pseudo-registers",
        member=_class(CLASS_FIRMWARE),
        text="PSCI version and workaround states, listed for every vCPU by KVM (a TCG stream has none)",
    ),
    FeatureSet(
        key="oslsr",
        feature="OSLSR_EL1",
        member=_sysregs((2, 0, 1, 1, 4)),
        text="OSLSR_EL1, visible to userspace for every vCPU",
        dated=_listed(2, 0, 1, 1, 4),
        size=1,
    ),
    FeatureSet(
        key="ptimer",
        feature="EL1 physical timer",
        member=_sysregs((3, 3, 14, 0, 1), (3, 3, 14, 2, 1), (3, 3, 14, 2, 2)),
        text="physical timer registers, listed for every vCPU",
        dated=_listed(3, 3, 14, 0, 1),
        size=3,
    ),
    FeatureSet(
        key="ccsidr-fabricated",
        feature="cache normalisation (CCSIDR[3..13])",
        member=_demux(3, 13),
        text="14 CCSIDR registers for every vCPU; kernels before list only those of the host's own caches (3 on most)",
        dated=_behaves("cache-registers", "fabricated"),
        size=11,
    ),
    FeatureSet(
        key="ccsidr",
        feature="caches of the host (CCSIDR)",
        member=_class(CLASS_DEMUX),
        text="one per cache of the host, or 14 for every vCPU where KVM makes them up; a TCG stream has none",
    ),
    FeatureSet(
        key="id",
        feature="feature ID registers",
        member=_where(_is_id_space),
        text="all 56 encodings of the ID space are listed for every KVM vCPU; a source without them is not a KVM list",
    ),
    FeatureSet(
        key="aarch32",
        feature="AArch32 coprocessor registers",
        member=lambda i: split_id(i).arch == _AARCH32_ARCH,
        text="ids of QEMU's TCG emulation; KVM lists none of them",
    ),
    FeatureSet(
        key="core",
        feature="core registers",
        member=_class(CLASS_CORE),
        text="X0..X30, SP, PC, PSTATE and the like; a QEMU stream keeps them outside its register list",
    ),
)
"""In order of precedence: an id belongs to the first set that claims it."""

_BY_KEY = {s.key: s for s in FEATURE_SETS}
OTHER = "other"
"""Key of the group of registers that no known feature brings."""

_cache: dict[int, str] = {}


def feature_key(reg_id: int) -> str:
    """Key of the first set that claims `reg_id`; `other` when none does."""
    key = _cache.get(reg_id)
    if key is None:
        key = next((s.key for s in FEATURE_SETS if s.member(reg_id)), OTHER)
        _cache[reg_id] = key
    return key


def feature_set(key: str) -> FeatureSet | None:
    """The set with this key, or None for `other`."""
    return _BY_KEY.get(key)


def group_by_feature(ids: Iterable[int]) -> list[FeatureGroup]:
    """`ids` grouped by what brings them, largest group first; ids without a known cause come last."""
    buckets: dict[str, list[int]] = {}
    for reg_id in ids:
        buckets.setdefault(feature_key(reg_id), []).append(reg_id)
    order = sorted(buckets, key=lambda k: (k == OTHER, -len(buckets[k]), k))
    return [_group(key, tuple(sorted(buckets[key]))) for key in order]


def _group(key: str, ids: tuple[int, ...]) -> FeatureGroup:
    known = _BY_KEY.get(key)
    if known is None:
        return FeatureGroup(key=OTHER, feature="no known feature", ids=ids, text="listed for a reason not known here")
    return FeatureGroup(
        key=key,
        feature=known.feature,
        ids=ids,
        text=known.text,
        option=known.option,
        harmless=known.harmless,
    )


PSCI_VERSION = firmware_id(0)
"""The id that every KVM vCPU lists, whatever its features."""
