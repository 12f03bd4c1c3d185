"""How a vCPU was created, told by which registers its source lists."""

from __future__ import annotations

from collections.abc import Mapping

from inspector.policies.setup import Feature, Gic, VcpuSetup
from inspector.registers.ids import HCR_EL2, ID_AA64MMFR4_EL1, PMCR_EL0, RGSR_EL1, SVE_VLS, ZCR_EL1, APIAKeyLo_EL1

_PSCI_VERSION = 0x6030000000140000


def infer_setup(values: Mapping[int, int], gic: Gic) -> VcpuSetup | None:
    """The features that KVM's list of registers shows; None without KVM's firmware registers (QEMU's TCG).

    KVM lists ZCR_EL1 or the vector lengths only with SVE, the pointer-authentication keys only with both of its
    features, HCR_EL2 only for a vCPU with EL2 (ID_AA64MMFR4_EL1.E2H0 is then 0 when the guest's E2H may be 0),
    RGSR_EL1 only with MTE, and PMCR_EL0 only with a PMU - but Linux 5.10 lists that always, with nothing to tell it
    apart. AArch32 at EL1 and writable implementation ids leave no mark and are not told.
    """
    if _PSCI_VERSION not in values:
        return None
    features = Feature.PSCI
    if PMCR_EL0 in values:
        features |= Feature.PMU
    if ZCR_EL1 in values or SVE_VLS in values:
        features |= Feature.SVE
    if APIAKeyLo_EL1 in values:
        features |= Feature.PTRAUTH_ADDRESS | Feature.PTRAUTH_GENERIC
    if HCR_EL2 in values:
        features |= Feature.EL2
        if not values.get(ID_AA64MMFR4_EL1, 0) >> 24 & 0xF:
            features |= Feature.EL2_E2H0
    return VcpuSetup(features=int(features), gic=gic, mte=RGSR_EL1 in values)
