"""The verdict follows from the evidence: lines of other programs do not turn one cause into another."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.checks.explain.explain import explain
from inspector.checks.explain.result import Explanation
from inspector.checks.explain.streaming import WHOLE, condensed
from tests.material import files, read_text

_NOISE = (
    "systemd[1]: Started Session 4 of user root.",
    "EAX=00000000 EBX=00010000 ECX=000000f0 EDX=f4b9e080",
    "qemu-system-x86_64: warning: host doesn't support requested feature: CPUID.07H:EBX.invpcid [bit 10]",
    "qemu-system-x86_64: Failed to put registers after init: Invalid argument",
    "qemu-system-ppc64: error while loading state for instance 0x0 of device 'cpu'",
    "error: Cannot find CPU model with PVR 0xd0b",
    "kvm_intel: VMX not supported by CPU 0",
    "nfs: server not responding, still trying",
    "ata1.00: failed command: READ FPDMA QUEUED",
    "docker: Error response from daemon: Invalid argument.",
    "EXT4-fs error (device vda1): ext4_lookup:1785: inode #131: comm ls: deleted inode referenced: 12",
    "usb 1-1: device descriptor read/64, error -22",
    "i2c i2c-3: failed to set register 0x10: -22",
    "imx219 10-0010: write reg 0x0103 failed: -121",
    "mlx5_core 0000:01:00.0: mlx5_cmd_check:782: ACCESS_REG(0x805) op_mod(0x0) failed, status bad parameter(0x3), error -22",  # noqa: E501
    "regulator: failed to set voltage: Invalid argument",
    "gpio-keys: probe of gpio-keys failed with error -22",
    "python3: OSError: [Errno 22] Invalid argument: '/tmp/x'",
    "nginx: [emerg] invalid value \"on\" in \"gzip\" directive",
    "kvm [1]: VHE mode initialized successfully",
    "audit: type=1400 apparmor=\"DENIED\" operation=\"open\"",
)  # fmt: skip
_OTHER_CAUSES = ("37-machine-type.txt", "38-rom-size-migration.txt", "15-qemu-cpu-type-kvm.txt", "17-qemu-pmu-irq.txt",
                 "27-pauth-not-supported.txt", "01-mpamidr-guest-oops.txt", "24-selftest-asidbits.txt")  # fmt: skip


def is_refusal(answer: Explanation) -> bool:
    """True when the answer says that a register was refused."""
    unnamed = "refused at least one register" in answer.headline
    return unnamed or any(r.kind == "refused" for r in answer.registers) or "KVM refused" in answer.headline


def mixed(lines: list[str], noise: list[tuple[int, str]]) -> str:
    """The lines with lines of other programs between them; lines that belong together stay together."""
    text = list(lines)
    for place, line in noise:
        text.insert(place % (len(text) + 1), line)
    return "\n".join(text)


_noise = st.lists(st.tuples(st.integers(0, 30), st.sampled_from(_NOISE)), max_size=8)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(_OTHER_CAUSES), _noise)
def test_foreign_lines_make_no_register_refusal_of_another_cause(name: str, noise: list[tuple[int, str]]) -> None:
    log = read_text("pasted", name)
    answer = explain(mixed([log.rstrip("\n")], noise))
    assert not is_refusal(answer)
    assert explain(log).headline.split(" (")[0] in answer.headline


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(_NOISE), min_size=1, max_size=8))
def test_lines_of_other_programs_alone_are_no_refusal(lines: list[str]) -> None:
    assert not is_refusal(explain("\n".join(lines)))


_REFUSALS = [path.name for path in files("qemu-output") if "refused" in path.name]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(_REFUSALS), _noise)
def test_a_true_refusal_stays_one(name: str, noise: list[tuple[int, str]]) -> None:
    log = read_text("qemu-output", name)
    alone, answer = explain(log), explain(mixed(log.splitlines(), noise))
    assert is_refusal(answer)
    assert {r.id for r in answer.registers if r.kind == "refused"} == {
        r.id for r in alone.registers if r.kind == "refused"
    }


def _failures() -> list[str]:
    return [block.partition("\n")[2] for block in read_text("pasted", "failures.txt").split("### ")[1:]]


_TEXTS = [*_failures(), *(read_text("pasted", name) for name in _OTHER_CAUSES)]


@pytest.mark.parametrize("text", _TEXTS, ids=[str(number) for number in range(len(_TEXTS))])
def test_a_long_log_keeps_what_matters(text: str) -> None:
    answer = explain(_long(text))
    assert answer.headline == explain(text).headline


def test_every_refusal_survives_a_long_log() -> None:
    for path in files("qemu-output"):
        text = read_text("qemu-output", path.name)
        assert explain(_long(text)).headline == explain(text).headline


_FILLER = "Nov 25 10:00:00 machine daemon[1]: nothing of interest stands in this line at all\n"


def _long(text: str) -> str:
    half = _FILLER * (WHOLE // len(_FILLER))
    return f"{half}{text.rstrip()}\n{half}"


def test_memory_stays_flat_however_long_the_log_is() -> None:
    def blocks(count: int) -> Iterator[bytes]:
        block = (_FILLER * 6000).encode()
        for number in range(count):
            yield block
            if number == count // 2:
                yield b"qemu-system-aarch64: Not a migration stream\n"

    peaks = []
    for count in (20, 80):
        tracemalloc.start()
        text = condensed(blocks(count))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert "Not a migration stream" in text and len(text) < WHOLE
    assert peaks[1] < peaks[0] * 1.2


def test_one_endless_line_is_cut() -> None:
    text = condensed([b"x" * 400_000] * 5 + [b" kvm: HYP mode not available "] + [b"y" * 400_000])
    assert "HYP mode not available" in text and len(text) < 1_000_000


def test_values_and_remarks_carry_no_sign_of_failure() -> None:
    assert not explain("ID_AA64PFR0_EL1 = 0x11112222\nID_AA64MMFR0_EL1 = 0x101122").fails
    assert not explain("kvm [1]: VHE mode initialized successfully").fails
    assert explain("qemu-system-aarch64: Error -22 while loading VM state").fails
    assert explain(read_text("pasted", "37-machine-type.txt")).fails


@pytest.mark.parametrize(
    ("around", "program", "said"),
    [
        ("kvm [1]: VHE mode initialized successfully", "host", "the host's kernel has no caches to show"),
        ("Machine model: linux,dummy-virt", "guest", "the guest's kernel has no caches to show"),
        ("Linux version 6.12.57 (gcc)", "a kernel, the host's or a guest's", "the text does not say which"),
        ("kvm [1]: HYP mode not available", "a kernel, the host's or a guest's", "was not started at EL2"),
    ],
)
def test_whose_kernel_printed_a_line_is_judged_by_the_rest_of_the_log(around: str, program: str, said: str) -> None:
    """`Early cacheinfo failed` of a host's log was told as a guest's; HYP mode is what a guest's kernel lacks, too."""
    answer = explain(f"[    0.000000] {around}\n[    0.008412] Early cacheinfo failed, ret = -22\n")
    assert answer.vmm == program
    assert said in f"{answer.headline} {' '.join(answer.conclusions)}".lower() or said in answer.headline
