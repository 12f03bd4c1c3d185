"""Counters and timer controls: kvm_arm_timer_set_reg(), arch/arm64/kvm/arch_timer.c.

They are accepted and yet not kept as written, on every machine; no restore fails by them.
"""

from __future__ import annotations

import msgspec

from inspector.kvm.gates.gate import OpenGate, Part, Write
from inspector.kvm.state import VcpuState
from inspector.registers.bits import ones
from inspector.registers.ids import CNTP_CTL_EL0, CNTPCT_EL0, CNTV_CTL_EL0, CNTVCT_EL0, IDS

COUNTERS = {CNTVCT_EL0: "virtual", CNTPCT_EL0: "physical"}
CONTROLS = frozenset({CNTV_CTL_EL0, CNTP_CTL_EL0})
EL2_CONTROLS = frozenset({IDS["CNTHP_CTL_EL2"], IDS["CNTHV_CTL_EL2"]})
"""those of a vCPU with EL2, where they are plain system registers as well"""
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
    """ENABLE and IMASK are kept; ISTATUS is the timer's own.

    Up to v6.17 the rest is kept in a word of 32 bits (timer_set_ctl()), and what is read has ISTATUS set once the
    compare value has passed (read_timer_ctl()). Since v6.18 the controls are plain system registers of 64 bits,
    ISTATUS apart (arch_timer_set_user()).
    """

    __slots__ = ()
    function = ""
    by_nature = True

    @property
    def _whole(self) -> bool:
        return self.exposure.book.has("timer-controls-stored")

    def unsettled(self, vcpu: VcpuState, value: int) -> int:
        """ISTATUS, where it is read from the timer."""
        return 0 if self._whole else _ISTATUS

    def _after(self, vcpu: VcpuState, value: int) -> int:
        if self._whole:
            return value & ~_ISTATUS
        value &= ones(32)
        if value & _ENABLE:
            return value
        return value & ~_ISTATUS | vcpu.value(self.reg_id) & _ISTATUS

    def parts(self, vcpu: VcpuState, value: int) -> tuple[Part, ...]:
        """The whole value."""
        (part,) = super().parts(vcpu, value)
        if self._after(vcpu, value) == value:
            return (part,)
        return (msgspec.structs.replace(part, fate="replaced", reason=self._because(value)),)

    def _because(self, value: int) -> str:
        if value >> 32 and not self._whole:
            return "KVM keeps the lower 32 bits"
        return "ISTATUS is a status bit" + ("" if self._whole else ", which the machine's own timer sets")

    def store(self, vcpu: VcpuState, value: int) -> None:
        """Without the status bit."""
        vcpu.own[self.reg_id] = self._after(vcpu, value)

    def acceptance(self, write: Write) -> str:
        """Kept but for the status."""
        if write.parts[0].fate == "kept":
            return "accepted and stored"
        return self._because(write.value)
