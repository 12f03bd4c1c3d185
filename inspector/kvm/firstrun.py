"""What the first KVM_RUN does to registers: kvm_arch_vcpu_run_pid_change() and kvm_finalize_sys_regs()."""

from __future__ import annotations

from inspector.kvm.creation import run_errno
from inspector.kvm.state import VcpuState, VmState
from inspector.policies.model import GicFields
from inspector.policies.setup import Feature
from inspector.registers.ids import (
    CSSELR_EL1,
    ID_AA64ISAR2_EL1,
    ID_AA64MMFR1_EL1,
    ID_AA64MMFR3_EL1,
    ID_AA64PFR0_EL1,
    ID_AA64PFR2_EL1,
    ID_PFR1_EL1,
    PMCR_EL0,
)

CSSELR_HELD = 0xF
"""Level and InD: what the hardware register keeps of a written value."""


def first_run(vm: VmState, vcpu: VcpuState) -> int:
    """KVM_RUN on an initialised vCPU: the errno; state changes as the first run makes them."""
    if not vm.ran:
        prepare_first_run(vm)
    error = run_errno(vm.exposure)
    if error:
        return error
    settle_first_run(vm, vcpu)
    vm.ran = vcpu.ran = True
    return 0


def prepare_first_run(vm: VmState) -> None:
    """Changes made before anything can refuse the run: they stay even when the run fails."""
    variant, book = vm.exposure.book.variant("gic-fields"), vm.exposure.book
    if variant not in ("host", "forced"):
        _settle_gic(vm, variant)
    if book.has("first-run-dependencies"):
        _drop_incomplete(vm)


def _settle_gic(vm: VmState, variant: GicFields) -> None:
    """PFR0.GIC and ID_PFR1_EL1.GIC (and ID_AA64PFR2_EL1.GCIE) follow the VM's irqchip."""
    stored = vm.stored
    if vm.exposure.setup.gic == "none":
        stored[ID_AA64PFR0_EL1] &= ~(0xF << 24)
        stored[ID_PFR1_EL1] &= ~(0xF << 28)
        if variant == "assigned-at-first-run":
            stored[ID_AA64PFR2_EL1] &= ~(0xF << 12)
    elif variant == "assigned-at-first-run":
        stored[ID_AA64PFR0_EL1] = stored[ID_AA64PFR0_EL1] & ~(0xF << 24) | 1 << 24
        if not vm.exposure.raz(ID_PFR1_EL1):
            stored[ID_PFR1_EL1] = stored[ID_PFR1_EL1] & ~(0xF << 28) | 1 << 28


def _drop_incomplete(vm: VmState) -> None:
    """Stage-1 indirection fields go when what they depend on is missing in the VM."""
    stored = vm.stored
    tcr2 = stored[ID_AA64MMFR3_EL1] & 0xF
    ats1a = stored[ID_AA64ISAR2_EL1] >> 60 & 0xF
    hpds = stored[ID_AA64MMFR1_EL1] >> 12 & 0xF
    if not (tcr2 and ats1a):
        stored[ID_AA64MMFR3_EL1] &= ~(0xF << 8)
    if not (tcr2 and ats1a and hpds):
        stored[ID_AA64MMFR3_EL1] &= ~(0xF << 16)


def settle_first_run(vm: VmState, vcpu: VcpuState) -> None:
    """Changes made by a run that succeeds."""
    if vm.exposure.book.variant("cache-registers") == "raw" and CSSELR_EL1 in vcpu.own:
        vcpu.own[CSSELR_EL1] &= CSSELR_HELD
    pmu = vm.exposure.setup.has(Feature.PMU)
    if vm.exposure.book.variant("pmcr") == "reset-pattern-cleared" and pmu and PMCR_EL0 in vcpu.own:
        vcpu.own[PMCR_EL0] &= ~0x6
