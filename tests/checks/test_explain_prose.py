"""Texts that people write, and those of other programs: no more is claimed for them than they say."""

from __future__ import annotations

import pytest

from inspector.checks.explain.complaints import complains
from inspector.checks.explain.explain import NOTHING, UNKNOWN, explain
from inspector.checks.explain.text import read_pasted


@pytest.mark.parametrize(
    "text",
    [
        (
            "SVE has to be asked for, or the guest reads ID_AA64PFR0_EL1.SVE as 0. Before the vCPU is complete, as"
            " everybody knows who tried it once, KVM_SET_ONE_REG and KVM_GET_ONE_REG return -EPERM."
        ),
        (
            "What is refused differs: set_id_reg() gives back -EINVAL where a field of the value is more than the host"
            " has, whichever it is. Of ID_AA64MMFR1_EL1 we set no field so far."
        ),
    ],
)
def test_an_errno_of_another_sentence_is_not_the_register_s(text: str) -> None:
    answer = explain(text)
    assert not answer.fails
    assert {r.kind for r in answer.registers} == {"envelope"}


@pytest.mark.parametrize(
    "text",
    [
        "Could not write ID_AA64PFR0_EL1. Error: Invalid argument (os error 22)",
        "KVM_SET_ONE_REG failed: Invalid argument. The register was ID_AA64PFR0_EL1",
        "The restore of vCPU 0 stopped. ID_AA64PFR0_EL1 could not be set, errno=22. Giving up.",
    ],
)
def test_an_errno_of_a_short_sentence_beside_it_is(text: str) -> None:
    (register,) = explain(text).registers
    assert (register.name, register.kind, register.error) == ("ID_AA64PFR0_EL1", "refused", "EINVAL")


@pytest.mark.parametrize(
    "text",
    [
        "FAILED test_vm.py::test_boot - AssertionError",
        "FAIL: test-virnettlssession\nPASS: test-virstring",
        "FAIL src/app.test.js",
        "FAIL\tkubevirt.io/kubevirt/pkg/virt-handler\t0.5s",
        "FAILED TO RESTORE WHAT WAS SAVED",
        "FAIL kvm_pagefault01",
    ],
)
def test_other_tests_that_fail_are_none_of_kvm(text: str) -> None:
    assert explain(text).headline == UNKNOWN


@pytest.mark.parametrize(
    "text",
    [
        "FAIL pmu-event-counter (3 tests, 1 unexpected failures)",
        "FAIL xapic (timeout; duration=60)",
        "PASS: pmu: version\nFAIL: pmu: chained\nSUMMARY: 2 tests, 1 unexpected failures",
        "kvm-unit-tests of this morning:\nFAIL gicv3-ipi",
    ],
)
def test_kvm_unit_tests_are_known_by_what_only_they_print(text: str) -> None:
    assert explain(text).headline.startswith("kvm-unit-tests: 1 failed: ")


@pytest.mark.parametrize(
    "text",
    [
        "the snapshot format has a version of its own now, which begins at 1.0.0",
        "a snapshot for an earlier version than 1.0.0 cannot be made, whatever the test expects",
        "snapshot version 8.0.0 is what this release writes",
    ],
)
def test_a_version_beside_a_snapshot_is_no_wrong_format(text: str) -> None:
    assert "format version" not in explain(text).headline


@pytest.mark.parametrize(
    "text",
    [
        "Invalid data version: 8.0.0",
        "Cannot deserialize the microVM state: InvalidFormatVersion(Version { major: 8, minor: 0, patch: 0 })",
        "Invalid data format version of snapshot file: 8.0.0",
    ],
)
def test_a_wrong_format_names_the_releases_that_write_it(text: str) -> None:
    answer = explain(text)
    assert "format version is not the one" in answer.headline
    assert any("Firecracker 1.13 and 1.14" in said for said in answer.conclusions)


@pytest.mark.parametrize("word", ["SVE", "sme", "pmu"])
def test_a_feature_that_may_be_missing_was_not_asked_for(word: str) -> None:
    assert "asked for" not in explain(f"if {word} is not supported, prctl() returns an error").headline
    assert "asked for" in explain(f"qemu-system-aarch64: '{word}' feature not supported by KVM on this host").headline


def test_a_command_line_that_is_spoken_of_is_no_host_s() -> None:
    told = explain("- ignore kvm-arm.mode=protected where the kernel runs with VHE")
    assert "on a host's command line" in told.headline and not told.fails


@pytest.mark.parametrize(
    "text",
    [
        "Grüße aus Köln an José, Łukasz, Zoë und Ñuño",
        "• the first • the second, and a “third” — …",
        "内核版本 6.6.126, 手机",
        "Zoltán Kővágó took part in Brno, Jiří Denemark in Århus",
        "Привет из Москвы",
    ],
)
def test_letters_alone_are_no_complaint(text: str) -> None:
    assert explain(text).headline == NOTHING


