"""AArch32 instruction set features: ID_ISAR0_EL1 to ID_ISAR6_EL1 (Arm ARM DDI 0487, D24.2)."""

from __future__ import annotations

from inspector.registers.parts import enum, feature, res0, unsigned
from inspector.registers.schema import RegisterSchema

ABSENT = "not implemented"

SCHEMAS = {
    schema.name: schema
    for schema in (
        RegisterSchema(
            "ID_ISAR0_EL1",
            res0(63, 28),
            "Divide" / enum("Division", {0: ABSENT, 1: "SDIV, UDIV in T32", 2: "SDIV, UDIV in T32 and A32"}),
            "Debug" / feature("Breakpoint instruction", "BKPT"),
            "Coproc"
            / enum(
                "Coprocessor instructions",
                {
                    0: "none, except for cp14 and cp15",
                    1: "CDP, LDC, MCR, MRC, STC",
                    2: "CDP, LDC, MCR ..., CDP2, LDC2, MCR2 ...",
                    3: "CDP ..., CDP2 ..., MCRR, MRRC",
                    4: "CDP ..., MCRR, MRRC, MCRR2, MRRC2",
                },
            ),
            "CmpBranch" / feature("Compare and branch, T32", "CBZ and CBNZ"),
            "BitField" / feature("Bit fields", "BFC, BFI, SBFX, UBFX"),
            "BitCount" / feature("Bit counting", "CLZ"),
            "Swap" / feature("Swap, A32", "SWP and SWPB"),
        ),
        RegisterSchema(
            "ID_ISAR1_EL1",
            res0(63, 32),
            "Jazelle" / enum("Jazelle", {0: ABSENT, 1: "BXJ and the J bit"}),
            "Interwork"
            / enum(
                "Switching between A32 and T32",
                {
                    0: ABSENT,
                    1: "BX",
                    2: "BX, BLX, and loads of the PC",
                    3: "BX, BLX, PC loads, A32 writes of the PC; by data-processing instructions too",
                },
            ),
            "Immediate" / enum("Long immediates", {0: ABSENT, 1: "MOVT, MOVW, 12-bit ADD and SUB"}),
            "IfThen" / enum("If-Then, T32", {0: ABSENT, 1: "IT blocks"}),
            "Extend"
            / enum(
                "Sign and zero extension",
                {0: "none beyond loads", 1: "SXTB, SXTH, UXTB, UXTH", 2: "SXTB ..., and SXTB16, SXTAB, UXTAH ..."},
            ),
            "Except_AR" / enum("Exception handling, A and R profiles", {0: ABSENT, 1: "SRS, RFE, CPS"}),
            "Except" / enum("Exception handling, A32", {0: ABSENT, 1: "LDM and STM of user registers"}),
            "Endian" / enum("Byte order of data", {0: ABSENT, 1: "SETEND (FEAT_MixedEnd)"}),
        ),
        RegisterSchema(
            "ID_ISAR2_EL1",
            res0(63, 32),
            "Reversal" / enum("Byte and bit reversal", {0: ABSENT, 1: "REV, REV16, REVSH", 2: "REV ..., and RBIT"}),
            "PSR_AR" / enum("Program status access, A and R profiles", {0: ABSENT, 1: "MRS, MSR, exception returns"}),
            "MultU" / enum("Unsigned long multiply", {0: ABSENT, 1: "UMULL, UMLAL", 2: "UMULL, UMLAL, UMAAL"}),
            "MultS"
            / enum(
                "Signed long multiply",
                {
                    0: ABSENT,
                    1: "SMULL, SMLAL",
                    2: "SMULL ..., and SMLABB, SMULWT ...; with the Q flag",
                    3: "SMULL ..., and SMLAD, SMMLA ...",
                },
            ),
            "Mult" / enum("Multiply", {0: "MUL only", 1: "MUL, MLA", 2: "MUL, MLA, MLS"}),
            "MultiAccessInt"
            / enum(
                "Interrupted LDM and STM",
                {0: "not interruptible", 1: "they start again", 2: "they continue"},
            ),
            "MemHint"
            / enum(
                "Prefetch hints",
                {0: ABSENT, 1: "PLD", 2: "PLD; same as 1", 3: "PLD and PLI", 4: "PLD, PLI and PLDW"},
            ),
            "LoadStore"
            / enum(
                "Loads and stores beyond the basic ones",
                {0: ABSENT, 1: "LDRD and STRD", 2: "LDRD, STRD, LDA, STL, LDAEX ..."},
            ),
        ),
        RegisterSchema(
            "ID_ISAR3_EL1",
            res0(63, 32),
            "T32EE" / enum("ThumbEE instructions", {0: ABSENT, 1: "ENTERX and LEAVEX"}),
            "TrueNOP" / enum("NOP that does nothing", {0: ABSENT, 1: "NOP and hint space"}),
            "T32Copy" / enum("T32 register copy", {0: ABSENT, 1: "MOV of low registers, flags kept"}),
            "TabBranch" / enum("Table branch, T32", {0: ABSENT, 1: "TBB and TBH"}),
            "SynchPrim"
            / enum(
                "Exclusives; with SynchPrim_frac",
                {
                    0: ABSENT,
                    1: "LDREX, STREX; CLREX and narrow forms if SynchPrim_frac is 3",
                    2: "all exclusives, LDREXD and STREXD too",
                },
            ),
            "SVC" / enum("Supervisor call", {0: ABSENT, 1: "SVC"}),
            "SIMD"
            / enum(
                "SIMD in general registers",
                {0: ABSENT, 1: "SSAT and USAT", 3: "SSAT, PKHBT, QADD16, SEL, UXTAB16 ..."},
            ),
            "Saturate" / enum("Saturating arithmetic", {0: ABSENT, 1: "QADD, QSUB, QDADD, QDSUB"}),
        ),
        RegisterSchema(
            "ID_ISAR4_EL1",
            res0(63, 32),
            "SWP_frac"
            / enum(
                "Swap on single-core buses", {0: "nothing beyond ID_ISAR0_EL1.Swap", 1: "SWP and SWPB, one core only"}
            ),
            "PSR_M" / enum("Program status access, M profile", {0: ABSENT, 1: "M profile CPS, MRS, MSR"}),
            "SynchPrim_frac"
            / enum(
                "Exclusives; with SynchPrim",
                {0: "nothing beyond ID_ISAR3_EL1.SynchPrim", 3: "CLREX, LDREXB, LDREXH; and their stores"},
            ),
            "Barrier" / enum("Barrier instructions", {0: "cp15 barriers only", 1: "DMB, DSB, ISB"}),
            "SMC" / enum("Secure monitor call", {0: ABSENT, 1: "SMC"}),
            "Writeback"
            / enum("Addressing with write-back", {0: "LDM, STM, PUSH, POP, SRS, RFE only", 1: "all forms of Armv8"}),
            "WithShifts"
            / enum(
                "Instructions with shifts",
                {
                    0: "only MOV and shifts",
                    1: "shifted loads and stores, LSL 0 to 3",
                    3: "constant shifts everywhere",
                    4: "shifts by register too",
                },
            ),
            "Unpriv"
            / enum(
                "Unprivileged loads and stores",
                {0: ABSENT, 1: "LDRT, STRT, LDRBT, STRBT", 2: "LDRT ..., and LDRHT, LDRSBT, STRHT ..."},
            ),
        ),
        RegisterSchema(
            "ID_ISAR5_EL1",
            res0(63, 32),
            "VCMA" / feature("Complex numbers", "VCMLA and VCADD (FEAT_FCMA)"),
            "RDM" / feature("Rounding double multiply-add", "VQRDMLAH and VQRDMLSH (FEAT_RDM)"),
            res0(23, 20),
            "CRC32" / feature("CRC32 checksums", "CRC32B to CRC32CW (FEAT_CRC32)"),
            "SHA2" / feature("SHA-2 hash", "SHA256H, SHA256SU0 ... (FEAT_SHA256)"),
            "SHA1" / feature("SHA-1 hash", "SHA1C, SHA1P, SHA1M ... (FEAT_SHA1)"),
            "AES"
            / feature(
                "AES cipher",
                "AESE, AESD, AESMC, AESIMC (FEAT_AES)",
                "AESE ..., and VMULL on 64-bit data; polynomial multiply (FEAT_PMULL)",
            ),
            "SEVL" / feature("Local event", "SEVL", absent="SEVL is a no-op"),
        ),
        RegisterSchema(
            "ID_ISAR6_EL1",
            res0(63, 28),
            "I8MM" / feature("8-bit integer matrix multiply", "VSMMLA, VUMMLA, VUSDOT (FEAT_AA32I8MM)"),
            "BF16" / feature("BFloat16", "VCVT, VDOT, VMMLA of BFloat16 (FEAT_AA32BF16)"),
            "SPECRES"
            / unsigned(
                "Restricting predictions",
                {
                    0: ABSENT,
                    1: "CFPRCTX, DVPRCTX, CPPRCTX (FEAT_SPECRES)",
                    2: "CFPRCTX, DVPRCTX, CPPRCTX, COSPRCTX (FEAT_SPECRES2)",
                },
            ),
            "SB" / feature("Speculation barrier", "SB instruction (FEAT_SB)"),
            "FHM" / feature("Half-precision multiply into single", "VFMAL and VFMSL (FEAT_FHM)"),
            "DP" / feature("Dot products", "VUDOT and VSDOT (FEAT_DotProd)"),
            "JSCVT" / feature("JavaScript conversion", "VJCVT (FEAT_JSCVT)"),
        ),
    )
}
