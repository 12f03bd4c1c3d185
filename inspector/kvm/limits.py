"""The value that KVM offers of each ID register, and by which rules: what kvm_read_sanitised_id_reg() and the
visibility hooks of arch/arm64/kvm/sys_regs.c make of a host for one vCPU setup.

A value travels with the bits of it that are known: what a source kernel hid stays unknown through every rule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from functools import cached_property
from typing import ClassVar, Self

import msgspec

from inspector.kvm import mitigations
from inspector.kvm.boot_options import booted
from inspector.kvm.cases import meet, merge_partials
from inspector.kvm.cpus import APPLE, breaks_cntvoff, traps_pmu
from inspector.kvm.host import HostState, sanitise
from inspector.kvm.nested import PAGE_SIZES, stage2_granules
from inspector.policies.model import PROTECTED, Policy, Rule
from inspector.policies.register_rules import RegisterRules, Step
from inspector.policies.rulebook import Rulebook, rulebook
from inspector.policies.setup import Feature, VcpuSetup
from inspector.registers.bits import ALL, Partial
from inspector.registers.ids import (
    AARCH32_IDS,
    CTR_EL0,
    ID_AA64DFR0_EL1,
    ID_AA64MMFR0_EL1,
    ID_AA64MMFR3_EL1,
    ID_AA64PFR0_EL1,
    ID_AA64PFR1_EL1,
    ID_AFR0_EL1,
    ID_DFR0_EL1,
    ID_DFR1_EL1,
    ID_SPACE,
    MIDR_EL1,
    PMCR_EL0,
)

"""How the ID space shows a register: REG_RAZ and REG_USER_WI of arch/arm64/kvm/sys_regs.h."""

_HIDDEN_IN_AARCH32 = frozenset((ID_AFR0_EL1, ID_DFR1_EL1, *(i for i in AARCH32_IDS if i & 0x7F in (0x1B, 0x1F))))
"""Entries among the AArch32 rows that are hidden or unallocated anyway: never write-ignore."""


SETTLED_BY = {
    "host-aarch32": ("ID_AA64PFR0_EL1.EL0=VALUE",) * 2, "host-ras-v1p1": ("ID_AA64PFR1_EL1.RAS_frac=VALUE",) * 2,
    "host-mte-async-unknown": ("ID_AA64PFR1_EL1.MTE_frac=VALUE",) * 2,
    "host-doublelock-none": ("ID_AA64DFR0_EL1.DoubleLock=VALUE",) * 2, "host-poe": ("poe=on", "poe=off"),
    "host-cntvoff-broken": ("ID_AA64MMFR0_EL1.ECV=1", "ID_AA64MMFR0_EL1.ECV=0"),
    "host-vgic3": ("vgic=v3", "vgic=v2"), "vm-gic": ("vgic=v3", "vgic=v2"),
    "sve": ("ID_AA64PFR0_EL1.SVE=1", "ID_AA64PFR0_EL1.SVE=0"), "mte": ("ID_AA64PFR1_EL1.MTE=VALUE",) * 2,
    "pmu": ("ID_AA64DFR0_EL1.PMUVer=VALUE", "ID_AA64DFR0_EL1.PMUVer=0"),
    "ptrauth": ("ID_AA64ISAR1_EL1.APA=VALUE",) * 2,
    "vm-tcr2": ("ID_AA64MMFR3_EL1.TCRX=1", "ID_AA64MMFR3_EL1.TCRX=0"),
    "vm-sctlr2": ("ID_AA64MMFR3_EL1.SCTLRX=1", "ID_AA64MMFR3_EL1.SCTLRX=0"),
    "vm-s1pie": ("ID_AA64MMFR3_EL1.S1PIE=1", "ID_AA64MMFR3_EL1.S1PIE=0"),
    "vm-s1poe": ("ID_AA64MMFR3_EL1.S1POE=1", "ID_AA64MMFR3_EL1.S1POE=0"),
    "vm-fpmr": ("ID_AA64PFR2_EL1.FPMR=1", "ID_AA64PFR2_EL1.FPMR=0"),
    "vm-fgt": ("ID_AA64MMFR0_EL1.FGT=1", "ID_AA64MMFR0_EL1.FGT=0"),
    "vm-fgt2": ("ID_AA64MMFR0_EL1.FGT=2", "ID_AA64MMFR0_EL1.FGT=1"),
    "vm-nv3": ("ID_AA64MMFR4_EL1.NV_frac=3", "ID_AA64MMFR4_EL1.NV_frac=1"),
}  # fmt: skip
"""Condition of a rule that may be open -> what `--host` settles it with, where it holds and where it does not."""


LIMITED = frozenset((*ID_SPACE, CTR_EL0))
"""The registers that have a limit."""


class Offered(dict[int, Partial]):
    """Register id -> a value, for LIMITED, each worked out when it is first asked for: most questions are about few.

    `work` is asked for what `known` does not hold.
    """

    def __init__(self, work: Callable[[int], Partial], known: Mapping[int, Partial] | None = None) -> None:
        super().__init__(known or {})
        self._work = work

    def __missing__(self, reg_id: int) -> Partial:
        if reg_id not in LIMITED:
            raise KeyError(reg_id)
        found = self[reg_id] = self._work(reg_id)
        return found


class Trace(msgspec.Struct, frozen=True):
    """What one step did to a register."""

    step: Step
    before: Partial
    after: Partial

    def touches(self, mask: int) -> bool:
        """True when the step changed a bit of `mask`, or whether it is known."""
        changed = (self.before.value ^ self.after.value) | (self.before.known ^ self.after.known)
        return bool(changed & mask)


class Alike:
    """What the kernels that are asked about one host and setup have in common, so that it is worked out once."""

    def __init__(self, host: HostState, setup: VcpuSetup) -> None:
        self.host, self.setup = host, setup
        self.conditions, self.open_conditions = _conditions(host, setup)
        self.sanitised: dict[RegisterRules, Partial] = {}
        self.limits: dict[RegisterRules, Partial] = {}
        """what a kernel offers that says this of a register; only where nothing else that it says has a part in it"""
        self.kept: dict[tuple[object, ...], bool] = {}
        """the same of writes that a VM is sure to keep, by all that they depend on; see vm.py"""

    lately: ClassVar[tuple[Alike, ...]] = ()
    """those that were asked about last, replaced as a whole: the screens ask from several threads"""

    @classmethod
    def of(cls, host: HostState, setup: VcpuSetup) -> Alike:
        """The same object for the same host and setup."""
        found = next((one for one in cls.lately if one.host is host and one.setup == setup), None)
        if found is None:
            found = Alike(host, setup)
            cls.lately = (found, *cls.lately[:7])
        return found


class Limits:
    """What a kernel offers of one host to a vCPU of one setup: the limit of every ID register and of CTR_EL0."""

    def __init__(self, host: HostState, policy: Policy, setup: VcpuSetup) -> None:
        self.book: Rulebook = rulebook(policy)
        self.bare = host
        """the host before its command line"""
        host = booted(host, policy)
        self.emulates_pmu = _emulates_pmu(host, self.book)
        """KVM makes a PMUv3 of the host's own kind of PMU"""
        if self.emulates_pmu:
            host = msgspec.structs.replace(host, capabilities={"pmu_v3": 1} | dict(host.capabilities or {}))
        self.host, self.policy, self.setup = host, policy, setup
        self.alike = Alike.of(host, setup)
        self.conditions, self.open_conditions = self.alike.conditions, self.alike.open_conditions
        self.sanitised: dict[int, Partial] = Offered(self._sanitised)
        self.limits: dict[int, Partial] = Offered(self._offered)

    def applies(self, rule: Rule) -> bool:
        """True when the rule's conditions hold here, as far as is known or assumed."""
        return self.conditions.issuperset(rule.when) and not self.conditions.intersection(rule.unless)

    def open_words(self, rule: Rule) -> frozenset[str]:
        """The conditions of a rule that are not known to hold or not, where the rest of it would let it apply."""
        words = self.open_conditions
        if not words:
            return words
        settled = self.conditions - words
        if not (settled | words).issuperset(rule.when) or settled.intersection(rule.unless):
            return frozenset()
        return words.intersection((*rule.when, *rule.unless))

    def assuming(self, conditions: frozenset[str]) -> Self:
        """The same, with exactly these conditions, none of them open; limits follow."""
        other = copy(self)
        other.conditions, other.open_conditions = conditions, frozenset()
        other.limits = Offered(other.relimit, {CTR_EL0: self.limits[CTR_EL0]})
        return other

    def supposing(self, reg_id: int, bits: int) -> Self:
        """The same, with `bits` for what is not known of one register's host value and of its limit."""
        other = copy(self)
        host, own = self.host, self.sanitised[reg_id]
        known = host.known.get(reg_id, 0)
        whole = host.value(reg_id) & known | bits & ~known & ALL
        other.host = msgspec.structs.replace(
            host, values={**host.values, reg_id: whole}, known={**host.known, reg_id: ALL}
        )  # fmt: skip
        other.sanitised = Offered(
            self.sanitised.__getitem__, {reg_id: Partial(own.value & own.known | bits & ~own.known & ALL)}
        )
        value, known = other.relimit(reg_id)
        other.limits = Offered(self.limits.__getitem__, {reg_id: Partial(value & known | bits & ~known & ALL)})
        return other

    def relimit(self, reg_id: int) -> Partial:
        """The limit of one register, computed again."""
        return self.sanitised[CTR_EL0] if reg_id == CTR_EL0 else self._limit(reg_id, None)

    def _sanitised(self, reg_id: int) -> Partial:
        said = self.book.of(reg_id)
        held = self.alike.sanitised.get(said)
        if held is None:
            held = self.alike.sanitised[said] = sanitise(self.host, reg_id, said.known_mask)
        return held

    def _offered(self, reg_id: int) -> Partial:
        said = self.book.of(reg_id)
        held = self.alike.limits.get(said)
        if held is None:
            held = Limits.relimit(self, reg_id)
            if said.alone:
                self.alike.limits[said] = held
        return held

    def limit(self, reg_id: int) -> int:
        """The most that a write of this ID register (or CTR_EL0) may hold: KVM's own value for a fresh vCPU."""
        return self.limits[reg_id].value

    def limit_known(self, reg_id: int) -> int:
        """Which bits of `limit` are known."""
        return self.limits[reg_id].known

    def raz(self, reg_id: int) -> Rule | None:
        """The rule that makes an ID register read as zero here; None for a register that is shown."""
        return next((rule for rule in self.book.of(reg_id).raz if self.applies(rule)), None)

    def ignores_writes(self, reg_id: int) -> Rule | None:
        """The rule by which writes of any value are accepted and dropped."""
        if reg_id in _HIDDEN_IN_AARCH32:
            return None
        rules = self.book.of(reg_id).raz
        return next((rule for rule in rules if rule.writes == "ignore" and self.applies(rule)), None)

    def writable(self, reg_id: int) -> tuple[int, Rule | None]:
        """(mask, rule) of the bits that userspace may change here; (0, None) when there are none."""
        for mask, rule in reversed(self.book.of(reg_id).writable):
            if self.applies(rule):
                return mask, rule
        return 0, None

    def traces(self, reg_id: int) -> list[Trace]:
        """The steps that changed an ID register, in order."""
        found: list[Trace] = []
        self._limit(reg_id, found)
        return found

    @cached_property
    def pmcr_counters(self) -> int:
        """PMCR_EL0.N of the host's PMU; one counter where KVM emulates it (kvm_arm_pmu_get_max_counters())."""
        return 1 if self.emulates_pmu else self.host.value(PMCR_EL0) >> 11 & 0x1F

    @cached_property
    def pmcr_counters_known(self) -> bool:
        """True when `pmcr_counters` is more than an assumption."""
        return self.emulates_pmu or self.host.knows(PMCR_EL0, 0x1F << 11)

    @cached_property
    def counts_in_pmcr(self) -> bool:
        """True when PMCR_EL0.N is kept on the VM (set_pmcr())."""
        return self.book.variant("pmcr") == "counters"

    @cached_property
    def raw_caches(self) -> bool:
        """True when CLIDR_EL1 and CCSIDR_EL1 are the hardware's, False when KVM makes them up from CTR_EL0."""
        return self.book.variant("cache-registers") == "raw"

    @cached_property
    def aarch32_quirk(self) -> int:
        """ID_DFR0_EL1 on a host without AArch32: kernels that keep ID registers on the VM fill it without asking
        whether it reads as zero."""
        if self.book.variant("id-registers") != "stored" or self.host.has_aarch32:
            return 0
        if not self.bare.has_aarch32:
            return perfmon(self) << 24
        # The command line hides AArch32 of a CPU that has it: the kernel read its AArch32 registers all the same.
        mask = self.book.of(ID_DFR0_EL1).known_mask
        return self._stepped(ID_DFR0_EL1, sanitise(self.bare, ID_DFR0_EL1, mask), None).value

    @property
    def aarch32_quirk_known(self) -> int:
        """Which bits of it are known: the version of the vPMU is the host's."""
        shown = self.book.variant("id-registers") == "stored" and not self.bare.has_aarch32
        open_ = shown and self.setup.has(Feature.PMU) and not _pmu_known(self, 6)
        return ALL & ~(0xF << 24) if open_ else ALL

    def _limit(self, reg_id: int, traces: list[Trace] | None) -> Partial:
        """What KVM offers; each step that applied is appended to `traces`."""
        rules = self.book.of(reg_id).raz
        zero = self.raz(reg_id) is not None
        if zero and not any(self.open_words(rule) for rule in rules):
            return Partial(0, ALL)
        pair = self._stepped(reg_id, self.sanitised[reg_id], traces)
        if zero:
            return meet(Partial(0, ALL), pair)
        return meet(pair, Partial(0, ALL)) if any(self.open_words(rule) for rule in rules) else pair

    def _stepped(self, reg_id: int, pair: Partial, traces: list[Trace] | None) -> Partial:
        """A value after every exposure step that applies here, or may."""
        for step in self.book.of(reg_id).steps:
            applies, open_ = self.applies(step.rule), self.open_words(step.rule)
            if not applies and not open_:
                continue
            after = self._apply(reg_id, step, pair)
            if open_:
                after = meet(after, pair) if applies else meet(pair, after)
            if traces is not None and after != pair:
                traces.append(Trace(step, pair, after))
            pair = after
        return pair

    def _apply(self, reg_id: int, step: Step, pair: Partial) -> Partial:
        match step.kind:
            case "hide":
                return pair.set(step.mask, 0)
            case "force":
                return pair.set(step.mask, step.value << step.lsb)
            case "cap":
                if (pair.value & step.mask) >> step.lsb < step.value:
                    return pair
                value, known = pair.set(step.mask, step.value << step.lsb)
                least = self.host.at_least.get(reg_id, 0)
                sure = step.mask in (pair.known & step.mask, least & step.mask)
                return Partial(value, known if sure else pair.known)
            case "floor":
                if (pair.value & step.mask) >> step.lsb >= step.value:
                    return pair
                return Partial(pair.value & ~step.mask | step.value << step.lsb, pair.known)
            case _:
                return _SPECIALS[step.name](self, reg_id, pair)


