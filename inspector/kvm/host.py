"""What is known of the machine under a VM: raw registers, and the inputs that registers do not give.

A state taken from a vCPU dump knows less than one taken from the machine: what the source kernel hid is *unknown*.
Values and known bits are kept apart; a bit that is not known is never used as if it were.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Literal

import msgspec

from inspector.kvm.cpus import APPLE, meltdown_safe, vector_lengths
from inspector.policies.model import GuestCaches, KvmMode, Rule
from inspector.registers.bits import ALL, Partial, ones
from inspector.registers.ids import (
    AARCH32_IDS,
    CLIDR_EL1,
    CTR_EL0,
    ID_AA64DFR0_EL1,
    ID_AA64ISAR1_EL1,
    ID_AA64ISAR2_EL1,
    ID_AA64MMFR2_EL1,
    ID_AA64PFR0_EL1,
    ID_AA64PFR1_EL1,
    ID_AA64ZFR0_EL1,
    IDS,
    MIDR_EL1,
)

IDC = 1 << 28
_LEVELS = 0x1FF << 21
"""CLIDR_EL1.LoUU, LoC and LoUIS"""

_ARCHITECTURE_LEAST = {ID_AA64DFR0_EL1: {0xF: 6}}
"""Register -> field -> what every Armv8 CPU has: DebugVer starts at 0b0110 (Arm ARM DDI 0487, ID_AA64DFR0_EL1)."""

_IMPDEF = (ID_AA64DFR0_EL1, 0xF << 8)
"""PMUVer, whose highest value is a PMU of which KVM shows nothing: a host that shows some version has another"""

_ALGORITHMS = (
    ((ID_AA64ISAR1_EL1, 4), (ID_AA64ISAR1_EL1, 24)),
    ((ID_AA64ISAR1_EL1, 8), (ID_AA64ISAR1_EL1, 28)),
    ((ID_AA64ISAR2_EL1, 12), (ID_AA64ISAR2_EL1, 8)),
)
"""Of each algorithm of pointer authentication (QARMA5, IMPDEF, QARMA3) the fields for addresses and for generic data"""

Vgic = Literal["v2", "v3", "v5-legacy", "v5", "none"]


class ShownLevels(msgspec.Struct, frozen=True, kw_only=True):
    """The levels of SMCCC_ARCH_WORKAROUND_1..3 that a vCPU of the machine showed, None for one that it did not have.

    No write changes them.
    """

    spectre_v2: int | None
    ssb: int | None
    bhb: int | None
    ssbs: int
    """ID_AA64PFR1_EL1.SSBS of that vCPU: with it a mitigated host shows level 0 of WORKAROUND_2"""
    unknown_core_is_safe: bool
    """how the kernel that showed them takes a core that no Spectre-BHB list names"""
    rules: tuple[Rule, ...]
    """of that kernel"""
    clearing_by_bc: bool = False
    """whether that kernel looked for CLRBHB in the place of BC"""
    off: frozenset[str] | None = None
    """the mitigations that its command line switched off; None where that is not known"""


class HostState(msgspec.Struct, frozen=True, kw_only=True):
    """One machine, as far as it is known. Built by `from_raw`, and by inference/ from what a kernel showed."""

    values: Mapping[int, int]
    """register id -> value; raw ones, or what a kernel showed (`sanitised`)"""
    known: Mapping[int, int]
    """register id -> mask of the bits that are known; a register that is missing is not known at all"""
    at_least: Mapping[int, int] = {}
    """register id -> mask of fields that are not known, but of which the host has at least what `values` holds"""
    ccsidr: Mapping[int, int] = {}
    """CSSELR_EL1 value -> CCSIDR_EL1: raw 64 bits, or the low half that a kernel up to 6.2 showed"""
    ccsidr_known: bool = True
    """False when the caches' sizes are not known"""
    sanitised: bool = False
    """the values went through a kernel's feature table already"""
    spectre_v2: int | None = None
    """WORKAROUND_1 level: 2 not required, 1 mitigated with firmware's help, 0 not available; None: judge by
    registers"""
    meltdown_safe: bool | None = None
    """None: judge by registers"""
    ssb: int | None = None
    """WORKAROUND_2 level; None: judge by registers"""
    bhb: int | None = None
    """WORKAROUND_3 level; None: judge by registers"""
    shown: ShownLevels | None = None
    """what tells of the firmware, where none of the three levels above is given"""
    vgic: Vgic = "v3"
    vgic_known: bool = True
    """False when `vgic` is only assumed: no register, recording or user says it"""
    cmdline: str = ""
    """the host kernel's command line, whose overrides are not in `values` yet"""
    asked_under: str | None = None
    """the command line under which `capabilities` were asked, where `cmdline` is another one"""
    kvm_mode: KvmMode = "default"
    """what the command line makes of kvm-arm.mode"""
    mitigations_off: frozenset[str] = frozenset()
    """mitigations that the command line switches off: `bhb`, `spectre-v2`, `ssb`"""
    page_size: int = 4096
    """of the host kernel: decides which stage-2 granules a nested hypervisor is offered"""
    pages_known: bool = True
    """False when `page_size` is only assumed: no release string and no user says it"""
    sme: bool | None = None
    """the host's kernel was built with SME; None: as the recorded kernels of its release"""
    poe: bool | None = None
    """the host's kernel was built with permission overlays (CONFIG_ARM64_POE)"""
    capabilities: Mapping[str, int] | None = None
    """KVM_CHECK_EXTENSION answers by the recordings' names; None: judge by registers"""
    vector_lengths: int | None = None
    """SVE_VLS, first word: bit n for (n+1)*128 bits; None: judge by the CPU model"""
    aarch32: bool | None = None
    """EL0 can run AArch32; None: judge by ID_AA64PFR0_EL1.EL0"""
    given: Mapping[str, str] = {}
    """inputs that the user gave (host_inputs.py), name -> word: what else stands here was read, inferred or assumed"""

    def value(self, reg_id: int) -> int:
        """The value of a register, 0 when it is not known."""
        return self.values.get(reg_id, 0)

    def field(self, name: str, lsb: int, width: int = 4) -> int:
        """A field of a register, by the register's name."""
        return self.values.get(IDS[name], 0) >> lsb & ones(width)

    def could_be(self, reg_id: int, mask: int) -> tuple[int, ...]:
        """Every value that a field (of at most eight bits, `mask`) may have, moved down to bit 0."""
        lsb = (mask & -mask).bit_length() - 1
        own, known = (self.value(reg_id) & mask) >> lsb, (self.known.get(reg_id, 0) & mask) >> lsb
        least = own if self.at_least.get(reg_id, 0) & mask == mask else _ARCHITECTURE_LEAST.get(reg_id, {}).get(mask, 0)
        most = (mask >> lsb) - (least > 0 and (reg_id, mask) == _IMPDEF)
        return tuple(v for v in range(most + 1) if not (v ^ own) & known and v >= least)

    def knows(self, reg_id: int, mask: int) -> bool:
        """True when every bit of `mask` is known."""
        return self.known.get(reg_id, 0) & mask == mask

    def knows_cache(self, csselr: int) -> bool:
        """True when the CCSIDR_EL1 that a CSSELR_EL1 value selects is known."""
        return self.ccsidr_known and csselr in self.ccsidr

    @property
    def has_aarch32(self) -> bool:
        """True when EL0 can run AArch32 (ID_AA64PFR0_EL1.EL0 = 2): the AArch32 ID registers mean something."""
        return self.value(ID_AA64PFR0_EL1) & 0xF == 2 if self.aarch32 is None else self.aarch32

    @property
    def aarch32_known(self) -> bool:
        """True when `has_aarch32` is more than an assumption."""
        return self.aarch32 is not None or self.knows(ID_AA64PFR0_EL1, 0xF)

    @property
    def meltdown_unaffected(self) -> bool:
        """The kernel's verdict: PFR0.CSV3, or a CPU on its safe list (unmap_kernel_at_el0(), cpufeature.c)."""
        if self.meltdown_safe is not None:
            return self.meltdown_safe
        return bool(self.value(ID_AA64PFR0_EL1) >> 60) or meltdown_safe(self.value(MIDR_EL1))

    @property
    def sve_lengths(self) -> int | None:
        """SVE_VLS, first word, where it is given or follows from the CPU model; None otherwise."""
        return self.vector_lengths if self.vector_lengths is not None else vector_lengths(self.value(MIDR_EL1))

    def capability(self, name: str) -> int:
        """A KVM capability: as asked, else as it follows from the registers (sve, pmu_v3, mte, ...).

        Where that is not known, 1: a vCPU with the feature can be asked about, and what it shows of it is not known.
        """
        if self.capabilities is not None and name in self.capabilities:
            return self.capabilities[name]
        return self.capability_by_registers(name)

    def capability_by_registers(self, name: str) -> int:
        """A KVM capability as it follows from the registers and the mode of KVM; 1 where that is not known."""
        return int(True in self._could_offer(name))

    def capability_known(self, name: str) -> bool:
        """False where the registers that decide a capability are not known, so that `capability` is an assumption."""
        return (self.capabilities is not None and name in self.capabilities) or len(self._could_offer(name)) == 1

    def _could_offer(self, name: str) -> frozenset[bool]:
        """Whether the host can have what a capability stands for: both where the registers do not say it."""
        match name:
            case "sve":
                return frozenset(v != 0 for v in self.could_be(ID_AA64PFR0_EL1, 0xF << 32))
            case "ptrauth_address" | "ptrauth_generic":
                return self._full_ptrauth()
            case "pmu_v3":
                return frozenset(v not in (0, 15) for v in self.could_be(ID_AA64DFR0_EL1, 0xF << 8))
            case "el1_32bit":
                return frozenset(v == 2 for v in self.could_be(ID_AA64PFR0_EL1, 0xF << 4))
            case "mte" if self.kvm_mode == "protected-untagged":
                return frozenset((False,))
            case "mte":
                return frozenset(v >= 2 for v in self.could_be(ID_AA64PFR1_EL1, 0xF << 8))
            case "el2" | "el2_e2h0":
                return self._nests(name == "el2_e2h0")
            case _:
                return frozenset((False,))

    def _full_ptrauth(self) -> frozenset[bool]:
        """Pointer authentication for guests: KVM has that of addresses and the generic one together or none of them
        (kvm_has_full_ptr_auth(), arch/arm64/kvm/arm.c); of two algorithms that share them only older kernels do."""
        answers = set()
        fields = [{v != 0 for v in self.could_be(reg_id, 0xF << lsb)} for pair in _ALGORITHMS for reg_id, lsb in pair]
        for has in product(*fields):
            address, generic = has[::2], has[1::2]
            both = any(address) and any(generic)
            alike = address == generic and sum(address) == 1
            answers |= {both, both and alike}
        return frozenset(answers)

    def _nests(self, without_vhe: bool) -> frozenset[bool]:
        """EL2 for guests: has_nested_virt_support(), and has_nv1() for a vCPU whose HCR_EL2.E2H can be cleared
        (arch/arm64/kernel/cpufeature.c)."""
        if self.kvm_mode != "nested":
            return frozenset((False,))
        nv = self.could_be(IDS["ID_AA64MMFR2_EL1"], 0xF << 24)
        nv_frac = self.could_be(IDS["ID_AA64MMFR4_EL1"], 0xF << 20)
        e2h0 = self.could_be(IDS["ID_AA64MMFR4_EL1"], 0xF << 24)
        vhe = self.could_be(IDS["ID_AA64MMFR1_EL1"], 0xF << 8)
        may = max(vhe) >= 1 and (max(nv) >= 2 or max(nv_frac) >= 1)
        may_not = min(vhe) < 1 or (min(nv) < 2 and min(nv_frac) < 1)
        if without_vhe:
            may = may and any(not 8 <= value <= 0xE for value in e2h0)
            may_not = may_not or any(8 <= value <= 0xE for value in e2h0)
        return frozenset([True] * may + [False] * may_not)


