"""The sentences of verdicts say what happened, and no more."""

from __future__ import annotations

import pytest

from inspector.kvm.verdict import Verdict
from inspector.kvm.words.explaining import explain_write
from inspector.policies.setup import VcpuSetup
from inspector.registers.ids import IDS
from tests.commands.running import run
from tests.kvm.material import IMP_ID, MINIMAL, PMU_GIC, vm


def _write(model: str, kernel: str, setup: VcpuSetup, register: str, value: int) -> Verdict:
    return explain_write(vm(model, kernel, setup).vcpu(0), IDS[register], value)


@pytest.mark.parametrize(
    ("model", "kernel", "setup", "register", "value", "words"),
    [
        ("neoverse-n2", "6.18", PMU_GIC, "ID_AA64DFR0_EL1", 0xF010305F09, "taken as 0"),
        ("neoverse-n2", "6.18", MINIMAL, "ID_AA64MMFR0_EL1", 0x32200101125, "only 2 or 1."),
        ("neoverse-n2", "6.18", IMP_ID, "MIDR_EL1", 1 << 32, "63:32 are reserved"),
        ("neoverse-n2", "6.18", MINIMAL, "MIDR_EL1", 1, "KVM_CAP_ARM_WRITABLE_IMP_ID_REGS"),
        ("neoverse-n2", "6.12", MINIMAL, "CLIDR_EL1", 1 << 63, "63:47 are reserved"),
        ("cortex-a72", "6.12", MINIMAL, "CLIDR_EL1", 0, "CTR_EL0.IDC is 0"),
    ],
)
def test_the_reason(model: str, kernel: str, setup: VcpuSetup, register: str, value: int, words: str) -> None:
    assert words in _write(model, kernel, setup, register, value).reason


def test_ids_that_name_nothing_are_answered() -> None:
    done = run("write", "builtin:neoverse-n2-linux-6.12", "0x203000000013c03a=2", "--kernel", "6.12", "--json")
    verdict = done.json["writes"][0]
    assert (done.code, verdict["errno_name"]) == (1, "EINVAL")
    assert "0x60" in verdict["reason"]


def test_bits_beside_a_narrow_field_are_judged() -> None:
    """CTR_EL0[13:12] are reserved; L1Ip above them has two bits only."""
    verdict = _write("neoverse-n2", "6.18", MINIMAL, "CTR_EL0", 0xB444F004)
    assert [f.name for f in verdict.fields if not f.accepted] == ["[13:12]"]
    assert "refused" in verdict.reason
