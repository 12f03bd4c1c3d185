"""AArch64 instruction set features: ID_AA64ISAR0_EL1 to ID_AA64ISAR3_EL1 (Arm ARM DDI 0487, D24.2)."""

from __future__ import annotations

from inspector.registers.parts import feature, res0, unsigned
from inspector.registers.schema import RegisterSchema

_POINTER_AUTHENTICATION = (
    "pointer authentication, first version (FEAT_PAuth)",
    "enhanced PAC; the PAC of a non-canonical pointer is zero (FEAT_EPAC)",
    "enhanced PAC 2; PACs are XORed into the pointer (FEAT_PAuth2)",
    "a failed AUT* faults at once; not only when the pointer is used (FEAT_FPAC)",
    "combined instructions fault at once too; BLRAA, RETAA, LDRAA ... (FEAT_FPACCOMBINE)",
    "PAC with the return address's PC as salt; PACIASPPC, RETAASPPC ... (FEAT_PAuth_LR)",
)

SCHEMAS = {
    schema.name: schema
    for schema in (
        RegisterSchema(
            "ID_AA64ISAR0_EL1",
            "RNDR" / feature("Random numbers", "RNDR and RNDRRS (FEAT_RNG)"),
            "TLB"
            / feature(
                "TLB maintenance forms",
                "outer shareable TLBI (FEAT_TLBIOS)",
                "outer shareable and range TLBI (FEAT_TLBIRANGE)",
            ),
            "TS"
            / feature(
                "Flag manipulation",
                "CFINV, RMIF, SETF8, SETF16 (FEAT_FlagM)",
                "CFINV ..., and AXFLAG, XAFLAG (FEAT_FlagM2)",
            ),
            "FHM" / feature("Half-precision multiply into single", "FMLAL and FMLSL (FEAT_FHM)"),
            "DP" / feature("Dot products", "UDOT and SDOT (FEAT_DotProd)"),
            "SM4" / feature("SM4 cipher", "SM4E and SM4EKEY (FEAT_SM4)"),
            "SM3" / feature("SM3 hash", "SM3SS1, SM3TT1A ... (FEAT_SM3)"),
            "SHA3" / feature("SHA-3 hash", "EOR3, RAX1, XAR, BCAX (FEAT_SHA3)"),
            "RDM" / feature("Rounding double multiply-add", "SQRDMLAH and SQRDMLSH (FEAT_RDM)"),
            "TME" / feature("Transactional memory", "TSTART, TCOMMIT, TCANCEL, TTEST (FEAT_TME)"),
            "ATOMIC"
            / unsigned(
                "Atomic instructions",
                {
                    0: "exclusives only",
                    2: "LDADD, CAS, SWP ... (FEAT_LSE)",
                    3: "LDADD ..., and 128-bit forms; LDCLRP, LDSETP, SWPP (FEAT_LSE128)",
                },
            ),
            "CRC32" / feature("CRC32 checksums", "CRC32B to CRC32CX (FEAT_CRC32)"),
            "SHA2"
            / feature(
                "SHA-2 hashes",
                "SHA-256 (FEAT_SHA256)",
                "SHA-256 and SHA-512 (FEAT_SHA512)",
            ),
            "SHA1" / feature("SHA-1 hash", "SHA1C, SHA1P, SHA1M ... (FEAT_SHA1)"),
            "AES"
            / feature(
                "AES cipher",
                "AESE, AESD, AESMC, AESIMC (FEAT_AES)",
                "AESE ..., and 64-bit polynomial multiply; PMULL, PMULL2 on 64-bit data (FEAT_PMULL)",
            ),
            res0(3, 0),
        ),
        RegisterSchema(
            "ID_AA64ISAR1_EL1",
            "LS64"
            / feature(
                "64-byte atomic loads and stores",
                "LD64B and ST64B (FEAT_LS64)",
                "LD64B, ST64B, ST64BV (FEAT_LS64_V)",
                "LD64B ... and ST64BV0 with ACCDATA_EL1 (FEAT_LS64_ACCDATA)",
                "LD64B ... to write-back memory too (FEAT_LS64WB)",
            ),
            "XS"
            / feature(
                "Slow memory and TLB maintenance",
                "DSB nXS and TLBI nXS; maintenance need not wait for slow accesses (FEAT_XS)",
            ),
            "I8MM" / feature("8-bit integer matrix multiply", "SMMLA, UMMLA, USMMLA, USDOT (FEAT_I8MM)"),
            "DGH" / feature("Data gathering hint", "DGH; asks not to merge stores (FEAT_DGH)"),
            "BF16"
            / feature(
                "BFloat16",
                "BFDOT, BFMMLA, BFCVT (FEAT_BF16)",
                "BFDOT ..., FPCR.EBF selects rounding (FEAT_EBF16)",
            ),
            "SPECRES"
            / feature(
                "Restricting predictions",
                "CFP, DVP, CPP RCTX; past execution cannot steer predictions (FEAT_SPECRES)",
                "CFP, DVP, CPP and COSP RCTX (FEAT_SPECRES2)",
            ),
            "SB" / feature("Speculation barrier", "SB instruction (FEAT_SB)"),
            "FRINTTS" / feature("Rounding to integer of a size", "FRINT32Z, FRINT64X ... (FEAT_FRINTTS)"),
            "GPI" / feature("Generic authentication, vendor's algorithm", "PACGA (FEAT_PACIMP)"),
            "GPA" / feature("Generic authentication, QARMA5", "PACGA (FEAT_PACQARMA5)"),
            "LRCPC"
            / feature(
                "Release-consistent loads (RCpc)",
                "LDAPR (FEAT_LRCPC)",
                "LDAPR, LDAPUR, STLUR (FEAT_LRCPC2)",
                "LDAPR ..., and pair forms LDIAPP, STILP (FEAT_LRCPC3)",
            ),
            "FCMA" / feature("Complex numbers", "FCMLA and FCADD (FEAT_FCMA)"),
            "JSCVT" / feature("JavaScript conversion", "FJCVTZS (FEAT_JSCVT)"),
            "API" / feature("Address authentication, vendor's algorithm", *_POINTER_AUTHENTICATION),
            "APA" / feature("Address authentication, QARMA5", *_POINTER_AUTHENTICATION),
            "DPB"
            / feature(
                "Cleaning to persistent memory",
                "DC CVAP; to the Point of Persistence (FEAT_DPB)",
                "DC CVAP and DC CVADP; to the Point of Deep Persistence too (FEAT_DPB2)",
            ),
        ),
        RegisterSchema(
            "ID_AA64ISAR2_EL1",
            "ATS1A" / feature("Translation without permission check", "AT S1E1A and its kin (FEAT_ATS1A)"),
            "LUT" / feature("Vector table lookup", "LUTI2 and LUTI4 (FEAT_LUT)"),
            "CSSC"
            / feature(
                "Common short sequences",
                "ABS, CNT, CTZ, SMAX, UMIN ...; on general registers (FEAT_CSSC)",
                "ABS ..., and compare-and-branch; CB, CBB, CBH (FEAT_CMPBR)",
            ),
            "RPRFM" / feature("Range prefetch hint", "RPRFM is a real hint (FEAT_RPRFM)", absent="RPRFM is a no-op"),
            "PCDPHINT" / feature("Producer-consumer hints", "STSHH and PRFM IR; data placement hints (FEAT_PCDPHINT)"),
            "PRFMSLC" / feature("Prefetch to the system cache", "PRFM targets SLC (FEAT_PRFMSLC)"),
            "SYSINSTR_128" / feature("128-bit system instructions", "SYSP, TLBIP (FEAT_SYSINSTR128)"),
            "SYSREG_128" / feature("128-bit system registers", "MRRS and MSRR (FEAT_SYSREG128)"),
            "CLRBHB"
            / feature("Clearing the branch history", "CLRBHB; a cheap defence against Spectre-BHB (FEAT_CLRBHB)"),
            "PAC_frac"
            / feature(
                "PAC field size",
                "size from TBI alone; ConstPACField() is true (FEAT_CONSTPACFIELD)",
                absent="size depends on tagged addresses",
            ),
            "BC" / feature("Hinted conditional branch", "BC.cond (FEAT_HBC)"),
            "MOPS" / feature("Memory copy and set", "CPY* and SET* (FEAT_MOPS)"),
            "APA3" / feature("Address authentication, QARMA3", *_POINTER_AUTHENTICATION),
            "GPA3" / feature("Generic authentication, QARMA3", "PACGA (FEAT_PACQARMA3)"),
            "RPRES"
            / feature(
                "Precision of reciprocal estimates",
                "12 bits when FPCR.AH is 1 (FEAT_RPRES)",
                absent="8 bits",
            ),
            "WFxT"
            / unsigned(
                "Waiting with a timeout",
                {0: "not implemented", 2: "WFET and WFIT (FEAT_WFxT)"},
            ),
        ),
        RegisterSchema(
            "ID_AA64ISAR3_EL1",
            res0(63, 32),
            "FPRCVT" / feature("Conversions inside vector registers", "FCVT*, SCVTF on scalar vectors (FEAT_FPRCVT)"),
            "LSUI" / feature("Unprivileged atomics and exclusives", "LDTXR, STTXR, CAST, LDTADD ... (FEAT_LSUI)"),
            "OCCMO" / feature("Maintenance to the outer cache", "DC CIVAOC and DC CVAOC (FEAT_OCCMO)"),
            "LSFE" / feature("Floating-point atomics", "LDFADD, LDFMAX, STFMIN ... (FEAT_LSFE)"),
            "PACM"
            / feature(
                "PACM hint",
                "PACM does nothing; trivial implementation, where PAuth_LR is not enabled (FEAT_PAuth_LR)",
                "PACM mixes the PC into the next PAC (FEAT_PAuth_LR)",
            ),
            "TLBIW" / feature("TLB maintenance of dirty state", "TLBI VMALLWS2E1 (FEAT_TLBIW)"),
            "FAMINMAX" / feature("Absolute minimum and maximum", "FAMAX and FAMIN (FEAT_FAMINMAX)"),
            "CPA"
            / feature(
                "Checked pointer arithmetic",
                "ADDPT, SUBPT, MADDPT, MSUBPT (FEAT_CPA)",
                "ADDPT ..., with overflow checks; SCTLR2_ELx.CPTA (FEAT_CPA2)",
            ),
        ),
    )
}
