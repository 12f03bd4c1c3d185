"""CLIDR_EL1 where KVM makes it up: set_clidr(), v6.3 and later."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.kvm.caches import CLIDR_RES0
from inspector.kvm.cases import Outcome
from inspector.kvm.gates.doubts import Doubt, doubt_of, supposed, unknown_bits
from inspector.kvm.gates.gate import Gate, Part, Write
from inspector.kvm.state import VcpuState
from inspector.registers.bits import extract, ones
from inspector.registers.ids import CTR_EL0

_IDC = 1 << 28
_DENIED = "promises that no clean to the point of unification is needed, which the host's CTR_EL0.IDC denies"


class Clidr(Gate):
    """Per vCPU, at any time, within what the host's CTR_EL0 makes safe."""

    __slots__ = ()
    function = "cache-registers"

    def parts(self, vcpu: VcpuState, value: int) -> tuple[Part, ...]:
        """Only the reserved bits and the points of coherency and unification are judged."""
        loc, louu, louis = extract(value, 26, 24), extract(value, 29, 27), extract(value, 23, 21)
        idc = bool(self.exposure.limit(CTR_EL0) >> 28 & 1)
        unified = idc or loc == 0 or bool(louu or louis)
        return (
            Part("RES0", 63, 47, 0, False, "equal").unless(not value & CLIDR_RES0, "reserved"),
            Part("[46:30]", 46, 30, ones(17), True, "any"),
            Part("LoUU", 29, 27, 7, True, "any").unless(unified, _DENIED),
            Part("LoC", 26, 24, 7, True, "any").unless(idc or loc != 0, _DENIED),
            Part("LoUIS", 23, 21, 7, True, "any").unless(unified, _DENIED),
            Part("[20:0]", 20, 0, ones(21), True, "any"),
        )

    def doubts(self, vcpu: VcpuState, value: int) -> tuple[Doubt, ...]:
        """By what the host's CTR_EL0 may be."""
        if not unknown_bits(self.exposure, CTR_EL0) & _IDC:
            return ()
        outcomes: dict[str, dict[int, Outcome]] = {"LoUU": {}, "LoC": {}, "LoUIS": {}}
        for state in supposed(self.exposure, CTR_EL0):
            for part in type(self)(state, self.reg_id).parts(vcpu, value):
                if part.name in outcomes:
                    outcomes[part.name][state.limit(CTR_EL0) >> 28 & 1] = part.outcome
        source, settle = "the host's CTR_EL0.IDC", "--host CTR_EL0.IDC=VALUE"
        doubts = (doubt_of(name, source, dict(sorted(told.items())), settle) for name, told in outcomes.items())
        return tuple(doubt for doubt in doubts if doubt is not None)

    def store(self, vcpu: VcpuState, value: int) -> None:
        """On the vCPU."""
        vcpu.own[self.reg_id] = value

    def candidates(self, vcpu: VcpuState, value: int) -> Iterator[int]:
        """Without reserved bits; then with LoUU and LoC 1, which no host denies."""
        low = value & ~CLIDR_RES0
        yield low
        yield low & ~(7 << 24) & ~(7 << 27) | 1 << 24 | 1 << 27

    def refusal(self, value: int) -> str:
        """The reserved bits first, as KVM looks at them first."""
        if value & CLIDR_RES0:
            return "bits 63:47 are reserved"
        return "it says that no clean to the point of unification is needed, but the host's CTR_EL0.IDC is 0"

    def acceptance(self, write: Write) -> str:
        """Kept on the vCPU."""
        return "accepted and stored"
