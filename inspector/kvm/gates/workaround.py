"""SMCCC_ARCH_WORKAROUND_1..3: kvm_arm_set_fw_reg(), arch/arm64/kvm/hypercalls.c."""

from __future__ import annotations

from collections.abc import Iterator
from errno import EINVAL

from inspector.kvm.cases import ACCEPTED, Outcome, refused
from inspector.kvm.firmware import levels_known, possible_levels
from inspector.kvm.gates.doubts import Doubt, doubt_of
from inspector.kvm.gates.gate import Gate, Part, Write
from inspector.kvm.host_inputs import HOST_INPUTS
from inspector.kvm.state import VcpuState
from inspector.registers.bits import ALL
from inspector.registers.ids import ID_AA64PFR1_EL1, WORKAROUND_1, WORKAROUND_2, WORKAROUND_3
from inspector.registers.naming import name_of

_STATES = {WORKAROUND_1: "spectre_v2", WORKAROUND_2: "ssb", WORKAROUND_3: "bhb"}
"""The field of HostState that gives a level."""


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

    def unsettled(self, vcpu: VcpuState, value: int) -> int:
        """What is read is the host's level, whatever was written."""
        return ALL & ~levels_known(self.exposure, self.reg_id)

    def _becomes(self, value: int, level: int) -> Outcome:
        """What a host of this level makes of a write: it is compared, and nothing is stored."""
        if not self._provided(value, level):
            return refused(EINVAL)
        return ACCEPTED if value == level else Outcome(f"accepted, not kept: reads back {level}")

    def doubts(self, vcpu: VcpuState, value: int) -> tuple[Doubt, ...]:
        """By the levels that the host may have: of an affected CPU the firmware decides."""
        ssbs = vcpu.vm.stored.get(ID_AA64PFR1_EL1, 0) >> 4 & 0xF
        levels = possible_levels(self.exposure, self.reg_id, ssbs)
        told = {n: self._becomes(value, n) for n in sorted(levels)}
        key, words = next((key, words) for key, (field, words) in HOST_INPUTS.items() if field == _STATES[self.reg_id])
        settle = {level: f"--host {key}={word}" for word, level in words.items()}
        doubt = doubt_of("level", f"the host's level of {name_of(self.reg_id)}", told, settle)
        return () if doubt is None else (doubt,)

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
