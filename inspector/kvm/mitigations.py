"""The Spectre, Spectre-BHB and Spectre-v4 states of a host, as KVM's firmware pseudo-registers show them.

kvm_arm_get_fw_reg() and get_kernel_wa_level() (arch/arm64/kvm/hypercalls.c) over arch/arm64/kernel/proton-pack.c. The
rules hold for hosts whose firmware offers no mitigation calls; a host that has them needs its levels given.
"""

from __future__ import annotations

from inspector.kvm.cpus import BHB_FIRMWARE, BHB_LOOP, BHB_SAFE, SPECTRE_V2_SAFE, SSB_SAFE, core_name
from inspector.kvm.host import HostState
from inspector.registers.ids import ID_AA64ISAR2_EL1, ID_AA64MMFR1_EL1, ID_AA64PFR0_EL1, ID_AA64PFR1_EL1, MIDR_EL1

NOT_AVAILABLE, AVAILABLE, NOT_REQUIRED = 0, 1, 2
SSBD_NOT_REQUIRED = 3


def spectre_v2_level(host: HostState) -> int:
    """WORKAROUND_1: 2 when the CPU is not affected (hardware CSV2, or on the safe list), else 0."""
    if host.spectre_v2 is not None:
        return host.spectre_v2
    safe = host.value(ID_AA64PFR0_EL1) >> 56 & 0xF or core_name(host.value(MIDR_EL1)) in SPECTRE_V2_SAFE
    return NOT_REQUIRED if safe else NOT_AVAILABLE


def spectre_v2_unaffected(host: HostState) -> bool:
    """The state under which ID_AA64PFR0_EL1.CSV2 defaults to 1."""
    return spectre_v2_level(host) == NOT_REQUIRED


def ssb_level(host: HostState, ssbs: int) -> int:
    """WORKAROUND_2 while ID_AA64PFR1_EL1.SSBS reads as `ssbs` (the host's field up to 6.11, the VM's from 6.12)."""
    if host.ssb is not None:
        return host.ssb
    if core_name(host.value(MIDR_EL1)) in SSB_SAFE:
        return SSBD_NOT_REQUIRED
    host_ssbs = host.value(ID_AA64PFR1_EL1) >> 4 & 0xF
    if host_ssbs and not ssbs and "ssb" not in host.mitigations_off:
        return SSBD_NOT_REQUIRED
    return NOT_AVAILABLE


def bhb_level(host: HostState, unknown_is_safe: bool) -> int:
    """WORKAROUND_3. `unknown_is_safe`: kernels before 6.1.176 and 5.10 took a CPU on no list as unaffected."""
    if host.bhb is not None:
        return host.bhb
    name = core_name(host.value(MIDR_EL1))
    csv2 = host.value(ID_AA64PFR0_EL1) >> 56 & 0xF
    if csv2 >= 3 or name in BHB_SAFE:
        return NOT_REQUIRED
    if unknown_is_safe and name not in BHB_LOOP | BHB_FIRMWARE:
        return NOT_REQUIRED
    if spectre_v2_level(host) == NOT_AVAILABLE or "bhb" in host.mitigations_off:
        return NOT_AVAILABLE
    ecbhb = host.value(ID_AA64MMFR1_EL1) >> 60 & 0xF
    clrbhb = host.value(ID_AA64ISAR2_EL1) >> 28 & 0xF
    return AVAILABLE if ecbhb or clrbhb or name in BHB_LOOP else NOT_AVAILABLE
