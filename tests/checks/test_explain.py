"""What is concluded from pasted error texts."""

from __future__ import annotations

import pytest

from inspector.checks.explain.explain import explain
from inspector.checks.explain.kernel_texts import HOST_OR_GUEST
from inspector.checks.explain.result import ExplainedRegister, Explanation
from inspector.checks.machine.question import Given
from inspector.errors import EXIT_NO, EXIT_YES
from inspector.registers.encoding import bitmap_id, ccsidr_id, firmware_id, sysreg_id
from inspector.sources import load
from inspector.sources.dump import Dump, Provenance, Vcpu
from tests.material import read_text

MMFR2 = sysreg_id(3, 0, 0, 7, 2)
MMFR4 = sysreg_id(3, 0, 0, 2, 6)
PFR0 = sysreg_id(3, 0, 0, 4, 0)


def refused(answer: Explanation) -> list[ExplainedRegister]:
    """The refused registers."""
    return [r for r in answer.registers if r.kind == "refused"]


def sample(name: str) -> str:
    """One measured QEMU output."""
    return read_text("qemu-output", name)


def told(answer: Explanation) -> str:
    """Everything that is said, in one text."""
    return " ".join([answer.headline, *answer.conclusions, *answer.next_steps, *answer.bring])


def test_qemu_11_names_register_field_values_rule_and_release() -> None:
    answer = explain(sample("qemu-11.1-refused.txt"))
    first, second = refused(answer)
    assert (first.id, first.wanted, first.actual) == (MMFR4, 0x1021110, 0x21110)
    assert (second.id, second.wanted, second.actual) == (MMFR2, 0x1221011112101011, 0x1221011112001011)
    (field,) = second.fields
    assert (field.name, field.msb, field.lsb, field.wanted, field.actual) == ("CCIDX", 23, 20, 1, 0)
    assert "FEAT_CCIDX" in field.meaning_wanted
    assert field.since == second.since == "6.3"
    assert "bf48040cd9b0" in field.reference
    assert [f.name for f in first.fields] == ["CCIDX"]
    assert answer.vmm == "qemu"
    assert answer.version == "11.1.2"
    assert [len(g.ids) for g in answer.missing] == [11, 3]
    assert not answer.groups


def test_messages_that_qemu_prints_twice_are_merged_and_counted() -> None:
    answer = explain(sample("qemu-11.1-refused.txt"))
    assert len(refused(answer)) == 2
    assert {m.count for m in answer.messages if m.kind == "refused"} == {2}


def test_qemu_10_with_ids_only_finds_the_common_field() -> None:
    answer = explain(sample("qemu-10.0-refused.txt"))
    assert [r.id for r in refused(answer)] == [MMFR4, MMFR2]
    assert all(r.errno_name == "EINVAL" for r in refused(answer))
    assert any("CCIDX" in c and "6.3" in c for c in answer.conclusions)
    assert any("--source" in b for b in answer.bring)


def test_unknown_registers_are_grouped_with_their_release() -> None:
    answer = explain(sample("qemu-11.1-unknown-register.txt"))
    assert {g.key: len(g.ids) for g in answer.groups} == {"bitmaps": 3, "oslsr": 1}
    psci = next(r for r in refused(answer) if r.id == firmware_id(0))
    assert "1.1 is asked" in psci.why
    debug = next(r for r in refused(answer) if r.id == sysreg_id(3, 0, 0, 5, 0))
    assert [(f.name, f.wanted, f.actual) for f in debug.fields] == [("PMUVer", 5, 4), ("DebugVer", 6, 9)]
    assert debug.fields[1].since == "5.12"
    assert "older than the source's" in told(answer)


def test_lengths_say_what_fits_and_claim_no_more() -> None:
    answer = explain(sample("qemu-10.0-list-too-long.txt"))
    assert answer.counts == (269, 248)
    assert "21 too many" in answer.headline
    assert any("6.12" in c and "5.10" in c for c in answer.conclusions)
    assert any("do not prove" in c for c in answer.conclusions)
    assert not answer.registers


