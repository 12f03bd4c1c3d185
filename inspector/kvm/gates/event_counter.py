"""PMEVCNTR0_EL0 to PMEVCNTR30_EL0: get_pmu_evcntr(), arch/arm64/kvm/sys_regs.c, 9228b26194d1.

Measured by writing them on 5.10.223, 6.1.192, 6.12.118 and 7.3.4.
"""

from __future__ import annotations

import msgspec

from inspector.kvm.cases import ACCEPTED, Outcome
from inspector.kvm.gates.doubts import Doubt, doubt_of
from inspector.kvm.gates.gate import OpenGate, Part, Write
from inspector.kvm.state import VcpuState
from inspector.registers.bits import ones
from inspector.registers.ids import ID_AA64DFR0_EL1

_LONG, _NO_PMU = 6, 15
"""ID_AA64DFR0_EL1.PMUVer from which event counters have 64 bits (FEAT_PMUv3p5), and its value for no such PMU"""
_REASON = "event counters of this PMU have 32 bits"


class EventCounter(OpenGate):
    """Stored whole, and read as the counter: 32 bits before FEAT_PMUv3p5."""

    __slots__ = ()
    function = ""

    def _after(self, vcpu: VcpuState, value: int) -> int:
        version = vcpu.vm.stored.get(ID_AA64DFR0_EL1, 0) >> 8 & 0xF
        return self._read(value, version)

    @staticmethod
    def _read(value: int, version: int) -> int:
        return value if _LONG <= version < _NO_PMU else value & ones(32)

    def _versions(self, vcpu: VcpuState) -> tuple[int, ...]:
        """Every PMU version that the VM may have."""
        vm = vcpu.vm
        held = vm.stored.get(ID_AA64DFR0_EL1, 0) >> 8 & 0xF
        open_ = vm.open_bits.get(ID_AA64DFR0_EL1, ~self.exposure.limit_known(ID_AA64DFR0_EL1))
        if not open_ & 0xF << 8:
            return (held,)
        return tuple(dict.fromkeys(min(v, _LONG) for v in self.exposure.host.could_be(ID_AA64DFR0_EL1, 0xF << 8)))

    def doubts(self, vcpu: VcpuState, value: int) -> tuple[Doubt, ...]:
        """By the version of the host's PMU."""
        told = {v: ACCEPTED if self._read(value, v) == value else Outcome(_REASON) for v in self._versions(vcpu)}
        settle = "--host ID_AA64DFR0_EL1.PMUVer=VALUE"
        doubt = doubt_of("value", "the host's ID_AA64DFR0_EL1.PMUVer", told, settle)
        return () if doubt is None else (doubt,)

    def parts(self, vcpu: VcpuState, value: int) -> tuple[Part, ...]:
        """The whole value."""
        (part,) = super().parts(vcpu, value)
        if self._after(vcpu, value) != value:
            part = msgspec.structs.replace(part, fate="replaced", reason=_REASON)
        return (part,)

    def store(self, vcpu: VcpuState, value: int) -> None:
        """What is read of it."""
        vcpu.own[self.reg_id] = self._after(vcpu, value)

    def acceptance(self, write: Write) -> str:
        """Kept, or cut."""
        return "accepted and stored" if write.parts[0].fate == "kept" else f"the lower half is read back: {_REASON}"
