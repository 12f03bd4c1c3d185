"""What a kernel shows of a host: register list, values to userspace, the guest's own view, and which rule changed what.

`expose` computes integers for every register at once; `Exposure.register` explains one register field by field on
demand. A value travels as a pair (value, known bits): what a source kernel hid stays unknown through every rule.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from inspector.kvm import listing as membership
from inspector.kvm import mitigations
from inspector.kvm.fabricated import CCSIDR_COUNT, ctr_bits_behind, make_clidr, min_line
from inspector.kvm.firmware import firmware_values
from inspector.kvm.guest import guest_values
from inspector.kvm.host import HostState, sanitise
from inspector.kvm.nested import stage2_granules
from inspector.policies.model import Policy, Rule
from inspector.policies.rulebook import Rulebook, Step, rulebook
from inspector.policies.setup import Feature, VcpuSetup
from inspector.registers.bits import ALL, State
from inspector.registers.encoding import POISON, ccsidr_id, is_demux
from inspector.registers.ids import (
    AARCH32_IDS,
    CLIDR_EL1,
    CTR_EL0,
    ID_AA64DFR0_EL1,
    ID_AA64PFR0_EL1,
    ID_AA64PFR1_EL1,
    ID_AFR0_EL1,
    ID_DFR0_EL1,
    ID_DFR1_EL1,
    ID_SPACE,
    IDS,
    MIDR_EL1,
    PMCR_EL0,
    VMPIDR_EL2,
    VPIDR_EL2,
    WORKAROUND_2,
)

if TYPE_CHECKING:
    from inspector.kvm.gates import Gate

REVIDR, AIDR, MPIDR, CSSELR, OSLSR = (
    IDS[name] for name in ("REVIDR_EL1", "AIDR_EL1", "MPIDR_EL1", "CSSELR_EL1", "OSLSR_EL1")
)
_HIDDEN_IN_AARCH32 = frozenset((ID_AFR0_EL1, ID_DFR1_EL1, *(i for i in AARCH32_IDS if i & 0x7F in (0x1B, 0x1F))))
"""Entries among the AArch32 rows that are hidden or unallocated anyway: never write-ignore."""


class FieldExposure(msgspec.Struct, frozen=True, kw_only=True):
    """One field on its way from the host to the guest."""

    name: str
    msb: int
    lsb: int
    host: int | None
    """the host's field; None when it is not known"""
    exposed: int | None
    state: State
    rule: str = ""
    reference: str = ""
    reason: str = ""


class RegisterExposure(msgspec.Struct, frozen=True, kw_only=True):
    """One register on its way from the host to the guest."""

    id: int
    host: int | None
    known: int
    """which bits of `exposed` are known"""
    exposed: int | None
    guest: int | None
    fields: tuple[FieldExposure, ...]


class Trace(NamedTuple):
    """What one step did to a register."""

    step: Step
    before: tuple[int, int]
    after: tuple[int, int]