def test_qemu_7_names_nothing_and_says_what_to_bring() -> None:
    answer = explain(sample("qemu-7.2-refused.txt"))
    assert not answer.registers
    assert "does not name which" in answer.headline
    assert any("--source" in b for b in answer.bring)
    assert any("--destination" in b for b in answer.bring)
    assert any("kvm_failed_reg_set" in s for s in answer.next_steps)


def test_74_is_the_pmu() -> None:
    answer = explain("Invalid value 236 expecting positive value <= 162")
    assert any("74" in c and "PMUv3" in c for c in answer.conclusions)


@pytest.mark.parametrize(
    ("text", "reg_id", "wanted", "actual"),
    [
        ("Could not set register op0:3 op1:0 crn:0 crm:0 op2:0 to c00fac31 (is 413fd0c1)", sysreg_id(3, 0, 0, 0, 0),
         0xC00FAC31, 0x413FD0C1),
        ("Could not set register demuxed reg 6020000000110000 to 1a (is 2)", ccsidr_id(0), 0x1A, 2),
        ("Could not set register core reg 6030000000100042 to 5 (is 3c5)", 0x6030000000100042, 5, 0x3C5),
        ("Could not set register fw feat reg 3 to 1 (is 0)", bitmap_id(3), 1, 0),
        ("Could not set register SVE VLS to f (is 1)", 0x606000000015FFFF, 0xF, 1),
        ("Could not set register SVE zreg n:3 slice:0 to 0 (is 1)", 0x6080000000150060, 0, 1),
        ("Failed to set register 0x603000000013c020 to value 0x1101000021111112: Invalid argument (os error 22)", PFR0,
         0x1101000021111112, None),
        ("Failed to restore system register AArch64SysRegId { Op0: 3, Op1: 0, CRn: 0, CRm: 4, Op2: 0 }: EINVAL",
         PFR0, None, None),
        ("failed_reg_set Warning: Unable to set ONEREG 6931039826524487712 to KVM: Invalid argument", PFR0, None, None),
        # QEMU 10.2, write_list_to_kvmstate(): KVM did not give its own value, or answered neither EINVAL nor ENOENT
        ("Could not set register op0:3 op1:0 crn:0 crm:4 op2:0 to 1100\nqemu: a line", PFR0, 0x1100, None),
        ("Could not set register op0:3 op1:0 crn:0 crm:4 op2:0: Device or resource busy", PFR0, None, None),
    ],
)  # fmt: skip
def test_every_way_to_name_a_refused_register(text: str, reg_id: int, wanted: int | None, actual: int | None) -> None:
    (register,) = refused(explain(text))
    assert (register.id, register.wanted, register.actual) == (reg_id, wanted, actual)


@pytest.mark.parametrize(
    ("text", "kind", "reg_id"),
    [
        ("kvm_arm_cpu_post_load Unexpected register in input stream: i 0x5 op0:3 op1:0 crn:2 crm:0 op2:3",
         "only_in_source", 0x603000000013C103),
        ("Missing register in input stream: i 0x7 op0:3 op1:3 crn:14 crm:0 op2:1", "missing_in_source",
         0x603000000013DF01),
        ("Could not set register op0:3 op1:0 crn:2 crm:0 op2:3 to 0 : unknown to KVM", "only_in_source",
         0x603000000013C103),
        ("Could not set register fw feat reg 3 to 1 (unknown to KVM)", "only_in_source", bitmap_id(3)),
        ("Could not set register fw feat reg 3: unknown to KVM", "only_in_source", bitmap_id(3)),
    ],
)  # fmt: skip
def test_list_differences(text: str, kind: str, reg_id: int) -> None:
    answer = explain(text)
    assert [(r.kind, r.id) for r in answer.registers] == [(kind, reg_id)]
    assert [i for g in answer.groups for i in g.ids] == ([reg_id] if kind == "only_in_source" else [])


