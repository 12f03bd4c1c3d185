"""Numbered families of AArch64 system registers.

Each row: name with `{n}`, encoding of member 0, number of members, distance between members in the 16-bit index (8: the
number sits in CRm; 1: it runs through op2 and on into CRm), group key, title with `{n}`.
"""

from __future__ import annotations

from inspector.registers.definitions.system_registers import Encoding

FAMILIES: tuple[tuple[str, Encoding, int, int, str, str], ...] = (
    ("DBGBVR{n}_EL1", (2, 0, 0, 0, 4), 16, 8, "debug", "Breakpoint {n} value"),
    ("DBGBCR{n}_EL1", (2, 0, 0, 0, 5), 16, 8, "debug", "Breakpoint {n} control"),
    ("DBGWVR{n}_EL1", (2, 0, 0, 0, 6), 16, 8, "debug", "Watchpoint {n} value"),
    ("DBGWCR{n}_EL1", (2, 0, 0, 0, 7), 16, 8, "debug", "Watchpoint {n} control"),
    ("PMEVCNTR{n}_EL0", (3, 3, 14, 8, 0), 31, 1, "pmu", "Event counter {n}"),
    ("PMEVTYPER{n}_EL0", (3, 3, 14, 12, 0), 31, 1, "pmu", "Event counter {n} type"),
    ("AMEVCNTR0{n}_EL0", (3, 3, 13, 4, 0), 16, 1, "activity", "Activity counter {n}, group 0"),
    ("AMEVTYPER0{n}_EL0", (3, 3, 13, 6, 0), 16, 1, "activity", "Activity counter {n} type, group 0"),
    ("AMEVCNTR1{n}_EL0", (3, 3, 13, 12, 0), 16, 1, "activity", "Activity counter {n}, group 1"),
    ("AMEVTYPER1{n}_EL0", (3, 3, 13, 14, 0), 16, 1, "activity", "Activity counter {n} type, group 1"),
    ("AMEVCNTVOFF0{n}_EL2", (3, 4, 13, 8, 0), 16, 1, "el2", "Activity counter {n} virtual offset, group 0"),
    ("AMEVCNTVOFF1{n}_EL2", (3, 4, 13, 10, 0), 16, 1, "el2", "Activity counter {n} virtual offset, group 1"),
    ("BRBINF{n}_EL1", (2, 1, 8, 0, 0), 16, 8, "profiling", "Branch record {n} information"),
    ("BRBSRC{n}_EL1", (2, 1, 8, 0, 1), 16, 8, "profiling", "Branch record {n} source"),
    ("BRBTGT{n}_EL1", (2, 1, 8, 0, 2), 16, 8, "profiling", "Branch record {n} target"),
    ("ICC_AP0R{n}_EL1", (3, 0, 12, 8, 4), 4, 1, "gic", "Active priorities {n}, group 0"),
    ("ICC_AP1R{n}_EL1", (3, 0, 12, 9, 0), 4, 1, "gic", "Active priorities {n}, group 1"),
    ("ICH_AP0R{n}_EL2", (3, 4, 12, 8, 0), 4, 1, "gic", "Virtual active priorities {n}, group 0"),
    ("ICH_AP1R{n}_EL2", (3, 4, 12, 9, 0), 4, 1, "gic", "Virtual active priorities {n}, group 1"),
    ("ICC_PPI_HMR{n}_EL1", (3, 0, 12, 10, 0), 2, 1, "gic", "GICv5: handling mode of private interrupts, word {n}"),
    ("ICC_PPI_ENABLER{n}_EL1", (3, 0, 12, 10, 6), 2, 1, "gic", "GICv5: private interrupts enabled, word {n}"),
    ("ICC_PPI_CACTIVER{n}_EL1", (3, 0, 12, 13, 0), 2, 1, "gic", "GICv5: private interrupts active, clear, word {n}"),
    ("ICC_PPI_SACTIVER{n}_EL1", (3, 0, 12, 13, 2), 2, 1, "gic", "GICv5: private interrupts active, set, word {n}"),
    ("ICC_PPI_CPENDR{n}_EL1", (3, 0, 12, 13, 4), 2, 1, "gic", "GICv5: private interrupts pending, clear, word {n}"),
    ("ICC_PPI_SPENDR{n}_EL1", (3, 0, 12, 13, 6), 2, 1, "gic", "GICv5: private interrupts pending, set, word {n}"),
    ("ICC_PPI_PRIORITYR{n}_EL1", (3, 0, 12, 14, 0), 16, 1, "gic", "GICv5: private interrupt priorities, word {n}"),
    ("ICH_LR{n}_EL2", (3, 4, 12, 12, 0), 16, 1, "gic", "List register {n}: an interrupt for the guest"),
)
