"""How the vCPU of a saved VM was created, as far as its registers tell.

Which registers KVM lists follows from the vCPU's features (arch/arm64/kvm/sys_regs.c, the visibility callbacks), so the
list names most of them; a QEMU stream says nothing else about them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from inspector.policies.setup import Feature, VcpuSetup
from inspector.registers.encoding import bitmap_id, firmware_id
from inspector.registers.ids import ID_AA64PFR0_EL1, PSTATE
from inspector.sources.inferred import infer_setup as infer_from_list

if TYPE_CHECKING:
    from inspector.sources.dump import Vcpu

PSCI_VERSION = firmware_id(0)

_PSCI_0_1 = 1
LISTED_FEATURES = Feature.PMU | Feature.SVE | Feature.PTRAUTH_ADDRESS | Feature.PTRAUTH_GENERIC | Feature.EL2
"""Features that show in the register list."""


def setup_of(vcpu: Vcpu, family: str = "") -> VcpuSetup:
    """The features of a saved vCPU: what its source says, else what its registers imply.

    `family` is the VMM (`qemu`, `firecracker` ...). Linux 5.10 lists the PMU registers of every vCPU (they got their
    visibility rule in 5.11), so there the VMM's default decides: QEMU gives its vCPUs a PMU, Firecracker does not.
    """
    return infer_setup(vcpu.values, family) if vcpu.setup is None else _corrected(vcpu.setup, vcpu.values)


def infer_setup(values: Mapping[int, int], family: str = "") -> VcpuSetup:
    """The features that the registers `values` imply."""
    gic = values.get(ID_AA64PFR0_EL1, 1 << 24) >> 24 & 0xF
    listed = infer_from_list({PSCI_VERSION: 0} | dict(values), "v3" if gic else "none") or VcpuSetup()
    old_list = bitmap_id(0) not in values
    if family == "firecracker" and old_list and listed.has(Feature.PMU):
        listed = msgspec.structs.replace(listed, features=listed.features & ~Feature.PMU)
    return _corrected(listed, values)


def _corrected(setup: VcpuSetup, values: Mapping[int, int]) -> VcpuSetup:
    """What values betray and lists do not: PSCI 0.1 is left to vCPUs without the feature, PSTATE tells AArch32."""
    features = setup.features
    if values.get(PSCI_VERSION) == _PSCI_0_1:
        features &= ~Feature.PSCI
    if _runs_aarch32(values.get(PSTATE, 0)):
        features |= Feature.EL1_32BIT
    return setup if features == setup.features else msgspec.structs.replace(setup, features=int(features))


def _runs_aarch32(pstate: int) -> bool:
    """PSTATE of an AArch32 mode other than User: a 32-bit process is in User mode (Arm ARM, C5.2.19)."""
    return bool(pstate & 0x10) and pstate & 0xF != 0