def _emulates_pmu(host: HostState, book: Rulebook) -> bool:
    """Whether KVM offers a PMUv3 although the host's PMU is an IMPDEF one: has_impdef_pmuv3(), cpu_errata.c."""
    if book.variant("pmu-version") != "v8.5-or-emulated" or host.kvm_mode in PROTECTED:
        return False
    known = host.knows(MIDR_EL1, 0xFF00FFF0) and host.knows(ID_AA64DFR0_EL1, 0xF << 8)
    return known and host.value(ID_AA64DFR0_EL1) >> 8 & 0xF == 15 and traps_pmu(host.value(MIDR_EL1))


def _conditions(host: HostState, setup: VcpuSetup) -> tuple[frozenset[str], frozenset[str]]:
    """The words of rule conditions that hold for this host and setup, and those of which that is not known."""
    pfr1, dfr0 = host.value(ID_AA64PFR1_EL1), host.value(ID_AA64DFR0_EL1)
    ras = host.value(ID_AA64PFR0_EL1) >> 28 & 0xF
    facts = {
        "sve": setup.has(Feature.SVE), "ptrauth": setup.ptrauth, "pmu": setup.has(Feature.PMU), "mte": setup.mte,
        "el2": setup.has(Feature.EL2), "e2h0": setup.has(Feature.EL2 | Feature.EL2_E2H0),
        "imp-id": setup.writable_imp_id, "psci": setup.has(Feature.PSCI), "vm-gic": setup.gic == "v3",
        "host-vgic3": host.vgic == "v3",
        "host-aarch32": host.has_aarch32, "host-ras-v1p1": ras == 1 and pfr1 >> 12 & 0xF >= 1,
        "host-mte-async-unknown": pfr1 >> 8 & 0xF == 2 and pfr1 >> 40 & 0xF == 15,
        "host-doublelock-none": dfr0 >> 36 & 0xF == 15, "host-vgic5-legacy": host.vgic == "v5-legacy",
        "host-gic5": host.vgic in ("v5", "v5-legacy"), "host-poe": host.poe is not False,
        "host-cntvoff-broken": breaks_cntvoff(host.value(MIDR_EL1)) and host.value(ID_AA64MMFR0_EL1) >> 60 != 0,
    }  # fmt: skip
    ras_known = host.knows(ID_AA64PFR0_EL1, 0xF << 28) and (ras != 1 or host.knows(ID_AA64PFR1_EL1, 0xF << 12))
    mte = host.could_be(ID_AA64PFR1_EL1, 0xF << 8)
    mte_known = 2 not in mte or (mte == (2,) and host.knows(ID_AA64PFR1_EL1, 0xF << 40))
    # Of a host that does not tell, this is not supposed: no core is known that has it.
    facts["host-no-mte-async"] = facts["host-mte-async-unknown"] and mte_known
    settled = {
        "host-poe": host.poe is not None or host.could_be(ID_AA64MMFR3_EL1, 0xF << 16) == (0,),
        "host-aarch32": host.aarch32_known, "host-ras-v1p1": ras_known, "host-mte-async-unknown": mte_known,
        "host-cntvoff-broken": not breaks_cntvoff(host.value(MIDR_EL1)) or host.knows(ID_AA64MMFR0_EL1, 0xF << 60),
        "host-doublelock-none": 15 not in (lock := host.could_be(ID_AA64DFR0_EL1, 0xF << 36)) or lock == (15,),
    }  # fmt: skip
    if not host.vgic_known:
        settled |= {"host-vgic3": False, "vm-gic": setup.gic != "v3"}
    holding = frozenset(word for word, holds in facts.items() if holds)
    return holding, frozenset(word for word, known in settled.items() if not known)


