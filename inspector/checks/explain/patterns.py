"""The messages that `explain` recognises: those of the VMMs, and what guests, hosts and test programs print."""

from __future__ import annotations

from inspector.checks.explain.kernel_texts import HOST_OR_GUEST
from inspector.checks.vmms import table
from inspector.checks.vmms.messages import Message

_SEEN_FROM_INSIDE = (
    Message(
        key="guest-psci",
        vmm=HOST_OR_GUEST,
        kind="boot_failed",
        patterns=("psci: failed to boot CPU{cpu}\\(-{n}\\)",),
        meaning="A kernel asked for another CPU to be started, and was answered with an error.",
    ),
    Message(
        key="guest-boot",
        vmm=HOST_OR_GUEST,
        kind="boot_failed",
        patterns=("CPU{cpu}: failed to boot: -{n}",),
        meaning="A kernel could not start another CPU.",
    ),
    Message(
        key="kvmtool-set",
        vmm="kvmtool",
        kind="refused",
        patterns=("KVM_SET_ONE_REG failed \\({called}\\)(?::{err})?",),
        meaning="kvmtool could not set this register while it set up a fresh vCPU; it restores nothing.",
    ),
    Message(
        key="kvmtool-get",
        vmm="kvmtool",
        kind="unreadable",
        patterns=("KVM_GET_ONE_REG failed \\((?:get_)?{called}(?: vcpu{cpu}|\\))(?::{err})?",),
        meaning="kvmtool could not read this register.",
    ),
    Message(
        key="set-one-reg",
        vmm="another program",
        kind="put_failed",
        patterns=(
            "KVM_SET_ONE_REG(?: ioctl)? failed{any}{err}",
            "ioctl\\(\\d{1,6}, KVM_SET_ONE_REG, 0x[0-9a-f]{1,16}\\) = -1 {err}",
        ),
        meaning="A register write failed; the line does not name the register.",
    ),
    Message(
        key="vcpu-init",
        vmm="another program",
        kind="create_failed",
        patterns=(
            "KVM_ARM_VCPU_INIT(?: ioctl)? failed{any}{err}",
            "ioctl\\((?:\\d{1,6}, )?KVM_ARM_VCPU_INIT[^)]{0,80}\\) = -1 {err}",
            "Error doing Vcpu Init on Arm: {err}",
        ),
        meaning="KVM refused to create a vCPU with the features that it was asked for (KVM_ARM_VCPU_INIT).",
    ),
    Message(
        key="dmesg-sanity",
        vmm="host",
        kind="variation",
        patterns=(
            (
                "SANITY CHECK: Unexpected variation in (?:SYS_)?{name}\\.? Boot CPU:"
                " (?P<boot>0x[0-9a-f]{1,16}), CPU{cpu}: {hex}"
            ),
        ),
        meaning="Two CPUs of this machine have different values of a feature register.",
        fatal=False,
    ),
    Message(
        key="bsa-compare",
        vmm="bsa",
        kind="variation",
        patterns=(
            (
                "Reg compare failed for PE index={cpu} for Register: {name} Current PE value ="
                " (?P<boot>0x[0-9a-f]{1,16}) Other PE value = {hex}"
            ),
        ),
        meaning="The BSA test found two CPUs with different values of a register (masked values).",
        fatal=False,
    ),
)

MESSAGES: tuple[Message, ...] = (*table.MESSAGES, *_SEEN_FROM_INSIDE)
