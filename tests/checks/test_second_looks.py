"""Answers that were once kept in two places, each asked for where a user meets it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from inspector.checks.explain.explain import explain
from inspector.checks.machine.question import Given
from inspector.checks.remedies.risks import lacking, risk_of
from inspector.checks.restore.migration import migrate
from inspector.library import fix
from inspector.registers.bits import ALL, Partial
from inspector.registers.catalog import find
from inspector.registers.encoding import bitmap_id, ccsidr_id, firmware_id, sysreg_id
from inspector.registers.ids import IDS
from tests.checks.material import changed, shipped
from tests.commands.running import run
from tests.kvm.material import EL2, MINIMAL, exposure, host

DFR0 = sysreg_id(3, 0, 0, 5, 0)
UNALLOCATED = 0x6030000000130000


@pytest.mark.parametrize(("kernel", "nested"), [("6.16", 7), ("6.18", 10), ("7.3", 10)])
def test_a_vcpu_with_el2_has_a_debug_limit_of_its_own(tmp_path: Path, kernel: str, nested: int) -> None:
    """The limit for every vCPU is taken away, so that the one for EL2 is seen (limit_nv_id_reg())."""
    policy = tmp_path / "own.toml"
    policy.write_text(f'title = "Own"\nextends = "{kernel}"\nremove = ["debug architecture"]\n')
    machine = host("max_nested")
    newer = msgspec.structs.replace(machine, values=dict(machine.values) | {DFR0: machine.values[DFR0] & ~0xF | 11})
    shown = [exposure(newer, str(policy), setup).values[DFR0] & 0xF for setup in (MINIMAL, EL2)]
    assert shown == [11, nested]


def written(source: str, assignment: str, kernel: str) -> dict[str, Any]:
    """What `write` answers, as JSON."""
    answer: dict[str, Any] = run("write", source, assignment, "--kernel", kernel, "--json").json["writes"][0]
    return answer


@pytest.mark.parametrize(
    ("assignment", "refused"),
    [
        ("CLIDR_EL1.LoC=0", {"LoC"}),
        ("CLIDR_EL1=0x1200003", set()),
        ("CLIDR_EL1=0x9000003", set()),
        ("CLIDR_EL1=0x1000003", {"LoUU", "LoUIS"}),
    ],
)
def test_points_of_coherency_are_judged_field_by_field(assignment: str, refused: set[str]) -> None:
    """A host without IDC (cortex-a72) refuses LoC 0, and LoUU and LoUIS that are both 0 (set_clidr())."""
    answer = written("builtin:cortex-a72-linux-6.12", assignment, "6.12")
    judged = {field["name"] for field in answer["fields"] if not field["accepted"]}
    assert judged == refused
    assert bool(answer["errno"]) == bool(refused)


@pytest.mark.parametrize(("value", "near"), [(0xB, 0xA), (0x9, 0x8), (0x1A, 0xA), (0x2, 0xA), (0, 0x8)])
def test_the_os_lock_is_suggested_with_the_bit_that_was_asked_for(value: int, near: int) -> None:
    answer = written("builtin:neoverse-n2-linux-6.12", f"OSLSR_EL1={value:#x}", "6.12")
    assert answer["errno_name"] == "EINVAL"
    assert int(answer["would_pass"], 16) == near


@pytest.mark.parametrize("count", [1, 10, 11])
@pytest.mark.parametrize("vmm", ["qemu-10.0", "qemu-11.1"])
def test_a_qemu_that_is_built_so_may_find_any_number_of_harmless_registers_missing(vmm: str, count: int) -> None:
    target = shipped("cortex-a72", "7.3")
    source = changed(target, {UNALLOCATED + number: 0 for number in range(count)})
    report = migrate(source, target, Given(vmm=vmm))
    assert report.verdict == "fails"
    assert any(way.kind == "machine" and way.settles_all for way in report.ways_out)


@pytest.mark.parametrize("count", [1, 10, 11])
def test_a_newer_qemu_names_what_is_too_many(count: int) -> None:
    answer = explain(f"qemu-system-aarch64: Invalid value {258 + count} expecting positive value <= 258")
    assert any("QEMU 11.1 or newer" in step for step in answer.next_steps)


RISKS: list[tuple[str, int, int, str]] = [
    # register, what it read, what it reads then, words of what the guest notices
    ("ID_AA64MMFR2_EL1", 1 << 20, 0, "cache sizes in the new layout"),
    ("ID_MMFR4_EL1", 1 << 24, 0, "cache sizes in the new layout"),
    ("ID_AA64DFR0_EL1", 6 << 8, 5 << 8, "keeps the version that it saw at boot"),
    ("ID_AA64DFR0_EL1", 9, 8, "keep the debug architecture that they saw"),
    ("ID_DFR0_EL1", 6 << 24, 5 << 24, "only 32-bit software reads it; events"),
    ("ID_DFR0_EL1", 9, 8, "only 32-bit debuggers"),
    ("ID_AA64MMFR2_EL1", 1 << 24, 0, "only a hypervisor in the guest reads it"),
    ("ID_AA64PFR0_EL1", 1 << 40, 0, "KVM traps every use of MPAM"),
    ("ID_AA64PFR1_EL1", 1 << 16, 0, "KVM traps every use of MPAM"),
    ("ID_AA64PFR0_EL1", 1 << 24, 0, "interrupt controller driver at boot"),
    ("ID_AA64PFR0_EL1", 1 << 56, 0, "other Spectre v2 mitigations"),
    ("ID_AA64PFR0_EL1", 1 << 60, 0, "other Meltdown mitigations"),
    ("ID_AA64PFR0_EL1", 1 << 32, 0, "SVE instructions of programs that run already fault"),
    ("ID_AA64MMFR0_EL1", 2 << 4, 0, "confuses two processes"),
    ("ID_AA64MMFR0_EL1", 6, 5, "page tables point above the new limit"),
    ("ID_AA64ISAR0_EL1", 2 << 20, 0, "instructions that use it fault"),
    ("ID_AA64ISAR0_EL1", 0, 2 << 20, "seen only after a reboot"),
    ("MIDR_EL1", 0x410FD083, 0x410FD493, "errata workarounds of the processor that it booted on"),
    ("CTR_EL0", 1 << 29, 0, "DIC goes from 1 to 0"),
    ("CTR_EL0", 1 << 28, 0, "IDC goes from 1 to 0"),
    ("CTR_EL0", 0, 1 << 28, "continues with the cache line sizes"),
    ("CLIDR_EL1", 3, 0x23, "only what the guest believes of its caches"),
]


@pytest.mark.parametrize(("register", "old", "new", "words"), RISKS)
def test_what_a_guest_would_notice(register: str, old: int, new: int, words: str) -> None:
    assert words in risk_of(find(register).register.id, old, new)


def test_what_a_guest_would_notice_of_firmware() -> None:
    assert "calls newer than 1.0 answer NOT_SUPPORTED" in risk_of(firmware_id(0), 0x10001, 0x10000)
    assert "does not use what is newer" in risk_of(firmware_id(0), 0x10000, 0x10001)
    assert "keeps the mitigation that it chose at boot" in risk_of(firmware_id(1), 2, 1)
    assert "found at boot answer NOT_SUPPORTED" in risk_of(bitmap_id(0), 1, 0)
    assert "more hypercalls answer" in risk_of(bitmap_id(0), 0, 1)
    assert "only what the guest believes of its caches" in risk_of(ccsidr_id(0), 1, 2)
    assert "content changes under the running guest" in risk_of(0x6030000000100040, 0, 1)


def test_a_copy_for_a_cpu_that_lacks_what_the_guest_uses_says_so_first() -> None:
    """What a kernel hides of the CPU harms no guest; what the destination's CPU lacks does."""
    report = migrate(shipped("neoverse-n2", "6.1"), shipped("cortex-a72", "7.3"), Given(vmm="qemu-10.0"))
    copy = next(way for way in report.ways_out if way.kind == "file")
    first = copy.notices.partition(";")[0]
    assert first.startswith("the destination's CPU lacks ID_AA64") and "its kernel may stop at once" in first
    assert "where the hardware really lacks it" not in first
    same = migrate(shipped("neoverse-n2", "6.18"), shipped("neoverse-n2", "6.1"), Given(vmm="qemu-10.0"))
    assert not any("CPU lacks" in way.notices for way in same.ways_out)