class Exposure:
    """The answer of `expose`."""

    def __init__(self, host: HostState, policy: Policy, setup: VcpuSetup) -> None:
        self.host, self.policy, self.setup = host, policy, setup
        self.hidden_host = False
        """True when nothing is known of the host beyond what a fresh vCPU shows"""
        self.book: Rulebook = rulebook(policy)
        self.conditions = _conditions(host, setup)
        self.sanitised = sanitise(host, self.book.known_mask)
        self.gate_cache: dict[int, Gate] | None = None
        self._limits: dict[int, tuple[int, int]] = {}
        for reg_id in ID_SPACE:
            self._limits[reg_id] = self._limit(reg_id, None)
        self._limits[CTR_EL0] = self.sanitised[CTR_EL0]

    def applies(self, rule: Rule) -> bool:
        """True when the rule's conditions hold here."""
        return self.conditions.issuperset(rule.when) and not self.conditions.intersection(rule.unless)

    def limit(self, reg_id: int) -> int:
        """The most that a write of this ID register (or CTR_EL0) may hold: KVM's own value for a fresh vCPU."""
        return self._limits[reg_id][0]

    def limit_known(self, reg_id: int) -> int:
        """Which bits of `limit` are known."""
        return self._limits[reg_id][1]

    def raz(self, reg_id: int) -> Rule | None:
        """The rule that makes an ID register read as zero here; None for a register that is shown."""
        for rule in self.book.raz.get(reg_id, ()):
            if self.applies(rule):
                return rule
        return None

    def ignores_writes(self, reg_id: int) -> Rule | None:
        """The rule by which writes of any value are accepted and dropped."""
        for rule in self.book.raz.get(reg_id, ()):
            if rule.writes == "ignore" and self.applies(rule) and reg_id not in _HIDDEN_IN_AARCH32:
                return rule
        return None

    def writable(self, reg_id: int) -> tuple[int, Rule | None]:
        """(mask, rule) of the bits that userspace may change here; (0, None) when there are none."""
        for mask, rule in reversed(self.book.writable.get(reg_id, ())):
            if self.applies(rule):
                return mask, rule
        return 0, None

    def _limit(self, reg_id: int, traces: list[Trace] | None) -> tuple[int, int]:
        """(value, known) that KVM offers; each step that applied is appended to `traces`."""
        if rule := self.raz(reg_id):
            assumed = "host-aarch32" in rule.unless and not self.host.aarch32_known
            return 0, 0 if assumed else ALL
        pair = self.sanitised[reg_id]
        for step in self.book.steps.get(reg_id, ()):
            if not self.applies(step.rule):
                continue
            after = self._apply(reg_id, step, pair)
            if traces is not None and after != pair:
                traces.append(Trace(step, pair, after))
            pair = after
        return pair

    def _apply(self, reg_id: int, step: Step, pair: tuple[int, int]) -> tuple[int, int]:
        value, known = pair
        match step.kind:
            case "hide":
                return value & ~step.mask, known | step.mask
            case "force":
                return value & ~step.mask | step.value << step.lsb, known | step.mask
            case "floor":
                low = (value & step.mask) >> step.lsb < step.value
                return (value & ~step.mask | step.value << step.lsb, known) if low else pair
            case "cap":
                field = (value & step.mask) >> step.lsb
                if field < step.value:
                    return pair
                sure = known & step.mask == step.mask or self.host.at_least.get(reg_id, 0) & step.mask == step.mask
                return value & ~step.mask | step.value << step.lsb, known | step.mask if sure else known
            case _:
                return _SPECIALS[step.name](self, reg_id, value, known)

    @cached_property
    def aarch32_quirk(self) -> int:
        """ID_DFR0_EL1 on a host without AArch32: since v6.5 it is filled without asking whether it reads as zero."""
        if self.book.variant("id-registers") != "stored" or self.host.has_aarch32:
            return 0
        return _perfmon(self) << 24

    @cached_property
    def values(self) -> dict[int, int]:
        """What KVM_GET_ONE_REG returns for every listed register of a fresh vCPU, in list order."""
        own, other = self.feature_values(), self.other_values
        return {reg_id: own[reg_id] if reg_id in own else other.get(reg_id, 0) for reg_id in self.listed}

    @cached_property
    def underivable(self) -> dict[int, str]:
        """Listed registers whose value follows from nothing that is known (running counters, for example) -> why."""
        return membership.underivable(self)

    @cached_property
    def running(self) -> frozenset[int]:
        """Listed registers that change by themselves: even a written value does not stay."""
        return frozenset(membership.varying(self))

    @cached_property
    def known(self) -> dict[int, int]:
        """Register id -> mask of the bits of `values` that are known."""
        result = {}
        for reg_id in self.listed:
            if reg_id in self._limits:
                result[reg_id] = self._limits[reg_id][1]
            elif reg_id in self.underivable:
                result[reg_id] = 0
            else:
                result[reg_id] = ALL & self._cache_known(reg_id)
        return result

    def _cache_known(self, reg_id: int) -> int:
        raw = self.book.variant("cache-registers") == "raw"
        if reg_id in (MIDR_EL1, REVIDR, AIDR) or (raw and reg_id == CLIDR_EL1):
            return self.host.known.get(reg_id, 0)
        if raw:
            return ALL if self.host.ccsidr_known or not is_demux(reg_id) else 0
        if needed := ctr_bits_behind(reg_id):
            return ALL if self.limit_known(CTR_EL0) & needed == needed else 0
        return ALL

    @cached_property
    def listed(self) -> tuple[int, ...]:
        """KVM_GET_REG_LIST, in the kernel's order."""
        return membership.listed(self)

    @cached_property
    def guest(self) -> dict[int, int]:
        """What MRS returns inside a fresh guest; CCSIDR_EL1 under the demux id of its CSSELR value."""
        return guest_values(self)

    @cached_property
    def firmware(self) -> dict[int, int]:
        """The firmware pseudo-registers and bitmaps that exist, with their values on a fresh vCPU."""
        return firmware_values(self)

    @cached_property
    def pmcr_counters(self) -> int:
        """PMCR_EL0.N of the host's PMU."""
        return self.host.value(PMCR_EL0) >> 11 & 0x1F

    def ccsidr_defaults(self) -> dict[int, int]:
        """CSSELR value -> CCSIDR_EL1 as a fresh vCPU shows it through the demux ids."""
        if self.book.variant("cache-registers") == "raw":
            return {
                k: v & 0xFFFFFFFF for k, v in self.host.ccsidr.items() if cache_exists(self.host.value(CLIDR_EL1), k)
            }
        ctr = self.limit(CTR_EL0)
        return {k: min_line(ctr, k) & 0xFFFFFFFF for k in range(CCSIDR_COUNT)}

    def clidr(self) -> int:
        """CLIDR_EL1 of a fresh vCPU."""
        if self.book.variant("cache-registers") == "raw":
            return self.host.value(CLIDR_EL1)
        return make_clidr(self.limit(CTR_EL0), self.setup.mte)

    def mpidr(self, vcpu: int) -> int:
        """MPIDR_EL1 of vCPU number `vcpu` after reset (reset_mpidr())."""
        return 0x80000000 | vcpu & 0xF | (vcpu >> 4 & 0xFF) << 8 | (vcpu >> 12 & 0xFF) << 16

    def pmcr(self) -> int:
        """PMCR_EL0 of a fresh vCPU (reset_pmcr())."""
        long_counter = 0 if self.host.has_aarch32 else 0x40
        if self.book.variant("pmcr") == "counters":
            return self.pmcr_counters << 11 | long_counter
        return self.host.value(PMCR_EL0) & ~0xFF | 0xDECAFBAD & 0xFE | long_counter

    def feature_values(self) -> dict[int, int]:
        """Userspace's values of ID, cache, implementation and firmware registers of vCPU 0."""
        values = {reg_id: self._limits[reg_id][0] for reg_id in (*ID_SPACE, CTR_EL0)}
        if self.raz(ID_DFR0_EL1):
            values[ID_DFR0_EL1] = self.aarch32_quirk
        values |= {reg_id: self.host.value(reg_id) for reg_id in (MIDR_EL1, REVIDR, AIDR)}
        values |= {MPIDR: self.mpidr(0), CSSELR: POISON, CLIDR_EL1: self.clidr(), OSLSR: 8, PMCR_EL0: self.pmcr()}
        values |= {ccsidr_id(k): v for k, v in self.ccsidr_defaults().items()}
        return values | self.firmware

    @cached_property
    def listed_set(self) -> frozenset[int]:
        """`listed`, for membership tests."""
        return frozenset(self.listed)

    @cached_property
    def counts_in_pmcr(self) -> bool:
        """True when PMCR_EL0.N is kept on the VM (v6.7 and later)."""
        return self.book.variant("pmcr") == "counters"

    @cached_property
    def vm_values(self) -> dict[int, int]:
        """Initial values of the registers that the VM holds."""
        values = self.feature_values()
        held = {*ID_SPACE, CTR_EL0, MIDR_EL1, REVIDR, AIDR, *self.firmware} - {WORKAROUND_2}
        return {reg_id: value for reg_id, value in values.items() if reg_id in held}

    @cached_property
    def vcpu_values(self) -> dict[int, int]:
        """Initial values of the feature registers that each vCPU holds."""
        values = self.feature_values()
        own = {reg_id: v for reg_id, v in values.items() if reg_id not in self.vm_values and reg_id != WORKAROUND_2}
        if self.counts_in_pmcr:
            own[PMCR_EL0] = own[PMCR_EL0] & ~(0x1F << 11)
        own |= dict.fromkeys((VPIDR_EL2, VMPIDR_EL2), POISON)
        return {i: v for i, v in own.items() if i in self.listed_set}

    @cached_property
    def other_values(self) -> dict[int, int]:
        """Reset values of listed registers that are not feature registers, as far as they are not zero."""
        return membership.reset_values(self)

    def register(self, reg_id: int) -> RegisterExposure:
        """One register explained field by field; an id that KVM does not list has neither host nor exposed value."""
        from inspector.kvm.words.showing import explain_register

        return explain_register(self, reg_id)

    def traces(self, reg_id: int) -> list[Trace]:
        """The steps that changed an ID register, in order."""
        found: list[Trace] = []
        self._limit(reg_id, found)
        return found


