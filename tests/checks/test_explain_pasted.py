"""What people pasted in public, with the answer that is true, and more texts of the same kinds."""

from __future__ import annotations

import pytest

from inspector.checks.explain.explain import explain
from inspector.checks.explain.result import Explanation
from inspector.registers.ids import IDS
from inspector.reports.explain import explanation_text
from tests.material import read_text


def told(answer: Explanation) -> str:
    """Everything that is said, in one text."""
    registers = [f"{r.name} {r.why} {r.errno_name}" for r in answer.registers]
    return " ".join([answer.headline, *answer.conclusions, *answer.next_steps, *answer.bring, *registers])


def refused(answer: Explanation) -> list[int]:
    """Ids of the refused registers."""
    return [r.id for r in answer.registers if r.kind == "refused"]


@pytest.mark.parametrize(
    ("name", "headline", "words", "register"),
    [
        (
            "01-mpamidr-guest-oops.txt",
            "read from MPAMIDR_EL1",
            ("UNDEF", "ID_AA64PFR0_EL1.MPAM", "6.13"),
            "MPAMIDR_EL1",
        ),
        ("03-pmmir-unsupported.txt", "read from PMMIR_EL1", ("UNDEF", "PMUVer >= 5", "since Linux 5.12"), "PMMIR_EL1"),
        (
            "06-gem5-oslsr.txt",
            "OSLSR_EL1",
            ("EINVAL", "only OSLK (bit 1) may differ", "5.10 to 5.17: the register is not"),
            "OSLSR_EL1",
        ),
        ("08-hafnium-isar2.txt", "ID_AA64ISAR2_EL1", ("Hafnium", "not KVM's"), "ID_AA64ISAR2_EL1"),
        (
            "11-pxa1908-cntfrq-variation.txt",
            "CNTFRQ_EL0",
            ("firmware", "neither a feature register nor"),
            "CNTFRQ_EL0",
        ),
        (
            "12-dfr0-variation.txt",
            "ID_DFR0_EL1 (PerfMon)",
            ("on a host", "in a guest", "gave its vCPUs different"),
            "ID_DFR0_EL1",
        ),
        (
            "15-qemu-cpu-type-kvm.txt",
            "-cpu model cannot be used with KVM",
            ("no register was written", "-cpu host"),
            "",
        ),
        ("16-x86-put-registers.txt", "x86", ("not of KVM on arm64",), ""),
        ("17-qemu-pmu-irq.txt", "interrupt of the PMU", ("GICv2", "gic-version=3"), ""),
        ("18-get-reg-list-fw3.txt", "get-reg-list", ("this kernel lists",), "SMCCC_ARCH_WORKAROUND_3"),
        ("19-kunpeng-pmmir-oops.txt", "read of PMMIR_EL1", ("MRS", "d5389ed7", "PMUVer >= 5"), "PMMIR_EL1"),
        ("24-selftest-asidbits.txt", "ID_AA64MMFR0_EL1.ASIDB", ("[7:4]", "not writable", "6.13"), "ID_AA64MMFR0_EL1"),
        ("27-pauth-not-supported.txt", "vCPU feature pauth", ("does not offer it",), ""),
        (
            "37-machine-type.txt",
            "machine types differ: virt-6.2 in the stream, virt-7.1 here",
            ("-machine virt-6.2",),
            "",
        ),
        ("38-rom-size-migration.txt", "virtio-net-pci.rom", ("0x40000", "0x80000", "romfile=", "no CPU register"), ""),
    ],
)
def test_the_true_answer(name: str, headline: str, words: tuple[str, ...], register: str) -> None:
    answer = explain(read_text("pasted", name))
    assert answer.recognised and answer.exit_code == 0
    assert headline in answer.headline
    for word in words:
        assert word.lower() in told(answer).lower()
    assert [r.name for r in answer.registers] == ([register] if register else [])
    if name != "06-gem5-oslsr.txt":
        assert not refused(answer)
        assert "KVM refused at least one register" not in answer.headline
        assert "CCSIDR" not in told(answer)


