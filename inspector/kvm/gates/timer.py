"""Counters and timer controls: kvm_arm_timer_set_reg(), arch/arm64/kvm/arch_timer.c.

They are accepted and yet not kept as written, on every machine; no restore fails by them.
"""

from __future__ import annotations

from inspector.kvm.gates.gate import OpenGate, Part, Write
from inspector.kvm.state import VcpuState
from inspector.registers.ids import CNTP_CTL_EL0, CNTPCT_EL0, CNTV_CTL_EL0, CNTVCT_EL0

COUNTERS = {CNTVCT_EL0: "virtual", CNTPCT_EL0: "physical"}
CONTROLS = frozenset({CNTV_CTL_EL0, CNTP_CTL_EL0})
_ENABLE, _ISTATUS = 1, 4


class Counter(OpenGate):
    """A counter starts from the written value and counts on."""

    __slots__ = ()
    function = ""
    by_nature = True

    def store(self, vcpu: VcpuState, value: int) -> None:
        """The value to start from."""
        vcpu.own[self.reg_id] = value

    def acceptance(self, write: Write) -> str:
        """It runs."""
        return f"the {COUNTERS[self.reg_id]} counter starts from the written value and counts on"


class TimerControl(OpenGate):
    """ENABLE and IMASK are kept; ISTATUS is the timer's own."""

    __slots__ = ()
    function = ""
    by_nature = True

    def _after(self, vcpu: VcpuState, value: int) -> int:
        if value & _ENABLE:
            return value
        return value & ~_ISTATUS | vcpu.value(self.reg_id) & _ISTATUS

    def parts(self, vcpu: VcpuState, value: int) -> tuple[Part, ...]:
        """The whole value."""
        (part,) = super().parts(vcpu, value)
        if self._after(vcpu, value) == value:
            return (part,)
        return (part._replace(fate="replaced", reason="ISTATUS is a status bit"),)

    def store(self, vcpu: VcpuState, value: int) -> None:
        """Without the status bit."""
        vcpu.own[self.reg_id] = self._after(vcpu, value)

    def acceptance(self, write: Write) -> str:
        """Kept but for the status."""
        if write.parts[0].fate == "kept":
            return "accepted and stored"
        return "ISTATUS is a status bit, which the machine's own timer sets"
