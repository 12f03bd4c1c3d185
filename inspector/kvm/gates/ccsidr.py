"""CCSIDR_EL1 behind the demux ids where KVM makes it up: set_ccsidr(), v6.3 and later."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.kvm.caches import min_line
from inspector.kvm.cases import refused
from inspector.kvm.exposure import Exposure
from inspector.kvm.gates.doubts import Doubt, doubt_of, supposed, unknown_bits
from inspector.kvm.gates.gate import Gate, Part, Write
from inspector.kvm.state import VcpuState
from inspector.registers.bits import ones
from inspector.registers.ids import CTR_EL0

_REST = Part("[31:3]", 31, 3, ones(29), True, "any")


class Ccsidr(Gate):
    """32 bits per vCPU and CSSELR value, at any time; only the line size is judged."""

    __slots__ = ("judged", "least", "line", "lsb")
    function = "cache-registers"

    def __init__(self, exposure: Exposure, reg_id: int) -> None:
        super().__init__(exposure, reg_id)
        self.line, self.lsb = ("IminLine", 0) if reg_id & 1 else ("DminLine", 16)
        self.least = min_line(exposure.limit(CTR_EL0), reg_id & 0xFF)
        self.judged = Part("LineSize", 2, 0, self.least, True, "higher")

    def parts(self, vcpu: VcpuState, value: int) -> tuple[Part, ...]:
        """LineSize against the host's shortest line."""
        return _REST, self.judged.unless(value & 7 >= self.least, "shorter than the host's lines")

    def doubts(self, vcpu: VcpuState, value: int) -> tuple[Doubt, ...]:
        """By what the host's CTR_EL0 may be."""
        if not unknown_bits(self.exposure, CTR_EL0) & 0xF << self.lsb:
            return ()
        outcomes = {}
        for state in supposed(self.exposure, CTR_EL0):
            errno = type(self)(state, self.reg_id).decide(vcpu, value)
            outcomes[state.limit(CTR_EL0) >> self.lsb & 0xF] = refused(errno)
        doubt = doubt_of(
            "LineSize",
            f"the host's CTR_EL0.{self.line}",
            dict(sorted(outcomes.items())),
            f"--host CTR_EL0.{self.line}=VALUE",
        )
        return () if doubt is None else (doubt,)

    def store(self, vcpu: VcpuState, value: int) -> None:
        """On the vCPU, 32 bits."""
        vcpu.own[self.reg_id] = value & 0xFFFFFFFF

    def candidates(self, vcpu: VcpuState, value: int) -> Iterator[int]:
        """With the shortest line that the host allows."""
        yield value & 0xFFFFFFF8 | self.least & 7

    def refusal(self, value: int) -> str:
        """The line is the only reason."""
        return "its line is shorter than the host's CTR_EL0 allows"

    def acceptance(self, write: Write) -> str:
        """Kept on the vCPU."""
        return "accepted and stored"
