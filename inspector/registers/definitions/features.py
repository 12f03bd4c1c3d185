"""AArch64 processor features: ID_AA64PFR0_EL1 to PFR2, ZFR0 (SVE), SMFR0 (SME), FPFR0 (FP8) (DDI 0487, D24.2)."""

from __future__ import annotations

from inspector.registers.parts import enum, feature, res0, signed, unsigned
from inspector.registers.schema import RegisterSchema

_LEVEL = {0: "not implemented", 1: "AArch64 only", 2: "AArch64 and AArch32"}
_LEVEL_ALWAYS = {1: "AArch64 only", 2: "AArch64 and AArch32"}

SCHEMAS = {
    schema.name: schema
    for schema in (
        RegisterSchema(
            "ID_AA64PFR0_EL1",
            "CSV3"
            / feature(
                "Meltdown: speculative use of faulting loads",
                "not vulnerable to Meltdown; data that a faulting load read under speculation cannot steer addresses"
                " or control flow (FEAT_CSV3)",
                absent="not stated; may be vulnerable to Meltdown",
            ),
            "CSV2"
            / feature(
                "Spectre v2: branch targets trained by others",
                "branch targets isolated between contexts; code cannot steer the indirect branches of another context"
                " (FEAT_CSV2)",
                "isolated, with SCXTNUM_ELx contexts; software context numbers separate the contexts (FEAT_CSV2_2)",
                "isolated, branch history included; Spectre-BHB across contexts is not possible either (FEAT_CSV2_3)",
                absent="not stated; may be open to Spectre v2",
            ),
            "RME"
            / feature(
                "Realm Management Extension",
                "Realms and granule protection; four physical address spaces (FEAT_RME)",
                "Realms, GPC2 checks; refined granule protection checks (FEAT_RME_GPC2)",
                "Realms, GPC3 checks; further granule protection checks (FEAT_RME_GPC3)",
            ),
            "DIT"
            / feature(
                "Data independent timing",
                "timing can be made data independent; PSTATE.DIT makes many instructions take a time that does not"
                " depend on their data (FEAT_DIT)",
                absent="no promise about timing",
            ),
            "AMU"
            / feature(
                "Activity Monitors",
                "activity monitors, version 1; counters for firmware and OS (FEAT_AMUv1)",
                "activity monitors, version 1.1; adds virtual offsets for the counters (FEAT_AMUv1p1)",
            ),
            "MPAM"
            / unsigned(
                "Memory partitioning and monitoring, major",
                {
                    0: "version 0.x; absent, or 0.1 if MPAM_frac is 1",
                    1: "MPAM version 1.x; MPAM_frac holds the minor version (FEAT_MPAM)",
                },
            ),
            "SEL2" / feature("Secure EL2", "EL2 exists in Secure state too (FEAT_SEL2)"),
            "SVE" / feature("Scalable Vector Extension", "SVE; ID_AA64ZFR0_EL1 has the details (FEAT_SVE)"),
            "RAS"
            / feature(
                "Error reporting (RAS)",
                "RAS version 1; ESB instruction, error records (FEAT_RAS)",
                "RAS version 1.1; adds error record registers, PFR1.RAS_frac can be 1 (FEAT_RASv1p1)",
                "RAS version 2; error records with more detail (FEAT_RASv2)",
            ),
            "GIC"
            / unsigned(
                "GIC system registers",
                {
                    0: "no GIC system registers",
                    1: "GICv3.0 or v4.0 system registers; ICC_*_EL1 (FEAT_GICv3)",
                    3: "GICv4.1 system registers; ICC_*_EL1, direct virtual SGIs (FEAT_GICv4p1)",
                },
            ),
            "AdvSIMD"
            / signed(
                "Advanced SIMD (vectors)",
                {
                    0: "vectors, no half-precision arithmetic (FEAT_AdvSIMD)",
                    1: "vectors with half-precision arithmetic (FEAT_FP16)",
                    0xF: "not implemented",
                },
            ),
            "FP"
            / signed(
                "Floating point",
                {
                    0: "floating point, single and double; no half-precision arithmetic (FEAT_FP)",
                    1: "floating point, half precision too (FEAT_FP16)",
                    0xF: "not implemented",
                },
            ),
            "EL3" / unsigned("Execution states at EL3", _LEVEL),
            "EL2" / unsigned("Execution states at EL2", _LEVEL),
            "EL1" / unsigned("Execution states at EL1", _LEVEL_ALWAYS),
            "EL0" / unsigned("Execution states at EL0", _LEVEL_ALWAYS),
        ),
        RegisterSchema(
            "ID_AA64PFR1_EL1",
            "PFAR" / feature("Physical fault address registers", "PFAR_ELx and MFAR_EL3 exist (FEAT_PFAR)"),
            "DF2"
            / feature(
                "Double fault extension 2",
                "masked synchronous errors can be routed; refines where an External abort inside a handler goes"
                " (FEAT_DoubleFault2)",
            ),
            "MTEX"
            / feature(
                "MTE for canonical tags",
                "MTE4: canonical tags, no address tags; checks without tag storage (FEAT_MTE_CANONICAL_TAGS)",
                absent="none beyond the MTE field",
            ),
            "THE"
            / feature(
                "Translation hardening",
                "protected table entries, RCW access; read-check-write instructions, AssuredOnly pages (FEAT_THE)",
            ),
            "GCS" / feature("Guarded Control Stack", "return addresses on a guarded stack; GCSPR_ELx (FEAT_GCS)"),
            "MTE_frac"
            / enum(
                "Asynchronous tag checks",
                {
                    0: "asynchronous tag faults possible; where MTE is 2 or more (FEAT_MTE_ASYNC)",
                    0xF: "no asynchronous tag faults; MTE without the asynchronous mode",
                },
            ),
            "NMI" / feature("Non-maskable interrupts", "interrupts with superpriority; PSTATE.ALLINT (FEAT_NMI)"),
            "CSV2_frac"
            / feature(
                "Spectre v2, finer than CSV2",
                "isolated, no SCXTNUM_ELx; says more where CSV2 is 1 (FEAT_CSV2_1p1)",
                "isolated, with SCXTNUM_ELx; where CSV2 is 1, without the CSV2_2 promise (FEAT_CSV2_1p2)",
                absent="nothing beyond the CSV2 field",
            ),
            "RNDR_trap"
            / feature("Traps of random numbers", "RNDR and RNDRRS can trap to EL3; SCR_EL3.TRNDR (FEAT_RNG_TRAP)"),
            "SME"
            / feature(
                "Scalable Matrix Extension",
                "SME; ID_AA64SMFR0_EL1 has the details (FEAT_SME)",
                "SME2, with the ZT0 register (FEAT_SME2)",
            ),
            res0(23, 20),
            "MPAM_frac"
            / feature(
                "Memory partitioning, minor version",
                "minor version 1; v1.1, or v0.1 if PFR0.MPAM is 0 (FEAT_MPAMv1p1)",
                absent="minor version 0",
            ),
            "RAS_frac"
            / feature(
                "Error reporting, minor version",
                "RAS version 1.1; where PFR0.RAS is 1 (FEAT_RASv1p1)",
                absent="nothing beyond PFR0.RAS",
            ),
            "MTE"
            / feature(
                "Memory tagging",
                "tag instructions only; addresses can be tagged, memory is not checked (FEAT_MTE)",
                "tagged memory with checks; synchronous, or asynchronous unless MTE_frac forbids it (FEAT_MTE2)",
                "tagged memory, asymmetric checks too; reads can fault at once, writes later (FEAT_MTE3)",
            ),
            "SSBS"
            / feature(
                "Speculative Store Bypass Safe",
                "PSTATE.SSBS stops store bypass; the Spectre v4 switch (FEAT_SSBS)",
                "PSTATE.SSBS, reached by MSR and MRS; the Spectre v4 switch, with instructions of its own (FEAT_SSBS2)",
            ),
            "BT"
            / feature(
                "Branch Target Identification",
                "indirect branches must land on BTI; in pages marked as guarded (FEAT_BTI)",
            ),
        ),
        RegisterSchema(
            "ID_AA64PFR2_EL1",
            res0(63, 36),
            "FPMR" / feature("FP8 mode register", "FPMR exists; selects FP8 formats (FEAT_FPMR)"),
            res0(31, 20),
            "UINJ"
            / feature(
                "Injected undefined instruction", "undefined exceptions can be injected; PSTATE.UINJ (FEAT_UINJ)"
            ),
            "GCIE" / feature("GICv5 CPU interface", "GICv5 system registers and instructions (FEAT_GCIE)"),
            "MTEFAR"
            / feature(
                "Tag bits in the fault address",
                "FAR_ELx keeps all address bits; after a tag check fault (FEAT_MTE_TAGGED_FAR)",
                absent="FAR_ELx may lose bits 63:60",
            ),
            "MTESTOREONLY"
            / feature(
                "Tag checks of stores alone",
                "tag checks of loads can be left out (FEAT_MTE_STORE_ONLY)",
            ),
            "MTEPERM"
            / feature(
                "Stage 2 control of tag access",
                "stage 2 can deny access to tags; NoTagAccess memory attribute (FEAT_MTE_PERM)",
            ),
        ),
        RegisterSchema(
            "ID_AA64ZFR0_EL1",
            res0(63, 60),
            "F64MM" / feature("SVE double-precision matrix multiply", "FMMLA on doubles (FEAT_F64MM)"),
            "F32MM" / feature("SVE single-precision matrix multiply", "FMMLA on singles (FEAT_F32MM)"),
            "F16MM"
            / feature("SVE half-precision matrix multiply", "FMMLA half precision into single (FEAT_SVE_F16F32MM)"),
            "I8MM" / feature("SVE 8-bit integer matrix multiply", "SMMLA, USMMLA, UMMLA, USDOT (FEAT_I8MM)"),
            "SM4" / feature("SVE2 SM4 cipher", "SM4E, SM4EKEY (FEAT_SVE_SM4)"),
            res0(39, 36),
            "SHA3" / feature("SVE2 SHA-3", "RAX1 (FEAT_SVE_SHA3)"),
            res0(31, 28),
            "B16B16"
            / feature(
                "SVE BFloat16 arithmetic",
                "non-widening BFloat16 arithmetic (FEAT_SVE_B16B16)",
                "BFloat16 arithmetic and BFSCALE (FEAT_SVE_BFSCALE)",
            ),
            "BF16"
            / feature(
                "SVE BFloat16 dot products and conversions",
                "BFDOT, BFMMLA, BFCVT (FEAT_BF16)",
                "BFDOT ..., FPCR.EBF selects rounding (FEAT_EBF16)",
            ),
            "BitPerm" / feature("SVE2 bit permutes", "BDEP, BEXT, BGRP (FEAT_SVE_BitPerm)"),
            "EltPerm" / feature("SVE element permutes", "COMPACT, EXPAND of bytes and halves (FEAT_SVE2p2)"),
            res0(11, 8),
            "AES"
            / feature(
                "SVE2 AES",
                "AESE, AESD, AESMC, AESIMC (FEAT_SVE_AES)",
                "AES and 64-bit polynomial multiply; PMULLB, PMULLT into 128 bits (FEAT_SVE_PMULL128)",
                "AES on several blocks at once; multi-vector AESE and PMULL (FEAT_SVE_AES2)",
            ),
            "SVEver"
            / unsigned(
                "SVE version",
                {
                    0: "SVE, first version; where PFR0.SVE is 1 (FEAT_SVE)",
                    1: "SVE2 (FEAT_SVE2)",
                    2: "SVE2.1 (FEAT_SVE2p1)",
                    3: "SVE2.2 (FEAT_SVE2p2)",
                },
            ),
        ),
        RegisterSchema(
            "ID_AA64SMFR0_EL1",
            "FA64"
            / feature("All of A64 in streaming mode", "all of A64 works in streaming mode (FEAT_SME_FA64)", width=1),
            res0(62, 61),
            "LUTv2"
            / feature("SME lookups with 4-bit indices", "LUTI4 with two or four vectors (FEAT_SME_LUTv2)", width=1),
            "SMEver"
            / unsigned(
                "SME version",
                {
                    0: "SME, first version; where PFR1.SME is not 0 (FEAT_SME)",
                    1: "SME2 (FEAT_SME2)",
                    2: "SME2.1 (FEAT_SME2p1)",
                    3: "SME2.2 (FEAT_SME2p2)",
                },
            ),
            "I16I64"
            / unsigned(
                "Products of 16-bit integers into 64 bits",
                {0: "not implemented", 0xF: "outer products into 64 bits (FEAT_SME_I16I64)"},
            ),
            res0(51, 49),
            "F64F64" / feature("Products of doubles", "double-precision outer products (FEAT_SME_F64F64)", width=1),
            "I16I32"
            / unsigned(
                "Products of 16-bit integers into 32 bits",
                {0: "not implemented", 5: "outer products into 32 bits; part of SME2 (FEAT_SME2)"},
            ),
            "B16B16"
            / feature("BFloat16 into BFloat16", "BFloat16 outer products, not widened (FEAT_SME_B16B16)", width=1),
            "F16F16" / feature("Half into half precision", "half-precision outer products (FEAT_SME_F16F16)", width=1),
            "F8F16" / feature("FP8 into half precision", "FP8 products into half precision (FEAT_SME_F8F16)", width=1),
            "F8F32"
            / feature("FP8 into single precision", "FP8 products into single precision (FEAT_SME_F8F32)", width=1),
            "I8I32"
            / unsigned(
                "Products of 8-bit integers into 32 bits",
                {0: "not implemented", 0xF: "8-bit outer products into 32 bits; part of SME (FEAT_SME)"},
            ),
            "F16F32"
            / feature("Half into single precision", "half products into single; part of SME (FEAT_SME)", width=1),
            "B16F32"
            / feature(
                "BFloat16 into single precision", "BFloat16 products into single; part of SME (FEAT_SME)", width=1
            ),
            "BI32I32" / feature("Binary products into 32 bits", "BMOPA, BMOPS; part of SME2 (FEAT_SME2)", width=1),
            "F32F32"
            / feature("Single into single precision", "single outer products; part of SME (FEAT_SME)", width=1),
            res0(31, 31),
            "SF8FMA"
            / feature("FP8 multiply-add, streaming", "FP8 multiply-add in streaming mode (FEAT_SSVE_FP8FMA)", width=1),
            "SF8DP4"
            / feature(
                "FP8 4-way dot product, streaming", "FP8 4-way products in streaming mode (FEAT_SSVE_FP8DOT4)", width=1
            ),
            "SF8DP2"
            / feature(
                "FP8 2-way dot product, streaming", "FP8 2-way products in streaming mode (FEAT_SSVE_FP8DOT2)", width=1
            ),
            res0(27, 26),
            "SBitPerm"
            / feature("Bit permutes, streaming", "BDEP, BEXT, BGRP in streaming mode (FEAT_SSVE_BitPerm)", width=1),
            "AES" / feature("AES, streaming", "AES and PMULL in streaming mode (FEAT_SSVE_AES)", width=1),
            "SFEXPA" / feature("FEXPA, streaming", "FEXPA in streaming mode (FEAT_SSVE_FEXPA)", width=1),
            res0(22, 17),
            "STMOP" / feature("Structured sparsity products", "sparse outer products (FEAT_SME_TMOP)", width=1),
            res0(15, 1),
            "SMOP4" / feature("Quarter-tile products", "quarter-tile outer products (FEAT_SME_MOP4)", width=1),
        ),
        RegisterSchema(
            "ID_AA64FPFR0_EL1",
            res0(63, 32),
            "F8CVT" / feature("FP8 conversions", "conversions to and from FP8; FSCALE (FEAT_FP8)", width=1),
            "F8FMA" / feature("FP8 multiply-add", "FP8 multiply-add into half and single (FEAT_FP8FMA)", width=1),
            "F8DP4" / feature("FP8 4-way dot product", "FP8 4-way products into single (FEAT_FP8DOT4)", width=1),
            "F8DP2" / feature("FP8 2-way dot product", "FP8 2-way products into half (FEAT_FP8DOT2)", width=1),
            "F8MM8" / feature("FP8 matrix multiply, 8-way", "FP8 matrix products into single (FEAT_F8F32MM)", width=1),
            "F8MM4" / feature("FP8 matrix multiply, 4-way", "FP8 matrix products into half (FEAT_F8F16MM)", width=1),
            res0(25, 2),
            "F8E4M3" / feature("FP8 format E4M3", "E4M3 works; 4 exponent and 3 mantissa bits", width=1),
            "F8E5M2" / feature("FP8 format E5M2", "E5M2 works; 5 exponent and 2 mantissa bits", width=1),
        ),
    )
}
