"""Registers that are not system registers: core state, SVE, firmware pseudo-registers.

Source: Linux, arch/arm64/include/uapi/asm/kvm.h and arch/arm64/kvm/guest.c.
Core indices count 32-bit words in `struct kvm_regs`.
"""

from __future__ import annotations

CORE_REGISTERS: tuple[tuple[str, int, int, str, str], ...] = (
    # name, index, size in bytes, group key, title; X0 to X30 and V0 to V31 are in the families below
    ("SP_EL0", 0x3E, 8, "core", "Stack pointer, EL0 (user_pt_regs.sp)"),
    ("PC", 0x40, 8, "core", "Program counter"),
    ("PSTATE", 0x42, 8, "core", "Processor state (user_pt_regs.pstate)"),
    ("SP_EL1", 0x44, 8, "core", "Stack pointer, EL1"),
    ("ELR_EL1", 0x46, 8, "core", "Exception return address, EL1"),
    ("SPSR_EL1", 0x48, 8, "core", "Saved program status, EL1"),
    ("SPSR_abt", 0x4A, 8, "core", "Saved program status, AArch32 Abort mode"),
    ("SPSR_und", 0x4C, 8, "core", "Saved program status, AArch32 Undefined mode"),
    ("SPSR_irq", 0x4E, 8, "core", "Saved program status, AArch32 IRQ mode"),
    ("SPSR_fiq", 0x50, 8, "core", "Saved program status, AArch32 FIQ mode"),
    ("FPSR", 0xD4, 4, "fp", "Floating-point status"),
    ("FPCR", 0xD5, 4, "fp", "Floating-point control"),
)

CORE_FAMILIES: tuple[tuple[str, int, int, int, int, str, str], ...] = (
    # name, index of member 0, members, distance, size in bytes, group key, title
    ("X{n}", 0x00, 31, 2, 8, "core", "General register {n}"),
    ("V{n}", 0x54, 32, 4, 16, "fp", "Vector register {n}, 128 bits (not listed when the vCPU has SVE)"),
)

SVE_FAMILIES: tuple[tuple[str, int, int, int, str], ...] = (
    # name, index of member 0, members, size in bytes, title; a member's slices take the low five bits of the index
    ("Z{n}", 0x0000, 32, 256, "SVE vector {n}"),
    ("P{n}", 0x0400, 16, 32, "SVE predicate {n}"),
    ("FFR", 0x0600, 1, 32, "SVE first-fault register"),
)

SVE_VLS_INDEX = 0xFFFF

FIRMWARE_REGISTERS: tuple[tuple[str, int, str, str], ...] = (
    # name, index, kernel's macro, title
    ("PSCI_VERSION", 0, "KVM_REG_ARM_PSCI_VERSION", "PSCI version that the guest is offered"),
    ("SMCCC_ARCH_WORKAROUND_1", 1, "KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1", "Spectre variant 2 mitigation"),
    ("SMCCC_ARCH_WORKAROUND_2", 2, "KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_2", "Speculative store bypass mitigation"),
    ("SMCCC_ARCH_WORKAROUND_3", 3, "KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_3", "Spectre BHB (branch history) mitigation"),
)

FIRMWARE_BITMAPS: tuple[tuple[str, int, str, str], ...] = (
    ("STD_BMAP", 0, "KVM_REG_ARM_STD_BMAP", "Standard secure services offered"),
    ("STD_HYP_BMAP", 1, "KVM_REG_ARM_STD_HYP_BMAP", "Standard hypervisor services offered"),
    ("VENDOR_HYP_BMAP", 2, "KVM_REG_ARM_VENDOR_HYP_BMAP", "KVM's own hypervisor services offered"),
    ("VENDOR_HYP_BMAP_2", 3, "KVM_REG_ARM_VENDOR_HYP_BMAP_2", "KVM's own hypervisor services offered, second word"),
)

DEMUX_CACHES = 14
"""CSSELR_EL1 values 0 to 13: seven levels, each with a data or unified and an instruction cache."""