@pytest.mark.parametrize(
    "text",
    [
        "Vorgang wird auf diesem Rechner nicht gemacht",
        "Gerät nicht gefunden",
        "la opération est un échec",
        "no se pudo",
        "o domínio não foi possível",
        "dominio non trovato",
        "bestand is niet daar",
        "filen saknas",
        "det kunne ikke gjøres",
        "ei voi",
        "to se nezdařilo",
        "nie można",
        "ez nem sikerült",
        "olmadı, geçersiz",
        "tidak dapat",
        "không thể",
        "не удалось",
        "не вдалося",
        "неуспешно",
        "απέτυχε",
        "连接失败",
        "無法連線",
        "接続できません",
        "연결하지 못했습니다",
        "यह असफल रहा",
        "ব্যর্থ হয়েছে",
        "தோல்வி",
        "ล้มเหลว",
        "فشل",
    ],
)
def test_words_of_a_failure_are_a_complaint_in_any_language(text: str) -> None:
    assert complains(read_pasted(text))
    assert "LC_ALL=C" in explain(text).bring[0]


def test_a_part_of_crosvm_s_words_is_not_crosvm_s() -> None:
    assert "crosvm" not in explain("Failed to restore vCPUs: something else").headline


def test_a_restored_list_that_is_too_long_is_the_cause_itself() -> None:
    told = explain("qemu-system-aarch64: Failed to load cpu:cpreg_vmstate_array_len")
    assert not any("wraps another program" in said for said in told.conclusions)


@pytest.mark.parametrize(
    "text",
    [
        '+    error_report("failed to set irq for PMU");',
        '        kvm_err("Error, CPU %d not supported!\\n", cpu);',
        'fprintf(stderr, "Initial read of kernel register state failed\\n");',
        'return fmt.Sprintf("currently, %v is the only model supported on Arm64, host-passthrough is the only model")',
        'printf("Failed to set register 0x603000000013c020 to value 0x11: Invalid argument");',
    ],
)
def test_a_line_of_source_is_no_report(text: str) -> None:
    assert not explain(text).fails
    told = explain(f"{text}\nqemu-system-aarch64: failed to init PMU")
    assert told.headline == explain("qemu-system-aarch64: failed to init PMU").headline


@pytest.mark.parametrize("ret", ["ret=0xffffffea", "-> -22", "rc: 0xffffffffffffffea"])
def test_an_errno_is_known_however_a_program_prints_it(ret: str) -> None:
    (register,) = explain(f"set_one_reg id=0x603000000013c020 {ret}").registers
    assert (register.kind, register.error) == ("refused", "EINVAL")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("WHvSetVirtualProcessorRegisters failed: 0xC0350005", "Hyper-V"),
        ("kvm_loongarch_put_regs_core failed: Invalid argument", "LoongArch"),
        ("internal error: Unknown CPU feature arch-facilities", "x86"),
        ("xenopsd-xc: [error] Domain.Emu_manager_failure: Invalid argument", "Xen"),
    ],
)
def test_more_of_other_machines_is_called_so(text: str, name: str) -> None:
    assert explain(text).headline.startswith(f"this is a text of {name}, not of KVM on arm64")


@pytest.mark.parametrize(
    "text",
    [
        "curl: (56) Recv failure: Connection reset by peer",
        "client_loop: send disconnect: Broken pipe",
        "Failed to connect to the host via ssh: timed out",
        "ssl.SSLError: certificate verify failed: certificate has expired",
        "curl: unable to resolve host address",
        "Failed to get exclusive lock on repository",
        "AttributeError: Property 'memory_size' not found",
        "target system identifier 7300 does not match source 7301",
        "rpc error: the stream was canceled by client",
        "Configuration section missing",
        "Input validation failed: name/first ",
        "xz: CRC64 validation failed",
        "Capability missing: CAP_SYS_ADMIN",
        "RDMA ERROR: no memory was registered",
        "pre-save failed: settings",
    ],
)
def test_what_any_program_says_is_not_said_of_a_vm(text: str) -> None:
    assert explain(text).headline == UNKNOWN


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("qemu-system-aarch64: Unable to write to socket: Broken pipe", "a connection broke off"),
        ("2026-11-27 migration aborted: Connection reset by peer", "a connection broke off"),
        ("error: operation failed: certificate verify failed", "TLS"),
        ("error: Requested operation is not valid: domain is not running", "libvirt lost its QEMU"),
        ('qemu-kvm: Failed to get shared "consistent read" lock', "the disk image is in use"),
        ("error: unsupported configuration: Target timer hpet does not match source", "timer hpet"),
    ],
)
def test_the_same_is_where_the_text_speaks_of_one(text: str, said: str) -> None:
    assert said in explain(text).headline


@pytest.mark.parametrize(
    "text",
    [
        "watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [swapper/1:0]",
        "cacheinfo: Unable to detect cache hierarchy for CPU 0",
        "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000004",
    ],
)
def test_what_any_kernel_says_is_not_said_of_a_guest(text: str) -> None:
    told = explain(text).headline
    assert told.startswith("a kernel") and "of a guest" in told


def test_a_list_of_architectures_is_of_none() -> None:
    assert "LoongArch" not in explain("Architectures: x86, arm64, loongarch. Errors: EINVAL, invalid flags").headline
