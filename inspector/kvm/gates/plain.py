"""PMCR_EL0 where it is plain storage: before KVM kept the number of counters on the VM."""

from __future__ import annotations

from inspector.kvm.gates.gate import OpenGate, Write
from inspector.kvm.state import VcpuState


class Plain(OpenGate):
    """Stored on the vCPU as it is, at any time."""

    __slots__ = ()
    function = "pmcr"

    def store(self, vcpu: VcpuState, value: int) -> None:
        """As written."""
        vcpu.own[self.reg_id] = value

    def acceptance(self, write: Write) -> str:
        """Kept as written."""
        return "stored as it is"