def test_tolerated_register_stops_nothing() -> None:
    answer = explain(
        "warning: handle_cpreg_only_in_incoming_stream: system register op0:3 op1:0 crn:2 crm:0 op2:3 in the incoming "
        "stream but unknown on the destination: skip it"
    )
    assert answer.headline == "nothing here stops a restore"
    assert not answer.next_steps


@pytest.mark.parametrize(
    ("text", "vmm", "word"),
    [
        ("VmRestore(VmmRestore(SetSysRegister(Invalid argument (os error 22))))", "cloud-hypervisor", "state.json"),
        ("GetAarchCoreRegister(Invalid argument (os error 22))", "cloud-hypervisor", "SVE"),
        ("[    0.1] psci: failed to boot CPU1 (-22)", HOST_OR_GUEST, "6.3"),
        ("[    0.1] CPU1: failed to boot: -22", HOST_OR_GUEST, "pin"),
        ("qemu-system-aarch64: Failed to put registers after reset: Invalid argument", "qemu", "--source"),
        ("Putting registers after init: Invalid argument", "qemu", "--source"),
        ("Restoring resisters after reset: Invalid argument", "qemu", "--source"),
        ("Failed to put registers at runtime", "qemu", "--source"),
        ("error: operation failed: job 'migration out' failed: Channel error", "libvirt", "another program"),
        ("error: Cannot find CPU model with PVR 0xd0b", "libvirt", "harmless"),
        ("Snapshot data version 8.0.0 is not supported", "firecracker", "1.13"),
    ],
)
def test_messages_without_a_register(text: str, vmm: str, word: str) -> None:
    answer = explain(text)
    assert answer.recognised
    assert answer.vmm == vmm
    assert word in told(answer)


def test_libvirt_wrapping_is_taken_off() -> None:
    answer = explain(
        "error: internal error: process exited while connecting to monitor: 2026-11-22T10:00:00.123456Z qemu-kvm: "
        "Failed to put registers after init: Invalid argument"
    )
    assert answer.vmm == "qemu"
    assert "does not name which" in answer.headline


def test_variation_between_cpus_decodes_both() -> None:
    answer = explain(
        "CPU features: SANITY CHECK: Unexpected variation in SYS_ID_AA64PFR0_EL1. Boot CPU: 0x00000011112222, CPU4: "
        "0x00000011111112"
    )
    (register,) = answer.registers
    assert register.cpus == (4,)
    assert [f.name for f in register.fields] == ["EL3", "EL2", "EL1"] or {f.name for f in register.fields} <= {
        "AdvSIMD", "FP", "EL3", "EL2", "EL1",
    }  # fmt: skip
    assert register.fields


def test_bsa_text() -> None:
    answer = explain(
        "Reg compare failed for PE index=4 for Register: ID_AA64PFR0_EL1\n"
        "Current PE value = 0x11112222  Other PE value = 0x11111112"
    )
    assert [(r.id, r.wanted, r.actual) for r in answer.registers] == [(PFR0, 0x11112222, 0x11111112)]


@pytest.mark.parametrize("text", ["", "hello world", "make: *** [all] Error 2", "the 4 CPUs are idle", "0x1234 42"])
def test_a_text_without_error_is_a_no(text: str) -> None:
    answer = explain(text)
    assert not answer.recognised
    assert answer.exit_code == EXIT_NO
    assert "\n" not in answer.headline


@pytest.mark.parametrize("text", ["6931039826524487738", "603000000013c03a", "0x603000000013c03a", "S3_0_C0_C7_2",
                                  "ID_AA64MMFR2_EL1 refused", "op0:3 op1:0 crn:0 crm:7 op2:2"])  # fmt: skip
def test_ids_alone_name_the_register(text: str) -> None:
    answer = explain(text)
    assert [r.id for r in answer.registers] == [MMFR2]
    assert answer.exit_code == EXIT_YES
    assert "CCIDX" in answer.registers[0].why


