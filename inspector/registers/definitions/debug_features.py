"""AArch64 debug, trace and PMU features: ID_AA64DFR0_EL1 to DFR2, ID_AA64AFR0_EL1, AFR1 (Arm ARM DDI 0487, D24.2)."""

from __future__ import annotations

from inspector.registers.parts import DEBUG_ARCHITECTURES, enum, feature, number, res0, signed, unsigned
from inspector.registers.schema import RegisterSchema

SCHEMAS = {
    schema.name: schema
    for schema in (
        RegisterSchema(
            "ID_AA64DFR0_EL1",
            "HPMN0"
            / enum(
                "No event counters for the guest",
                {
                    0: "MDCR_EL2.HPMN = 0 is unpredictable",
                    1: "MDCR_EL2.HPMN = 0 is allowed (FEAT_HPMN0)",
                },
            ),
            "ExtTrcBuff" / feature("External trace buffer", "trace can go to an external buffer (FEAT_TRBE_EXT)"),
            "BRBE"
            / feature(
                "Branch record buffer",
                "records of taken branches (FEAT_BRBE)",
                "branch records, EL3 too; version 1.1 (FEAT_BRBEv1p1)",
            ),
            "MTPMU"
            / signed(
                "PMU events of other threads",
                {
                    0: "no control; PMEVTYPERn_EL0.MT is implementation defined",
                    1: "PMEVTYPERn_EL0.MT, with a control; MDCR_EL3.MTPME (FEAT_MTPMU)",
                    0xF: "PMEVTYPERn_EL0.MT does not exist",
                },
            ),
            "TraceBuffer"
            / feature(
                "Trace buffer in memory",
                "TRBE, version 1.0 (FEAT_TRBE)",
                "TRBE, version 1.1 (FEAT_TRBEv1p1)",
            ),
            "TraceFilt" / feature("Trace filter by level", "TRFCR_ELx exist (FEAT_TRF)"),
            "DoubleLock"
            / signed(
                "OS double lock",
                {0: "OSDLR_EL1 locks debug (FEAT_DoubleLock)", 0xF: "not implemented; OSDLR_EL1 is ignored"},
            ),
            "PMSVer"
            / feature(
                "Statistical profiling",
                "version 1.0 (FEAT_SPE)",
                "version 1.1; adds alignment flag, SVE events (FEAT_SPEv1p1)",
                "version 1.2; adds branch target, discard mode (FEAT_SPEv1p2)",
                "version 1.3; adds data source filtering (FEAT_SPEv1p3)",
                "version 1.4; adds more event filters (FEAT_SPEv1p4)",
                "version 1.5; adds further event bits (FEAT_SPEv1p5)",
            ),
            "CTX_CMPs" / number("Breakpoints that compare contexts", form="plus_one_context"),
            "SEBEP"
            / feature("Synchronous-event exceptions, PMU", "profiling exceptions can be synchronous (FEAT_SEBEP)"),
            "WRPs" / number("Watchpoints", form="plus_one_watchpoint"),
            "PMSS" / feature("PMU snapshot", "counters can be captured together (FEAT_PMUv3_SS)"),
            "BRPs" / number("Breakpoints", form="plus_one_breakpoint"),
            "PMUVer"
            / unsigned(
                "Performance monitors",
                {
                    0: "not implemented",
                    1: "PMUv3; version of Armv8.0 (FEAT_PMUv3)",
                    4: "PMUv3 of Armv8.1; 16-bit event numbers, EL2 counting control (FEAT_PMUv3p1)",
                    5: "PMUv3 of Armv8.4; adds PMMIR_EL1 (FEAT_PMUv3p4)",
                    6: "PMUv3 of Armv8.5; 64-bit event counters (FEAT_PMUv3p5)",
                    7: "PMUv3 of Armv8.7; counters freeze on overflow (FEAT_PMUv3p7)",
                    8: "PMUv3 of Armv8.8; more common events, EL2 refinements (FEAT_PMUv3p8)",
                    9: "PMUv3 of Armv8.9; access per counter, PMZR_EL0 (FEAT_PMUv3p9)",
                    0xF: "vendor's own PMU, not PMUv3",
                },
            ),
            "TraceVer"
            / feature("Trace unit system registers", "TRC* registers reachable by MRS; an ETE or ETMv4 trace unit"),
            "DebugVer"
            / unsigned(
                "Debug architecture",
                DEBUG_ARCHITECTURES,
            ),
        ),
        RegisterSchema(
            "ID_AA64DFR1_EL1",
            "ABL_CMPs" / number("Breakpoints that can link by address (ABLE)", 8, form="plus_one_linking"),
            "DPFZS"
            / unsigned(
                "Cycle counter while events are frozen",
                {0: "keeps counting", 1: "freezes with the events (FEAT_SPE_DPFZS)"},
            ),
            "EBEP" / feature("Event-based exceptions of the PMU", "overflow can raise an exception (FEAT_EBEP)"),
            "ITE" / feature("Instrumentation trace", "TRCIT instruction (FEAT_ITE)"),
            "ABLE" / feature("Breakpoints linked by address", "watchpoints can link to addresses (FEAT_ABLE)"),
            "PMICNTR" / feature("Instruction counter", "PMICNTR_EL0 (FEAT_PMUv3_ICNTR)"),
            "SPMU"
            / feature(
                "System PMU registers",
                "SPM* registers (FEAT_SPMU)",
                "SPM* registers, and SPMZR_EL0 (FEAT_SPMU2)",
            ),
            "CTX_CMPs" / number("Context breakpoints, wider count", 8, form="extended_contexts"),
            "WRPs" / number("Watchpoints, wider count", 8, form="extended_watchpoints"),
            "BRPs" / number("Breakpoints, wider count", 8, form="extended_breakpoints"),
            "SYSPMUID" / number("System PMU number", 8, form="hex"),
        ),
        RegisterSchema(
            "ID_AA64DFR2_EL1",
            res0(63, 28),
            "TRBE_EXC" / feature("Trace buffer exceptions", "buffer events can be exceptions (FEAT_TRBE_EXC)"),
            "SPE_nVM" / feature("Profiling by virtual address alone", "no PA needed in records (FEAT_SPE_nVM)"),
            "SPE_EXC" / feature("Profiling buffer exceptions", "buffer events can be exceptions (FEAT_SPE_EXC)"),
            res0(15, 8),
            "BWE"
            / feature(
                "Breakpoints and watchpoints, enhanced",
                "range and mismatch breakpoints (FEAT_BWE)",
                "range and mismatch, second version (FEAT_BWE2)",
            ),
            "STEP" / feature("Stepping an instruction in place", "MDSTEPOP_EL1 holds it (FEAT_STEP2)"),
        ),
        RegisterSchema(
            "ID_AA64AFR0_EL1",
            res0(63, 32),
            "IMPDEF7" / number("Vendor's own, 7", form="implementation"),
            "IMPDEF6" / number("Vendor's own, 6", form="implementation"),
            "IMPDEF5" / number("Vendor's own, 5", form="implementation"),
            "IMPDEF4" / number("Vendor's own, 4", form="implementation"),
            "IMPDEF3" / number("Vendor's own, 3", form="implementation"),
            "IMPDEF2" / number("Vendor's own, 2", form="implementation"),
            "IMPDEF1" / number("Vendor's own, 1", form="implementation"),
            "IMPDEF0" / number("Vendor's own, 0", form="implementation"),
        ),
        RegisterSchema("ID_AA64AFR1_EL1", res0(63, 0)),
    )
}
