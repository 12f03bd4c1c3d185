"""OSLSR_EL1: set_oslsr_el1(), v6.0 and later."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.kvm.gates.gate import Gate, Part, Write
from inspector.kvm.state import VcpuState

_OTHERS = "only OSLK may change"


class Oslsr(Gate):
    """Only OSLK (bit 1) may be written, at any time."""

    __slots__ = ()
    function = ""

    def parts(self, vcpu: VcpuState, value: int) -> tuple[Part, ...]:
        """OSLM and all bits above are fixed."""
        return (
            Part("others", 63, 2, 2, False, "equal").unless(value >> 2 == 2, _OTHERS),
            Part("OSLK", 1, 1, 1, True, "any"),
            Part("OSLM[0]", 0, 0, 0, False, "equal").unless(not value & 1, _OTHERS),
        )

    def store(self, vcpu: VcpuState, value: int) -> None:
        """On the vCPU."""
        vcpu.own[self.reg_id] = value

    def candidates(self, vcpu: VcpuState, value: int) -> Iterator[int]:
        """OSLK as written."""
        yield 8 | value & 2

    def refusal(self, value: int) -> str:
        """Any other bit."""
        return "only OSLK (bit 1) may differ from 0x8"

    def acceptance(self, write: Write) -> str:
        """Kept on the vCPU."""
        return "accepted and stored"
