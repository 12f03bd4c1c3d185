"""Core state and what KVM keeps as pseudo-registers: PSTATE, FPCR, FPSR, SVE_VLS, PSCI, workarounds, service bitmaps.

PSTATE as user_pt_regs.pstate holds it has the format of SPSR_EL1 (Arm ARM, C5.2). The pseudo-registers are Linux's
(Documentation/virt/kvm/arm/fw-pseudo-registers.rst, arch/arm64/include/uapi/asm/kvm.h).
"""

from __future__ import annotations

from inspector.registers.parts import coded, enum, flag, number, res0
from inspector.registers.schema import RegisterSchema

_MASKED = ("not masked", "masked")
_MODE_64 = {
    0x0: "EL0",
    0x4: "EL1 with SP_EL0 (EL1t)",
    0x5: "EL1 with SP_EL1 (EL1h)",
    0x8: "EL2 with SP_EL0 (EL2t)",
    0x9: "EL2 with SP_EL2 (EL2h)",
    0xC: "EL3 with SP_EL0 (EL3t)",
    0xD: "EL3 with SP_EL3 (EL3h)",
}
_MODE_32 = {
    0x10: "User",
    0x11: "FIQ",
    0x12: "IRQ",
    0x13: "Supervisor",
    0x16: "Monitor",
    0x17: "Abort",
    0x1A: "Hyp",
    0x1B: "Undefined",
    0x1F: "System",
}
_CONDITIONS = (
    "N" / flag("Negative", "result not negative", "result negative"),
    "Z" / flag("Zero", "result not zero", "result zero"),
    "C" / flag("Carry", "no carry", "carry"),
    "V" / flag("Overflow", "no overflow", "overflow"),
)
_SPECTRE = {
    0: "not available; no mitigation is reported to the guest",
    1: "available; the guest can call the firmware's mitigation",
    2: "not required; the CPU is not affected",
}

