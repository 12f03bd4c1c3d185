"""What must be said of single registers, extra spellings, groups in display order, and where each schema lives."""

from __future__ import annotations

GROUPS: tuple[tuple[str, str], ...] = (
    ("identification", "Identification"),
    ("features", "Processor features"),
    ("instructions", "Instruction set"),
    ("memory", "Memory model"),
    ("debug-features", "Debug and PMU features"),
    ("aarch32", "AArch32 features"),
    ("reserved", "Reserved ID space"),
    ("cache", "Cache"),
    ("firmware", "Firmware pseudo-registers"),
    ("core", "Core"),
    ("control", "System control"),
    ("translation", "Address translation"),
    ("exception", "Exceptions"),
    ("thread", "Thread and context"),
    ("timer", "Timers"),
    ("pauth", "Pointer authentication keys"),
    ("pmu", "Performance monitors"),
    ("debug", "Debug"),
    ("fp", "Floating point"),
    ("sve", "SVE"),
    ("sme", "SME"),
    ("mte", "Memory tagging"),
    ("gcs", "Guarded control stack"),
    ("mpam", "MPAM"),
    ("ras", "RAS"),
    ("gic", "GIC CPU interface"),
    ("profiling", "Profiling and trace"),
    ("activity", "Activity monitors"),
    ("el2", "EL2 (nested virtualisation)"),
    ("el3", "EL3"),
    ("aarch32-state", "AArch32 state"),
    ("cp15", "AArch32 cp15"),
    ("cp14", "AArch32 cp14 (debug)"),
    ("implementation", "Implementation defined"),
    ("other", "Other"),
)

NOTES: dict[str, str] = {
    # keyed by register name
    "CNTVCT_EL0": (
        "KVM_REG_ARM_TIMER_CNT: KVM's ABI has the ids of the virtual counter and of its compare value swapped, so this id"
        " carries the encoding of CNTV_CVAL_EL0 and holds the counter; a QEMU TCG stream keeps CNTV_CVAL_EL0 here"
    ),
    "CNTV_CVAL_EL0": (
        "KVM_REG_ARM_TIMER_CVAL: KVM's ABI has the ids of the virtual counter and of its compare value swapped, so this id"
        " carries the encoding of CNTVCT_EL0 and holds the compare value"
    ),
    "PMSWINC_EL0": "write-only in the architecture; KVM up to 5.10 lists it all the same",
    "SP_EL0": "KVM calls it user_pt_regs.sp",
}

UNALLOCATED_NOTE = "unallocated ID-space encoding: reserved by the architecture, reads as zero"

ALIASES: dict[str, tuple[str, ...]] = {
    # register name -> spellings that the general rules do not give
    "SP_EL0": ("SP",),
    "X30": ("LR",),
    "X29": ("FP",),
    "PSTATE": ("CPSR",),
    "ELR_EL1": ("ELR",),
    "SPSR_EL1": ("SPSR", "SPSR_SVC"),
    "CNTVCT_EL0": ("KVM_REG_ARM_TIMER_CNT", "TIMER_CNT"),
    "CNTV_CVAL_EL0": ("KVM_REG_ARM_TIMER_CVAL", "TIMER_CVAL"),
    "CNTV_CTL_EL0": ("KVM_REG_ARM_TIMER_CTL", "TIMER_CTL"),
    "CNTPCT_EL0": ("KVM_REG_ARM_PTIMER_CNT", "PTIMER_CNT"),
    "CNTP_CVAL_EL0": ("KVM_REG_ARM_PTIMER_CVAL", "PTIMER_CVAL"),
    "CNTP_CTL_EL0": ("KVM_REG_ARM_PTIMER_CTL", "PTIMER_CTL"),
    "SVE_VLS": ("KVM_REG_ARM64_SVE_VLS", "VLS"),
    "FFR": ("P16",),
    "SMCCC_ARCH_WORKAROUND_1": ("WORKAROUND_1", "SPECTRE_V2"),
    "SMCCC_ARCH_WORKAROUND_2": ("WORKAROUND_2", "SPECTRE_V4"),
    "SMCCC_ARCH_WORKAROUND_3": ("WORKAROUND_3", "SPECTRE_BHB"),
    "VENDOR_HYP_BMAP_2": ("VENDOR_HYP_2", "VENDOR_HYP_BMAP2"),
    "STD_BMAP": ("STD",),
    "STD_HYP_BMAP": ("STD_HYP",),
    "VENDOR_HYP_BMAP": ("VENDOR_HYP",),
    "PSCI_VERSION": ("PSCI",),
    "ID_AA64SMFR0_EL1": ("SMFR0",),
    "ID_AA64ZFR0_EL1": ("ZFR0",),
    "ID_AA64FPFR0_EL1": ("FPFR0",),
}

SCHEMA_MODULES: dict[str, tuple[str, ...]] = {
    # module beside this one -> the schemas it defines
    "memory": ("ID_AA64MMFR0_EL1", "ID_AA64MMFR1_EL1", "ID_AA64MMFR2_EL1", "ID_AA64MMFR3_EL1", "ID_AA64MMFR4_EL1"),
}

SCHEMA_FAMILIES: dict[str, str] = {
    # register name without its number -> the schema that all members share
    "VPIDR_EL2": "MIDR_EL1",
    "VMPIDR_EL2": "MPIDR_EL1",
}