def expose(host: HostState, policy: Policy, setup: VcpuSetup) -> Exposure:
    """What the kernel `policy` shows of `host` to userspace and to the guest of a fresh vCPU created as `setup`
    says."""
    return Exposure(host, policy, setup)


def cache_exists(clidr: int, csselr: int) -> bool:
    """True when CLIDR_EL1 describes the cache that a CSSELR_EL1 value selects (is_valid_cache(), up to v6.2)."""
    level, instruction = csselr >> 1, csselr & 1
    ctype = clidr >> 3 * level & 7
    if level >= 7 or ctype == 0:
        return False
    return ctype in (1, 3) if instruction else ctype in (2, 3, 4)


def _conditions(host: HostState, setup: VcpuSetup) -> frozenset[str]:
    """The words of rule conditions that hold for this host and setup."""
    pfr1, dfr0 = host.value(ID_AA64PFR1_EL1), host.value(ID_AA64DFR0_EL1)
    ras = host.value(ID_AA64PFR0_EL1) >> 28 & 0xF
    facts = {
        "sve": setup.has(Feature.SVE), "ptrauth": setup.ptrauth, "pmu": setup.has(Feature.PMU), "mte": setup.mte,
        "el2": setup.has(Feature.EL2), "e2h0": setup.has(Feature.EL2_E2H0), "imp-id": setup.writable_imp_id,
        "psci": setup.has(Feature.PSCI), "vm-gic": setup.gic == "v3", "host-vgic3": host.vgic == "v3",
        "host-aarch32": host.has_aarch32, "host-ras-v1p1": ras == 1 and pfr1 >> 12 & 0xF >= 1,
        "host-mte-async-unknown": pfr1 >> 8 & 0xF == 2 and pfr1 >> 40 & 0xF == 15,
        "host-doublelock-none": dfr0 >> 36 & 0xF == 15, "host-vgic5-legacy": host.vgic == "v5-legacy",
        "host-gic5": host.vgic in ("v5", "v5-legacy"),
    }  # fmt: skip
    return frozenset(word for word, holds in facts.items() if holds)