SCHEMAS = {
    schema.name: schema
    for schema in (
        RegisterSchema(
            "PSTATE",
            res0(63, 37),
            "UINJ" / flag("Injected undefined exception pending", "no", "yes (FEAT_UINJ)"),
            "PACM" / flag("PACM acts on the next instruction", "no", "yes (FEAT_PAuth_LR)"),
            "EXLOCK" / flag("Exception return state locked", "no", "locked (FEAT_GCS)"),
            "PPEND" / flag("Profiling exception pending", "no", "pending (FEAT_SEBEP)"),
            "PM" / flag("Profiling exception masked", "not masked", "masked (FEAT_EBEP)"),
            *_CONDITIONS,
            res0(27, 26),
            "TCO" / flag("Tag check override", "tags are checked", "tags are not checked (FEAT_MTE)"),
            "DIT" / flag("Data independent timing", "off", "on (FEAT_DIT)"),
            "UAO" / flag("User access override", "off", "LDTR and STTR act as privileged (FEAT_UAO)"),
            "PAN" / flag("Privileged access never", "off", "kernel cannot reach user pages (FEAT_PAN)"),
            "SS" / flag("Software step", "no", "step the next instruction"),
            "IL" / flag("Illegal execution state", "no", "illegal"),
            res0(19, 14),
            "ALLINT" / flag("All interrupts", "not masked", "masked (FEAT_NMI)"),
            "SSBS"
            / flag("Speculative store bypass", "not safe; bypass not allowed", "safe; bypass allowed (FEAT_SSBS)"),
            "BTYPE"
            / enum(
                "Kind of the branch that led here",
                {0: "none", 1: "BR through X16 or X17", 2: "BLR (FEAT_BTI)", 3: "BR through another register"},
                2,
            ),
            "D" / flag("Debug exceptions", *_MASKED),
            "A" / flag("SError", *_MASKED),
            "I" / flag("IRQ", *_MASKED),
            "F" / flag("FIQ", *_MASKED),
            res0(5, 5),
            "M" / enum("Exception level and stack pointer", _MODE_64, 5),
        ),
        RegisterSchema(
            "PSTATE AArch32",
            res0(63, 34),
            "PPEND" / flag("Profiling exception pending", "no", "pending (FEAT_SEBEP)"),
            res0(32, 32),
            *_CONDITIONS,
            "Q" / flag("Saturation happened", "no", "yes"),
            "IT_1_0" / number("If-Then state, bits 1:0", 2, form="hex"),
            "DIT" / flag("Data independent timing", "off", "on (FEAT_DIT)"),
            "SSBS"
            / flag("Speculative store bypass", "not safe; bypass not allowed", "safe; bypass allowed (FEAT_SSBS)"),
            "PAN" / flag("Privileged access never", "off", "on (FEAT_PAN)"),
            "SS" / flag("Software step", "no", "step the next instruction"),
            "IL" / flag("Illegal execution state", "no", "illegal"),
            "GE" / number("Greater-or-equal flags", form="hex"),
            "IT_7_2" / number("If-Then state, bits 7:2", 6, form="hex"),
            "E" / flag("Byte order", "little-endian", "big-endian"),
            "A" / flag("SError", *_MASKED),
            "I" / flag("IRQ", *_MASKED),
            "F" / flag("FIQ", *_MASKED),
            "T" / flag("Instruction set", "A32", "T32"),
            "M" / enum("AArch32 mode", _MODE_32, 5),
        ),
        RegisterSchema(
            "FPSR",
            *_CONDITIONS,
            "QC" / flag("Saturation happened", "no", "yes"),
            res0(26, 8),
            "IDC" / flag("Denormal input", "no", "happened"),
            res0(6, 5),
            "IXC" / flag("Inexact", "no", "happened"),
            "UFC" / flag("Underflow", "no", "happened"),
            "OFC" / flag("Overflow", "no", "happened"),
            "DZC" / flag("Division by zero", "no", "happened"),
            "IOC" / flag("Invalid operation", "no", "happened"),
        ),
        RegisterSchema(
            "FPCR",
            res0(31, 27),
            "AHP" / flag("Half-precision format", "IEEE", "alternative"),
            "DN" / flag("Default NaN", "NaN values pass through", "every NaN becomes the default NaN"),
            "FZ" / flag("Flush denormals to zero", "no", "yes"),
            "RMode"
            / enum(
                "Rounding",
                {0: "to nearest", 1: "towards plus infinity", 2: "towards minus infinity", 3: "towards zero"},
                2,
            ),
            "Stride" / number("AArch32 vector stride", 2, form="hex"),
            "FZ16" / flag("Flush half-precision denormals", "no", "yes (FEAT_FP16)"),
            "Len" / number("AArch32 vector length", 3, form="hex"),
            "IDE" / flag("Trap denormal input", "no", "yes"),
            res0(14, 14),
            "EBF" / flag("Extended BFloat16", "standard rounding", "extended (FEAT_EBF16)"),
            "IXE" / flag("Trap inexact", "no", "yes"),
            "UFE" / flag("Trap underflow", "no", "yes"),
            "OFE" / flag("Trap overflow", "no", "yes"),
            "DZE" / flag("Trap division by zero", "no", "yes"),
            "IOE" / flag("Trap invalid operation", "no", "yes"),
            res0(7, 3),
            "NEP" / flag("Other elements of a scalar result", "zeroed", "kept (FEAT_AFP)"),
            "AH" / flag("Alternate handling", "off", "on (FEAT_AFP)"),
            "FIZ" / flag("Denormal inputs are zero", "no", "yes (FEAT_AFP)"),
        ),
        RegisterSchema(
            "SVE_VLS",
            res0(511, 16),
            *(
                f"VL{bits}" / flag(f"Vectors of {bits} bits", "not available", "available")
                for bits in range(2048, 0, -128)
            ),
        ),
        RegisterSchema(
            "PSCI_VERSION",
            res0(63, 32),
            "Major" / number("Major version", 16, form="decimal"),
            "Minor" / number("Minor version", 16, form="psci"),
        ),
        RegisterSchema("SMCCC_ARCH_WORKAROUND_1", res0(63, 4), "State" / coded("Spectre v2 mitigation", _SPECTRE, 4)),
        RegisterSchema(
            "SMCCC_ARCH_WORKAROUND_2",
            res0(63, 5),
            "Enabled" / flag("Mitigation turned on by the guest", "off", "on"),
            "State"
            / coded(
                "Spectre v4 mitigation (store bypass)",
                {
                    0: "not available; vulnerable, or PSTATE.SSBS is the mitigation",
                    1: "unknown; the host does not know",
                    2: "available; the guest can switch it",
                    3: "not required; not affected, or always on",
                },
                4,
            ),
        ),
        RegisterSchema("SMCCC_ARCH_WORKAROUND_3", res0(63, 4), "State" / coded("Spectre BHB mitigation", _SPECTRE, 4)),
        RegisterSchema(
            "STD_BMAP",
            res0(63, 1),
            "TRNG_V1_0"
            / flag("True random number service", "not offered", "TRNG 1.0 offered; SMC calls 0x84000050 on"),
        ),
        RegisterSchema(
            "STD_HYP_BMAP",
            res0(63, 1),
            "PV_TIME" / flag("Stolen time service", "not offered", "paravirtual stolen time offered"),
        ),
        RegisterSchema(
            "VENDOR_HYP_BMAP",
            res0(63, 2),
            "PTP" / flag("Precise time from the host", "not offered", "KVM PTP clock offered"),
            "FUNC_FEAT" / flag("Discovery of KVM's services", "not offered", "KVM's UID and feature calls offered"),
        ),
        RegisterSchema(
            "VENDOR_HYP_BMAP_2",
            res0(63, 2),
            "DISCOVER_IMPL_CPUS"
            / flag("List of CPUs the guest may migrate to", "not offered", "offered; MIDR, REVIDR, AIDR of each"),
            "DISCOVER_IMPL_VER" / flag("Version of that list", "not offered", "offered"),
        ),
    )
}
