"""Which vCPU features the KVM of a machine offers, as far as the machine is known."""

from __future__ import annotations

from inspector.checks.vmms.base import Offers
from inspector.kvm.host import HostState
from inspector.policies.setup import VcpuFeature, VcpuSetup
from inspector.registers.ids import ID_AA64DFR0_EL1, ID_AA64ISAR1_EL1, ID_AA64ISAR2_EL1, ID_AA64PFR0_EL1

Fields = tuple[tuple[int, int], ...]
_WANTED: dict[str, tuple[Fields, ...]] = {
    "pmu": (((ID_AA64DFR0_EL1, 8),),),
    "sve": (((ID_AA64PFR0_EL1, 32),),),
    "ptrauth": (
        ((ID_AA64ISAR1_EL1, 4), (ID_AA64ISAR1_EL1, 8), (ID_AA64ISAR2_EL1, 12)),
        ((ID_AA64ISAR1_EL1, 24), (ID_AA64ISAR1_EL1, 28), (ID_AA64ISAR2_EL1, 8)),
    ),
}
"""feature -> groups of fields (register id, lowest bit); the host has it where each group has a field that is not 0
(system_supports_sve(), system_has_full_ptr_auth(), kvm_arm_support_pmu_v3(), arch/arm64/kvm/arm.c)"""
_NO_PMU = (0, 15)


def offers_of(host: HostState | None, shown: VcpuSetup | None) -> Offers:
    """What is known of a host's offer. `shown`: a vCPU that exists there, which proves what it was created with."""

    def offers(feature: VcpuFeature) -> bool | None:
        if shown is not None and shown.includes(feature):
            return True
        if host is None:
            return None
        if not host.sanitised and host.capabilities and set(feature.capabilities) <= set(host.capabilities):
            return all(map(host.capability, feature.capabilities))
        found = _by_fields(host, feature)
        if found is not None:
            return found
        from inspector.kvm.cores import fill_from_core

        # What its core is known to have may be hidden by firmware, a hypervisor below or the command line.
        return _by_fields(fill_from_core(host).host, feature) and None

    return offers


def _by_fields(host: HostState, feature: VcpuFeature) -> bool | None:
    """What the host's ID registers say; None where a bit that decides is not known."""
    groups = [_group(host, fields) for fields in _WANTED.get(feature.word, ())]
    if not groups or False in groups:
        return False if groups else None
    return None if None in groups else True


def _group(host: HostState, fields: Fields) -> bool | None:
    found = [_field(host, *field) for field in fields]
    if True in found:
        return True
    return None if None in found else False


def _field(host: HostState, reg_id: int, lsb: int) -> bool | None:
    mask = 0xF << lsb
    value = (host.value(reg_id) & mask) >> lsb
    if host.knows(reg_id, mask):
        return value not in _NO_PMU if reg_id == ID_AA64DFR0_EL1 else bool(value)
    return True if value and host.at_least.get(reg_id, 0) & mask == mask else None
