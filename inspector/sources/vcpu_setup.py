"""How a vCPU was created, as far as its registers show.

Which registers KVM lists follows from the vCPU's features (arch/arm64/kvm/sys_regs.c, the visibility callbacks), so the
list names most of them; a QEMU stream says nothing else about them.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from inspector.policies.setup import Feature, Gic, VcpuSetup
from inspector.registers.encoding import bitmap_id, firmware_id
from inspector.registers.ids import (
    HCR_EL2,
    ID_AA64DFR0_EL1,
    ID_AA64ISAR1_EL1,
    ID_AA64ISAR2_EL1,
    ID_AA64MMFR4_EL1,
    ID_AA64PFR0_EL1,
    ID_AA64PFR1_EL1,
    PMCR_EL0,
    PSTATE,
    RGSR_EL1,
    SVE_VLS,
    ZCR_EL1,
    APIAKeyLo_EL1,
    id_of,
)
from inspector.sources.dump import Vcpu

PSCI_VERSION = firmware_id(0)

_PSCI_0_1 = 1
_MTE2 = 2
_OF_EVERY_VCPU = frozenset(
    map(id_of, ("SCTLR_EL1", "CPACR_EL1", "TCR_EL1", "MAIR_EL1", "ID_AA64PFR0_EL1", "ID_AA64MMFR0_EL1"))
)
LISTED_FEATURES = Feature.PMU | Feature.SVE | Feature.PTRAUTH_ADDRESS | Feature.PTRAUTH_GENERIC | Feature.EL2
"""Features that show in the register list."""


def listed_setup(values: Mapping[int, int], gic: Gic) -> VcpuSetup | None:
    """The features that KVM's list of registers shows; None without KVM's firmware registers (QEMU's TCG).

    KVM lists ZCR_EL1 or the vector lengths only with SVE, the pointer-authentication keys only with both of its
    features, HCR_EL2 only for a vCPU with EL2 (ID_AA64MMFR4_EL1.E2H0 is then 0 when the guest's E2H may be 0),
    RGSR_EL1 only with MTE, and PMCR_EL0 only with a PMU - but Linux 5.10 lists that always, with nothing to tell it
    apart. AArch32 at EL1 and writable implementation ids leave no mark in the list.
    """
    if PSCI_VERSION not in values:
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


def holds_whole_list(vcpu: Vcpu) -> bool:
    """False where a source holds some of a vCPU's registers, and not all that KVM lists.

    Every kernel lists the registers of `_OF_EVERY_VCPU` for every vCPU (sys_reg_descs[], arch/arm64/kvm/sys_regs.c). A
    pasted text, or the ID registers of debugfs, lack some of them: what is absent there is no answer of KVM.
    """
    return _OF_EVERY_VCPU.issubset(vcpu.ids)


def setup_of(vcpu: Vcpu, family: str = "") -> VcpuSetup:
    """The features of a saved vCPU: what its source says, else what its registers imply.

    `family` is the VMM (`qemu`, `firecracker` ...). Linux 5.10 lists the PMU registers of every vCPU (they got their
    visibility rule in 5.11), so there the VMM's default decides: QEMU gives its vCPUs a PMU, Firecracker does not.
    """
    return infer_setup(vcpu.values, family) if vcpu.setup is None else _corrected(vcpu.setup, vcpu.values)


def infer_setup(values: Mapping[int, int], family: str = "") -> VcpuSetup:
    """The features that the registers `values` of a KVM vCPU imply, whether or not PSCI_VERSION is among them."""
    gic = values.get(ID_AA64PFR0_EL1, 1 << 24) >> 24 & 0xF
    listed = listed_setup({PSCI_VERSION: 0} | dict(values), "v3" if gic else "none") or VcpuSetup()
    if not _OF_EVERY_VCPU.issubset(values):
        return _corrected(_by_fields(listed, values), values)
    old_list = bitmap_id(0) not in values
    if family == "firecracker" and old_list and listed.has(Feature.PMU):
        listed = msgspec.structs.replace(listed, features=listed.features & ~Feature.PMU)
    return _corrected(listed, values)


_BY_FIELDS = (
    (Feature.SVE, ID_AA64PFR0_EL1, 0xF << 32),
    (Feature.PTRAUTH_ADDRESS | Feature.PTRAUTH_GENERIC, ID_AA64ISAR1_EL1, 0xFF << 24 | 0xFF << 4),
    (Feature.PTRAUTH_ADDRESS | Feature.PTRAUTH_GENERIC, ID_AA64ISAR2_EL1, 0xFF << 8),
)
"""Fields that KVM shows as zero to a vCPU without the feature: read_id_reg(), arch/arm64/kvm/sys_regs.c."""


def _by_fields(listed: VcpuSetup, values: Mapping[int, int]) -> VcpuSetup:
    """The features of a vCPU of which only some registers are known: what its ID registers show counts as well."""
    features = listed.features
    for feature, reg_id, mask in _BY_FIELDS:
        features |= feature if values.get(reg_id, 0) & mask else 0
    if values.get(ID_AA64DFR0_EL1, 0) >> 8 & 0xF not in (0, 15):
        features |= Feature.PMU
    tags = listed.mte or values.get(ID_AA64PFR1_EL1, 0) >> 8 & 0xF >= _MTE2
    return msgspec.structs.replace(listed, features=int(features), mte=tags)


def _corrected(setup: VcpuSetup, values: Mapping[int, int]) -> VcpuSetup:
    """What values show and lists do not: PSCI 0.1 is left to vCPUs without the feature, PSTATE shows AArch32."""
    features = setup.features
    if values.get(PSCI_VERSION) == _PSCI_0_1:
        features &= ~Feature.PSCI
    if _runs_aarch32(values.get(PSTATE, 0)):
        features |= Feature.EL1_32BIT
    return setup if features == setup.features else msgspec.structs.replace(setup, features=int(features))


def _runs_aarch32(pstate: int) -> bool:
    """PSTATE of an AArch32 mode other than User: a 32-bit process is in User mode (Arm ARM, C5.2.19)."""
    return bool(pstate & 0x10) and pstate & 0xF != 0