@pytest.mark.parametrize(
    "name",
    [
        "20-rk3588-armcpuinfo.txt",
        "22-box64-armcpuinfo-table.txt",
        "23-lscpu-rk3588.txt",
        "28-cix-cache-regs.txt",
        "33-cpuinfo.txt",
    ],
)
def test_values_without_an_error_are_no_failure(name: str) -> None:
    answer = explain(read_text("pasted", name))
    assert not refused(answer) and not answer.next_steps
    assert "refused" not in answer.headline


Q = "qemu-system-aarch64: "
TAIL = Q + "load of migration failed: Invalid argument"


def _made() -> list[tuple[str, str, str]]:
    """The texts of failures.txt: what the headline has to say, what the steps have to say, the text."""
    blocks = read_text("pasted", "failures.txt").split("### ")[1:]
    heads = [block.partition("\n") for block in blocks]
    return [(text, *head.split(" ## ")) for head, _, text in heads]  # type: ignore[misc]


@pytest.mark.parametrize(("text", "word", "step"), _made(), ids=lambda text: text[:30] if len(text) < 60 else "text")
def test_other_failures_are_named_for_what_they_are(text: str, word: str, step: str) -> None:
    answer = explain(text)
    assert answer.recognised and word in answer.headline
    assert step in " ".join(answer.next_steps)
    assert not answer.registers
    assert "refused at least one" not in told(answer) and "CCSIDR" not in told(answer)


@pytest.mark.parametrize(
    "text",
    [
        TAIL,
        Q + "Error -22 while loading VM state",
    ],
)
def test_a_generic_tail_says_only_that_something_failed(text: str) -> None:
    answer = explain(text)
    assert "failed; no line that is known here says why" in answer.headline
    assert not answer.registers and answer.bring


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (
            "KVM: entry failed, hardware error 0x80000021\nRAX=0000000000000000 RBX=0000000000000000 RCX=00000000000000f0",  # noqa: E501
            "x86",
        ),
        (
            (
                "qemu-system-x86_64: error: failed to set MSR 0x48f to 0x7fffff00036dfb\nqemu-system-x86_64: Failed to put registers"  # noqa: E501
                " after init: Invalid argument"
            ),
            "x86",
        ),
        (
            (
                "qemu-system-ppc64: error while loading state for instance 0x0 of device 'cpu'\nqemu-system-ppc64: load of migration"  # noqa: E501
                " failed: Operation not permitted"
            ),
            "POWER",
        ),
        ("qemu-system-s390x: Failed to put registers after init: Invalid argument", "s390"),
        ("qemu-system-riscv64: Failed to put registers after init: Invalid argument", "RISC-V"),
        ("qemu-system-aarch64: Error: HV_BAD_ARGUMENT\nFailed to put registers after init", "HVF"),
        (
            "[ERROR:hypervisor/src/geniezone] GenieZone: failed to set register: Invalid argument (os error 22)",
            "GenieZone",
        ),
        ("crosvm: Gunyah: failed to set one reg: Operation not supported (os error 95)", "Gunyah"),
        ("mshv: failed to set register HV_STATUS_INVALID_PARAMETER: Invalid argument", "Hyper-V"),
        ("Error: VmRestore: SetRiscvCoreRegister(Invalid argument (os error 22))", "RISC-V"),
        ("VmReceiveMigration(Restore(SetSpecialRegs(Invalid argument (os error 22))))", "x86"),
        ("operation failed: guest CPU doesn't match specification: missing features: vmx-vmfunc,erms", "x86"),
        ("Error Domain=VZErrorDomain Code=12: the machine could not be restored", "Virtualization.framework"),
        ("vmx| Migrate: cause: Failed to restore CPU state: feature absent", "VMware"),
        ("Could not set TSC scaling within the snapshot: Invalid argument (os error 22)", "x86"),
        (
            "args -machine, virt, -accel, hvf, -cpu, host\nqemu-system-aarch64: Missing section footer for armv7m_nvic",
            "HVF",
        ),
    ],
)
def test_another_architecture_or_hypervisor_is_said_to_be_one(text: str, name: str) -> None:
    answer = explain(text)
    assert name in answer.headline
    assert not answer.registers and "CCSIDR" not in told(answer)
    assert "refused" not in answer.headline


