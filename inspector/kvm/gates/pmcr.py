"""PMCR_EL0 where the number of counters is the VM's: set_pmcr(), v6.7 and later."""

from __future__ import annotations

from inspector.kvm.cases import ACCEPTED, Outcome
from inspector.kvm.exposure import Exposure
from inspector.kvm.gates.doubts import Doubt, doubt_of
from inspector.kvm.gates.gate import OpenGate, Part, Write
from inspector.kvm.state import VcpuState
from inspector.policies.setup import Feature
from inspector.registers.bits import extract

_LC = 1 << 6


class Pmcr(OpenGate):
    """N goes down (VM-wide, before the first run), the low byte is kept, the rest is dropped."""

    __slots__ = ("long_counter",)
    function = "pmcr"

    def __init__(self, exposure: Exposure, reg_id: int) -> None:
        super().__init__(exposure, reg_id)
        self.long_counter = 0 if exposure.host.has_aarch32 else _LC

    def parts(self, vcpu: VcpuState, value: int) -> tuple[Part, ...]:
        """N, which is never refused."""
        return (Part("N", 15, 11, self.exposure.pmcr_counters, not vcpu.vm.ran, "lower"),)

    def _fixed(self, vcpu: VcpuState) -> bool:
        """True when N cannot change any more."""
        setup = self.exposure.setup
        return vcpu.vm.ran or setup.has(Feature.EL2) or setup.has(Feature.PMU_STRICT)

    def doubts(self, vcpu: VcpuState, value: int) -> tuple[Doubt, ...]:
        """By the host's number of counters, and by whether it has AArch32, without which LC reads as one."""
        asked, dropped = extract(value, 15, 11), Outcome("accepted, N stays as it is")
        told = {
            n: ACCEPTED if asked == n or (asked < n and not self._fixed(vcpu)) else dropped
            for n in vcpu.possible_counters()
        }
        found = [doubt_of("N", "the host's PMCR_EL0.N", told, "--host PMCR_EL0.N=VALUE")]
        if not value & _LC and not self.exposure.host.aarch32_known:
            told = {0: Outcome("accepted, LC reads back 1"), 1: ACCEPTED}
            cases = doubt_of("LC", "the host's AArch32 at EL0", told, {0: "--host aarch32=off", 1: "--host aarch32=on"})
            found.append(cases)
        return tuple(doubt for doubt in found if doubt is not None)

    def unsettled(self, vcpu: VcpuState, value: int) -> int:
        """The fields of which it is not known whether they are kept."""
        return sum({"N": 0x1F << 11, "LC": _LC}[doubt.part] for doubt in self.doubts(vcpu, value))

    def store(self, vcpu: VcpuState, value: int) -> None:
        """N on the VM, the low byte on the vCPU."""
        vm, counters = vcpu.vm, value >> 11 & 0x1F
        if counters <= self.exposure.pmcr_counters and not self._fixed(vcpu):
            vm.counters = counters
        vcpu.own[self.reg_id] = value & 0xFF | self.long_counter

    def acceptance(self, write: Write) -> str:
        """What is kept of it."""
        return "the number of counters may go down, the low byte is kept"
