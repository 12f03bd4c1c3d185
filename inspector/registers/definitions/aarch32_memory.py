"""AArch32 memory model features: ID_MMFR0_EL1 to ID_MMFR5_EL1 (Arm ARM DDI 0487, D24.2)."""

from __future__ import annotations

from inspector.registers.parts import enum, feature, res0
from inspector.registers.schema import RegisterSchema

_SHAREABILITY = {0: "treated as Non-cacheable", 1: "coherent in hardware", 0xF: "shareability is ignored"}

SCHEMAS = {
    schema.name: schema
    for schema in (
        RegisterSchema(
            "ID_MMFR0_EL1",
            res0(63, 32),
            "InnerShr" / enum("Inner Shareable memory", _SHAREABILITY),
            "FCSE" / feature("Fast context switch (FCSE)", "FCSEIDR works"),
            "AuxReg"
            / enum(
                "Auxiliary registers",
                {0: "not implemented", 1: "ACTLR only", 2: "ACTLR, AIFSR and ADFSR"},
            ),
            "TCM"
            / enum(
                "Tightly coupled memory and its DMA",
                {
                    0: "not implemented",
                    1: "implementation defined",
                    2: "TCM as in Armv6",
                    3: "TCM and DMA as in Armv6",
                },
            ),
            "ShareLvl" / enum("Levels of shareability", {0: "one level", 1: "two levels, Inner and Outer"}),
            "OuterShr" / enum("Outermost shareable memory", _SHAREABILITY),
            "PMSA"
            / enum(
                "Protected memory system (MPU)",
                {0: "not implemented", 1: "implementation defined", 2: "PMSAv6", 3: "PMSAv7"},
            ),
            "VMSA"
            / enum(
                "Virtual memory system (MMU)",
                {
                    0: "not implemented",
                    1: "implementation defined",
                    2: "VMSAv6",
                    3: "VMSAv7, with remapping and access flag",
                    4: "VMSAv7, with the PXN bit",
                    5: "VMSAv7, with long descriptors; and the PXN bit",
                },
            ),
        ),
        RegisterSchema(
            "ID_MMFR1_EL1",
            res0(63, 32),
            "BPred"
            / enum(
                "When branch predictors need flushing",
                {
                    0: "no branch predictor, or none to manage",
                    1: "after new code, table or ASID changes; and when the MMU is turned on or off",
                    2: "after new code or table changes; and when the MMU is turned on or off",
                    3: "after new code only",
                    4: "never, for correctness",
                },
            ),
            "L1TstCln"
            / enum(
                "Level 1 data cache: test and clean",
                {0: "not implemented", 1: "test and clean", 2: "test and clean, and with invalidate"},
            ),
            "L1Uni"
            / enum(
                "Whole-cache operations, unified cache",
                {0: "not implemented", 1: "invalidate all", 2: "invalidate all, clean and invalidate all"},
            ),
            "L1Hvd"
            / enum(
                "Whole-cache operations, separate caches",
                {
                    0: "not implemented",
                    1: "invalidate instruction cache",
                    2: "invalidate data or both caches too",
                    3: "invalidate, and clean data cache",
                },
            ),
            "L1UniSW"
            / enum(
                "Operations by set and way, unified cache",
                {0: "not implemented", 1: "clean", 2: "clean, clean and invalidate", 3: "clean, and invalidate"},
            ),
            "L1HvdSW"
            / enum(
                "Operations by set and way, separate caches",
                {
                    0: "not implemented",
                    1: "clean, or clean and invalidate, data",
                    2: "clean, or invalidate, data cache; or both at once",
                    3: "as 2, and invalidate instruction cache",
                },
            ),
            "L1UniVA"
            / enum(
                "Operations by address, unified cache",
                {0: "not implemented", 1: "clean, invalidate", 2: "clean, invalidate, and branch predictor"},
            ),
            "L1HvdVA"
            / enum(
                "Operations by address, separate caches",
                {0: "not implemented", 1: "clean, invalidate", 2: "clean, invalidate, and branch predictor"},
            ),
        ),
        RegisterSchema(
            "ID_MMFR2_EL1",
            res0(63, 32),
            "HWAccFlg" / enum("Access flag set by hardware", {0: "not implemented", 1: "hardware sets it"}),
            "WFIStall" / enum("WFI stalls", {0: "not implemented", 1: "WFI stalls until an interrupt"}),
            "MemBarr"
            / enum(
                "Barriers through cp15",
                {0: "not implemented", 1: "DSB", 2: "DSB, ISB and DMB"},
            ),
            "UniTLB"
            / enum(
                "TLB maintenance, unified TLB",
                {
                    0: "not implemented",
                    1: "all, by address",
                    2: "all, by address, by ASID",
                    3: "all, by address or ASID, or all ASIDs",
                    4: "as 3, and Hyp, Non-secure EL1 TLBs",
                    5: "as 4, and last-level forms",
                    6: "as 5, and by intermediate address",
                },
            ),
            "HvdTLB" / enum("TLB maintenance, separate TLBs", {0: "not implemented"}),
            "L1HvdRng" / enum("Cache maintenance by range", {0: "not implemented", 1: "by range of addresses"}),
            "L1HvdBG" / enum("Background prefetch by range", {0: "not implemented", 1: "background prefetch"}),
            "L1HvdFG" / enum("Foreground prefetch by range", {0: "not implemented", 1: "foreground prefetch"}),
        ),
        RegisterSchema(
            "ID_MMFR3_EL1",
            res0(63, 32),
            "Supersec" / enum("Supersections of 16 MiB", {0: "supported", 0xF: "not supported"}),
            "CMemSz"
            / enum(
                "Physical memory that can be cached",
                {0: "4 GiB, 32 bits", 1: "64 GiB, 36 bits", 2: "1 TiB or more, 40 bits"},
            ),
            "CohWalk"
            / enum(
                "Table walks and caches",
                {0: "table writes must be cleaned to PoU", 1: "table writes need no cache maintenance"},
            ),
            "PAN"
            / enum(
                "Privileged access never",
                {
                    0: "not implemented",
                    1: "CPSR.PAN bars access to user pages (FEAT_PAN)",
                    2: "CPSR.PAN, and ATS1C*P obey it (FEAT_PAN2)",
                },
            ),
            "MaintBcst"
            / enum(
                "Reach of maintenance operations",
                {0: "this core only", 1: "caches broadcast, TLBs local", 2: "caches, TLBs, predictors broadcast"},
            ),
            "BPMaint"
            / enum(
                "Branch predictor maintenance",
                {0: "not implemented", 1: "invalidate all", 2: "invalidate all, and by address"},
            ),
            "CMaintSW" / enum("Cache maintenance by set and way", {0: "not implemented", 1: "by set and way"}),
            "CMaintVA" / enum("Cache maintenance by address", {0: "not implemented", 1: "by address"}),
        ),
        RegisterSchema(
            "ID_MMFR4_EL1",
            res0(63, 32),
            "EVT"
            / feature(
                "Enhanced virtualisation traps",
                "traps of cache ID, PoU maintenance; HCR2.TID4, TICAB, TOCU (FEAT_EVT)",
                "traps of cache ID, PoU and TLB broadcast; HCR2.TID4, TICAB, TOCU, TTLBIS (FEAT_EVT)",
            ),
            "CCIDX"
            / feature(
                "Format of CCSIDR",
                "64-bit layout, in CCSIDR and CCSIDR2; CCSIDR2 holds the number of sets (FEAT_CCIDX)",
                absent="CCSIDR uses the 32-bit layout; CCSIDR2 does not exist",
            ),
            "LSM"
            / feature(
                "Load and store multiple controls", "controls of LDM and STM; SCTLR.LSMAOE, nTLSMD (FEAT_LSMAOC)"
            ),
            "HPDS"
            / feature(
                "Hierarchical permissions",
                "table permissions can be turned off; TTBCR2.HPD0, HPD1 (FEAT_AA32HPD)",
                "table permissions off, bits for hardware; entry bits whose use the vendor defines (FEAT_HPDS2)",
            ),
            "CnP" / feature("Common not private tables", "cores can share TLB entries; TTBRn.CnP (FEAT_TTCNP)"),
            "XNX" / feature("Execute-never by level at stage 2", "execute-never apart for EL0 and EL1 (FEAT_XNX)"),
            "AC2" / feature("Second auxiliary control registers", "ACTLR2 and HACTLR2 exist"),
            "SpecSEI"
            / feature(
                "SError caused by speculative reads",
                "speculative reads can cause SError",
                absent="speculative reads never cause SError",
            ),
        ),
        RegisterSchema(
            "ID_MMFR5_EL1",
            res0(63, 8),
            "nTLBPA"
            / feature(
                "Intermediate copies of physical addresses",
                "no stale copies in walk caches (FEAT_nTLBPA)",
                absent="walk caches may hold old copies",
            ),
            "ETS"
            / feature(
                "Enhanced translation synchronisation",
                "same as 0; this value was withdrawn",
                "walks are ordered after table writes (FEAT_ETS2)",
                "walks and their faults are ordered (FEAT_ETS3)",
            ),
        ),
    )
}
