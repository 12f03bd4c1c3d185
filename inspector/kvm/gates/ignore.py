"""Registers that accept any value and drop it: AArch32 ID registers of a host without AArch32 (REG_USER_WI), and
PMSWINC_EL0 (set_wi_reg())."""

from __future__ import annotations

from inspector.kvm.cases import ACCEPTED, Case
from inspector.kvm.gates.doubts import Doubt
from inspector.kvm.gates.gate import OpenGate, Part, Write
from inspector.kvm.state import VcpuState
from inspector.policies.model import Rule
from inspector.registers.bits import ALL


class Ignore(OpenGate):
    """Takes anything and drops it."""

    __slots__ = ()
    alone = True
    function = ""

    def parts(self, vcpu: VcpuState, value: int) -> tuple[Part, ...]:
        """The whole value; nothing of it is looked at."""
        return (Part("value", 63, 0, vcpu.value(self.reg_id), True, "any"),)

    def store(self, vcpu: VcpuState, value: int) -> None:
        """Nothing is kept."""

    def doubts(self, vcpu: VcpuState, value: int) -> tuple[Doubt, ...]:
        """A host of which it is not known whether it has AArch32 may judge the value; of ID_DFR0_EL1 the version of
        the vPMU is read, whatever is written."""
        if self.exposure.host.aarch32_known:
            return () if self.exposure.known.get(self.reg_id, ALL) == ALL else (_by_pmu(),)
        source = "the host's ID_AA64PFR0_EL1.EL0"
        judged = Case(
            when=f"{source} is 2", outcome="judged by what the host's register holds", settle="--host aarch32=on"
        )
        ignored = Case(when=f"{source} is 1", outcome=f"{ACCEPTED.text} and ignored", settle="--host aarch32=off")
        return (Doubt("value", source, (judged, ignored)),)

    def unsettled(self, vcpu: VcpuState, value: int) -> int:
        """What is not known of the register, for it stays as it is."""
        return ALL & ~self.exposure.known.get(self.reg_id, ALL)

    def rule(self) -> Rule | None:
        """The rule that makes the register read as zero."""
        return self.exposure.ignores_writes(self.reg_id)

    def acceptance(self, write: Write) -> str:
        """Accepted, not kept, and why."""
        rule = self.rule()
        because = f" ({rule.reason[:1].lower()}{rule.reason[1:].rstrip('.')})" if rule is not None else ""
        return f"the write is accepted and ignored{because}"


def _by_pmu() -> Doubt:
    version = "the host's ID_AA64DFR0_EL1.PMUVer"
    settle = "--host ID_AA64DFR0_EL1.PMUVer=VALUE"
    kept = Case(when=f"{version} makes PerfMon what is written", outcome=ACCEPTED.text, settle=settle)
    other = Case(when=f"{version} makes it another", outcome=f"{ACCEPTED.text} and ignored", settle=settle)
    return Doubt("value", version, (kept, other))


class SoftwareIncrement(Ignore):
    """PMSWINC_EL0: nothing is counted by a write of userspace, and it reads as zero."""

    __slots__ = ()

    def doubts(self, vcpu: VcpuState, value: int) -> tuple[Doubt, ...]:
        """None."""
        return ()

    def rule(self) -> Rule | None:
        """None: no rule is about this register alone."""
        return None
