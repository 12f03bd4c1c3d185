"""PMU registers of which two ids, SET and CLR, stand for one piece of state: set_pmreg(), arch/arm64/kvm/sys_regs.c.

Measured by writing the registers of one VM onto fresh vCPUs of other kernels and reading them back.
"""

from __future__ import annotations

from typing import NamedTuple

from inspector.kvm.gates.gate import OpenGate, Part, Write
from inspector.kvm.state import VcpuState
from inspector.policies.model import Rule
from inspector.registers.bits import ones
from inspector.registers.ids import IDS


class Pair(NamedTuple):
    """The two ids of one piece of state."""

    name: str
    set: int
    clear: int


PAIRS: tuple[Pair, ...] = tuple(
    Pair(name, IDS[sets], IDS[clears])
    for name, sets, clears in (
        ("PMINTEN", "PMINTENSET_EL1", "PMINTENCLR_EL1"),
        ("PMCNTEN", "PMCNTENSET_EL0", "PMCNTENCLR_EL0"),
        ("PMOVS", "PMOVSSET_EL0", "PMOVSCLR_EL0"),
    )
)
_FUNCTION = "pmu-pairs"
PAIR_OF: dict[int, Pair] = {reg_id: pair for pair in PAIRS for reg_id in (pair.set, pair.clear)}


class PmuPair(OpenGate):
    """Takes everything; what becomes of it depends on the kernel, and shows in both registers."""

    __slots__ = ()
    function = ""

    def _after(self, vcpu: VcpuState, value: int) -> int:
        """What both registers read after a write."""
        variant = self.exposure.book.variant(_FUNCTION)
        exists = 1 << 31 | ones(vcpu.vm.counters)
        if variant == "plain":
            return value
        if variant == "masked":
            return value & exists
        held = vcpu.value(self.reg_id)
        return held | value & exists if self.reg_id == PAIR_OF[self.reg_id].set else held & ~(value & exists)

    def parts(self, vcpu: VcpuState, value: int) -> tuple[Part, ...]:
        """The whole value."""
        (part,) = super().parts(vcpu, value)
        if self._after(vcpu, value) == value:
            return (part,)
        return (part._replace(fate="replaced", reason=self._becomes()),)

    def store(self, vcpu: VcpuState, value: int) -> None:
        """Under both ids."""
        pair = PAIR_OF[self.reg_id]
        vcpu.own[pair.set] = vcpu.own[pair.clear] = self._after(vcpu, value)

    def rule(self) -> Rule | None:
        """The rule about writes; what is read follows from another."""
        return self.exposure.book.special_rule(_FUNCTION)

    def acceptance(self, write: Write) -> str:
        """Kept, or what the write does instead."""
        if write.parts[0].fate == "kept":
            return "plain storage, KVM keeps what is written"
        return self._becomes()

    def _becomes(self) -> str:
        pair = PAIR_OF[self.reg_id]
        if self.exposure.book.variant(_FUNCTION) == "masked":
            return f"only the bits of counters that the vCPU has are kept ({pair.name})"
        if self.reg_id == pair.set:
            return f"a write sets bits of {pair.name}; those that were set before stay set"
        return f"a write clears bits of {pair.name}; the value is not stored"
