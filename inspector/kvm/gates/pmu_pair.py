"""PMU registers of which two ids, SET and CLR, stand for one piece of state: set_pmreg(), arch/arm64/kvm/sys_regs.c.

Measured by writing the registers of one VM onto fresh vCPUs of other kernels and reading them back.
"""

from __future__ import annotations

from functools import reduce
from operator import and_, or_

import msgspec

from inspector.kvm.cases import ACCEPTED, Outcome
from inspector.kvm.gates.doubts import Doubt, doubt_of
from inspector.kvm.gates.gate import OpenGate, Part, Write
from inspector.kvm.state import VcpuState
from inspector.policies.model import Rule
from inspector.registers.bits import ones
from inspector.registers.encoding import POISON
from inspector.registers.ids import IDS


class Pair(msgspec.Struct, frozen=True):
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

    def _after(self, vcpu: VcpuState, value: int, counters: int | None = None) -> int:
        """What both registers read after a write; `counters`: how many the VM is supposed to have."""
        variant = self.exposure.book.variant(_FUNCTION)
        exists = 1 << 31 | ones(vcpu.vm.counters if counters is None else counters)
        if variant == "plain":
            return value
        if variant == "masked":
            return value & exists
        held = vcpu.value(self.reg_id)
        if counters is not None and not vcpu.open_bits.keys() & {PAIR_OF[self.reg_id].set, PAIR_OF[self.reg_id].clear}:
            held = POISON & exists
        return held | value & exists if self.reg_id == PAIR_OF[self.reg_id].set else held & ~(value & exists)

    def _possible(self, vcpu: VcpuState, value: int) -> dict[int, int]:
        """What a write leaves behind, by the number of counters that the VM may have."""
        return {n: self._after(vcpu, value, n) for n in vcpu.possible_counters()}

    def doubts(self, vcpu: VcpuState, value: int) -> tuple[Doubt, ...]:
        """By the host's number of counters: only theirs have bits."""
        lost = Outcome("accepted, not kept as written")
        told = {n: ACCEPTED if after == value else lost for n, after in self._possible(vcpu, value).items()}
        doubt = doubt_of("value", "the host's PMCR_EL0.N", told, "--host PMCR_EL0.N=VALUE")
        return () if doubt is None else (doubt,)

    def unsettled(self, vcpu: VcpuState, value: int) -> int:
        """The bits of counters of which it is not known whether the VM has them."""
        after = self._possible(vcpu, value).values()
        return reduce(or_, after) & ~reduce(and_, after)

    def parts(self, vcpu: VcpuState, value: int) -> tuple[Part, ...]:
        """The whole value."""
        (part,) = super().parts(vcpu, value)
        if self._after(vcpu, value) == value:
            return (part,)
        return (msgspec.structs.replace(part, fate="replaced", reason=self._becomes()),)

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
