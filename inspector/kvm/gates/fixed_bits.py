"""Registers of a vCPU with EL2 of which the first run fixes bits: kvm_init_nv_sysregs(), arch/arm64/kvm/nested.c.

The first run settles, by the VM's ID registers, which bits read as zero or one (kvm_vcpu_apply_reg_masks()); until then
a value is kept as it was written. Measured by writing them on 7.2.13.
"""

from __future__ import annotations

from inspector.kvm.cases import ACCEPTED, Case
from inspector.kvm.gates.doubts import Doubt
from inspector.kvm.gates.gate import OpenGate, Write
from inspector.kvm.state import VcpuState
from inspector.registers.ids import IDS

FIXED_BITS = frozenset(
    IDS[name]
    for name in (
        "CNTHCTL_EL2", "HAFGRTR_EL2", "HCRX_EL2", "HCR_EL2", "HDFGRTR2_EL2", "HDFGRTR_EL2", "HDFGWTR2_EL2",
        "HDFGWTR_EL2", "HFGITR2_EL2", "HFGITR_EL2", "HFGRTR2_EL2", "HFGRTR_EL2", "HFGWTR2_EL2", "HFGWTR_EL2",
        "ICH_HCR_EL2", "MDCR_EL2", "NVHCR_EL2", "SCTLR2_EL1", "SCTLR2_EL2", "SCTLR_EL1", "SCTLR_EL2", "TCR2_EL2",
        "VNCR_EL2", "VTCR_EL2", "VTTBR_EL2", "ZCR_EL2",
    )
)  # fmt: skip
"""set_sysreg_masks() of v7.2 and v7.3, VMPIDR_EL2 apart"""


class FixedBits(OpenGate):
    """Stored; after the first run some bits read back as the VM's features have them."""

    __slots__ = ()
    function = ""

    def doubts(self, vcpu: VcpuState, value: int) -> tuple[Doubt, ...]:
        """The tables of fixed bits are not modelled."""
        if not vcpu.vm.ran:
            return ()
        cases = (
            Case(when="they have every bit of the value", outcome=ACCEPTED.text),
            Case(when="they lack one", outcome="accepted, not kept as written"),
        )
        return (Doubt("value", "which bits of the register the VM's features have", cases),)

    def store(self, vcpu: VcpuState, value: int) -> None:
        """On the vCPU."""
        vcpu.own[self.reg_id] = value

    def acceptance(self, write: Write) -> str:
        """Kept, as long as the VM has not run."""
        return "stored; the first run fixes the bits of features that the VM lacks"