@pytest.mark.parametrize(
    ("text", "register", "error"),
    [
        ("kvm_cpu__set_reg: KVM_SET_ONE_REG failed (ID_AA64MMFR2_EL1): Invalid argument", "ID_AA64MMFR2_EL1", "EINVAL"),
        ("lkvm: KVM_SET_ONE_REG 0x603000000013c020 = -22", "ID_AA64PFR0_EL1", "EINVAL"),
        ("panic: Failed to set register (0x6030000000138084) value (errno: 22)", "", "EINVAL"),
        ('SetOneReg(6931039826524487712, "0x1101010021111112", Error(22))', "ID_AA64PFR0_EL1", "EINVAL"),
        (
            "Failed to set register 6931039826524487738 to value 0x1: Invalid argument (os error 22)",
            "ID_AA64MMFR2_EL1",
            "EINVAL",
        ),
        (
            "Failed to set register 0x603000000013c03a to value 0x1: No such file or directory (os error 2)",
            "ID_AA64MMFR2_EL1",
            "ENOENT",
        ),
        ("libkrun: error setting ID_AA64ISAR1_EL1: Errno(22)", "ID_AA64ISAR1_EL1", "EINVAL"),
        (
            "stratovirt: Failed to set sys regs op0=3, op1=0, crn=0, crm=4, op2=0: returned -22",
            "ID_AA64PFR0_EL1",
            "EINVAL",
        ),
        ("restoring sys_reg(3,0,0,7,2) failed with EINVAL", "ID_AA64MMFR2_EL1", "EINVAL"),
        ("my-vmm: set_one_reg(KVM_REG_ARM_FW_REG(3)) err=22", "SMCCC_ARCH_WORKAROUND_3", "EINVAL"),
        ("error: write of system register 0x1013c03a: errno=22", "", "EINVAL"),
    ],
)
def test_any_register_with_an_errno(text: str, register: str, error: str) -> None:
    answer = explain(text)
    (found,) = [r for r in answer.registers if r.kind == "refused"]
    assert found.errno_name == error
    assert not register or found.id == IDS[register]


@pytest.mark.parametrize(
    "text",
    [
        "Error restoring VM: SetSysRegister(Invalid argument (os error 22))",
        "VmError: Failed to set system register\n\nCaused by:\n    Invalid argument (os error 22)",
        "cloud-hypervisor: Failed to set extended register: Invalid argument (os error 22)",
        "VcpuSetPreFinalizeRegs(SetExtendedRegister(Operation not permitted (os error 1)))",
        "Error setting pre-finalize registers\n  0: Failed to set extended register\n  1: Operation not permitted (os error 1)",  # noqa: E501
        "SetAarchCoreRegister(Invalid argument (os error 22))",
    ],
)
def test_cloud_hypervisor_in_all_its_forms(text: str) -> None:
    answer = explain(text)
    assert answer.vmm == "cloud-hypervisor" and "does not name which" in answer.headline
    assert not answer.registers


def test_a_refusal_with_a_known_kernel_gets_that_kernels_reason() -> None:
    text = "Failed to set register (0x603000000013808c) value (errno: 22)\nhost kernel: Linux 5.10.200"
    assert "On Linux 5.10" in told(explain(text))


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (
            "kvm [77]: Unsupported guest sys_reg access at: ffff80001003c2b4 [20400085]",
            "names the register; it is missing",
        ),
        ("{ Op0( 3), Op1( 0), CRn( 9), CRm( 9), Op2( 7), func_write },", "write to PMSIDR_EL1"),
        ("[1.0] kvm [3]:  { Op0( 3), Op1( 3), CRn(13), CRm( 2), Op2( 3), func_read },", "ID_AA64PFR0_EL1.AMU"),
        (
            (
                "kvm [9]: Unsupported guest sys_reg access at: ffff800010 [1]\n { Op0( 3), Op1( 0), CRn(15), CRm( 2), Op2( 0),"  # noqa: E501
                " func_read },"
            ),
            "IMPLEMENTATION DEFINED",
        ),
    ],
)
def test_unsupported_guest_accesses(text: str, word: str) -> None:
    answer = explain(text)
    assert word in told(answer) and not refused(answer)


