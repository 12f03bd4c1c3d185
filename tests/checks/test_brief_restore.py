"""A restore asked for its verdict alone says what the whole one says, with a fraction of the work."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest

from inspector import sources
from inspector.checks.machine.assumed import fill_unknown
from inspector.checks.machine.destination import (
    SAME_HOST,
    Destination,
    created,
    destination_for,
    showing,
    source_vcpus,
)
from inspector.checks.machine.question import Given
from inspector.checks.remedies.kernel_ranges import _ranges, kernels_that_load
from inspector.checks.restore import steps
from inspector.checks.restore.migration import _row, with_ways_out
from inspector.checks.restore.result import VcpuResult
from inspector.checks.restore.summary import loads, restore, verdict_of
from inspector.checks.vmms.base import Vmm
from inspector.checks.vmms.table import find_vmm
from inspector.kvm.gates.id_register import IdGate
from inspector.kvm.gates.psci import Psci
from inspector.kvm.verdict import Verdict
from inspector.kvm.vm import Vcpu as Model
from inspector.kvm.words import explaining
from inspector.library import migrate
from inspector.policies.loader import load_policy
from inspector.policies.points import policy_names
from inspector.registers.encoding import size_of
from inspector.sources.dump import Dump
from inspector.sources.withheld import withhold
from tests.material.make import HERE

KERNELS = ("5.10", "5.15", "6.1", "6.2", "6.6", "6.12", "6.13.0", "7.3")


@pytest.fixture(scope="module", params=["shipped", "stream", "secrets withheld"])
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Dump:
    if request.param == "stream":
        path: Path = tmp_path_factory.mktemp("stream") / "a.mig"
        path.write_bytes(lzma.decompress((HERE / "qemu" / "kvm-7.3_neoverse-n2_q100.mig.xz").read_bytes()))
        return sources.load(str(path))
    dump = sources.load("builtin:neoverse-n2-linux-6.1")
    return withhold(dump) if request.param == "secrets withheld" else dump


def decisive(rule: Vmm, results: tuple[VcpuResult, ...]) -> tuple[object, ...]:
    """What `Trial.outcome` and `kernels_that_load` take from a restore."""
    findings = [f for result in results for f in result.findings]
    fatal = [(f.vcpu, f.id, f.kind, f.certain) for f in findings if f.fatal]
    unkept = [(f.vcpu, f.id) for f in findings if f.kind == "changed" and not f.expected]
    return verdict_of(rule, results), fatal, unkept, [f.id for f in findings if f.kind == "uncertain"]


def target_under(saved: Dump, kernel: str, rule: Vmm) -> Destination:
    return destination_for(saved, SAME_HOST, Given(kernel, rule.name))


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("vmm", ["qemu-10.0", "qemu-11.1", "firecracker"])
def test_the_brief_restore_decides_as_the_whole_one(saved: Dump, kernel: str, vmm: str) -> None:
    rule = find_vmm(vmm)
    vcpus, _ = source_vcpus(saved)
    target = target_under(saved, kernel, rule)
    whole, brief = (restore(vcpus, target, rule, brief=flag) for flag in (False, True))
    assert decisive(rule, brief) == decisive(rule, whole)
    assert _row(vcpus, target, rule, brief) == _row(vcpus, target, rule, whole), "of the kernels"
    assert sum(len(one.findings) for one in brief) < sum(len(one.findings) for one in whole)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_write_needs_no_verdict_where_that_would_say_that_it_is_kept_for_sure(saved: Dump, kernel: str) -> None:
    """So a register whose value is withheld, which four values are tried for, is explained only where they differ."""
    vcpu = source_vcpus(saved)[0][0]
    target = target_under(saved, kernel, find_vmm("qemu"))
    kept = 0
    for reg_id in vcpu.ids:
        for value in (vcpu.values.get(reg_id, 2), 0, 1, (1 << 8 * size_of(reg_id)) - 1):
            told = explaining.explain_write(target.build(1).vcpu(0), reg_id, value)
            sure = told.certain and not told.errno and told.after == value
            assert target.build(1).vcpu(0).keeps(reg_id, value) == sure, (reg_id, value)
            kept += sure
    assert kept > 400


@pytest.mark.parametrize("kernel", KERNELS)
def test_what_a_gate_takes_without_a_vm_is_what_a_fresh_vm_takes(saved: Dump, kernel: str) -> None:
    vcpu = source_vcpus(saved)[0][0]
    model = target_under(saved, kernel, find_vmm("qemu")).build(1).vcpu(0)
    judged = 0
    for reg_id, value in vcpu.values.items():
        for tried in (value, value ^ 1 << 4, value ^ 1 << 20, value & ~(0xF << 8), 0):
            gate = model.gate(reg_id)
            if isinstance(gate, IdGate | Psci):
                judged += 1
                assert gate.takes(tried) == (not model.would_accept(reg_id, tried)), (reg_id, tried)
            elif gate is not None and gate.takes(tried) is not None:
                assert gate.takes(tried) == (not model.would_accept(reg_id, tried)), (reg_id, tried)
    assert judged > 100


@pytest.mark.parametrize("vmm", ["qemu-10.0", "firecracker"])
def test_the_search_finds_the_kernels_under_which_the_whole_restore_passes(saved: Dump, vmm: str) -> None:
    """It leaves out kernels that keep what stopped another one: none of them loads it."""
    rule = find_vmm(vmm)
    vcpus, _ = source_vcpus(saved)
    target = target_under(saved, "6.12" if saved.provenance.kernel.shown.startswith("6.1.") else "5.10", rule)
    fatal = [f for result in restore(vcpus, target, rule) for f in result.findings if f.fatal]
    assert target.host is not None and fatal
    host, _ = fill_unknown(target.host, vcpus[0].values)
    names = policy_names()
    good = []
    for name in names:
        exposure, setup, _ = created(host, load_policy(name), target.setup, "")
        if loads(rule, restore(vcpus, showing(exposure, host, setup, ""), rule, brief=True)):
            good.append(name)
    ways = [way for way in kernels_that_load(vcpus, target, rule, fatal) if way.settles_all]
    assert [way.title.partition(" on the destination")[0] for way in ways] == ([_ranges(good, names)] if good else [])


def test_the_search_for_kernels_explains_few_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A verdict takes a hundred times as long as the write."""
    explained: list[int] = []
    real = explaining.explain_write

    def counted(model: Model, reg_id: int, value: int) -> Verdict:
        explained.append(reg_id)
        return real(model, reg_id, value)

    monkeypatch.setattr(steps, "explain_write", counted)
    saved = sources.load("builtin:neoverse-n2-linux-6.1")
    migrate(saved, SAME_HOST, kernel="6.12", ways_out=False)
    whole = len(explained)
    explained.clear()
    report = migrate(saved, SAME_HOST, kernel="6.12")
    assert any(way.kind == "kernel" for way in report.ways_out)
    assert whole < len(explained) < 3 * whole, "twenty kernels load it: hardly one of their writes is explained"


@pytest.mark.parametrize(
    ("kernel", "vmm", "features"),
    [
        ("6.12", "", None),
        ("6.12.1-vendor", "", None),
        ("7.3", "crosvm", None),
        ("6.1", "", "psci,pmu"),
        ("5.10", "", None),
    ],
)
def test_the_ways_out_of_a_known_report_are_those_of_a_new_one(kernel: str, vmm: str, features: str | None) -> None:
    saved = sources.load("builtin:neoverse-n2-linux-6.1")
    known = migrate(saved, SAME_HOST, kernel, vmm, features=features, ways_out=False)
    assert with_ways_out(known, saved, SAME_HOST, Given(kernel, vmm, features)) == migrate(
        saved, SAME_HOST, kernel, vmm, features=features
    )
