"""Registers that take only the value that KVM shows: set_invariant_sys_reg(), and the demux registers up to v6.2."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.kvm.gates.doubts import Doubt, equal_or_refused
from inspector.kvm.gates.gate import Gate, Part, Write, width_of
from inspector.kvm.state import VcpuState
from inspector.registers.bits import ALL, mask_of
from inspector.registers.encoding import is_demux
from inspector.registers.ids import CLIDR_EL1, CTR_EL0
from inspector.registers.naming import name_of


class Invariant(Gate):
    """Only the value that KVM shows, at any time."""

    __slots__ = ()
    alone = True

    @property
    def function(self) -> str:
        """By what the register belongs to."""
        if self.reg_id == CLIDR_EL1 or is_demux(self.reg_id):
            return "cache-registers"
        return "ctr" if self.reg_id == CTR_EL0 else "implementation-ids"

    def parts(self, vcpu: VcpuState, value: int) -> tuple[Part, ...]:
        """Each field of the feature table where there is one, else the whole value."""
        now, fields = vcpu.value(self.reg_id), self.exposure.book.fields(self.reg_id)
        if not fields:
            whole = Part("value", width_of(self.reg_id) - 1, 0, now, False, "equal")
            return (whole.unless(value == now, "invariant"),)
        found = [
            Part(f.name, f.msb, f.lsb, f.extract(now), False, "equal").unless(not (value ^ now) & f.mask, "invariant")
            for f in fields
        ]
        if (value ^ now) & ~sum(field.mask for field in fields) & ALL:
            found.append(Part("others", 63, 0, now, False, "equal", "refused", "invariant"))
        return tuple(found)

    def store(self, vcpu: VcpuState, value: int) -> None:
        """It holds that value already."""

    def candidates(self, vcpu: VcpuState, value: int) -> Iterator[int]:
        """Only what it reads."""
        return iter(())

    def refusal(self, value: int) -> str:
        """The same for every value."""
        return "the register is invariant and takes only the host's value"

    def acceptance(self, write: Write) -> str:
        """The only value there is."""
        return "equal to the host's"

    def doubts(self, vcpu: VcpuState, value: int) -> tuple[Doubt, ...]:
        """Every part that is not known to be, or not to be, what KVM shows."""
        known, now = self.exposure.known.get(self.reg_id, ALL), vcpu.value(self.reg_id)
        found = []
        for part in self.parts(vcpu, value):
            mask = mask_of(part.msb, part.lsb)
            if not mask & ~known or (value ^ now) & known & mask:
                continue
            single = part.name in ("value", "others")
            source = f"the host's {name_of(self.reg_id)}" + ("" if single else f".{part.name}")
            written = f"0x{value:x}" if single else str((value & mask) >> part.lsb)
            found.append(equal_or_refused(part.name, source, written, part.errno))
        return tuple(found)
