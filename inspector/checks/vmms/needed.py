"""Registers that no advice may take out of a saved vCPU: the running guest would go on without its own state."""

from __future__ import annotations

from inspector.checks.feature_groups import OTHER, feature_key
from inspector.registers.encoding import POISON, sysreg_of
from inspector.registers.ids import NAMES
from inspector.sources.consistency import identifies

_STATE = frozenset({"core", "fpsimd", "sve", "ptimer", "el2", "mte"})
"""feature sets whose registers hold the guest's own state: core and vector registers, timers, EL2"""
_STATE_IF_USED = frozenset({"ptrauth", "tcr2", "s1poe", "sctlr2", "fpmr"})
"""the same where the guest has written something there"""
_MPIDR_INDEX = 0xC005


def needed(reg_id: int, value: int | None) -> bool:
    """True when a guest whose saved register `reg_id` holds `value` (None: not known) cannot do without it.

    What identifies the CPU, the firmware or the caches may be taken out: KVM then shows the destination's own value.
    X0..X30, SP, PC, PSTATE, V, Z, P, timers, and every EL1 control register may not, nor keys in use. Without its PMU
    registers a guest only counts wrong.
    """
    reg, key = sysreg_of(reg_id), feature_key(reg_id)
    if identifies(reg_id) or (reg is not None and reg.packed == _MPIDR_INDEX):
        return False
    unused = value in (0, POISON)
    if key == OTHER:
        return reg_id in NAMES or (reg is not None and not unused)
    return key in _STATE or (key in _STATE_IF_USED and not unused)
