"""What Firecracker writes before a guest starts: CLIDR_EL1 by the host's sysfs cache topology."""

from __future__ import annotations

import msgspec
import pytest

from inspector.checks.machine.booted import as_booted
from inspector.checks.machine.question import Given
from inspector.checks.restore.migration import migrate
from inspector.checks.vmms.firecracker import clidr_of_caches
from inspector.checks.vmms.table import find_vmm
from inspector.library import expose, machine
from inspector.sources.dump import Cpu, Dump
from tests.checks.material import CLIDR, changed, saved_with, shipped
from tests.commands.running import run

GRAVITON = (
    {"level": "1", "type": "Data"},
    {"level": "1", "type": "Instruction"},
    {"level": "2", "type": "Unified"},
    {"level": "3", "type": "Unified"},
)
"""index0 to index3 of a Neoverse with a system cache in its PPTT"""


def host(kernel: str, caches: tuple[dict[str, str], ...]) -> Dump:
    return msgspec.structs.replace(
        shipped("neoverse-n2", kernel), cpus=(Cpu(index=0, caches=caches),) if caches else ()
    )


def clidr(dump: Dump, kernel: str, vmm: str) -> tuple[int | None, int, tuple[str, ...]]:
    found = machine(dump, kernel, features="psci")
    booted = as_booted(expose(found, "CLIDR_EL1"), found, dump, find_vmm(vmm))
    return booted.registers[0].exposed, booted.registers[0].known, booted.notes


def test_the_value_of_real_fingerprints() -> None:
    """Graviton2 to 4 on 6.18: KVM makes up 0x1000004, Firecracker's fingerprints show 0x3000123."""
    assert clidr_of_caches(0x1000004, GRAVITON) == 0x3000123
    assert clidr_of_caches(0x82000023, GRAVITON[:3]) == 0x82000023
    assert clidr_of_caches(0x1000004, ({"level": "2", "type": "Unified"},)) is None
    assert clidr_of_caches(0, (GRAVITON[0], GRAVITON[3])) == 0x1000002


@pytest.mark.parametrize(
    ("vmm", "value"),
    [
        ("firecracker", 0x3000123), ("firecracker-1.17", 0x3000123), ("firecracker-1.15.1", 0x3000123),
        ("firecracker-1.14.4", 0x3000123), ("firecracker-1.15.0", 0x1000004), ("firecracker-1.14.3", 0x1000004),
        ("qemu", 0x1000004), ("cloud-hypervisor", 0x1000004),
    ],
)  # fmt: skip
def test_by_release(vmm: str, value: int) -> None:
    assert clidr(host("6.18", GRAVITON), "6.18", vmm)[0] == value


def test_where_sysfs_is_not_known_the_answer_is_open() -> None:
    _, known, notes = clidr(host("6.18", ()), "6.18", "firecracker")
    assert known & 0x71FFFFF == 0 and known >> 21 & 7 == 7
    assert any("is not known" in note for note in notes)


@pytest.mark.parametrize("kernel", ["6.3", "6.6", "6.9"])
def test_a_kernel_that_resets_it_when_a_guest_starts_a_vcpu(kernel: str) -> None:
    """Firecracker issue 6139: the first vCPU keeps what was written, the others show KVM's own value again."""
    value, known, notes = clidr(host("6.6", GRAVITON), kernel, "firecracker-1.16")
    assert (value, known & 0x71FFFFF) == (0x3000123, 0x71FFFFF)
    assert any("only vCPU 0 keeps it" in note and "0x1000004" in note for note in notes)


@pytest.mark.parametrize(("kernel", "sure"), [("6.3", False), ("6.9", False), ("6.10", True), ("7.3", True)])
def test_the_release_that_goes_by_the_hosts_kernel(kernel: str, sure: bool) -> None:
    """Pull request 6172 was not read: where it matters, nothing is said."""
    _, known, notes = clidr(host("6.6", GRAVITON), kernel, "firecracker-1.17")
    assert (known & 0x71FFFFF == 0x71FFFFF) is sure
    assert any("6172" in note for note in notes) is not sure
    assert not any("only vCPU 0" in note for note in notes)


def test_a_value_that_is_kvms_own_is_not_lost() -> None:
    _, _, notes = clidr(host("6.6", ({"level": "1", "type": "Unified"},)), "6.6", "firecracker-1.16")
    assert not any("only vCPU 0" in note for note in notes)


def test_a_kernel_that_passes_the_hosts_caches_through_keeps_its_value() -> None:
    own, _, notes = clidr(host("6.1", GRAVITON), "6.1", "firecracker")
    assert own == clidr(host("6.1", GRAVITON), "6.1", "qemu")[0]
    assert any("takes no CLIDR_EL1 but the host's own" in note for note in notes)


def test_a_fingerprint_shows_its_own_topology() -> None:
    saved = changed(saved_with(shipped("neoverse-n2", "6.18"), "psci"), {CLIDR: 0x3000123}, format="firecracker-json")
    assert clidr(saved, "6.18", "firecracker")[0] == 0x3000123
    report = migrate(saved, shipped("neoverse-n2", "6.18"), Given(vmm="firecracker"), ways_out=False)
    assert report.verdict == "loads" and any(r.title == "CLIDR_EL1" and "sysfs" in r.text for r in report.remarks)


def test_the_command() -> None:
    name = "builtin:neoverse-n2-linux-6.18"
    done = run("expose", name, "CLIDR_EL1", "--kernel", "6.18", "--features", "psci", "--vmm", "firecracker")
    assert done.code == 0 and "Firecracker 1.16" in done.err
    assert run("expose", name, "CLIDR_EL1", "--kernel", "6.18", "--vmm", "bhyve").code == 2
