"""Registers that KVM accepts and yet does not keep as written: counters, status bits, PMU set and clear pairs.

Measured by writing the registers of one VM onto fresh vCPUs of other kernels and reading them back (Linux 6.1, 6.12,
7.3). They never fail a restore, but the guest may notice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from inspector.registers.encoding import sysreg_id
from inspector.registers.ids import CNTP_CTL_EL0, CNTPCT_EL0, PMCR_EL0

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMER_CNT = 0x603000000013DF1A
"""KVM_REG_ARM_TIMER_CNT: the virtual counter, under the encoding of CNTV_CVAL_EL0 (the ABI swapped the two)."""
TIMER_CVAL = 0x603000000013DF02
TIMER_CTL = 0x603000000013DF19

_COUNTERS = {TIMER_CNT: "virtual", CNTPCT_EL0: "physical"}
_CONTROLS = frozenset({TIMER_CTL, CNTP_CTL_EL0})
_ISTATUS = 4
_ENABLE = 1

PMU_SETS = {
    sysreg_id(3, 0, 9, 14, 1): "PMINTEN",
    sysreg_id(3, 3, 9, 12, 1): "PMCNTEN",
    sysreg_id(3, 3, 9, 14, 3): "PMOVS",
}
"""SET registers of the three pairs that share one piece of state -> name of the pair"""
PMU_CLEARS = {
    sysreg_id(3, 0, 9, 14, 2): "PMINTEN",
    sysreg_id(3, 3, 9, 12, 2): "PMCNTEN",
    sysreg_id(3, 3, 9, 12, 3): "PMOVS",
}

_PAIRS_ACT = ((6, 7), (6, 15))
"""Releases in which a userspace write to a SET register sets bits and one to a CLR register clears them (set_pmreg() in
arch/arm64/kvm/sys_regs.c, 6.7); before, both were plain storage, from 6.15 both store the written value."""


class Nature(NamedTuple):
    """What is read back after an accepted write, and why."""

    after: int | None
    """None: cannot be told, it depends on time"""
    reason: str
    expected: bool
    """True when every restore does this and the guest is meant to live with it"""


def share_state(state: dict[int, int], reg_id: int, after: int | None) -> None:
    """Note in `state` that `reg_id` now reads `after`: the two registers of a PMU pair are one piece of state."""
    pair = PMU_SETS.get(reg_id) or PMU_CLEARS.get(reg_id)
    if pair is None or after is None:
        return
    for other, name in (PMU_SETS | PMU_CLEARS).items():
        if name == pair and other in state:
            state[other] = after


def counter_mask(values: Mapping[int, int]) -> int:
    """Bits of the PMU enable registers that exist: the cycle counter and PMCR_EL0.N event counters."""
    return 1 << 31 | (1 << (values.get(PMCR_EL0, 0) >> 11 & 0x1F)) - 1


def nature(reg_id: int, value: int, values: Mapping[int, int], version: tuple[int, ...]) -> Nature | None:
    """How `reg_id` behaves when `value` is written to a fresh vCPU with `values`, under a kernel of release `version`.

    None for a register that this module knows nothing special of.
    """
    if reg_id in _COUNTERS:
        return Nature(None, f"the {_COUNTERS[reg_id]} counter starts from the written value and counts on", True)
    if reg_id in _CONTROLS:
        return _timer_control(value, values.get(reg_id, 0))
    if reg_id in PMU_SETS or reg_id in PMU_CLEARS:
        return _pmu_pair(reg_id, value, values, version)
    return None


def _timer_control(value: int, own: int) -> Nature | None:
    if value & _ENABLE:
        return None
    after = value & ~_ISTATUS | own & _ISTATUS
    return (
        Nature(after, "ISTATUS is a status bit: the destination's own timer says it", True) if after != value else None
    )


def _pmu_pair(reg_id: int, value: int, values: Mapping[int, int], version: tuple[int, ...]) -> Nature | None:
    own, mask = values.get(reg_id, 0), counter_mask(values)
    pair = PMU_SETS.get(reg_id) or PMU_CLEARS[reg_id]
    first, last = _PAIRS_ACT
    if version < first:
        return None
    if version >= last:
        after, reason = value & mask, f"only the bits of counters that the vCPU has are kept ({pair})"
    elif reg_id in PMU_SETS:
        after, reason = own | value & mask, f"a write sets bits of {pair}: those that the destination had stay set"
    else:
        after, reason = own & ~value, f"a write clears bits of {pair}: the value is not stored"
    return Nature(after, reason, False) if after != value else None
