"""The SVE vector lengths, KVM_REG_ARM64_SVE_VLS: set_sve_vls(), arch/arm64/kvm/guest.c, v5.2 and later."""

from __future__ import annotations

from collections.abc import Iterator
from errno import EINVAL, EPERM

from inspector.kvm.cases import ACCEPTED, Case, refused
from inspector.kvm.gates.doubts import Doubt
from inspector.kvm.gates.gate import Gate, Part, Write
from inspector.kvm.state import VcpuState
from inspector.policies.model import Rule
from inspector.registers.bits import ones
from inspector.registers.naming import name_of

_TOO_LATE = "the vCPU is finalised"
_UNLIKE = "not the host's lengths up to the longest"
_SOURCE = "the host's vector lengths"


def _fixed(vcpu: VcpuState) -> bool:
    return vcpu.ran or vcpu.finalised


class VectorLengths(Gate):
    """Every length that the host has up to the longest one, before KVM_ARM_VCPU_FINALIZE; a vCPU that ran is finalised.

    Bit n stands for (n + 1) * 128 bits.
    """

    __slots__ = ()
    function = ""

    def parts(self, vcpu: VcpuState, value: int) -> tuple[Part, ...]:
        """The set as a whole; where the host's is not known, any set but none."""
        host = self.exposure.host.sve_lengths
        part = Part("lengths", 511, 0, host or 0, not _fixed(vcpu), "the host's, from the shortest on")
        if _fixed(vcpu):
            return (part.unless(False, _TOO_LATE, EPERM),)
        fits = bool(value) if host is None else self._fitting(host, value) == value
        return (part.unless(fits, _UNLIKE),)

    @staticmethod
    def _fitting(host: int, value: int) -> int:
        """The host's lengths up to the longest wanted one; at least its shortest."""
        return host & ones(value.bit_length()) or host & -host

    def doubts(self, vcpu: VcpuState, value: int) -> tuple[Doubt, ...]:
        """By the host's lengths, where neither a dump nor the CPU model tells them."""
        if _fixed(vcpu) or not value or self.exposure.host.sve_lengths is not None:
            return ()
        unlike = refused(EINVAL)
        cases = (
            Case(when=f"up to the longest of these {_SOURCE} are the same", outcome=ACCEPTED.text),
            Case(when=f"{_SOURCE} differ there", outcome=unlike.text, errno=EINVAL),
        )
        return (Doubt("lengths", _SOURCE, cases),)

    def store(self, vcpu: VcpuState, value: int) -> None:
        """On the vCPU."""
        vcpu.own[self.reg_id] = value

    def candidates(self, vcpu: VcpuState, value: int) -> Iterator[int]:
        """What the host has up to the longest wanted length."""
        host = self.exposure.host.sve_lengths
        if host:
            yield self._fitting(host, value)

    def refusal(self, value: int) -> str:
        """No length, or a set that the host does not have."""
        return "it has to name every length that the host has up to the longest one, and no other"

    def acceptance(self, write: Write) -> str:
        """Kept, for as long as it can change."""
        return "accepted and stored before KVM_ARM_VCPU_FINALIZE; after it (SVE registers, first run) EPERM"

    def why(self, write: Write) -> tuple[Rule | None, str]:
        """A vCPU that ran was finalised before."""
        if write.errno == EPERM:
            return None, f"{name_of(self.reg_id)} cannot change once the vCPU is finalised (KVM_ARM_VCPU_FINALIZE)."
        return super().why(write)