def _speculation(limits: Limits, reg_id: int, pair: Partial) -> Partial:
    """PFR0.CSV2 and CSV3 by the mitigation state (read_id_reg() up to v6.4, sanitise_id_aa64pfr0_el1() later).

    Not a rule: the value follows from what the kernel concluded about the CPU, not from a register field.
    """
    host, variant = limits.host, limits.book.variant("speculation-fields")
    pair = _judged(pair, 56, mitigations.spectre_v2_unaffected(host), mitigations.spectre_v2_settled(host), variant)
    if variant == "csv2":
        return pair
    return _judged(pair, 60, host.meltdown_unaffected, mitigations.meltdown_settled(host), variant)


def _judged(pair: Partial, lsb: int, unaffected: bool, settled: bool, variant: str) -> Partial:
    """The field as the kernel's judgement makes it; up to v6.4 it replaces the host's whatever the judgement."""

    def as_(judgement: bool) -> Partial:
        return pair.set(0xF << lsb, judgement << lsb) if judgement or variant != "raised" else pair

    return as_(unaffected) if settled else meet(as_(unaffected), as_(not unaffected))


def _gic(limits: Limits, reg_id: int, pair: Partial) -> Partial:
    """PFR0.GIC is 1 wherever the host's vGIC is a v3, whether or not the VM has one."""
    if limits.book.variant("gic-fields") == "host" or limits.host.vgic not in ("v3", "v5-legacy", "v5"):
        return pair
    forced = pair.set(0xF << 24, 1 << 24)
    return forced if limits.host.vgic_known else meet(forced, pair.set(0xF << 24, 0))


