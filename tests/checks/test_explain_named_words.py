"""Lines that name a register in a program's own word, or a step before any register: kvmtool, libkrun, QEMU 11.1."""

from __future__ import annotations

import pytest

from inspector.checks.explain.explain import explain


def _all(text: str) -> str:
    answer = explain(text)
    return "\n".join((answer.headline, *answer.conclusions, *answer.next_steps, *(m.meaning for m in answer.messages)))


@pytest.mark.parametrize(
    ("text", "name", "error"),
    [
        ("  Error: KVM_SET_ONE_REG failed (mpidr)", "MPIDR_EL1", ""),
        (
            "# lkvm run -k Image\n  Fatal: KVM_SET_ONE_REG failed (mpidr): Invalid argument",
            "MPIDR_EL1",
            "Invalid argument",
        ),
        ("KVM_SET_ONE_REG failed (spsr[EL1]): Exec format error\r\n", "PSTATE", "Exec format error"),
        ("KVM_SET_ONE_REG failed (VBAR_EL1): No such file or directory", "VBAR_EL1", "No such file or directory"),
        ("KVM_SET_ONE_REG failed (x0): Invalid argument", "X0", "Invalid argument"),
    ],
)
def test_the_word_in_brackets_is_the_register(text: str, name: str, error: str) -> None:
    answer = explain(text)
    assert [(r.name, r.kind, r.error) for r in answer.registers] == [(name, "refused", error)]
    assert "CCSIDR" not in _all(text)
    assert "does not name" not in _all(text)
    assert len(answer.messages) == 1


def test_a_word_that_names_no_register_claims_no_cause() -> None:
    text = "KVM_SET_ONE_REG failed (frob nicate): Invalid argument"
    assert "none that is known here" in _all(text)
    assert "CCSIDR" not in _all(text)


@pytest.mark.parametrize("word", ["sbi_ext 9", "config.isa", "isa_ext 3"])
def test_a_register_of_risc_v_is_said_to_be_one(word: str) -> None:
    answer = explain(f"  Warning: KVM_SET_ONE_REG failed ({word})")
    assert "RISC-V" in answer.headline
    assert not answer.registers


def test_mpidr_that_cannot_be_read_is_no_matter_of_vectors() -> None:
    text = "  Fatal: KVM_GET_ONE_REG failed (get_mpidr vcpu0"
    assert [(r.name, r.kind) for r in explain(text).registers] == [("MPIDR_EL1", "unreadable")]
    assert "SVE" not in _all(text)


@pytest.mark.parametrize(
    ("number", "said"), [("1", "EPERM, which KVM does not answer"), ("8", "was not initialised"), ("22", "error 22")]
)
def test_a_base_register_of_a_fresh_vcpu_is_no_restore(number: str, said: str) -> None:
    answer = explain(f"Error: Internal(Vm(VcpuConfigure(REGSConfiguration(SetBaseRegister(Error({number}))))))")
    assert answer.recognised
    assert answer.vmm == "libkrun"
    assert said in answer.headline
    assert not answer.registers


def test_the_base_registers_of_x86_are_not_taken_for_it() -> None:
    assert not explain("VcpuConfigure(REGSConfiguration(SetBaseRegisters(Error(22))))").recognised


_STREAM = "qemu-system-aarch64: handle_cpreg_only_in_incoming_stream: "
_LINE = "qemu-system-aarch64: {}handle_cpreg_only_in_incoming_stream: system register 0x1013c094 in the incoming stream"


@pytest.mark.parametrize(
    ("tail", "fatal", "said"),
    [
        (" but unknown on the destination: fail migration", True, "refuses to drop it"),
        (" but unknown on the destination: skip it", False, "drops it, as asked"),
        (" but unknown on the destination:", True, "the end of the line is missing"),
        (" but unknown on the destination", True, "the end of the line is missing"),
    ],
)
def test_a_packed_encoding_of_qemu_is_the_register(tail: str, fatal: bool, said: str) -> None:
    answer = explain(_LINE.format("" if fatal else "warning: ") + tail)
    assert [(r.name, r.kind) for r in answer.registers] == [("SMPRI_EL1", "only_in_source")]
    assert [m.fatal for m in answer.messages] == [fatal]
    assert said in answer.messages[0].meaning


def test_registers_that_an_emulating_qemu_lacks_are_judged_by_no_rule_of_kvm() -> None:
    """QEMU 11.1.3 under TCG, of a Neoverse N2 loaded into a Neoverse N1; a vCPU of KVM is printed with op0 to op2."""
    words = ("0x200f4f06", "0x1013c090", "0x1013c110", "0x200f0820")
    tail = "in the incoming stream but unknown on the destination: fail migration"
    text = "\n".join(f"{_STREAM}system register {word} {tail}" for word in words)
    answer = explain(text)
    names = [r.name for r in answer.registers]
    assert len(names) == len(words) and "PMMIR_NS" in names and "ZCR_EL1" in names
    assert not answer.groups and "KVM did not run the guest" in answer.conclusions[0]
    assert not any("pauth" in step or "sve=" in step for step in answer.next_steps)
    by_kvm = explain(f"{_STREAM}system register op0:3 op1:0 crn:1 crm:2 op2:0 {tail}")
    assert by_kvm.groups and "KVM did not" not in " ".join(by_kvm.conclusions)
