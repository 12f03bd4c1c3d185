"""What a kernel shows of a host: register list and values to userspace.

Integers only; words/showing.py explains one register field by field.
"""

from __future__ import annotations

from functools import cached_property

import msgspec

from inspector.kvm.caches import clidr_known, ctr_bits_behind, fresh_ccsidr, fresh_clidr
from inspector.kvm.cases import Case
from inspector.kvm.firmware import firmware_values, levels_known
from inspector.kvm.host import HostState
from inspector.kvm.limits import LIMITED, Limits
from inspector.kvm.listing import (
    RESETS_IN_DOUBT,
    Membership,
    by_fields,
    doubtful,
    get_reg_list,
    lists,
    reset_known,
    reset_values,
    varying,
)
from inspector.policies.model import Policy
from inspector.policies.setup import VcpuSetup
from inspector.registers.bits import ALL, State
from inspector.registers.encoding import CLASS_SYSREG, POISON, SIZE_U64, ccsidr_id, class_of, every_bit_of, is_demux
from inspector.registers.ids import (
    AIDR_EL1,
    CLIDR_EL1,
    CSSELR_EL1,
    CTR_EL0,
    ID_DFR0_EL1,
    ID_SPACE,
    MIDR_EL1,
    MPIDR_EL1,
    OSLSR_EL1,
    PMCR_EL0,
    REVIDR_EL1,
    SVE_VLS,
    VMPIDR_EL2,
    VPIDR_EL2,
    WORKAROUND_1,
    WORKAROUND_2,
    WORKAROUND_3,
)

_JUDGED = (
    AIDR_EL1, CLIDR_EL1, MIDR_EL1, PMCR_EL0, REVIDR_EL1, WORKAROUND_1, WORKAROUND_2, WORKAROUND_3,
)  # fmt: skip
"""Registers of which `Exposure.known` asks one by one what is known."""


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
    """None when nothing of it is known"""
    host_known: int = -1
    """which bits of `host` are known"""
    known: int
    """which bits of `exposed` are known"""
    exposed: int | None
    guest: int | None
    """what a guest reads with MRS; None when nothing of it is known, or when it reads no such register"""
    guest_known: int = -1
    """which bits of `guest` are known"""
    fields: tuple[FieldExposure, ...]
    depends_on: tuple[str, ...] = ()
    """what all of it depends on, where the kernel is none that is modelled; then nothing of it is known"""
    cases: tuple[Case, ...] = ()
    """what is exposed in each of those cases"""
    nearest: RegisterExposure | None = None
    """what the nearest kernel that is modelled shows in its place"""

    @property
    def likely(self) -> RegisterExposure:
        """What the nearest kernel that is modelled shows; of a modelled one, what it shows itself."""
        return self.nearest or self