def test_values_come_from_the_dumps() -> None:
    text = "Unable to set ONEREG 6931039826524487738 to KVM: Invalid argument"
    answer = explain(text, load("builtin:neoverse-n2-linux-6.1"), load("builtin:neoverse-n2-linux-6.12"))
    (register,) = refused(answer)
    assert (register.wanted, register.actual) == (0x1221011112101011, 0x1221011112001011)
    assert register.from_dump == ("wanted", "actual")
    assert [f.name for f in register.fields] == ["CCIDX"]


def test_dumps_name_the_first_refused_register() -> None:
    text = "SetSysRegister(Invalid argument (os error 22))"
    answer = explain(text, load("builtin:neoverse-n2-linux-6.1"), load("builtin:neoverse-n2-linux-6.12"))
    assert answer.simulation is not None
    assert answer.simulation.vmm == "cloud-hypervisor"
    assert "ID_MMFR4_EL1" in told(answer)


def test_several_errors_in_one_text() -> None:
    answer = explain(
        "Cannot find CPU model with PVR 0xd0b\n"
        "Could not set register op0:3 op1:0 crn:0 crm:7 op2:2 to 1221011112101011 (is 1221011112001011)\n"
        "Failed to set register 0x603000000013c020 to value 0x1101000021111112: Invalid argument (os error 22)\n"
    )
    assert {r.id for r in refused(answer)} == {MMFR2, PFR0}
    assert any("PVR" in m.text for m in answer.messages)


def test_simulated_refusals_are_explained_like_named_ones() -> None:
    text = "load of migration failed: Operation not permitted"
    answer = explain(text, load("builtin:neoverse-n2-linux-6.1"), load("builtin:neoverse-n2-linux-6.12"))
    assert [(r.id, r.simulated, r.since) for r in refused(answer)] == [(MMFR4, True, "6.3"), (MMFR2, True, "6.3")]
    assert "simulated" in answer.headline
    assert answer.next_steps


def test_dumps_that_do_not_show_the_failure() -> None:
    same = load("builtin:neoverse-n2-linux-6.12")
    answer = explain("load of migration failed: Operation not permitted", same, same)
    assert any("do not show the failure" in c for c in answer.conclusions)


def test_unknown_kernel_of_the_destination_is_asked_for() -> None:
    shipped = load("builtin:neoverse-n2-linux-6.12")
    bare = Dump(provenance=Provenance(source="bare"), vcpus=(Vcpu(index=0, values=shipped.vcpus[0].values),))
    answer = explain("load of migration failed: Operation not permitted", shipped, bare)
    assert answer.simulation is not None and any("names no kernel" in note for note in answer.simulation.notes)
    assert any("--kernel" in b for b in answer.bring)
    assert explain("load of migration failed: Operation not permitted", shipped, bare, Given("6.12")).simulation


def test_guest_error_other_than_einval_is_not_blamed_on_registers() -> None:
    answer = explain("psci: failed to boot CPU1 (-5)")
    assert "EIO" in told(answer)
    assert "CCSIDR" not in " ".join(answer.conclusions) and not answer.next_steps


PSCI = "[ 8210.417837] psci: failed to boot CPU4 (-22)\n[ 8210.418226] CPU4: failed to boot: -22\n"


@pytest.mark.parametrize(
    ("beside", "vmm", "headline", "step"),
    [
        ("", HOST_OR_GUEST, "does not say whose log it is", "if this is a guest's log: pin"),
        ("Machine model: linux,dummy-virt\n", "guest", "a vCPU of the guest did not start", "pin all vCPU threads"),
        ("kvm [1]: Hyp mode initialized successfully\n", "host", "a CPU of the host did not start", "firmware"),
    ],
    ids=["open", "guest", "host"],
)
def test_a_cpu_that_did_not_start_is_whose_log_it_is(beside: str, vmm: str, headline: str, step: str) -> None:
    """A host's kernel prints the same lines (ayufan-rock64/linux-build issue 395, an RK3399)."""
    answer = explain(beside + PSCI)
    assert answer.vmm == vmm and headline in answer.headline
    assert answer.next_steps[0].startswith(step) or step in answer.next_steps[0]
    assert not any("--source" in line for line in answer.bring)
    assert ("CCSIDR" in told(answer)) == (vmm != "host")


