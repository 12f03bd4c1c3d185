"""What the first KVM_RUN does to registers: kvm_arch_vcpu_run_pid_change() and kvm_finalize_sys_regs()."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspector.kvm.host import PFR0
from inspector.policies.setup import Feature
from inspector.registers.idspace import IDS

if TYPE_CHECKING:
    from inspector.kvm.vm import Vcpu, Vm

ID_PFR1, PFR2 = IDS["ID_PFR1_EL1"], IDS["ID_AA64PFR2_EL1"]
MMFR1, MMFR3, ISAR2 = IDS["ID_AA64MMFR1_EL1"], IDS["ID_AA64MMFR3_EL1"], IDS["ID_AA64ISAR2_EL1"]
CSSELR, PMCR = IDS["CSSELR_EL1"], IDS["PMCR_EL0"]
CSSELR_HELD = 0xF
"""Level and InD: what the hardware register keeps of a written value."""


def prepare_first_run(vm: Vm) -> None:
    """Changes made before anything can refuse the run: they stay even when the run fails."""
    variant, book = vm.exposure.book.variant("gic-fields"), vm.exposure.book
    if variant not in ("host", "forced"):
        _settle_gic(vm, variant)
    if book.variant("first-run-dependencies") != "none":
        _drop_incomplete(vm)


def _settle_gic(vm: Vm, variant: str) -> None:
    """PFR0.GIC and ID_PFR1.GIC (and PFR2.GCIE) follow the VM's irqchip."""
    stored = vm.stored
    if vm.setup.gic == "none":
        stored[PFR0] &= ~(0xF << 24)
        stored[ID_PFR1] &= ~(0xF << 28)
        if variant == "assigned-at-first-run":
            stored[PFR2] &= ~(0xF << 12)
    elif variant == "assigned-at-first-run":
        stored[PFR0] = stored[PFR0] & ~(0xF << 24) | 1 << 24
        if not vm.exposure.raz(ID_PFR1):
            stored[ID_PFR1] = stored[ID_PFR1] & ~(0xF << 28) | 1 << 28


def _drop_incomplete(vm: Vm) -> None:
    """Stage-1 indirection fields go when what they depend on is missing in the VM."""
    stored = vm.stored
    tcr2 = stored[MMFR3] & 0xF
    ats1a = stored[ISAR2] >> 60 & 0xF
    hpds = stored[MMFR1] >> 12 & 0xF
    if not (tcr2 and ats1a):
        stored[MMFR3] &= ~(0xF << 8)
    if not (tcr2 and ats1a and hpds):
        stored[MMFR3] &= ~(0xF << 16)


def settle_first_run(vm: Vm, vcpu: Vcpu) -> None:
    """Changes made by a run that succeeds."""
    if vm.exposure.book.variant("cache-registers") == "raw" and CSSELR in vcpu.own:
        vcpu.own[CSSELR] &= CSSELR_HELD
    pmu = vm.setup.has(Feature.PMU)
    if vm.exposure.book.variant("pmcr") == "reset-pattern-cleared" and pmu and PMCR in vcpu.own:
        vcpu.own[PMCR] &= ~0x6