def pmu_version(limits: Limits) -> int:
    """DFR0.PMUVer as offered from v6.2 on: the host's, at most 6; 0 without the PMU feature or with an IMPDEF PMU that
    KVM does not make a PMUv3 of."""
    host = limits.host.value(ID_AA64DFR0_EL1) >> 8 & 0xF
    if limits.emulates_pmu and limits.setup.has(Feature.PMU):
        return 1
    if not limits.setup.has(Feature.PMU) or host == 15:
        return 0
    return min(host, 6)


def perfmon(limits: Limits) -> int:
    """The same as ID_DFR0_EL1.PerfMon numbers it."""
    version = pmu_version(limits)
    return 3 if version == 1 else version


def _pmu_known(limits: Limits, most: int) -> bool:
    """True when the host's PMU version is known well enough for a kernel that offers at most `most`."""
    host, mask = limits.host, 0xF << 8
    least = host.at_least.get(ID_AA64DFR0_EL1, 0) & mask == mask and host.value(ID_AA64DFR0_EL1) >> 8 & 0xF >= most
    return host.knows(ID_AA64DFR0_EL1, mask) or least


def _may_be_apples(host: HostState) -> bool:
    """Whether a PMU of which no version is known may be IMPLEMENTATION DEFINED: those that are known are Apple's."""
    return not host.knows(MIDR_EL1, 0xFF << 24) or host.value(MIDR_EL1) >> 24 & 0xFF == APPLE