class Exposure(Limits):
    """The answer of `expose`: what KVM_GET_REG_LIST lists and KVM_GET_ONE_REG returns of a fresh vCPU."""

    hidden_host = False
    """True when nothing is known of the host beyond what a fresh vCPU shows"""

    @cached_property
    def values(self) -> dict[int, int]:
        """What KVM_GET_ONE_REG returns for every listed register of a fresh vCPU, in list order."""
        own, other = self._own_values, self.other_values
        return {reg_id: own[reg_id] if reg_id in own else other.get(reg_id, 0) for reg_id in self.listed}

    @cached_property
    def running(self) -> dict[int, str]:
        """Listed registers that change by themselves, so that even a written value does not stay -> why."""
        return {reg_id: why for reg_id, why in varying(self).items() if reg_id in self.listed_set}

    @cached_property
    def underivable(self) -> dict[int, str]:
        """Listed registers whose value follows from nothing that is known (running counters, for example) -> why."""
        reasons = dict(self.running)
        if self.host.sve_lengths is None and SVE_VLS in self.listed_set:
            reasons[SVE_VLS] = "No ID register shows the vector lengths, and this CPU model's are not known."
        return reasons

    @cached_property
    def known(self) -> dict[int, int]:
        """Register id -> mask of the bits of `values` that are known."""
        result = dict.fromkeys(self.listed, ALL)
        result |= {reg_id: every_bit_of(reg_id) for reg_id in self.listed if reg_id >> 52 & 0xF > SIZE_U64}
        caches = map(ccsidr_id, fresh_ccsidr(self))
        for reg_id in self.listed_set.intersection((*LIMITED, *RESETS_IN_DOUBT, *caches, *_JUDGED)):
            result[reg_id] = self.limits[reg_id].known if reg_id in LIMITED else ALL & self._known(reg_id)
        if ID_DFR0_EL1 in result and self.raz(ID_DFR0_EL1):
            result[ID_DFR0_EL1] &= self.aarch32_quirk_known
        return result | {reg_id: 0 for reg_id in self.underivable if reg_id not in LIMITED}

    def _known(self, reg_id: int) -> int:
        if reg_id in (WORKAROUND_1, WORKAROUND_2, WORKAROUND_3):
            return levels_known(self, reg_id)
        if reg_id == PMCR_EL0:
            return self._pmcr_known()
        raw = self.raw_caches
        if reg_id in (MIDR_EL1, REVIDR_EL1, AIDR_EL1) or (raw and reg_id == CLIDR_EL1):
            return self.host.known.get(reg_id, 0)
        if raw and is_demux(reg_id):
            return ALL if self.host.knows_cache(reg_id & 0xFF) else 0
        if reg_id == CLIDR_EL1:
            return clidr_known(self)
        if needed := ctr_bits_behind(reg_id):
            return ALL if self.limit_known(CTR_EL0) & needed == needed else 0
        return reset_known(self, reg_id)

    def _pmcr_known(self) -> int:
        """Which bits of a fresh vCPU's PMCR_EL0 are known: N is the host's, LC is set where it has no AArch32."""
        long_counter = 0 if self.host.aarch32_known else 0x40
        if self.book.variant("pmcr") in ("number-only", "counters"):
            counters = 0 if self.pmcr_counters_known else 0x1F << 11
            return ALL & ~(counters | long_counter)
        return (self.host.known.get(PMCR_EL0, 0) | 0xFF) & ~long_counter

    @cached_property
    def listed(self) -> tuple[int, ...]:
        """KVM_GET_REG_LIST, in the kernel's order."""
        return get_reg_list(self, self.firmware).order

    @cached_property
    def doubtful(self) -> dict[int, Membership]:
        """Registers of which it is not known whether they are listed -> what decides."""
        return doubtful(self)

    @cached_property
    def by_fields(self) -> dict[int, tuple[frozenset[str], ...]]:
        """Registers that fields of the VM's ID registers may take away -> sets of words, of which one has to hold."""
        return by_fields(self)

    @cached_property
    def firmware(self) -> dict[int, int]:
        """The firmware pseudo-registers and bitmaps that exist, with their values on a fresh vCPU."""
        return firmware_values(self)

    def mpidr(self, vcpu: int) -> int:
        """MPIDR_EL1 of vCPU number `vcpu` after reset (reset_mpidr())."""
        return 0x80000000 | vcpu & 0xF | (vcpu >> 4 & 0xFF) << 8 | (vcpu >> 12 & 0xFF) << 16

    def pmcr(self) -> int:
        """PMCR_EL0 of a fresh vCPU (reset_pmcr())."""
        long_counter = 0 if self.host.has_aarch32 else 0x40
        if self.book.variant("pmcr") in ("number-only", "counters"):
            return self.pmcr_counters << 11 | long_counter
        return self.host.value(PMCR_EL0) & ~0xFF | 0xDECAFBAD & 0xFE | long_counter

    @cached_property
    def _own_values(self) -> dict[int, int]:
        return self.feature_values()

    def feature_values(self) -> dict[int, int]:
        """Userspace's values of ID, cache, implementation and firmware registers of vCPU 0."""
        values = {reg_id: self.limit(reg_id) for reg_id in (*ID_SPACE, CTR_EL0)}
        if self.raz(ID_DFR0_EL1):
            values[ID_DFR0_EL1] = self.aarch32_quirk
        values |= {reg_id: self.host.value(reg_id) for reg_id in (MIDR_EL1, REVIDR_EL1, AIDR_EL1)}
        values |= {
            MPIDR_EL1: self.mpidr(0),
            CSSELR_EL1: POISON,
            CLIDR_EL1: fresh_clidr(self),
            OSLSR_EL1: 8,
            PMCR_EL0: self.pmcr(),
        }
        values |= {ccsidr_id(k): v for k, v in fresh_ccsidr(self).items()}
        return values | self.firmware

    @cached_property
    def listed_set(self) -> frozenset[int]:
        """`listed`, for membership tests."""
        if "listed" in self.__dict__:  # as a fresh vCPU lists them
            return frozenset(self.listed)
        return get_reg_list(self, self.firmware).members

    def lists(self, reg_id: int) -> bool:
        """Whether a register is listed; of a system register the list of all is not made for that."""
        whole = class_of(reg_id) != CLASS_SYSREG or not self.__dict__.keys().isdisjoint(("listed", "listed_set"))
        return reg_id in self.listed_set if whole else lists(self, reg_id)

    @cached_property
    def held_values(self) -> tuple[dict[int, int], dict[int, int]]:
        """Initial values of the feature registers: of those that the VM holds, and of those that each vCPU holds."""
        values = self._own_values
        held = {*ID_SPACE, CTR_EL0, MIDR_EL1, REVIDR_EL1, AIDR_EL1, *self.firmware} - {WORKAROUND_2}
        shared = {reg_id: value for reg_id, value in values.items() if reg_id in held}
        own = {reg_id: v for reg_id, v in values.items() if reg_id not in held and reg_id != WORKAROUND_2}
        if self.counts_in_pmcr:
            own[PMCR_EL0] = own[PMCR_EL0] & ~(0x1F << 11)
        own |= dict.fromkeys((VPIDR_EL2, VMPIDR_EL2), POISON)
        return shared, {i: v for i, v in own.items() if i in self.listed_set}

    @cached_property
    def other_values(self) -> dict[int, int]:
        """Reset values of listed registers that are not feature registers, as far as they are not zero."""
        return reset_values(self)


def expose(host: HostState, policy: Policy, setup: VcpuSetup) -> Exposure:
    """What the kernel `policy` shows of `host` to userspace and to the guest of a fresh vCPU created as `setup`
    says."""
    return Exposure(host, policy, setup)
