"""Who makes Arm cores, and the cores' names: MIDR_EL1.Implementer and MIDR_EL1.PartNum.

Implementer codes are assigned by Arm (DDI 0487, MIDR_EL1); part numbers are the vendors' own, as found in their manuals and in
arch/arm64/include/asm/cputype.h and util-linux.
"""

from __future__ import annotations

IMPLEMENTERS: dict[int, str] = {}
PARTS: dict[int, dict[int, str]] = {}