def _pmu(limits: Limits, reg_id: int, pair: Partial) -> Partial:
    """DFR0.PMUVer and ID_DFR0_EL1.PerfMon by the kernel's PMU limit.

    Not a rule: one register's field follows another register's, and IMPDEF (15) is below 0.
    """
    variant, lsb = limits.book.variant("pmu-version"), 8 if reg_id == ID_AA64DFR0_EL1 else 24
    field, mask = pair.value >> lsb & 0xF, 0xF << lsb
    if variant in ("v8.1-always", "v8.4"):
        most = 4 if variant == "v8.1-always" else 5 if limits.setup.has(Feature.PMU) else 0
        told = pair.known & mask == mask
        own = reg_id == ID_AA64DFR0_EL1 or told or limits.host.at_least.get(reg_id, 0) & mask == mask
        sure = (own and _pmu_known(limits, most)) if most else told or not _may_be_apples(limits.host)
        new = field if field == 15 and (told or not sure) else min(field, most)
    else:
        new = pmu_version(limits) if reg_id == ID_AA64DFR0_EL1 else perfmon(limits)
        sure = not limits.setup.has(Feature.PMU) or _pmu_known(limits, 6)
    after = pair.set(mask, new << lsb)
    return after if sure else Partial(after.value, pair.known & ~mask)


def _nested(limits: Limits, reg_id: int, pair: Partial) -> Partial:
    """The stage-2 granules of a vCPU with EL2.

    Not a rule: they follow from three host fields and the host's page size together.
    """
    if not limits.setup.has(Feature.EL2):
        return pair
    host, offered = limits.host, limits.sanitised[reg_id].value
    sizes = (host.page_size,) if host.pages_known else dict.fromkeys((host.page_size, *PAGE_SIZES))
    return merge_partials(pair.set(0xFFF << 32, stage2_granules(offered, size) << 32) for size in sizes)


_SPECIALS = {
    "speculation-fields": _speculation, "gic-fields": _gic, "pmu-version": _pmu, "nested-granules": _nested,
}  # fmt: skip
