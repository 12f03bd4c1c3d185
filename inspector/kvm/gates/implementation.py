"""MIDR_EL1, REVIDR_EL1 and AIDR_EL1 as VM-wide values: set_imp_id_reg(), v6.15 and later."""

from __future__ import annotations

from collections.abc import Iterator
from errno import EBUSY, EINVAL

from inspector.kvm.gates.doubts import Doubt, equal_or_refused
from inspector.kvm.gates.gate import Gate, Part, Write
from inspector.kvm.state import VcpuState
from inspector.registers.bits import ALL
from inspector.registers.ids import MIDR_EL1
from inspector.registers.naming import name_of

_RESERVED = "bits 63:32 are reserved"


class Implementation(Gate):
    """Another value needs the capability, before the first run."""

    __slots__ = ()
    alone = True
    function = "implementation-ids"

    def parts(self, vcpu: VcpuState, value: int) -> tuple[Part, ...]:
        """MIDR_EL1's upper half is reserved; the rest is free where the VM may change it."""
        return self._parts(vcpu, value, value == vcpu.value(self.reg_id))

    def _parts(self, vcpu: VcpuState, value: int, same: bool) -> tuple[Part, ...]:
        now, ran, capable = vcpu.value(self.reg_id), vcpu.vm.ran, self.exposure.setup.writable_imp_id
        errno = EBUSY if capable and ran else EINVAL
        if self.reg_id != MIDR_EL1:
            return (
                Part("value", 63, 0, now, False, "equal").unless(same or (capable and not ran), "invariant", errno),
            )
        fits = same or not value >> 32 or (capable and ran)
        needs = "needs the capability, before the first run"
        return (
            Part("[63:32]", 63, 32, 0, False, "equal").unless(fits, "reserved"),
            Part("MIDR", 31, 0, now & 0xFFFFFFFF, capable, "any").unless(
                same or (capable and not ran) or (not capable and value >> 32 != 0), needs, errno
            ),
        )

    def doubts(self, vcpu: VcpuState, value: int) -> tuple[Doubt, ...]:
        """Where the host's value is not known, a value that may be equal to it: another one may be refused."""
        now = vcpu.value(self.reg_id)
        written = now != self.exposure.values.get(self.reg_id)
        known = ALL if written else self.exposure.known.get(self.reg_id, ALL)
        if known & ALL == ALL or (value ^ now) & known & ALL:
            return ()
        bad = next((part for part in self._parts(vcpu, value, same=False) if part.fate == "refused"), None)
        if bad is None:
            return ()
        return (equal_or_refused(bad.name, f"the host's {name_of(self.reg_id)}", f"0x{value:x}", bad.errno),)

    def store(self, vcpu: VcpuState, value: int) -> None:
        """On the VM."""
        vcpu.vm.stored[self.reg_id] = value

    def candidates(self, vcpu: VcpuState, value: int) -> Iterator[int]:
        """Without the reserved half."""
        yield value & 0xFFFFFFFF

    def refusal(self, value: int) -> str:
        """By what the VM may do."""
        if self.exposure.setup.writable_imp_id:
            return _RESERVED
        return "a value of its own needs KVM_CAP_ARM_WRITABLE_IMP_ID_REGS on the VM, before any vCPU"

    def acceptance(self, write: Write) -> str:
        """Kept on the VM."""
        return "accepted and stored"