def _speculation(exposure: Exposure, reg_id: int, value: int, known: int) -> tuple[int, int]:
    """PFR0.CSV2 and CSV3 by the mitigation state (read_id_reg() up to v6.4, sanitise_id_aa64pfr0_el1() later)."""
    host, variant = exposure.host, exposure.book.variant("speculation-fields")
    unaffected = mitigations.spectre_v2_unaffected(host)
    csv2, csv3 = 0xF << 56, 0xF << 60
    if unaffected or variant != "raised":
        value, known = value & ~csv2 | (1 << 56 if unaffected else 0), known | csv2
    if variant == "csv2":
        return value, known
    if host.meltdown_unaffected or variant != "raised":
        value, known = value & ~csv3 | (1 << 60 if host.meltdown_unaffected else 0), known | csv3
    return value, known


def _gic(exposure: Exposure, reg_id: int, value: int, known: int) -> tuple[int, int]:
    """PFR0.GIC is 1 wherever the host's vGIC is a v3, whether or not the VM has one."""
    if exposure.book.variant("gic-fields") == "host" or exposure.host.vgic not in ("v3", "v5-legacy", "v5"):
        return value, known
    return value & ~(0xF << 24) | 1 << 24, known | 0xF << 24


def pmu_version(exposure: Exposure) -> int:
    """DFR0.PMUVer as offered from v6.2 on: the host's, at most 6; 0 without the PMU feature or with an IMPDEF PMU."""
    host = exposure.host.value(ID_AA64DFR0_EL1) >> 8 & 0xF
    if not exposure.setup.has(Feature.PMU) or host == 15:
        return 0
    return min(host, 6)


