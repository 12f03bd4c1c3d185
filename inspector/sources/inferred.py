"""How a vCPU was created, told by which registers its source lists."""

from __future__ import annotations

from collections.abc import Mapping

from inspector.policies.setup import Feature, Gic, VcpuSetup
from inspector.registers.encoding import CLASS_SVE, SIZE_U512, make_id, sysreg_id

_PSCI_VERSION = 0x6030000000140000
_PMCR = sysreg_id(3, 3, 9, 12, 0)
_ZCR = sysreg_id(3, 0, 1, 2, 0)
_VLS = make_id(CLASS_SVE, 0xFFFF, SIZE_U512)
_APIAKEYLO = sysreg_id(3, 0, 2, 1, 0)
_HCR_EL2 = sysreg_id(3, 4, 1, 1, 0)
_MMFR4 = sysreg_id(3, 0, 0, 7, 4)
_RGSR = sysreg_id(3, 0, 1, 0, 5)


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
    if _PMCR in values:
        features |= Feature.PMU
    if _ZCR in values or _VLS in values:
        features |= Feature.SVE
    if _APIAKEYLO in values:
        features |= Feature.PTRAUTH_ADDRESS | Feature.PTRAUTH_GENERIC
    if _HCR_EL2 in values:
        features |= Feature.EL2
        if not values.get(_MMFR4, 0) >> 24 & 0xF:
            features |= Feature.EL2_E2H0
    return VcpuSetup(features=int(features), gic=gic, mte=_RGSR in values)