def test_a_connection_that_the_other_side_closed_does_not_say_why() -> None:
    """Cloud Hypervisor issue 6848: what the sender prints, whatever ended the receiver."""
    answer = explain('MigrateSocket(Error { kind: UnexpectedEof, message: "failed to fill whole buffer" })')
    assert "why the other side closed it" in answer.headline and "no register" not in answer.headline


def test_a_log_of_libvirt_versions_is_no_snapshot_format() -> None:
    answer = explain(
        "starting up libvirt version: 10.0.0, package: 10.0.0-2, qemu version: 8.2.2\n"
        "error while loading state for instance 0x0 of device 'cpu'\nload of migration failed: Operation not permitted"
    )
    assert answer.vmm == "qemu"
    assert not any("Firecracker" in c for c in answer.conclusions)


def test_a_refused_value_that_the_destination_shows_is_not_blamed() -> None:
    """KVM takes back what it shows, so a copy with another value would change nothing."""
    line = "qemu-system-aarch64: Could not set register op0:3 op1:0 crn:0 crm:7 op2:2 to 1221011112 (is {})\n"
    end = "qemu-system-aarch64: Failed to put registers after init: Invalid argument\n"
    found = explain(line.format("1221011112") + end)
    assert any("look for another cause than the value" in one for one in found.conclusions)
    assert (
        not any("vcpu-inspector fix" in step for step in found.next_steps)
        and "vcpu-inspector migrate" in found.next_steps[0]
    )
    other = explain(line.format("1221011111") + end)
    assert not any("another cause" in one for one in other.conclusions)
    assert any("vcpu-inspector fix" in step for step in other.next_steps)


def test_a_guest_with_sve_that_could_not_be_saved_gets_a_way_out() -> None:
    found = explain("Error snapshotting: GetAarchCoreRegister(Invalid argument (os error 22))\n")
    assert any("no longer core registers" in one for one in found.conclusions)
    assert [step[:67] for step in found.next_steps] == [
        "where the vCPU has SVE: save with Cloud Hypervisor 53 or newer, whi"
    ]


def test_unlike_cpus_are_told_first() -> None:
    answer = explain(
        "Could not set register op0:3 op1:0 crn:0 crm:0 op2:0 to 410fd493 (is 410fd083)\n"
        "Could not set register op0:3 op1:0 crn:0 crm:7 op2:2 to 1221011112001011 (is 1000)\n"
    )
    assert any("different CPUs" in c for c in answer.conclusions)
    assert answer.next_steps[0].startswith("no kernel makes")
    assert not any("older than" in c for c in answer.conclusions)


def test_newer_source_on_older_destination() -> None:
    text = "Could not set register op0:3 op1:0 crn:0 crm:7 op2:2 to 1221011110001011 (is 1221011112001011)"
    answer = explain(text)
    assert any("the source's kernel is 6.15 or newer" in c for c in answer.conclusions)
    assert "6.15 or newer" in answer.next_steps[0]


def test_tolerated_field_is_not_blamed() -> None:
    text = "Could not set register op0:3 op1:0 crn:0 crm:7 op2:2 to 1221011112101011 (is 1221011110001011)"
    (register,) = refused(explain(text))
    assert {f.name: f.cause for f in register.fields} == {"NV": False, "CCIDX": True}
    assert register.since == "6.3"
    assert "ID_AA64MMFR2_EL1 (CCIDX)" in explain(text).headline


def test_what_the_text_holds_is_not_said_to_be_missing() -> None:
    both = explain("Failed to set register 0x603000000013c03a to value 0x1221011110101011: Invalid argument")
    assert "values are not in the text" not in both.registers[0].why
    assert "destination's value is not in the text" in both.registers[0].why
    assert "NV (" not in both.registers[0].why
    named = explain("ID_AA64MMFR2_EL1 0x1221011112101011")
    assert "No message says what happened to it" in named.registers[0].why