def test_variations_by_kind_and_place() -> None:
    guest = explain(
        "[    0.000000] DMI: QEMU KVM Virtual Machine, BIOS 0.0.0\n[    0.14] CPU features: SANITY CHECK: Unexpected"
        " variation in SYS_ID_AA64MMFR0_EL1. Boot CPU: 0x00000000101122, CPU1: 0x00000000101125"
    )
    assert "vCPUs" in guest.headline and "on a host" not in told(guest).lower()
    assert "VMM gave its vCPUs different ID registers" in told(guest)
    cache = explain(
        "CPU features: SANITY CHECK: Unexpected variation in SYS_CTR_EL0. Boot CPU: 0x84448004, CPU4: 0x9444c004"
    )
    assert "describes caches" in told(cache)


def test_undefined_instructions_that_are_no_register_access() -> None:
    answer = explain(
        "Internal error: Oops - Undefined instruction: 0 [#1]\nCode: d503201f d503201f d503201f d503201f (04a0e3e0)"
    )
    assert "not an MRS or MSR" in answer.headline and not answer.registers
    answer = explain(
        "Internal error: Oops - Undefined instruction: 0 [#1]\nCode: aa0003e1 d538a4a0 (d538a480) b4000060"
    )
    assert [r.name for r in answer.registers] == ["MPAMIDR_EL1"]


def test_selftest_lists_and_unit_tests() -> None:
    missing = explain(
        "vregs: There are 2 missing registers.\nThe following lines are missing registers:\n\n"
        "\tARM64_SYS_REG(3, 0, 2, 0, 3),\n\tARM64_SYS_REG(3, 0, 10, 2, 2),\n"
    )
    assert {r.name for r in missing.registers} == {"TCR2_EL1", "PIRE0_EL1"} and not refused(missing)
    direct = explain("ok 3 ID_AA64DFR0_EL1_PMUVER\nnot ok 4 ID_AA64DFR0_EL1_DEBUGVER")
    assert "ID_AA64DFR0_EL1.DEBUGVER" in direct.headline.upper()
    unit = explain("PASS selftest-setup (2 tests)\nFAIL pmu-event-counter (3 tests, 1 unexpected failures)")
    assert "pmu-event-counter" in unit.headline and not refused(unit)


def test_what_kvm_says_at_its_start_is_no_failure() -> None:
    answer = explain("kvm [1]: IPA Size Limit: 44 bits\nkvm [1]: VHE mode initialized successfully")
    assert "44 bits" in told(answer) and "VHE" in told(answer)
    assert "no line here reports a failure" in answer.conclusions and not answer.next_steps


def test_the_section_form_of_device_cpu_is_a_register_problem() -> None:
    answer = explain(Q + "error while loading state section id 3(cpu)\n" + TAIL)
    assert "refused at least one register" in answer.headline


_PAIR = f"""{Q}error while loading state for instance 0x0 of device 'cpu'
{Q}load of migration failed: Operation not permitted"""
_LIST = f"""{Q}Invalid value 304 expecting positive value <= 293
{Q}Failed to load cpu:cpreg_vmstate_array_len
{TAIL}"""


@pytest.mark.parametrize("text", [_PAIR, _LIST])
def test_that_kvm_refused_is_said_only_where_the_text_shows_kvm(text: str) -> None:
    """QEMU 7.2 prints exactly these lines of an emulated guest: other -cpu, another -smp (seen by running it)."""
    silent = explain(text)
    assert "KVM refused" not in silent.headline
    assert "TCG" in told(silent) and "-cpu" in told(silent)
    for shown in ("qemu-system-aarch64 -machine virt-7.2,accel=kvm -cpu host", "-accel kvm", "-enable-kvm"):
        assert "TCG" not in told(explain(f"{shown}\n{text}"))
    assert "KVM refused" in explain(f"-accel kvm\n{_PAIR}").headline
    assert "KVM refused" not in explain(f"kvm_intel: VMX not supported by CPU 0\n{_PAIR}").headline


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ("crosvm[12]: [ERROR] failed to set register: Invalid argument (os error 22)", "crosvm"),
        ("stratovirt: Failed to set register: Invalid argument (os error 22)", "stratovirt"),
        ("gem5: Failed to set register 0x6030000000138012: Invalid argument", "gem5"),
        ("Failed to set register 0x603000000013c03a: Invalid argument (os error 22)", "another program"),
        ("Failed to set register 6931039826524487738: Invalid argument (os error 22)", "firecracker"),
        ("Failed to set register 0x603000000013c03a to value 0x1: Invalid argument (os error 22)", "firecracker"),
        (
            "[anonymous-instance:fc_api] Failed to set register 0x603000000013c03a: Invalid argument (os error 22)",
            "firecracker",
        ),
        ("libkrun, a fork of firecracker: Failed to set register: Invalid argument (os error 22)", "firecracker"),
    ],
)
def test_firecrackers_words_are_given_to_the_program_that_the_text_names(text: str, program: str) -> None:
    answer = explain(text)
    assert answer.vmm == program and "refused" in answer.headline
    steps = " ".join(answer.next_steps)
    assert ("snapshot-editor" in steps or "CPU template" in steps) <= (program == "firecracker")
    assert "Firecracker" not in " ".join(one.meaning for one in answer.messages) or program == "firecracker"


