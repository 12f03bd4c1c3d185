"""AArch64 memory model features: ID_AA64MMFR0_EL1 to ID_AA64MMFR4_EL1 (Arm ARM DDI 0487, D24.2)."""

from __future__ import annotations

from inspector.registers.parts import PHYSICAL_SIZES, enum, feature, res0, signed, unsigned
from inspector.registers.schema import RegisterSchema

_GRANULE_2 = {0: "stage 2 as stage 1", 1: "not supported at stage 2"}

SCHEMAS = {
    schema.name: schema
    for schema in (
        RegisterSchema(
            "ID_AA64MMFR0_EL1",
            "ECV"
            / feature(
                "Enhanced counter virtualisation",
                "self-synchronised counters, more traps; CNTPCTSS_EL0, CNTVCTSS_EL0, CNTHCTL_EL2 traps (FEAT_ECV)",
                "FEAT_ECV, and a physical counter offset; CNTPOFF_EL2 shifts EL1's view (FEAT_ECV_POFF)",
            ),
            "FGT"
            / feature(
                "Fine-grained traps",
                "traps per register to EL2; HFGRTR_EL2 and its kin (FEAT_FGT)",
                "traps per register, second set too; HFGRTR2_EL2 and its kin (FEAT_FGT2)",
            ),
            res0(55, 48),
            "EXS"
            / feature(
                "Context synchronisation at exceptions",
                "EL1 and EL2 can turn it off; SCTLR_ELx.EIS and EOS (FEAT_ExS)",
                absent="exceptions always synchronise context",
            ),
            "TGRAN4_2"
            / enum(
                "4 KiB granule, stage 2",
                {**_GRANULE_2, 2: "supported at stage 2", 3: "supported at stage 2, 52-bit addresses (FEAT_LPA2)"},
            ),
            "TGRAN64_2" / enum("64 KiB granule, stage 2", {**_GRANULE_2, 2: "supported at stage 2"}),
            "TGRAN16_2"
            / enum(
                "16 KiB granule, stage 2",
                {**_GRANULE_2, 2: "supported at stage 2", 3: "supported at stage 2, 52-bit addresses (FEAT_LPA2)"},
            ),
            "TGRAN4"
            / signed(
                "4 KiB translation granule",
                {0: "supported", 1: "supported, 52-bit addresses (FEAT_LPA2)", 0xF: "not supported"},
            ),
            "TGRAN64" / signed("64 KiB translation granule", {0: "supported", 0xF: "not supported"}),
            "TGRAN16"
            / unsigned(
                "16 KiB translation granule",
                {0: "not supported", 1: "supported", 2: "supported, 52-bit addresses (FEAT_LPA2)"},
            ),
            "BIGENDEL0"
            / feature(
                "Mixed endianness at EL0 alone",
                "EL0 can switch byte order; SCTLR_EL1.E0E (FEAT_MixedEndEL0)",
                absent="no switch for EL0 alone; BIGEND decides",
            ),
            "SNSMEM"
            / feature(
                "Secure and Non-secure memory kept apart",
                "Secure and Non-secure kept apart",
                absent="Secure and Non-secure not kept apart",
            ),
            "BIGEND"
            / feature(
                "Mixed endianness",
                "byte order can be switched; at every level, SCTLR_ELx.EE and E0E (FEAT_MixedEnd)",
                absent="byte order is fixed above EL0",
            ),
            "ASIDBITS" / enum("ASID size", {0: "8 bits", 2: "16 bits (FEAT_ASID16)"}),
            "PARANGE"
            / enum(
                "Physical address size",
                PHYSICAL_SIZES,
            ),
        ),
        RegisterSchema(
            "ID_AA64MMFR1_EL1",
            "ECBHB"
            / feature(
                "Branch history across exception levels",
                "history below cannot steer code above; no loop is needed against Spectre-BHB (FEAT_ECBHB)",
                absent="not stated; Spectre-BHB may need a loop or CLRBHB",
            ),
            "CMOW"
            / feature(
                "Cache maintenance write permission",
                "write permission can be required; for cache maintenance at EL0, SCTLR_EL1.CMOW (FEAT_CMOW)",
            ),
            "TIDCP1"
            / feature(
                "EL0 access to implementation-defined registers",
                "EL1 and EL2 can trap them; SCTLR_ELx.TIDCP (FEAT_TIDCP1)",
            ),
            "nTLBPA"
            / feature(
                "Intermediate copies of physical addresses",
                "no stale copies in walk caches (FEAT_nTLBPA)",
                absent="walk caches may hold old copies",
            ),
            "AFP" / feature("Alternate floating-point behaviour", "FPCR.AH, FIZ and NEP select it (FEAT_AFP)"),
            "HCX" / feature("HCRX_EL2 and its controls", "HCRX_EL2 exists (FEAT_HCX)"),
            "ETS"
            / feature(
                "Enhanced translation synchronisation",
                "same as 0; this value was withdrawn",
                "walks are ordered after table writes; no DSB and ISB needed after making an entry valid (FEAT_ETS2)",
                "walks and their faults are ordered (FEAT_ETS3)",
            ),
            "TWED" / feature("Delayed trap of WFE", "the trap can be delayed; HCR_EL2.TWEDEL (FEAT_TWED)"),
            "XNX" / feature("Execute-never by level at stage 2", "execute-never apart for EL0 and EL1 (FEAT_XNX)"),
            "SpecSEI"
            / feature(
                "SError caused by speculative reads",
                "speculative reads can cause SError",
                absent="speculative reads never cause SError",
            ),
            "PAN"
            / feature(
                "Privileged access never",
                "PSTATE.PAN bars access to user pages (FEAT_PAN)",
                "PSTATE.PAN, and AT instructions obey it; AT S1E1RP, S1E1WP (FEAT_PAN2)",
                "PSTATE.PAN, execute-only pages too; SCTLR_ELx.EPAN (FEAT_PAN3)",
            ),
            "LO" / feature("Limited ordering regions", "LORegions and LDLAR, STLLR (FEAT_LOR)"),
            "HPDS"
            / feature(
                "Hierarchical permissions",
                "table permissions can be turned off; TCR_ELx.HPDn (FEAT_HPDS)",
                "table permissions off, bits for hardware; entry bits whose use the vendor defines (FEAT_HPDS2)",
            ),
            "VH" / feature("Virtualisation host extensions", "a kernel can run at EL2; HCR_EL2.E2H (FEAT_VHE)"),
            "VMIDBits" / enum("VMID size", {0: "8 bits", 2: "16 bits (FEAT_VMID16)"}),
            "HAFDBS"
            / feature(
                "Hardware updates of table entries",
                "sets the access flag (FEAT_HAFDBS)",
                "sets the access flag and dirty state (FEAT_HAFDBS)",
                "access flag, dirty state, flag of tables (FEAT_HAFT)",
                "access flag, dirty state, buffer of them; the access flag of tables too (FEAT_HDBSS)",
            ),
        ),
        RegisterSchema(
            "ID_AA64MMFR2_EL1",
            "E0PD"
            / feature(
                "EL0 fault before the table walk",
                "half of the space can be barred to EL0; TCR_EL1.E0PD0, E0PD1, a defence against Meltdown (FEAT_E0PD)",
            ),
            "EVT"
            / feature(
                "Enhanced virtualisation traps",
                "traps of cache ID, PoU maintenance; HCR_EL2.TID4, TICAB, TOCU (FEAT_EVT)",
                "traps of cache ID, PoU and TLB broadcast; HCR_EL2.TID4, TICAB, TOCU, TTLBIS, TTLBOS (FEAT_EVT)",
            ),
            "BBM"
            / unsigned(
                "Changing the size of a live mapping",
                {
                    0: "level 0: break-before-make needed",
                    1: "level 1: break avoidable with the nT bit (FEAT_BBM)",
                    2: "level 2: no break-before-make needed; a TLB conflict abort is possible (FEAT_BBM)",
                },
            ),
            "TTL" / feature("Level hint of TLB maintenance", "TLBI carries the table level (FEAT_TTL)"),
            res0(47, 44),
            "FWB" / feature("Stage 2 forced write-back", "stage 2 can force cacheable; HCR_EL2.FWB (FEAT_S2FWB)"),
            "IDS"
            / enum(
                "Trapped ID register reads",
                {
                    0: "reported as undefined; syndrome 0x0",
                    1: "reported as trapped MRS; syndrome 0x18 (FEAT_IDST)",
                    2: "reported as trapped MRS, by EL3 too (FEAT_IDTE3)",
                },
            ),
            "AT" / feature("Unaligned single-copy atomicity", "atomic inside 16 aligned bytes (FEAT_LSE2)"),
            "ST"
            / enum(
                "Smallest address space of a table",
                {0: "TxSZ up to 39", 1: "TxSZ up to 48; 47 with 64 KiB pages (FEAT_TTST)"},
            ),
            "NV"
            / feature(
                "Nested virtualisation",
                "EL2 accesses at EL1 trap to EL2; HCR_EL2.NV, NV1 (FEAT_NV)",
                "EL2 accesses at EL1 go to memory; VNCR_EL2 points at the page (FEAT_NV2)",
            ),
            "CCIDX"
            / enum(
                "Format of CCSIDR_EL1",
                {
                    0: "CCSIDR_EL1 uses the 32-bit layout",
                    1: "CCSIDR_EL1 uses the 64-bit layout (FEAT_CCIDX)",
                },
            ),
            "VARange"
            / unsigned(
                "Virtual address size",
                {
                    0: "48 bits",
                    1: "52 bits with 64 KiB pages (FEAT_LVA)",
                    2: "56 bits with 128-bit descriptors (FEAT_LVA3)",
                },
            ),
            "IESB"
            / feature(
                "Implicit error barrier",
                "barrier at exception entry and return; when SCTLR_ELx.IESB is set (FEAT_IESB)",
            ),
            "LSM"
            / feature(
                "Load and store multiple controls",
                "controls of AArch32 LDM and STM; SCTLR_EL1.LSMAOE, nTLSMD (FEAT_LSMAOC)",
            ),
            "UAO" / feature("User access override", "LDTR and STTR can act as privileged; PSTATE.UAO (FEAT_UAO)"),
            "CnP" / feature("Common not private tables", "cores can share TLB entries; TTBRn_ELx.CnP (FEAT_TTCNP)"),
        ),
        RegisterSchema(
            "ID_AA64MMFR3_EL1",
            "Spec_FPACC"
            / feature(
                "Speculation after a failed pointer check",
                "no speculation after a failed check; a PAC cannot be guessed through it",
                absent="speculation may reveal a failed check",
            ),
            "ADERR"
            / unsigned(
                "Device read errors, asynchronous",
                {
                    0: "not stated, if SDERR is 0 too",
                    1: "reported as asynchronous SError",
                    2: "kind can be selected; SCTLR2_ELx.EnADERR (FEAT_ADERR)",
                    3: "kind can be selected, nested too; HCRX_EL2.EnSDERR acts independently (FEAT_ADERR)",
                },
            ),
            "SDERR"
            / unsigned(
                "Device read errors, synchronous",
                {
                    0: "not stated, if ADERR is 0 too",
                    1: "reported as synchronous External abort",
                    2: "kind can be selected; SCTLR2_ELx.EnADERR (FEAT_ADERR)",
                    3: "kind can be selected, nested too; HCRX_EL2.EnSDERR acts independently (FEAT_ADERR)",
                },
            ),
            res0(51, 48),
            "ANERR"
            / unsigned(
                "Normal read errors, asynchronous",
                {
                    0: "not stated, if SNERR is 0 too",
                    1: "reported as asynchronous SError",
                    2: "kind can be selected; SCTLR2_ELx.EnANERR (FEAT_ANERR)",
                    3: "kind can be selected, nested too; HCRX_EL2.EnSNERR acts independently (FEAT_ANERR)",
                },
            ),
            "SNERR"
            / unsigned(
                "Normal read errors, synchronous",
                {
                    0: "not stated, if ANERR is 0 too",
                    1: "reported as synchronous External abort",
                    2: "kind can be selected; SCTLR2_ELx.EnANERR (FEAT_ANERR)",
                    3: "kind can be selected, nested too; HCRX_EL2.EnSNERR acts independently (FEAT_ANERR)",
                },
            ),
            "D128_2" / feature("128-bit descriptors at stage 2", "supported (FEAT_D128)"),
            "D128" / feature("128-bit descriptors at stage 1", "supported (FEAT_D128)"),
            "MEC" / feature("Memory encryption contexts", "Realm memory has contexts; MECIDR_EL2 (FEAT_MEC)"),
            "AIE" / feature("Attribute index extension", "16 attributes; MAIR2_ELx (FEAT_AIE)"),
            "S2POE" / feature("Stage 2 permission overlay", "S2POR_EL1 limits permissions (FEAT_S2POE)"),
            "S1POE" / feature("Stage 1 permission overlay", "POR_ELx limits permissions (FEAT_S1POE)"),
            "S2PIE" / feature("Stage 2 permission indirection", "S2PIR_EL2 gives permissions (FEAT_S2PIE)"),
            "S1PIE" / feature("Stage 1 permission indirection", "PIR_ELx, PIRE0_ELx give permissions (FEAT_S1PIE)"),
            "SCTLRX" / feature("SCTLR2_ELx registers", "SCTLR2_ELx exist (FEAT_SCTLR2)"),
            "TCRX" / feature("TCR2_ELx registers", "TCR2_ELx exist (FEAT_TCR2)"),
        ),
        RegisterSchema(
            "ID_AA64MMFR4_EL1",
            res0(63, 48),
            "SRMASK" / feature("Write masks of control registers", "SCTLRMASK_EL1 and its kin exist (FEAT_SRMASK)"),
            res0(43, 40),
            "E3DSE" / feature("SError delegated from EL3", "EL3 can inject SError below; SCR_EL3.DSE (FEAT_E3DSE)"),
            res0(35, 32),
            "RMEGDI" / feature("Granules for devices in Realms", "new granule states for devices (FEAT_RME_GDI)"),
            "E2H0"
            / signed(
                "HCR_EL2.E2H can be 0",
                {
                    0: "E2H can be 0 or 1 (FEAT_E2H0)",
                    0xE: "E2H is always 1, NV1 always 0",
                    0xF: "E2H is always 1",
                },
            ),
            "NV_frac"
            / unsigned(
                "Nested virtualisation, which forms",
                {
                    0: "as ID_AA64MMFR2_EL1.NV says",
                    1: "memory redirection only; HCR_EL2.NV works with NV2 set alone (FEAT_NV2)",
                    2: "memory redirection only, refined (FEAT_NV2p1)",
                    3: "memory redirection, third version (FEAT_NV3)",
                },
            ),
            "FGWTE3" / feature("Fine-grained write traps to EL3", "FGWTE3_EL3 exists (FEAT_FGWTE3)"),
            "HACDBS" / feature("Hardware cleaning of dirty state", "cleans dirty pages from a buffer (FEAT_HACDBS)"),
            "ASID2" / feature("Two ASIDs at once", "TTBR0 and TTBR1 each have one; TCR2_ELx.A2 (FEAT_ASID2)"),
            "EIESB"
            / unsigned(
                "Early implicit error barrier",
                {
                    0: "not stated",
                    1: "early, at exceptions to EL3",
                    2: "early, at exceptions to levels that ask",
                    0xF: "early, at every exception",
                },
            ),
            "PoPS" / feature("Cache cleaning to the Point of Physical Storage", "DC CIVAPS, CIGDVAPS (FEAT_PoPS)"),
        ),
    )
}
