"""PMMIR_EL1, which KVM lists with a vPMU since v7.3: set_pmmir(), arch/arm64/kvm/sys_regs.c, 453f6ff04b8d."""

from __future__ import annotations

from collections.abc import Iterator
from errno import EBUSY, EINVAL

from inspector.kvm.cases import ACCEPTED, Case, refused
from inspector.kvm.gates.doubts import Doubt
from inspector.kvm.gates.gate import Gate, Part, Write
from inspector.kvm.state import VcpuState

_SLOTS = 0xFF


class Pmmir(Gate):
    """SLOTS is that of the PMU that the VMM chose for a vCPU with KVM_ARM_VCPU_PMU_V3_STRICT, else 0.

    Zero takes it away, its own value changes nothing, and any other is refused.
    """

    __slots__ = ()
    function = ""

    def parts(self, vcpu: VcpuState, value: int) -> tuple[Part, ...]:
        """SLOTS, and the rest, which is always zero."""
        held = vcpu.value(self.reg_id) & _SLOTS
        slots = Part("SLOTS", 7, 0, held, not vcpu.vm.ran, "equal, or 0")
        rest = Part("others", 63, 8, 0, False, "equal").unless(not value >> 8, "only SLOTS is shown")
        fits = value & _SLOTS in ((held,) if vcpu.vm.ran else (held, 0))
        errno = EBUSY if vcpu.vm.ran and not value >> 8 else EINVAL
        return rest, slots.unless(fits, "not the SLOTS of the vCPU's PMU", errno)

    def doubts(self, vcpu: VcpuState, value: int) -> tuple[Doubt, ...]:
        """SLOTS of another PMU, which is right for a vCPU that was created strictly with that PMU."""
        if value >> 8 or value & _SLOTS in (0, vcpu.value(self.reg_id)) or vcpu.vm.ran:
            return ()
        source, no = "how the VMM created the vCPU's PMU", refused(EINVAL)
        strict = "KVM_ARM_VCPU_PMU_V3_STRICT"
        cases = (
            Case(when=f"with {strict}, and a PMU of these SLOTS", outcome=ACCEPTED.text, about="vmm"),
            Case(when=f"without {strict}, or with another PMU", outcome=no.text, errno=no.errno, about="vmm"),
        )
        return (Doubt("SLOTS", source, cases),)

    def store(self, vcpu: VcpuState, value: int) -> None:
        """As written."""
        vcpu.own[self.reg_id] = value

    def candidates(self, vcpu: VcpuState, value: int) -> Iterator[int]:
        """What kernels before showed."""
        yield 0

    def refusal(self, value: int) -> str:
        """Anything else."""
        return "only 0 and the SLOTS of the vCPU's PMU are taken"

    def acceptance(self, write: Write) -> str:
        """Kept."""
        return "accepted and stored"
