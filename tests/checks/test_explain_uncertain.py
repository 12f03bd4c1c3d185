"""Texts that say no more than that something failed: no firmer answer than they are, and something to bring next."""

from __future__ import annotations

import pytest

from inspector.checks.explain.explain import NOTHING, UNKNOWN, explain


@pytest.mark.parametrize(
    "text",
    [
        "migration failed",
        "Live migration failed.",
        "VM snapshot restore failed with error -22",
        "snapshot could not be restored",
        "guest hangs after migration",
        "VM crashed after live migration, vcpu 100%",
        "My arm64 VM won't start after I upgraded the host kernel.",
        "Migration of instance web01 to compute-02 did not complete",
        "EINVAL",
        "-22",
        "start_enter returned: -22",
        "Illegal instruction (core dumped)",
    ],
)
def test_prose_that_names_no_cause_gets_none(text: str) -> None:
    answer = explain(text)
    assert (answer.recognised, answer.headline) == (False, UNKNOWN)
    assert "uncertain" in UNKNOWN and answer.bring and not answer.conclusions and not answer.next_steps


@pytest.mark.parametrize("text", ["migration finished successfully (duration 00:03:21)\nTASK OK", "Domain restored"])
def test_what_succeeded_is_no_failure(text: str) -> None:
    assert explain(text).headline == NOTHING


@pytest.mark.parametrize(
    "text",
    [
        (
            '{"fault_message":"Load snapshot error: Failed to restore from snapshot: Failed to restore devices: Net:'
            ' Open tap device failed: Device or resource busy (os error 16)"}'
        ),
        (
            "can't activate volume chain for LV '/dev/FC/vm-101-disk-0.qcow2': Device or resource busy\n"
            "2026-09-22 14:29:18 ERROR: online migrate failure - remote command failed with exit code 255"
        ),
    ],
)
def test_a_cause_that_is_not_known_here_is_not_said_to_be_missing(text: str) -> None:
    answer = explain(text)
    assert answer.headline.endswith("; no line that is known here says why")
    assert "not in this text" not in answer.headline and "QEMU says" not in answer.headline


def test_libkrun_names_its_own_refusal_to_create_a_vcpu() -> None:
    answer = explain(
        "[2026-02-12T10:00:00Z ERROR krun] Building the microVM failed: Internal(Vcpu(VcpuArmInit(Error(22))))"
    )
    assert answer.vmm == "libkrun"
    assert "Cloud Hypervisor" not in " ".join((answer.headline, *answer.conclusions, *answer.bring))


@pytest.mark.parametrize("tail", [": -22", ""])
@pytest.mark.parametrize("form", ["Failed to load element of type int32 le for cpreg_vmstate_array_len"])
def test_the_lengths_are_found_in_the_words_of_10_2(form: str, tail: str) -> None:
    """vmstate_load_state(), migration/vmstate.c"""
    q = "2026-03-01T10:00:00.000000Z qemu-system-aarch64: "
    failed = (
        f"{q}load of migration failed: Invalid argument: error while loading state for instance 0x0 of device 'cpu': "
    )
    answer = explain(f"{q}Invalid value 269 expecting positive value <= 248\n{failed}{form}{tail}")
    assert answer.counts == (269, 248)
    alone = explain(f"{failed}{form}{tail}")
    assert "lists more registers than the destination" in alone.headline


@pytest.mark.parametrize("tail", [": -22", ""])
def test_a_pci_device_s_version_is_no_list_of_registers(tail: str) -> None:
    q = "qemu-system-aarch64: "
    text = (
        f"{q}Invalid value 3 expecting positive value <= 2\n{q}Failed to load element of type int32 le for version_id"
    )
    assert explain(text + tail).counts is None


@pytest.mark.parametrize(
    "line",
    [
        "KVM_SET_ONE_REG failed: reg 0x603000000013c03a ret 0xffffffea",
        "ioctl KVM_SET_ONE_REG id=0x603000000013c03a: errno 22",
    ],
)
def test_an_errno_behind_a_blank_is_one(line: str) -> None:
    (register,) = explain(line).registers
    assert (register.name, register.kind, register.errno_name) == ("ID_AA64MMFR2_EL1", "refused", "EINVAL")


def test_kvmtool_s_word_for_the_vector_lengths() -> None:
    (register,) = explain("  Fatal: KVM_SET_ONE_REG failed (KVM_ARM64_SVE_VLS): Invalid argument").registers
    assert (register.name, register.kind) == ("SVE_VLS", "refused")


def test_no_remedy_follows_from_a_field_that_is_not_the_cause() -> None:
    """MPAM is accepted and ignored where it is hidden; SEL2 and RAS are what differs beside it."""
    q = "qemu-system-aarch64: Could not set register system register op0:3 op1:0 crn:0 crm:4 op2:0 "
    answer = explain(f"{q}to 1101010111111112 (is 1101001121111112)")
    fields = {f.name: f.cause for r in answer.registers for f in r.fields}
    assert not fields["MPAM"] and fields["SEL2"] and fields["RAS"]
    assert not any("6.6.67" in step for step in answer.next_steps)


def test_a_newer_kernel_comes_before_other_values_where_it_alone_is_missing() -> None:
    """The GIC field of a 32-bit ID register: case 5 of the users' cases."""
    q = "qemu-system-aarch64: Could not set register system register op0:3 op1:0 crn:0 crm:1 op2:1 "
    first, second, *_ = explain(f"{q}to 131 (is 10000131)").next_steps
    assert "newer kernel" in first and "6.12.60" in first and first.startswith("try")
    assert "copy of the saved stream" in second


@pytest.mark.parametrize(
    ("line", "risk"),
    [
        ("Could not set register fw reg 3 to 2 (is 1)", "keeps the mitigation that it chose at boot"),
        (
            "Could not set register system register op0:3 op1:0 crn:0 crm:0 op2:0 to 413fd0c1 (is 414fd0c1)",
            "keeps the errata workarounds",
        ),
        (
            "Could not set register system register op0:3 op1:3 crn:0 crm:0 op2:1 to b444c004 (is 9444c004)",
            "may run stale instructions",
        ),
        (
            "Failed to set register 0x603000000013c000 to value 0x413fd0c1: Invalid argument",
            "keeps the errata workarounds",
        ),
    ],
)
def test_what_another_value_means_to_the_guest_stands_beside_the_way_out(line: str, risk: str) -> None:
    answer = explain(
        f"qemu-system-aarch64: {line}" if "Could" in line else f"Load snapshot error: {line} (os error 22)"
    )
    assert any(risk in text for text in answer.conclusions)


def test_the_words_around_a_register_are_not_the_cause() -> None:
    """Cloud Hypervisor 53's chain of errors in one line; `Error creating vCPU` is Firecracker's as well."""
    chain = "Error creating vCPU: Error setting pre-finalize registers: Failed to set extended register: "
    answer = explain(f"{chain}Invalid argument (os error 22)")
    assert answer.vmm == "cloud-hypervisor" and "vector lengths" in answer.headline
    assert "KVM_CREATE_VCPU" in explain("Error creating vcpu: File exists (os error 17)").headline
