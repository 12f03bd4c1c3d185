"""The PSCI version: kvm_arm_set_fw_reg(), arch/arm64/kvm/hypercalls.c."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.kvm.exposure import Exposure
from inspector.kvm.firmware import psci_versions
from inspector.kvm.gates.gate import Gate, Part, Write
from inspector.kvm.state import VcpuState


class Psci(Gate):
    """VM-wide, at any time, among the versions that the kernel knows."""

    __slots__ = ("versions",)
    function = "psci"

    def __init__(self, exposure: Exposure, reg_id: int) -> None:
        super().__init__(exposure, reg_id)
        self.versions = psci_versions(exposure)

    def parts(self, vcpu: VcpuState, value: int) -> tuple[Part, ...]:
        """The whole value."""
        version = Part("version", 63, 0, self.versions[-1], True, "one of a list")
        return (version.unless(value in self.versions, "not offered"),)

    def takes(self, value: int) -> bool:
        """By the list alone."""
        return value in self.versions

    def store(self, vcpu: VcpuState, value: int) -> None:
        """On the VM."""
        vcpu.vm.stored[self.reg_id] = value

    def candidates(self, vcpu: VcpuState, value: int) -> Iterator[int]:
        """The newest version that is not newer, else the oldest."""
        yield max((version for version in self.versions if version <= value), default=self.versions[0])

    def refusal(self, value: int) -> str:
        """Not in the list."""
        return "no PSCI version that this kernel offers to this vCPU"

    def acceptance(self, write: Write) -> str:
        """Kept on the VM."""
        return "accepted and stored"
