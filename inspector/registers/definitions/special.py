"""What must be said of single registers, extra spellings, and groups in display order."""

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

SHORT_TITLES: dict[str, str] = {
    "features": "CPU features",
    "debug-features": "Debug, PMU",
    "reserved": "Reserved IDs",
    "firmware": "Firmware",
    "translation": "Translation",
    "thread": "Threads",
    "pauth": "PAC keys",
    "pmu": "PMU",
    "gcs": "GCS",
    "gic": "GIC",
    "profiling": "Profiling, trace",
    "activity": "AMU",
    "el2": "EL2",
    "cp14": "AArch32 cp14",
    "implementation": "IMPDEF",
}
"""Titles of groups where there is room for 16 letters; the other titles have no more."""

NOTES: dict[str, str] = {
    # keyed by register name
    "CNTVCT_EL0": (
        "KVM_REG_ARM_TIMER_CNT: KVM's ABI has the ids of the virtual counter and of its compare value swapped, so this"
        " id carries the encoding of CNTV_CVAL_EL0 and holds the counter; a QEMU TCG stream keeps CNTV_CVAL_EL0 here"
    ),
    "CNTV_CVAL_EL0": (
        "KVM_REG_ARM_TIMER_CVAL: KVM's ABI has the ids of the virtual counter and of its compare value swapped, so this"
        " id carries the encoding of CNTVCT_EL0 and holds the compare value"
    ),
    "PMSWINC_EL0": "write-only in the architecture; the oldest KVM lists it all the same",
    "SP_EL0": "KVM calls it user_pt_regs.sp",
}

UNALLOCATED_NOTE = "unallocated ID-space encoding: reserved by the architecture, reads as zero"

FEATURE_PREFIX = "FEAT_"
"""What the architecture's names of features begin with."""

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
    "AMAIR_EL1": ("AMAIR0",),
    "ID_AA64SMFR0_EL1": ("SMFR0",),
    "ID_AA64ZFR0_EL1": ("ZFR0",),
    "ID_AA64FPFR0_EL1": ("FPFR0",),
}

SHARED_SCHEMAS: dict[str, str] = {
    # register -> the schema of another register that has the same fields
    "VPIDR_EL2": "MIDR_EL1",
    "VMPIDR_EL2": "MPIDR_EL1",
    "SCTLR_EL12": "SCTLR_EL1",
    "TCR_EL12": "TCR_EL1",
    "TTBR0_EL12": "TTBR0_EL1",
    "TTBR1_EL12": "TTBR1_EL1",
    "MAIR_EL12": "MAIR_EL1",
    "MAIR_EL2": "MAIR_EL1",
    "MAIR_EL3": "MAIR_EL1",
    "CPACR_EL12": "CPACR_EL1",
    "CNTKCTL_EL12": "CNTKCTL_EL1",
    "ZCR_EL2": "ZCR_EL1",
    "ZCR_EL3": "ZCR_EL1",
    "ZCR_EL12": "ZCR_EL1",
    "SPSR_EL1": "PSTATE",
    "SPSR_EL2": "PSTATE",
    "SPSR_EL3": "PSTATE",
    "SPSR_EL12": "PSTATE",
    "SPSR_EL1 (S3_0_C4_C0_0)": "PSTATE",
    "SPSR_abt": "PSTATE",
    "SPSR_und": "PSTATE",
    "SPSR_irq": "PSTATE",
    "SPSR_fiq": "PSTATE",
    "CNTP_CTL_EL0": "CNT_CTL",
    "CNTV_CTL_EL0": "CNT_CTL",
    "CNTHP_CTL_EL2": "CNT_CTL",
    "CNTHV_CTL_EL2": "CNT_CTL",
    "CNTPS_CTL_EL1": "CNT_CTL",
    "CNTP_CTL_EL02": "CNT_CTL",
    "CNTV_CTL_EL02": "CNT_CTL",
}