@pytest.mark.parametrize(
    ("text", "by", "headline"),
    [
        ("error: failed to set register ID_AA64PFR0_EL1: Invalid argument", "", "a write was refused of 1 register"),
        ("mytool: set reg 603000000013c020: EINVAL", "", "a write was refused of 1 register"),
        ("KVM_SET_ONE_REG 0x603000000013c020 = 0x1: EINVAL", "KVM", "KVM refused 1 register"),
        ("libkrun: Error configuring vcpu: SetOneReg(6931039826524487712, Error(22))", "KVM", "KVM refused 1 register"),
        ("gem5: Failed to set register (0x603000000013808c) value (errno: 22)", "KVM", "KVM refused 1 register"),
        (
            (
                "Error configuring the vcpu: Error applying template: Failed to set register 0x603000000013c000 to "
                "value 0x410fd0c0: Invalid argument (os error 22)"
            ),
            "KVM",
            "KVM refused 1 register",
        ),
        (
            (
                "Failed to restore the state of the vcpu: Failed to set register 0x603000000013c000 to value "
                "0x410fd0c0: Invalid argument (os error 22)"
            ),
            "the destination's KVM",
            "the destination's KVM refused",
        ),
        ("mytool: while restoring: set reg 603000000013c020: EINVAL", "the destination's KVM", "the destination's KVM"),
        (
            (
                "qemu-system-aarch64: error while loading state for instance 0x0 of device 'cpu'\n"
                "error: failed to set register 0x603000000013c016: Invalid argument"
            ),
            "the destination's KVM",
            "the destination's KVM refused",
        ),
    ],
)
def test_who_refused_is_said_as_far_as_the_text_shows_it(text: str, by: str, headline: str) -> None:
    answer = explain(text)
    assert (answer.refused_by, answer.headline.startswith(headline)) == (by, True), answer.headline
    restored = by == "the destination's KVM"
    assert any("saved vCPU was restored" in one for one in answer.conclusions) is not restored
    assert any("migrate" in step or "snapshot-editor" in step for step in answer.next_steps) is restored


@pytest.mark.parametrize(("major", "release"), [(3, "1.9 and 1.10.0"), (4, "1.10.1"), (10, "1.16"), (11, "1.17")])
def test_a_snapshot_format_names_the_releases_that_write_it(major: int, release: str) -> None:
    answer = explain(f"Invalid format version: {major}.0.0 of the snapshot")
    assert any(f"Firecracker {release}" in text or release in text for text in answer.conclusions), answer.conclusions


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("VcpuSetPreFinalizeRegs(SetExtendedRegister(Invalid argument (os error 22)))", "the SVE vector lengths"),
        ("SetExtendedRegister(No such file or directory (os error 2))", "an SVE register"),
        ("SetAarchCoreRegister(Invalid argument (os error 22))", "a core register"),
        ("Failed to restore V3: Invalid argument (os error 22)", "a vector register"),
        ("Failed to restore PState register: Invalid argument (os error 22)", "PSTATE"),
        ("Failed to restore cache info: Invalid argument (os error 22)", "a cache register"),
        ("Failed to restore hypervisor specific data: Invalid argument (os error 22)", "a firmware register"),
    ],
)
def test_a_message_that_shows_which_part_of_the_vcpu_was_written_says_no_more_of_others(text: str, what: str) -> None:
    answer = explain(text)
    assert answer.headline.startswith(f"KVM refused {what}")
    assert not any("CCSIDR and CLIDR" in one for one in answer.conclusions)