def effective_ctr(ctr: int, clidr: int) -> int:
    """CTR_EL0 as the kernel uses it: IDC is set when CLIDR_EL1 says that no clean to the PoU is needed.

    read_cpuid_effective_cachetype(), arch/arm64/include/asm/cachetype.h.
    """
    loc, louu, louis = clidr >> 24 & 7, clidr >> 27 & 7, clidr >> 21 & 7
    if not ctr & IDC and (loc == 0 or (louu == 0 and louis == 0)):
        return ctr | IDC
    return ctr


def vgic_of(values: Mapping[int, int], known: Mapping[int, int]) -> Vgic:
    """The vGIC that KVM can offer by a host's raw ID_AA64PFR0_EL1.GIC: without its system registers none of version 3.

    A GICv2 host, and one whose firmware keeps the registers to itself, read 0 there. So does a CPU of Apple, which has
    the part that a hypervisor needs (vgic_info of drivers/irqchip/irq-apple-aic.c).
    """
    if values.get(MIDR_EL1, 0) >> 24 & 0xFF == APPLE:
        return "v3"
    return "v2" if knows_gic(known) and not values.get(ID_AA64PFR0_EL1, 0) >> 24 & 0xF else "v3"


def knows_gic(known: Mapping[int, int]) -> bool:
    """True when the known bits of a host say whether it has the GIC's system registers (ID_AA64PFR0_EL1.GIC)."""
    return known.get(ID_AA64PFR0_EL1, 0) >> 24 & 0xF == 0xF