def test_registers_that_are_new_to_a_selftest_are_no_failure() -> None:
    assert not explain(read_text("pasted", "18-get-reg-list-fw3.txt")).fails


@pytest.mark.parametrize(
    "text",
    [
        "error: internal error: something that nobody has seen failed",
        "Error: VmRestore: deserialising a message failed",
        "vm.service: Main process exited, code=exited, status=22; failed",
    ],
)
def test_an_unknown_error_is_said_to_be_unknown_with_what_would_help(text: str) -> None:
    answer = explain(text)
    assert not answer.recognised and answer.exit_code == 1
    assert "no line of this text is known here" in answer.headline
    assert answer.bring and not answer.next_steps and not answer.vmm
    assert "migrate SOURCE DESTINATION" in explanation_text(answer)
    assert not explain("all is well").bring


@pytest.mark.parametrize(
    "text",
    [
        "Failed to load snapshot state from file: it has no end",
        "Failed to load the saved state of a vCPU: whatever",
        "MY-VMM: Missing section footer for the part about clocks",
    ],
)
def test_words_of_others_are_no_device_of_qemu(text: str) -> None:
    """`Failed to load NAME:FIELD` is QEMU's: a name is one word, though blanks are not looked at."""
    answer = explain(text)
    assert "device" not in answer.headline and not answer.next_steps


def test_a_refused_length_alone_is_no_refused_register() -> None:
    text = (
        f"{Q}Failed to load cpu:cpreg_vmstate_array_len\n{Q}error while loading state for instance 0x0 of device 'cpu'"
    )
    for lines in (text, f"{text}\n{TAIL}", f"-accel kvm\n{text}\n{TAIL}"):
        answer = explain(lines)
        assert "lists more registers" in answer.headline and "refused" not in answer.headline
        assert "compare SOURCE DESTINATION" in answer.next_steps[0]
        assert "-trace" not in " ".join(answer.next_steps)


def test_the_cause_behind_the_tail_of_qemu_10_2_is_a_vcpu() -> None:
    hook = "post load hook failed for: cpu, version_id: 22, minimum_version: 22, ret: -1"
    alone = explain(f"{Q}{hook}")
    whole = explain(
        f"{Q}load of migration failed: Operation not permitted:"
        f" error while loading state for instance 0x1 of device 'cpu': {hook}"
    )
    assert "at least one register" in alone.headline and alone.headline == whole.headline


def test_a_vcpu_that_did_not_load_may_lack_more_than_a_register() -> None:
    """Up to 10.0 QEMU says no more where another part of its state could not be read."""
    answer = explain(f"{Q}error while loading state for instance 0x0 of device 'cpu'\n{TAIL}")
    assert answer.headline.startswith("a vCPU's state was not taken: mostly")


def test_a_version_of_a_pci_device_is_no_length_of_a_list() -> None:
    """VMSTATE_INT32_POSITIVE_LE of hw/pci/pci.c prints what that of the vCPU prints."""
    answer = explain(
        f"{Q}Invalid value 7 expecting positive value <= 2\n{Q}Failed to load PCIDevice:version_id\n"
        f"{Q}Failed to load virtio-net:virtio\n{TAIL}"
    )
    assert "PCIDevice" in answer.headline and answer.counts is None