def test_fix_says_of_each_value_what_the_cpu_there_lacks() -> None:
    done = fix("builtin:neoverse-n2-linux-6.1", "builtin:cortex-a72-linux-7.3", "", vmm="qemu-10.0", dry_run=True)
    (atomic,) = (change for change in done.changes if change.name == "ID_AA64ISAR0_EL1")
    assert atomic.risk.startswith("the destination's CPU lacks") and "ATOMIC" in atomic.risk
    same = fix("builtin:neoverse-n2-linux-6.1", "builtin:neoverse-n2-linux-6.12", "", vmm="qemu-10.0", dry_run=True)
    assert same.changes and not any("CPU lacks" in change.risk for change in same.changes)


def test_what_a_cpu_lacks_is_told_only_where_it_is_known() -> None:
    atomic, old, new = IDS["ID_AA64ISAR0_EL1"], 2 << 20, 0
    assert lacking(atomic, old, new, Partial(0, ALL)) == ("ATOMIC",)
    assert lacking(atomic, old, new, Partial(old, ALL)) == () == lacking(atomic, old, new, Partial.nothing())
    assert lacking(IDS["MIDR_EL1"], 2, 1, Partial(0, ALL)) == ()
    assert "ATOMIC" in risk_of(atomic, old, new) and risk_of(atomic, old, new, ("ATOMIC",)) == ""