def from_raw(
    values: Mapping[int, int],
    ccsidr: Mapping[int, int] | None = None,
    capabilities: Mapping[str, int] | None = None,
    *,
    known: Mapping[int, int] | None = None,
) -> HostState:
    """A machine whose registers were read where nothing was masked (EL2, EL1, a kernel module).

    `values`: register id -> raw value; `known`: masks of those that are known only in part; `ccsidr`: CSSELR_EL1 ->
    raw 64-bit CCSIDR_EL1; `capabilities`: KVM_CHECK_EXTENSION answers. What registers do not tell is left to be judged
    by them.
    """
    own = dict(values)
    masks = dict.fromkeys(own, ALL) | dict(known or {})
    return HostState(
        values=own, known=masks, ccsidr=dict(ccsidr or {}), ccsidr_known=bool(ccsidr), capabilities=capabilities
    )


def sanitise(host: HostState, reg_id: int, mask: int) -> Partial:
    """The sanitised value and known bits of an ID register or CTR_EL0.

    `mask` is the feature table's bits. Fields that the table lacks are zero (and so known). On one CPU this is plain
    masking; AArch32 registers are not read at all on a CPU without AArch32 (init_cpu_features(),
    arch/arm64/kernel/cpufeature.c), and ID_AA64ZFR0_EL1 is zero without SVE, but for a CPU that has SME alone.
    """
    if _unread(host, reg_id):
        return Partial(0, ALL)
    value, known = host.value(reg_id) & mask, host.known.get(reg_id, 0) | ~mask & ALL
    if reg_id in AARCH32_IDS and not host.aarch32_known:
        known &= ~value  # they are zero where there is no AArch32
    if reg_id == CTR_EL0 and not host.sanitised:
        whole = host.value(CTR_EL0)
        if host.knows(CLIDR_EL1, _LEVELS):
            whole = effective_ctr(whole, host.value(CLIDR_EL1))
        elif not whole & IDC:
            known &= ~IDC
        return Partial(whole & mask, known)
    for field in _ARCHITECTURE_LEAST.get(reg_id, {}):
        # What is assumed of a field that is not known has to be a value that it may have.
        if not host.knows(reg_id, field) and field & ~mask == 0:
            value = value & ~field | min(host.could_be(reg_id, field)) * (field & -field)
    return Partial(value, known)


def _unread(host: HostState, reg_id: int) -> bool:
    """True for a register that a kernel does not read on this host, or that is zero there."""
    if reg_id in AARCH32_IDS:
        return not host.has_aarch32 and host.aarch32_known
    sve = 0xF << 32
    without = not host.value(ID_AA64PFR0_EL1) & sve and host.knows(ID_AA64PFR0_EL1, sve)
    return reg_id == ID_AA64ZFR0_EL1 and without and not host.value(reg_id)


def may_leave_trap_out(host: HostState, variant: GuestCaches) -> bool:
    """Whether KVM may let a guest read the hardware's CTR_EL0 though it keeps a value of its own: with FEAT_EVT."""
    return variant == "trapped-unless-evt" and host.could_be(ID_AA64MMFR2_EL1, 0xF << 56) != (0,)