def test_the_side_that_lost_the_connection_does_not_hide_the_other_ones_cause() -> None:
    """libvirt 11 puts both sides' messages into one line, the source's first."""
    answer = explain(
        "error: operation failed: migration failed. Message from the source host: operation failed: job 'migration out'"
        " failed: Unable to write to socket: Broken pipe. Message from the destination host: operation failed: job"
        " 'migration in' failed: load of migration failed: Operation not permitted: error while loading state for"
        " instance 0x0 of device 'cpu': post load hook failed for: cpu, version_id: 22, minimum_version: 22, ret: -1"
    )
    assert "refused at least one register" in answer.headline


@pytest.mark.parametrize(
    "text",
    [
        "Failed to get PciConfigurationState from Snapshot: missing field",
        "Failed to get special registers: Invalid argument (os error 22)",
        "[    0.0] psci: PSCIv1.1 detected in firmware.\n[    0.0] psci: Using standard PSCI v0.2 function IDs",
    ],
)
def test_words_that_begin_like_a_register_name_none(text: str) -> None:
    answer = explain(text)
    assert not answer.recognised and not answer.registers


def test_a_vcpu_that_was_not_created_gets_no_trace_of_writes() -> None:
    answer = explain(f"{Q}kvm_arm_vcpu_init failed: Invalid argument")
    assert answer.vmm == "qemu" and "no register was written" in answer.headline
    assert "-trace" not in " ".join(answer.next_steps)
    assert explain("Fatal: KVM_ARM_VCPU_INIT failed: Invalid argument").vmm != "qemu"
    assert explain("Error doing Vcpu Init on Arm: Invalid argument (os error 22)").vmm == "another program"


def test_a_register_in_a_path_was_not_written() -> None:
    answer = explain(
        "OSError: [Errno 22] Invalid argument: '/sys/devices/system/cpu/cpu0/regs/identification/midr_el1'"
    )
    assert not refused(answer) and "refused" not in answer.headline


def test_a_wrapper_whose_message_is_not_known_is_not_said_to_be_empty() -> None:
    answer = explain(
        "error: internal error: QEMU unexpectedly closed the monitor: qemu: cannot execute binary: Permission"
    )
    assert "or is none that is known" in answer.headline


_PUT = f"{Q}Failed to put registers after init: Invalid argument"
_CACHE = f"{Q}Could not set register demuxed reg 6020000000110000 to 700fe01a (is 701fe00a)"


@pytest.mark.parametrize(
    ("text", "restored"),
    [
        (_PUT, False),
        (f"Error starting domain: internal error: qemu unexpectedly closed the monitor: {_PUT}", False),
        ("kvm: Failed to put registers after reset: Invalid argument\nTASK ERROR: start failed: exit code 1", False),
        (f"{_CACHE}\n{_PUT}", False),
        (f"{_PUT}\n{TAIL}", True),
        (f"{Q}-incoming tcp:0:4444\n{_PUT}", True),
        (f"{Q}Could not set register op0:3 op1:0 crn:0 crm:4 op2:0 to 11 (is 12)\n{_PUT}", True),
    ],
)
def test_qemu_writes_registers_at_a_fresh_start_too(text: str, restored: bool) -> None:
    """Its usual refusal is that of a host with CPUs of two kinds, where nothing was restored."""
    answer = explain(text)
    steps = " ".join(answer.next_steps)
    assert (answer.refused_by == "KVM") == (not restored)
    assert ("nothing in the text says that a saved vCPU was restored" in told(answer)) == (not restored)
    assert (("migrate SOURCE" in steps) == restored and "fix SOURCE" not in steps) or restored
    if not restored and text != f"{_CACHE}\n{_PUT}":
        assert "pin all vCPU threads" in answer.next_steps[0] and "big.LITTLE" in told(answer)