@pytest.mark.parametrize(
    "text",
    [
        "Error initializing the vcpu: Invalid argument (os error 22)",
        "Found unsupported KVM_ARM_VCPU_PMU_V3 bit set in vcpu features.",
        "VcpuArmInit(VcpuInit(Invalid argument (os error 22)))",
        "crosvm: failed to initialize VCPU: Invalid argument (os error 22)",
        "KVM_ARM_VCPU_INIT failed: Invalid argument",
        "ioctl(14, KVM_ARM_VCPU_INIT, {target=5}) = -1 EINVAL (Invalid argument)",
    ],
)
def test_a_vcpu_that_was_not_created_had_no_register_refused(text: str) -> None:
    answer = explain(text)
    assert answer.headline.startswith("no vCPU was created") and answer.fails
    assert not any("register write" in one or "CCSIDR" in one for one in answer.conclusions)


def test_eperm_of_another_vmm_is_not_explained_by_qemus_lines() -> None:
    answer = explain("SetSysRegister(Operation not permitted (os error 1))")
    assert any("before the vCPU is finalised" in one for one in answer.conclusions)
    assert not any("QEMU" in one for one in answer.conclusions)
    assert any("up to QEMU 10" in one for one in explain(
        "qemu-system-aarch64: error while loading state for instance 0x0 of device 'cpu'\n"
        "qemu-system-aarch64: load of migration failed: Operation not permitted\n"
    ).conclusions)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("RestoreState(DeviceAttribute(Error(6)))", "stolen time"),
        ("Failed to set/get device attributes for vCPU: No such device or address (os error 6)", "stolen time"),
        (
            (
                "vCPU 3 MPIDR mismatch: mpidr_from_vcpu_id() (0x80000003) no longer matches the hypervisor's affinity "
                "assignment (0x80000103)"
            ),
            "MPIDR_EL1 0x80000103",
        ),
    ],
)
def test_what_newer_vmms_print_of_a_vcpu_that_is_no_refused_register(text: str, words: str) -> None:
    answer = explain(text)
    assert words in answer.headline and answer.recognised


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ("virtiofsd: Failed to set register: EINVAL", "another program"),
        (
            "Failed to restore the state of the vcpu: Failed to set register: Invalid argument (os error 22)",
            "firecracker",
        ),
        ("firecracker: Failed to set register: Invalid argument (os error 22)", "firecracker"),
        ("ioctl(13, KVM_SET_ONE_REG, 0x7ffc8) = -1 EINVAL (Invalid argument)", "another program"),
    ],
)
def test_words_that_any_program_may_use_name_none(text: str, program: str) -> None:
    answer = explain(text)
    assert answer.vmm == program and "does not name which" in answer.headline


def test_any_part_of_a_vcpus_state_that_did_not_load_is_recognised() -> None:
    answer = explain("qemu-system-aarch64: Failed to load cpu:cpreg_vmstate_indexes")
    assert answer.recognised and answer.vmm == "qemu" and "missing" in answer.headline


def test_a_change_that_stable_kernels_have_too_is_told_with_their_points() -> None:
    """MPAM is hidden from 6.13 on, and from 6.6.67 and 6.12.6: 6.12.5 to 6.12.6 is such a step, too."""
    answer = explain("Could not set register system register op0:3 op1:0 crn:0 crm:4 op2:0 to 1100010000111111 "
                     "(is 1100000000111111)")  # fmt: skip
    (follows,) = [text for text in answer.conclusions if "one CPU model" in text]
    assert "older than 6.13 (stable: than 6.6.67, 6.12.6)" in follows
    assert "6.13 or newer (stable: 6.6.67, 6.12.6 or newer)" in follows
    assert any("kernel is older than 6.13 (stable: than 6.6.67, 6.12.6)" in step for step in answer.next_steps)
    assert "(and stable 6.12.60, 6.17.9)" in explain("ID_PFR0_EL1").registers[0].why


def test_a_field_that_was_writable_for_a_while_is_not_called_writable_in_no_release() -> None:
    """ASIDBits: 6.7 to 6.12, in 6.12's stable series until 6.12.7."""
    answer = explain("Could not set register system register op0:3 op1:0 crn:0 crm:7 op2:0 to 1124 (is 1104)")
    (field,) = answer.registers[0].fields
    assert "Writable since Linux 6.7 until 6.13 (in stable series until 6.12.7)" in field.why
    assert "no modelled release" not in field.why
