"""Firmware pseudo-registers and hypercall bitmaps: which exist, what they say, what they accept.

arch/arm64/kvm/hypercalls.c and psci.c. The levels of the workaround registers are facts of the host (mitigations.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

from inspector.kvm.host import ShownLevels
from inspector.kvm.limits import Limits
from inspector.kvm.mitigations import (
    bhb_levels,
    spectre_v2_level,
    spectre_v2_levels,
    ssb_level,
    ssb_levels,
)
from inspector.policies.model import Behaviour, Policy
from inspector.policies.rulebook import Rulebook, rulebook
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
_BY_BC = "unknown-bhb-safe-by-bc"
_UNKNOWN_SAFE = ("unknown-bhb-safe", _BY_BC, "vm-ssbs-unknown-bhb-safe")
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


def workarounds(limits: Limits) -> tuple[int, ...]:
    """The workaround registers that exist."""
    every = (ids.WORKAROUND_1, ids.WORKAROUND_2, ids.WORKAROUND_3)
    return every[:2] if limits.book.variant("mitigation-levels") == "no-bhb" else every


def unknown_core_is_safe(book: Rulebook) -> bool:
    """Whether this kernel takes a core on none of its Spectre-BHB lists as unaffected, as all did before v6.15 and the
    stable kernels of its day (arch/arm64/kernel/proton-pack.c, is_spectre_bhb_affected())."""
    return book.variant("mitigation-levels") in _UNKNOWN_SAFE


def clearing_by_bc(book: Rulebook) -> bool:
    """Whether this kernel looks for CLRBHB in the place of BC (supports_clearbhb() before 479965a2b7ec)."""
    return book.variant("mitigation-levels") == _BY_BC


def shown_levels(values: Mapping[int, int], policy: Policy, off: frozenset[str] | None = None) -> ShownLevels | None:
    """The levels among a vCPU's registers, shown by a kernel (`policy`) whose command line switched `off` mitigations;
    None where there are none."""
    levels = [values.get(reg_id) for reg_id in (ids.WORKAROUND_1, ids.WORKAROUND_2, ids.WORKAROUND_3)]
    if not any(level is not None for level in levels):
        return None
    ssbs = values.get(ID_AA64PFR1_EL1, 0) >> 4 & 0xF
    book = rulebook(policy)
    return ShownLevels(
        spectre_v2=levels[0], ssb=levels[1], bhb=levels[2], ssbs=ssbs, rules=policy.rules, off=off,
        unknown_core_is_safe=unknown_core_is_safe(book), clearing_by_bc=clearing_by_bc(book),
    )  # fmt: skip


def _same_kernel(limits: Limits) -> bool:
    """Whether this kernel has the rules of the one that showed the host's levels."""
    shown = limits.host.shown
    return shown is not None and shown.rules == limits.policy.rules


def _bhb_levels(limits: Limits) -> tuple[int, ...]:
    """Every level of WORKAROUND_3 that is possible under this kernel, the assumed one first."""
    book = limits.book
    return bhb_levels(limits.host, unknown_core_is_safe(book), _same_kernel(limits), clearing_by_bc(book))


def workaround_levels(limits: Limits, ssbs: int | None = None) -> dict[int, int]:
    """Each workaround register -> level. `ssbs`: the VM's own PFR1.SSBS where the kernel asks for it."""
    host = limits.host
    levels = (spectre_v2_level(host), ssb_level(host, _ssbs(limits, ssbs)), _bhb_levels(limits)[0])
    return dict(zip(workarounds(limits), levels, strict=False))


def ssb_shown(limits: Limits, ssbs: int) -> int:
    """WORKAROUND_2 of a VM whose PFR1.SSBS is `ssbs`."""
    return ssb_level(limits.host, _ssbs(limits, ssbs))


def _ssbs(limits: Limits, ssbs: int | None) -> int:
    """PFR1.SSBS as the kernel asks for it: the VM's own from v6.12 on, the host's before."""
    of_vm = limits.book.variant("mitigation-levels").startswith("vm-ssbs")
    if of_vm and ssbs is not None:
        return ssbs
    seen = limits.limit(ID_AA64PFR1_EL1) if of_vm else limits.host.value(ID_AA64PFR1_EL1)
    return seen >> 4 & 0xF


def possible_levels(limits: Limits, reg_id: int, ssbs: int | None = None) -> tuple[int, ...]:
    """Every level that a workaround register may have here, the assumed one first."""
    host = limits.host
    own = workaround_levels(limits, ssbs)[reg_id]
    if reg_id == ids.WORKAROUND_1:
        found = spectre_v2_levels(host)
    elif reg_id == ids.WORKAROUND_3:
        found = _bhb_levels(limits)
    else:
        found = ssb_levels(host, _ssbs(limits, ssbs))
    return tuple(dict.fromkeys((own, *found)))


def levels_known(limits: Limits, reg_id: int) -> int:
    """The bits of a workaround register on which every level that the host may have agrees: of an affected CPU the
    firmware decides."""
    if reg_id not in workaround_levels(limits):
        return ALL
    first, *others = possible_levels(limits, reg_id)
    return reduce(lambda known, level: known & ~(first ^ level), others, ALL)


def firmware_values(limits: Limits) -> dict[int, int]:
    """Id -> value on a fresh vCPU, in list order."""
    values = {ids.PSCI_VERSION: psci_versions(limits)[-1], **workaround_levels(limits)}
    for bitmap in bitmaps(limits):
        values[bitmap] = 0 if bitmap == ids.VENDOR_HYP_BITMAP_2 else BITMAPS[bitmap]
    return values
