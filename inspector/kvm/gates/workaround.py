"""SMCCC_ARCH_WORKAROUND_1..3: kvm_arm_set_fw_reg(), arch/arm64/kvm/hypercalls.c."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.kvm.gates.gate import Gate, Part, Write
from inspector.kvm.state import VcpuState
from inspector.registers.ids import WORKAROUND_2


class Workaround(Gate):
    """A mitigation level: a lower demand is accepted and not stored."""

    __slots__ = ()
    function = "mitigation-levels"

    def parts(self, vcpu: VcpuState, value: int) -> tuple[Part, ...]:
        """The level as a whole."""
        now = vcpu.value(self.reg_id)
        return (Part("level", 63, 0, now, True, "lower").unless(self._provided(value, now), self.refusal(value)),)

    def _provided(self, value: int, level: int) -> bool:
        """WORKAROUND_2 has a state in bits 3:0 and ENABLED in bit 4, which goes with state 2 only."""
        if self.reg_id != WORKAROUND_2:
            return value <= level and value < 16
        asked = value & 0xF
        if value & ~0x1F or (value & 0x10 and asked != 2) or asked > 3:
            return False
        return asked <= 1 or level == 3

    def store(self, vcpu: VcpuState, value: int) -> None:
        """The level is the host's."""

    def candidates(self, vcpu: VcpuState, value: int) -> Iterator[int]:
        """Only the state; then the host's where that is lower."""
        yield value & 0xF
        yield min(value & 0xF, vcpu.value(self.reg_id))

    def refusal(self, value: int) -> str:
        """The same for every level."""
        return "more than this host provides"

    def acceptance(self, write: Write) -> str:
        """Not stored."""
        return "the host provides at least that; the level itself is not stored"