def _perfmon(exposure: Exposure) -> int:
    """The same as ID_DFR0_EL1.PerfMon numbers it."""
    version = pmu_version(exposure)
    return 3 if version == 1 else version


def _pmu_known(exposure: Exposure, limit: int) -> bool:
    """True when the host's PMU version is known well enough for a kernel that offers at most `limit`."""
    host, mask = exposure.host, 0xF << 8
    least = host.at_least.get(ID_AA64DFR0_EL1, 0) & mask == mask and host.value(ID_AA64DFR0_EL1) >> 8 & 0xF >= limit
    return host.knows(ID_AA64DFR0_EL1, mask) or least


def _pmu(exposure: Exposure, reg_id: int, value: int, known: int) -> tuple[int, int]:
    """DFR0.PMUVer and ID_DFR0_EL1.PerfMon by the kernel's PMU limit."""
    variant, lsb = exposure.book.variant("pmu-version"), 8 if reg_id == ID_AA64DFR0_EL1 else 24
    field, mask = value >> lsb & 0xF, 0xF << lsb
    if variant in ("v8.1-always", "v8.4"):
        limit = 4 if variant == "v8.1-always" else 5 if exposure.setup.has(Feature.PMU) else 0
        new = field if field == 15 else min(field, limit)
        sure = limit == 0 or _pmu_known(exposure, limit)
        return value & ~mask | new << lsb, known | mask if sure else known & ~mask
    new = pmu_version(exposure) if reg_id == ID_AA64DFR0_EL1 else _perfmon(exposure)
    sure = not exposure.setup.has(Feature.PMU) or _pmu_known(exposure, 6)
    return value & ~mask | new << lsb, known | mask if sure else known & ~mask


def _nested(exposure: Exposure, reg_id: int, value: int, known: int) -> tuple[int, int]:
    """Limits for a vCPU with EL2; releases before v6.15 applied them at the first run only."""
    if not exposure.setup.has(Feature.EL2):
        return value, known
    if exposure.book.variant("nested-granules") == "host":
        return value, known
    held = 0xFFF << 32
    return value & ~held | stage2_granules(exposure.sanitised[reg_id][0], exposure.host.page_size) << 32, known | held


_SPECIALS = {
    "speculation-fields": _speculation, "gic-fields": _gic, "pmu-version": _pmu, "nested-granules": _nested,
}  # fmt: skip
