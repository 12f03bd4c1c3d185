"""AArch32 processor, debug and media features: ID_PFRn, ID_DFRn, ID_AFR0, MVFRn (Arm ARM DDI 0487, D24.2)."""

from __future__ import annotations

from inspector.registers.parts import DEBUG_ARCHITECTURES, enum, feature, number, res0, unsigned
from inspector.registers.schema import RegisterSchema

SCHEMAS = {
    schema.name: schema
    for schema in (
        RegisterSchema(
            "ID_PFR0_EL1",
            res0(63, 32),
            "RAS"
            / feature(
                "Error reporting (RAS)",
                "RAS version 1 (FEAT_RAS)",
                "RAS version 1.1 (FEAT_RASv1p1)",
            ),
            "DIT" / feature("Data independent timing", "CPSR.DIT (FEAT_DIT)"),
            "AMU"
            / feature(
                "Activity Monitors",
                "activity monitors, version 1 (FEAT_AMUv1)",
                "activity monitors, version 1.1 (FEAT_AMUv1p1)",
            ),
            "CSV2"
            / feature(
                "Spectre v2: branch targets trained by others",
                "branch targets isolated between contexts (FEAT_CSV2)",
                "isolated, refined; the forms of CSV2_1p1 (FEAT_CSV2_1p1)",
                absent="not stated; may be open to Spectre v2",
            ),
            "State3" / feature("T32EE instruction set (ThumbEE)", "T32EE"),
            "State2"
            / enum(
                "Jazelle state",
                {
                    0: "not implemented",
                    1: "Jazelle, JOSCR.CV kept on exceptions",
                    2: "Jazelle, JOSCR.CV cleared on exceptions",
                },
            ),
            "State1"
            / unsigned(
                "T32 instruction set (Thumb)",
                {
                    0: "not implemented",
                    1: "16-bit Thumb only, before Thumb-2",
                    2: "Thumb with some 32-bit instructions",
                    3: "T32 with all of Thumb-2",
                },
            ),
            "State0" / feature("A32 instruction set (Arm)", "A32"),
        ),
        RegisterSchema(
            "ID_PFR1_EL1",
            res0(63, 32),
            "GIC"
            / unsigned(
                "GIC system registers",
                {
                    0: "no GIC system registers",
                    1: "GICv3.0 or v4.0 system registers (FEAT_GICv3)",
                    3: "GICv4.1 system registers (FEAT_GICv4p1)",
                },
            ),
            "Virt_frac"
            / feature(
                "Parts of virtualisation",
                "SCR.SIF, ERET, banked MRS and MSR",
                absent="nothing beyond the Virtualization field",
            ),
            "Sec_frac"
            / enum(
                "Parts of the Security extension",
                {
                    0: "nothing beyond the Security field",
                    1: "table walks can be turned off",
                    2: "walks off, and Secure memory apart",
                },
            ),
            "GenTimer"
            / feature(
                "Generic timer",
                "generic timer",
                "generic timer, self-synchronised too; CNTPCTSS and CNTVCTSS (FEAT_ECV)",
            ),
            "Virtualization" / feature("Virtualisation, EL2", "AArch32 EL2 and Hyp mode"),
            "MProgMod" / feature("M profile programmers' model", "two-stack model"),
            "Security"
            / enum(
                "Security extension, EL3",
                {0: "not implemented", 1: "EL3, Monitor mode and SMC", 2: "EL3, and NSACR.RFR can be set"},
            ),
            "ProgMod" / feature("Programmers' model before Armv4", "User, FIQ, IRQ, Supervisor modes ..."),
        ),
        RegisterSchema(
            "ID_PFR2_EL1",
            res0(63, 12),
            "RAS_frac"
            / feature(
                "Error reporting, minor version",
                "RAS version 1.1; where ID_PFR0.RAS is 1 (FEAT_RASv1p1)",
                absent="nothing beyond ID_PFR0_EL1.RAS",
            ),
            "SSBS" / feature("Speculative Store Bypass Safe", "CPSR.SSBS stops store bypass (FEAT_SSBS)"),
            "CSV3"
            / feature(
                "Meltdown: speculative use of faulting loads",
                "not vulnerable to Meltdown; data that a faulting load read under speculation is not used (FEAT_CSV3)",
                absent="not stated; may be vulnerable to Meltdown",
            ),
        ),
        RegisterSchema(
            "ID_DFR0_EL1",
            res0(63, 32),
            "TraceFilt" / feature("Trace filter by level", "TRFCR and HTRFCR exist (FEAT_TRF)"),
            "PerfMon"
            / unsigned(
                "Performance monitors",
                {
                    0: "not implemented",
                    1: "PMUv1",
                    2: "PMUv2",
                    3: "PMUv3; version of Armv8.0 (FEAT_PMUv3)",
                    4: "PMUv3 of Armv8.1 (FEAT_PMUv3p1)",
                    5: "PMUv3 of Armv8.4 (FEAT_PMUv3p4)",
                    6: "PMUv3 of Armv8.5 (FEAT_PMUv3p5)",
                    7: "PMUv3 of Armv8.7 (FEAT_PMUv3p7)",
                    8: "PMUv3 of Armv8.8 (FEAT_PMUv3p8)",
                    9: "PMUv3 of Armv8.9 (FEAT_PMUv3p9)",
                    0xF: "vendor's own PMU, not PMUv3",
                },
            ),
            "MProfDbg" / enum("M profile debug", {0: "not implemented", 1: "M profile debug architecture"}),
            "MMapTrc" / enum("Memory-mapped trace", {0: "not implemented", 1: "memory-mapped trace registers"}),
            "CopTrc" / enum("Trace through cp14", {0: "not implemented", 1: "trace registers in cp14"}),
            "MMapDbg"
            / enum(
                "Memory-mapped debug, A and R profiles",
                {0: "not implemented", 4: "Armv7, memory-mapped", 5: "Armv7.1, memory-mapped"},
            ),
            "CopSDbg" / number("Secure debug through cp14", form="same_as_copdbg"),
            "CopDbg"
            / enum(
                "Debug architecture, through cp14",
                {
                    0: "not implemented",
                    2: "Armv6 debug",
                    3: "Armv6.1 debug",
                    4: "Armv7 debug",
                    5: "Armv7.1 debug",
                    **DEBUG_ARCHITECTURES,
                },
            ),
        ),
        RegisterSchema(
            "ID_DFR1_EL1",
            res0(63, 8),
            "HPMN0"
            / feature(
                "No event counters for the guest",
                "HDCR.HPMN = 0 is allowed (FEAT_HPMN0)",
                absent="HDCR.HPMN = 0 is unpredictable",
            ),
            "MTPMU"
            / enum(
                "PMU events of other threads",
                {
                    0: "no control; PMEVTYPERn.MT is implementation defined",
                    1: "PMEVTYPERn.MT, with a control (FEAT_MTPMU)",
                    0xF: "PMEVTYPERn.MT does not exist",
                },
            ),
        ),
        RegisterSchema(
            "ID_AFR0_EL1",
            res0(63, 16),
            "IMPDEF3" / number("Vendor's own, 3", form="implementation"),
            "IMPDEF2" / number("Vendor's own, 2", form="implementation"),
            "IMPDEF1" / number("Vendor's own, 1", form="implementation"),
            "IMPDEF0" / number("Vendor's own, 0", form="implementation"),
        ),
        RegisterSchema(
            "MVFR0_EL1",
            res0(63, 32),
            "FPRound" / feature("Rounding modes", "all four rounding modes", absent="round to nearest only"),
            "FPShVec" / feature("Short vectors of VFP", "FPSCR.Len and Stride work"),
            "FPSqrt" / feature("Square root in hardware", "VSQRT in hardware"),
            "FPDivide" / feature("Division in hardware", "VDIV in hardware"),
            "FPTrap"
            / feature("Floating-point exceptions can trap", "exceptions can trap", absent="exceptions do not trap"),
            "FPDP"
            / feature(
                "Double precision",
                "VFPv2 operations on doubles",
                "VFPv3 or later on doubles; with VFPv3 constants and conversions",
            ),
            "FPSP"
            / feature(
                "Single precision",
                "VFPv2 operations on singles",
                "VFPv3 or later on singles; with VFPv3 constants and conversions",
            ),
            "SIMDReg"
            / enum(
                "Vector register file",
                {0: "not implemented", 1: "16 registers of 64 bits", 2: "32 registers of 64 bits (FEAT_AdvSIMD)"},
            ),
        ),
        RegisterSchema(
            "MVFR1_EL1",
            res0(63, 32),
            "SIMDFMAC" / feature("Fused multiply-add", "VFMA and VFMS"),
            "FPHP"
            / feature(
                "Half precision, scalar",
                "conversions to and from single",
                "conversions, double too",
                "conversions and arithmetic (FEAT_FP16)",
            ),
            "SIMDHP"
            / feature(
                "Half precision, vector",
                "conversions to and from single",
                "conversions and arithmetic (FEAT_FP16)",
            ),
            "SIMDSP" / feature("Single precision, vector", "vector single-precision arithmetic (FEAT_AdvSIMD)"),
            "SIMDInt" / feature("Integers, vector", "vector integer arithmetic (FEAT_AdvSIMD)"),
            "SIMDLS" / feature("Vector loads and stores", "VLD and VST forms (FEAT_AdvSIMD)"),
            "FPDNaN" / feature("NaN handling", "NaN values pass through", absent="only the default NaN"),
            "FPFtZ" / feature("Denormal numbers", "full denormal arithmetic", absent="flush-to-zero only"),
        ),
        RegisterSchema(
            "MVFR2_EL1",
            res0(63, 8),
            "FPMisc"
            / enum(
                "Floating point of Armv8",
                {
                    0: "not implemented",
                    1: "VSEL",
                    2: "VSEL, VCVT with a rounding mode",
                    3: "VSEL, VCVT with a mode, VRINT*",
                    4: "VSEL, VCVT, VRINT*, VMAXNM, VMINNM",
                },
            ),
            "SIMDMisc"
            / enum(
                "Vectors of Armv8",
                {
                    0: "not implemented",
                    1: "VCVT with a rounding mode",
                    2: "VCVT with a mode, VRINT*",
                    3: "VCVT, VRINT*, VMAXNM, VMINNM",
                },
            ),
        ),
    )
}
