"""What a saved vCPU's own registers tell of how it was created.

Which registers KVM lists follows from the vCPU's features (arch/arm64/kvm/sys_regs.c, the visibility callbacks), so the
list of a saved vCPU names most of them. A QEMU stream says nothing else about its features.
"""

from __future__ import annotations

from collections.abc import Mapping

from inspector.policies.setup import Feature, VcpuSetup
from inspector.registers.encoding import CLASS_SVE, firmware_id, make_id, split_id, sysreg_id

PMCR_EL0 = sysreg_id(3, 3, 9, 12, 0)
PMUSERENR_EL0 = sysreg_id(3, 3, 9, 14, 0)
ZCR_EL1 = sysreg_id(3, 0, 1, 2, 0)
APIAKEYLO_EL1 = sysreg_id(3, 0, 2, 1, 0)
GCR_EL1 = sysreg_id(3, 0, 1, 0, 6)
VPIDR_EL2 = sysreg_id(3, 4, 0, 0, 0)
VNCR_EL2 = sysreg_id(3, 4, 2, 2, 0)
ID_AA64PFR0_EL1 = sysreg_id(3, 0, 0, 4, 0)
PSTATE = make_id(0x0010, 0x42)
PSCI_VERSION = firmware_id(0)
BITMAP_STD = 0x6030000000160000

_PSCI_0_1 = 1


def has_pmu(values: Mapping[int, int], family: str = "") -> bool:
    """True when the vCPU has a PMU.

    Linux 5.10 lists the PMU registers always (they got a visibility rule in 5.11), so there the VMM's own default
    decides: QEMU gives its vCPUs a PMU, Firecracker does not. A list of that age has no firmware bitmaps.
    """
    if PMUSERENR_EL0 not in values:
        return False
    return BITMAP_STD in values or family != "firecracker"


def infer_setup(values: Mapping[int, int], family: str = "") -> VcpuSetup:
    """The features that the register list `values` implies; `family` is the VMM (`qemu`, `firecracker` ...)."""
    features = Feature(0)
    if values.get(PSCI_VERSION) != _PSCI_0_1:
        features |= Feature.PSCI
    if has_pmu(values, family):
        features |= Feature.PMU
    if ZCR_EL1 in values or any(split_id(i).cls == CLASS_SVE for i in values):
        features |= Feature.SVE
    if APIAKEYLO_EL1 in values:
        features |= Feature.PTRAUTH_ADDRESS | Feature.PTRAUTH_GENERIC
    if VPIDR_EL2 in values:
        features |= Feature.EL2
        if VNCR_EL2 not in values:
            features |= Feature.EL2_E2H0
    if _runs_aarch32(values.get(PSTATE, 0)):
        features |= Feature.EL1_32BIT
    gic = values.get(ID_AA64PFR0_EL1, 1 << 24) >> 24 & 0xF
    return VcpuSetup(features=int(features), gic="v3" if gic else "none", mte=GCR_EL1 in values)


def _runs_aarch32(pstate: int) -> bool:
    """PSTATE of an AArch32 mode other than User: a 32-bit process is in User mode (Arm ARM, C5.2.19)."""
    return bool(pstate & 0x10) and pstate & 0xF != 0
