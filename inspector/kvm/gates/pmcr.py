"""PMCR_EL0 where the number of counters is the VM's: set_pmcr(), v6.7 and later."""

from __future__ import annotations

from inspector.kvm.exposure import Exposure
from inspector.kvm.gates.gate import OpenGate, Part, Write
from inspector.kvm.state import VcpuState
from inspector.policies.setup import Feature


class Pmcr(OpenGate):
    """N goes down (VM-wide, before the first run), the low byte is kept, the rest is dropped."""

    __slots__ = ("long_counter",)
    function = "pmcr"

    def __init__(self, exposure: Exposure, reg_id: int) -> None:
        super().__init__(exposure, reg_id)
        self.long_counter = 0 if exposure.host.has_aarch32 else 0x40

    def parts(self, vcpu: VcpuState, value: int) -> tuple[Part, ...]:
        """N, which is never refused."""
        return (Part("N", 15, 11, self.exposure.pmcr_counters, not vcpu.vm.ran, "lower"),)

    def store(self, vcpu: VcpuState, value: int) -> None:
        """N on the VM, the low byte on the vCPU."""
        vm, counters = vcpu.vm, value >> 11 & 0x1F
        if not vm.ran and counters <= self.exposure.pmcr_counters and not self.exposure.setup.has(Feature.EL2):
            vm.counters = counters
        vcpu.own[self.reg_id] = value & 0xFF | self.long_counter

    def acceptance(self, write: Write) -> str:
        """What is kept of it."""
        return "the number of counters may go down, the low byte is kept"
