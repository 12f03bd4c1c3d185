"""What a VM and its vCPUs hold, where KVM holds it. Gates and the first run work on these; vm.py asks them.

On the VM: ID registers, CTR_EL0, implementation ids, PSCI version, bitmaps, the number of PMU counters (struct
kvm_arch). On the vCPU: MPIDR, CSSELR, CLIDR, CCSIDR, OSLSR, PMCR_EL0 and every plain register (struct kvm_vcpu_arch).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from inspector.kvm.exposure import Exposure
from inspector.kvm.firmware import ssb_shown
from inspector.kvm.listing import COUNTER_MASKS
from inspector.registers.bits import ALL, ones
from inspector.registers.ids import ID_AA64PFR1_EL1, MPIDR_EL1, PMCR_EL0, VMPIDR_EL2, WORKAROUND_2


class VmState:
    """The registers that all vCPUs of a VM share."""

    def __init__(self, exposure: Exposure) -> None:
        self.exposure = exposure
        self.stored: dict[int, int] = dict(exposure.held_values[0])
        self.counters = exposure.pmcr_counters
        self.ran = False
        self.open_bits: dict[int, int] = {}
        """of the shared registers, as in VcpuState"""


class VcpuState:
    """One vCPU's own registers."""

    __slots__ = ("finalised", "index", "open_bits", "own", "ran", "vm")

    def __init__(self, vm: VmState, index: int) -> None:
        self.vm, self.index, self.ran = vm, index, False
        self.finalised = False
        """KVM_ARM_VCPU_FINALIZE was called, which a vCPU that ran has behind it in any case"""
        self.open_bits: dict[int, int] = {}
        """register that was written -> bits that are not known for all that: written back as they were, or what the
        write makes of them depends on what is not known"""
        self.own: dict[int, int] = dict(vm.exposure.held_values[1])
        if MPIDR_EL1 in self.own and index:
            self.own[MPIDR_EL1] = vm.exposure.mpidr(index)

    def possible_counters(self) -> tuple[int, ...]:
        """Every number of PMU counters that the VM may have: the host's, until a write of PMCR_EL0 lowers it."""
        exposure, counters, mask = self.vm.exposure, self.vm.counters, 0x1F << 11
        open_ = self.open_bits.get(PMCR_EL0, ~exposure.known.get(PMCR_EL0, ALL))
        if counters != exposure.pmcr_counters or not open_ & mask:
            return (counters,)
        return exposure.host.could_be(PMCR_EL0, mask)

    def opens(self, reg_id: int) -> dict[int, int]:
        """The open bits of the registers that are held where this one is."""
        return self.vm.open_bits if reg_id in self.vm.stored else self.open_bits

    def value(self, reg_id: int) -> int:
        """The register's value; 0 for one that does not exist (ask `get_one_reg` for the errno)."""
        vm = self.vm
        value = vm.stored.get(reg_id)
        if value is not None:
            return value
        if reg_id in COUNTER_MASKS and vm.counters < vm.exposure.pmcr_counters:  # get_pmreg(), sys_regs.c
            return self._held(reg_id) & (1 << 31 | ones(vm.counters))
        return self._held(reg_id)

    def _held(self, reg_id: int) -> int:
        """The same of a register that is the vCPU's own."""
        vm = self.vm
        value = self.own.get(reg_id)
        if value is not None:
            if reg_id == PMCR_EL0 and vm.exposure.counts_in_pmcr:
                return value | vm.counters << 11
            if reg_id == VMPIDR_EL2 and self.ran:
                return value & ~(0xFFFFFF << 40 | 0x7F << 24) | 1 << 31
            return value
        if reg_id == WORKAROUND_2:
            return ssb_shown(vm.exposure, vm.stored.get(ID_AA64PFR1_EL1, 0) >> 4 & 0xF)
        return vm.exposure.other_values.get(reg_id, 0)

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Whatever is written inside the `with` block is put back at its end."""
        vm = self.vm
        held = dict(vm.stored), dict(self.own), vm.counters, dict(vm.open_bits), dict(self.open_bits)
        try:
            yield
        finally:
            vm.stored, self.own, vm.counters, vm.open_bits, self.open_bits = held
