"""Lines of an arm64 kernel's own log that hold register values: which CPUs started, and where two of them differ."""

from __future__ import annotations

import re
from typing import NamedTuple

from inspector.errors import RegisterError
from inspector.registers.catalog import find
from inspector.registers.ids import MIDR_EL1

_BOOT = re.compile(r"Booting Linux on physical CPU 0x[0-9a-f]{1,16} \[0x([0-9a-f]{8,16})\]", re.IGNORECASE)
_SECONDARY = re.compile(
    r"CPU([0-9]{1,4}): Booted secondary processor 0x[0-9a-f]{1,16} \[0x([0-9a-f]{8,16})\]", re.IGNORECASE
)
_VARIATION = re.compile(
    r"Unexpected variation in (?:SYS_)?(\w{3,40})\.? Boot CPU: 0x([0-9a-f]{1,16}), CPU([0-9]{1,4}): 0x([0-9a-f]{1,16})",
    re.IGNORECASE,
)


class CpuValue(NamedTuple):
    """A register of one CPU."""

    cpu: int
    id: int
    value: int


def values_in_log(line: str) -> tuple[CpuValue, ...]:
    """The values that a line of the kernel's log gives; the boot CPU is number 0.

    Linux, arch/arm64/kernel/setup.c (smp_setup_processor_id), smp.c (secondary_start_kernel) and cpufeature.c
    (check_update_ftr_reg).
    """
    if found := _BOOT.search(line):
        return (CpuValue(0, MIDR_EL1, int(found[1], 16)),)
    if found := _SECONDARY.search(line):
        return (CpuValue(int(found[1]), MIDR_EL1, int(found[2], 16)),)
    if found := _VARIATION.search(line):
        try:
            reg_id = find(found[1]).register.id
        except RegisterError:
            return ()
        return CpuValue(0, reg_id, int(found[2], 16)), CpuValue(int(found[3]), reg_id, int(found[4], 16))
    return ()
