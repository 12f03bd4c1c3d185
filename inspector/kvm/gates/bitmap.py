"""The hypercall bitmaps: kvm_arm_set_fw_reg_bmap(), arch/arm64/kvm/hypercalls.c."""

from __future__ import annotations

from collections.abc import Iterator
from errno import EBUSY, EINVAL

from inspector.kvm.firmware import BITMAPS
from inspector.kvm.gates.gate import Gate, Part, Write
from inspector.kvm.state import VcpuState


class Bitmap(Gate):
    """VM-wide: any subset of the supported bits, frozen by the first run."""

    __slots__ = ()
    function = "hypercall-bitmaps"

    def parts(self, vcpu: VcpuState, value: int) -> tuple[Part, ...]:
        """The services as a whole."""
        vm, supported = vcpu.vm, BITMAPS[self.reg_id]
        part = Part("services", 63, 0, supported, not vm.ran, "subset")
        if value & ~supported:
            return (part.unless(False, "unknown services", EINVAL),)
        same = value == vm.stored[self.reg_id]
        return (part.unless(same or not vm.ran, "frozen since the VM ran", EBUSY),)

    def store(self, vcpu: VcpuState, value: int) -> None:
        """On the VM."""
        vcpu.vm.stored[self.reg_id] = value

    def candidates(self, vcpu: VcpuState, value: int) -> Iterator[int]:
        """The supported bits of it."""
        yield value & BITMAPS[self.reg_id]

    def refusal(self, value: int) -> str:
        """A bit that means nothing yet."""
        return "a service that this kernel does not know"

    def acceptance(self, write: Write) -> str:
        """Kept on the VM."""
        return "accepted and stored"
