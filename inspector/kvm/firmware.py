"""Firmware pseudo-registers and hypercall bitmaps: which exist, what they say, what they accept.

arch/arm64/kvm/hypercalls.c and psci.c. The levels of the workaround registers are facts of the host (mitigations.py).
"""

from __future__ import annotations

from functools import reduce

from inspector.kvm.limits import Limits
from inspector.kvm.mitigations import (
    bhb_level,
    bhb_levels,
    decided,
    spectre_v2_level,
    spectre_v2_levels,
    ssb_level,
    ssb_levels,
)
from inspector.policies.model import Behaviour
from inspector.policies.setup import Feature
from inspector.registers import ids
from inspector.registers.bits import ALL
from inspector.registers.ids import ID_AA64PFR1_EL1

PSCI_0_1, PSCI_0_2, PSCI_1_0, PSCI_1_1, PSCI_1_2, PSCI_1_3 = 1, 2, 0x10000, 0x10001, 0x10002, 0x10003
BITMAPS: dict[int, int] = {
    ids.STD_BITMAP: 1, ids.STD_HYP_BITMAP: 1, ids.VENDOR_HYP_BITMAP: 3, ids.VENDOR_HYP_BITMAP_2: 3,
}  # fmt: skip
"""Register id -> the bits that KVM supports."""

_VERSIONS: dict[Behaviour, tuple[int, ...]] = {
    "psci-1.0": (PSCI_0_2, PSCI_1_0),
    "psci-1.1": (PSCI_0_2, PSCI_1_0, PSCI_1_1),
    "psci-1.3": (PSCI_0_2, PSCI_1_0, PSCI_1_1, PSCI_1_2, PSCI_1_3),
}
_UNKNOWN_SAFE = ("unknown-bhb-safe", "vm-ssbs-unknown-bhb-safe")
"""Variants of mitigation-levels under which a CPU on no list counts as not affected by Spectre-BHB"""


def psci_versions(limits: Limits) -> tuple[int, ...]:
    """The PSCI versions that userspace may choose, oldest first."""
    if not limits.setup.has(Feature.PSCI):
        return (PSCI_0_1,)
    known = [versions for behaviour, versions in _VERSIONS.items() if limits.book.has(behaviour)]
    return known[-1]


def bitmaps(limits: Limits) -> tuple[int, ...]:
    """The hypercall bitmaps that exist."""
    if not limits.book.has("hypercall-bitmaps"):
        return ()
    return tuple(BITMAPS)[: 4 if limits.book.has("hypercall-bitmaps-2") else 3]


def workaround_levels(limits: Limits, ssbs: int | None = None) -> dict[int, int]:
    """WORKAROUND_1..3 (those that exist) -> level. `ssbs`: the VM's own PFR1.SSBS where the kernel asks for it."""
    host, variant = limits.host, limits.book.variant("mitigation-levels")
    levels = {ids.WORKAROUND_1: spectre_v2_level(host), ids.WORKAROUND_2: ssb_level(host, _ssbs(limits, ssbs))}
    if variant != "no-bhb":
        levels[ids.WORKAROUND_3] = bhb_level(host, variant in _UNKNOWN_SAFE)
    return levels


def _ssbs(limits: Limits, ssbs: int | None) -> int:
    """PFR1.SSBS as the kernel asks for it: the VM's own from v6.12 on, the host's before."""
    of_vm = limits.book.variant("mitigation-levels").startswith("vm-ssbs")
    if of_vm and ssbs is not None:
        return ssbs
    seen = limits.limit(ID_AA64PFR1_EL1) if of_vm else limits.host.value(ID_AA64PFR1_EL1)
    return seen >> 4 & 0xF


def possible_levels(limits: Limits, reg_id: int, ssbs: int | None = None) -> tuple[int, ...]:
    """Every level that a workaround register may have here, the assumed one first."""
    host, variant = limits.host, limits.book.variant("mitigation-levels")
    own = workaround_levels(limits, ssbs)[reg_id]
    if reg_id == ids.WORKAROUND_1:
        found = spectre_v2_levels(host)
    elif reg_id == ids.WORKAROUND_3:
        found = bhb_levels(host, variant in _UNKNOWN_SAFE)
    else:
        found = ssb_levels(host, _ssbs(limits, ssbs))
    return tuple(dict.fromkeys((own, *found)))


def levels_known(limits: Limits, reg_id: int) -> int:
    """The bits of a workaround register on which every level that the host may have agrees.

    A core whose name and fields are known has the level that they and the kernel's lists give, as mitigations.py
    assumes.
    """
    if decided(limits.host, reg_id):
        return ALL
    first, *others = possible_levels(limits, reg_id)
    return reduce(lambda known, level: known & ~(first ^ level), others, ALL)


def firmware_values(limits: Limits) -> dict[int, int]:
    """Id -> value on a fresh vCPU, in list order."""
    values = {ids.PSCI_VERSION: psci_versions(limits)[-1], **workaround_levels(limits)}
    for bitmap in bitmaps(limits):
        values[bitmap] = 0 if bitmap == ids.VENDOR_HYP_BITMAP_2 else BITMAPS[bitmap]
    return values
