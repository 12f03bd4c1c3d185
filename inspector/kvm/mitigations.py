"""The Spectre, Spectre-BHB and Spectre-v4 states of a host, as KVM's firmware pseudo-registers show them.

kvm_arm_get_fw_reg() and get_kernel_wa_level() (arch/arm64/kvm/hypercalls.c) over arch/arm64/kernel/proton-pack.c. The
rules hold for hosts whose firmware offers no mitigation calls; a host that has them needs its levels given.
"""

from __future__ import annotations

from inspector.kvm.cpus import BHB_FIRMWARE, BHB_LOOP, BHB_SAFE, SPECTRE_V2_SAFE, SSB_SAFE, core_name, meltdown_safe
from inspector.kvm.host import HostState
from inspector.registers.ids import (
    ID_AA64ISAR2_EL1,
    ID_AA64MMFR1_EL1,
    ID_AA64PFR0_EL1,
    ID_AA64PFR1_EL1,
    MIDR_EL1,
    WORKAROUND_1,
    WORKAROUND_2,
    WORKAROUND_3,
)

CORE_BITS = 0xFF << 24 | 0xFFF << 4
"""MIDR_EL1: implementer and part number, by which the kernel's lists name a core."""
_SWITCH_V2 = "spectre-v2"
NOT_AVAILABLE, AVAILABLE, NOT_REQUIRED = 0, 1, 2
SSBD_NOT_REQUIRED = 3
_DECIDING = {
    WORKAROUND_1: ((ID_AA64PFR0_EL1, 0xF << 56),),
    WORKAROUND_2: ((ID_AA64PFR1_EL1, 0xF << 4),),
    WORKAROUND_3: ((ID_AA64PFR0_EL1, 0xF << 56), (ID_AA64MMFR1_EL1, 0xF << 60), (ID_AA64ISAR2_EL1, 0xF << 28)),
}
"""Workaround register -> the fields of the host that decide it besides the core's name: CSV2, SSBS, ECBHB, CLRBHB"""


def decided(host: HostState, reg_id: int) -> bool:
    """True when the core and all fields are known that decide the level of a workaround register."""
    fields = ((MIDR_EL1, CORE_BITS), *_DECIDING[reg_id])
    return all(host.knows(one, mask) for one, mask in fields)


def spectre_v2_level(host: HostState) -> int:
    """WORKAROUND_1: 2 when the CPU is not affected (hardware CSV2, or on the safe list), else 0.

    What the firmware offers is not asked for where the command line says so: spectre_v2_mitigations_off().
    """
    if host.spectre_v2 is not None:
        return NOT_AVAILABLE if host.spectre_v2 == AVAILABLE and _SWITCH_V2 in host.mitigations_off else host.spectre_v2
    safe = host.value(ID_AA64PFR0_EL1) >> 56 & 0xF or core_name(host.value(MIDR_EL1)) in SPECTRE_V2_SAFE
    return NOT_REQUIRED if safe else NOT_AVAILABLE


def spectre_v2_levels(host: HostState) -> tuple[int, ...]:
    """Every level of WORKAROUND_1 that is possible: of an affected CPU the firmware decides, not a register."""
    if host.spectre_v2 is not None:
        return (spectre_v2_level(host),)
    csv2 = host.could_be(ID_AA64PFR0_EL1, 0xF << 56)
    named = host.knows(MIDR_EL1, CORE_BITS)
    if 0 not in csv2 or (named and core_name(host.value(MIDR_EL1)) in SPECTRE_V2_SAFE):
        return (NOT_REQUIRED,)
    affected = (NOT_AVAILABLE,) if _SWITCH_V2 in host.mitigations_off else (NOT_AVAILABLE, AVAILABLE)
    return affected if named and csv2 == (0,) else (*affected, NOT_REQUIRED)


def spectre_v2_unaffected(host: HostState) -> bool:
    """The state under which ID_AA64PFR0_EL1.CSV2 defaults to 1."""
    return spectre_v2_level(host) == NOT_REQUIRED


def spectre_v2_settled(host: HostState) -> bool:
    """True when it is known whether the host is affected."""
    levels = spectre_v2_levels(host)
    return NOT_REQUIRED not in levels or len(levels) == 1


def meltdown_settled(host: HostState) -> bool:
    """True when it is known whether the host is affected by Meltdown (unmap_kernel_at_el0(), cpufeature.c)."""
    csv3 = host.could_be(ID_AA64PFR0_EL1, 0xF << 60)
    named = host.knows(MIDR_EL1, CORE_BITS)
    if host.meltdown_safe is not None or 0 not in csv3:
        return True
    return named and (meltdown_safe(host.value(MIDR_EL1)) or csv3 == (0,))


def ssb_levels(host: HostState, ssbs: int) -> tuple[int, ...]:
    """Every level of WORKAROUND_2 that is possible: without SSBS the firmware decides."""
    own = ssb_level(host, ssbs)
    if host.ssb is not None:
        return (own,)
    named = host.knows(MIDR_EL1, CORE_BITS)
    if "ssb" in host.mitigations_off and own == NOT_AVAILABLE and named:
        return (own,)
    if named and core_name(host.value(MIDR_EL1)) in SSB_SAFE:
        return (own,)
    host_ssbs = host.could_be(ID_AA64PFR1_EL1, 0xF << 4)
    if 0 not in host_ssbs and named:
        return (own,)
    return tuple(dict.fromkeys((own, NOT_AVAILABLE, SSBD_NOT_REQUIRED)))


def bhb_levels(host: HostState, unknown_is_safe: bool) -> tuple[int, ...]:
    """Every level of WORKAROUND_3 that is possible: of an affected CPU without loop or instruction the firmware's."""
    own = bhb_level(host, unknown_is_safe)
    if host.bhb is not None:
        return (own,)
    if not decided(host, WORKAROUND_3):
        return tuple(dict.fromkeys((own, NOT_AVAILABLE, AVAILABLE, NOT_REQUIRED)))
    if own != NOT_AVAILABLE or "bhb" in host.mitigations_off:
        return (own,)
    if _SWITCH_V2 in host.mitigations_off and spectre_v2_levels(host) == (NOT_AVAILABLE,):
        return (own,)
    return (NOT_AVAILABLE, AVAILABLE)


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