@pytest.mark.parametrize(
    ("errno", "words", "step"),
    [
        ("No such file or directory (os error 2)", "no such register for this vCPU, whatever the value", "remove-regs"),
        ("Device or resource busy (os error 16)", "has run already", "no vCPU has run yet"),
        ("Exec format error (os error 8)", "KVM_ARM_VCPU_INIT", "KVM_ARM_VCPU_INIT"),
        ("Operation not permitted (os error 1)", "SVE's registers alone", "KVM_ARM_VCPU_FINALIZE"),
        ("Bad address (os error 14)", "from the program's memory", "strace"),
        ("Invalid argument (os error 22)", "", "CPU template"),
    ],
)
def test_only_einval_is_about_the_value(errno: str, words: str, step: str) -> None:
    text = f"Failed to restore the state of the vcpu: Failed to set register 0x603000000013c03a to value 0x1: {errno}"
    answer = explain(text)
    steps = " ".join(answer.next_steps)
    assert refused(answer) == [IDS["ID_AA64MMFR2_EL1"]] and words in answer.registers[0].why
    assert step in steps and ("CPU template" in steps) == (step == "CPU template")
    assert "Fields of it that kernels show differently" not in told(answer)


def test_core_registers_have_no_fields_that_a_template_could_set() -> None:
    head = "Failed to restore the state of the vcpu: Failed to set register"
    vector = explain(f"{head} 0x6040000000100054 to value 0x0: Invalid argument (os error 22)")
    assert "without SVE" in vector.next_steps[0] and "refused fields" not in " ".join(vector.next_steps)
    mode = explain(f"{head} 0x6030000000100042 to value 0x1f3: Invalid argument (os error 22)")
    assert "AArch32 or EL2" in mode.registers[0].why and "refused fields" not in " ".join(mode.next_steps)
    pmu = explain(f"{head} 0x603000000013dce0 to value 0x1: No such file or directory (os error 2)")
    assert "vCPU with the snapshot" not in " ".join(pmu.next_steps)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "qemu-kvm: error while loading state for instance 0x0 of device 'cpu'\nqemu-kvm: load of migration failed",
            True,
        ),
        ("kvm: Failed to put registers after init: Invalid argument", True),
        (_PUT, False),
        ("host: aarch64\nkvm: Failed to put registers after init: Invalid argument", False),
        ("qemu-kvm: Failed to load cpu:cpreg_vmstate_array_len\nqemu-kvm: load of migration failed", False),
        (
            "kvm: Could not set register op0:3 op1:0 crn:0 crm:4 op2:0 to 11 (is 12)\nkvm: load of migration failed",
            False,
        ),
    ],
)
def test_what_qemu_says_of_every_machine_is_said_to_be_that(text: str, said: bool) -> None:
    assert ("QEMU prints the same lines on x86" in told(explain(text))) == said


def test_a_register_that_is_refused_behind_another_cause_is_not_left_out() -> None:
    second = f"{Q}Could not set register op0:3 op1:0 crn:0 crm:4 op2:0 to 11 (is 12)"
    answer = explain(f"{Q}Size mismatch: virt.flash0: 0x4000 != 0x8000: Invalid argument\n{second}")
    assert "memory block" in answer.headline and "ID_AA64PFR0_EL1" in " ".join(answer.conclusions)


@pytest.mark.parametrize(
    "text",
    [
        f"qemu-system-aarch64 -accel kvm -accel hvf -cpu host\n{_PUT}",
        "with VMware: Failed to set register 0x603000000013c03a to value 0x1: Invalid argument (os error 22)",
    ],
)
def test_another_hypervisor_that_is_only_named_takes_nothing_away(text: str) -> None:
    assert "refused" in explain(text).headline


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("Kernel command line: kvm-arm.mode=protected\nkvm [1]: VHE mode initialized successfully", "protected KVM"),
        ("kvm [1]: Protected KVM not available with VHE", "ordinary one"),
        ("Kernel command line: kvm-arm.mode=nested\nkvm [1]: VHE mode initialized successfully", "nested virtual"),
    ],
)
def test_what_a_command_line_asks_for_is_not_what_the_host_has(text: str, asked: str) -> None:
    """arch/arm64/kvm/arm.c, early_kvm_mode_cfg() and kvm_arm_init(): the kernel's own line says what it became."""
    headline = explain(text).headline
    assert asked in headline
    assert "is the protected one" not in headline and "offers nested" not in headline
