"""Two ways to one answer: a destination's own fresh vCPU, and the model of its raw host registers."""

from __future__ import annotations

import msgspec
import pytest

from inspector.checks.machine.question import Given
from inspector.checks.machine.source_kernel import fitting_kernels, kernel_of
from inspector.checks.restore.migration import migrate
from inspector.checks.restore.result import MigrationReport
from tests.checks.material import shipped

KERNELS = ("5.10", "6.1", "6.12", "6.18", "7.3")
CPUS = ("neoverse-n2", "max", "cortex-a72")
NO_FIRMWARE = "spectre-v2=vulnerable,ssb=not-available,bhb=vulnerable"
"""what an affected CPU has where the firmware offers no mitigation, as QEMU's does not: no register says it"""
_KVM_CLASSES = (0x11, 0x13, 0x14, 0x16)


def told(report: MigrationReport) -> set[tuple[int, str, int, int | None]]:
    """What the check says of each register that KVM judges; PMU and timer values depend on more than the host."""
    return {
        (f.id, f.kind, f.errno, f.after)
        for f in report.findings
        if f.id >> 16 & 0xFFF in _KVM_CLASSES
        and not f.expected
        and f.feature != "pmu"
        and f.kind != "missing_in_source"
    }


@pytest.mark.parametrize("new", KERNELS)
@pytest.mark.parametrize("old", KERNELS)
@pytest.mark.parametrize("cpu", CPUS)
def test_a_recorded_fresh_vcpu_and_the_modelled_host_answer_alike(cpu: str, old: str, new: str) -> None:
    source = msgspec.structs.replace(shipped(cpu, old), host=None, capabilities={})
    target = shipped(cpu, new)
    fresh = msgspec.structs.replace(target, host=None, capabilities={})
    host = msgspec.structs.replace(target, vcpus=())
    setup = target.vcpus[0].setup
    measured = migrate(source, fresh, Given(vmm="qemu-11.1"), ways_out=False)
    levels = NO_FIRMWARE if cpu == "cortex-a72" else ""
    modelled = migrate(source, host, Given(kernel_of(target).policy, "qemu-11.1", setup, host=levels), ways_out=False)
    assert told(measured) == told(modelled)
    assert measured.verdict == modelled.verdict


@pytest.mark.parametrize(("kernel", "guess"), [("6.1", "6.2"), ("6.12", "6.12"), ("6.18", "7.2"), ("7.3", "7.3")])
@pytest.mark.parametrize("cpu", CPUS)
def test_a_register_list_shows_its_kernel(cpu: str, kernel: str, guess: str) -> None:
    """As the newest of the releases that list the same registers."""
    vcpu = shipped(cpu, kernel).vcpus[0]
    assert vcpu.setup is not None
    assert fitting_kernels(vcpu.values, vcpu.setup)[0].name.startswith(guess + ".")


def test_values_tell_releases_with_equal_lists_apart() -> None:
    """5.17 lists what 5.10 lists, but shows no debug architecture above 6."""
    vcpu = shipped("neoverse-n2", "5.10").vcpus[0]
    assert vcpu.setup is not None
    assert fitting_kernels(vcpu.values, vcpu.setup)[0].name.startswith("5.10.")
