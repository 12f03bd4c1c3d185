"""A restore beside one that was played before: what is the same is not worded again, and no answer is another one."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from inspector import sources
from inspector.checks.machine.destination import OwnMachine
from inspector.checks.machine.question import Given
from inspector.checks.patch_effect import BEFORE, PatchStudy, variants
from inspector.checks.patch_subjects import subjects
from inspector.checks.restore.result import Finding
from inspector.checks.restore.steps import Restore
from inspector.checks.vmms.table import find_vmm
from inspector.errors import InspectorError
from inspector.kvm.inference.fresh import fresh_vm, infer_host
from inspector.kvm.vm import Vm
from inspector.kvm.words.explaining import explain_write
from inspector.policies.loader import combine, load_policy
from inspector.policies.model import Policy
from inspector.policies.points import patch_names
from inspector.policies.setup import QEMU_SETUP
from inspector.registers.catalog import by_id
from inspector.registers.ids import ID_AA64MMFR2_EL1
from inspector.sources.dump import Dump
from inspector.sources.withheld import withhold

DUMPS = ("neoverse-n2-linux-6.1", "neoverse-n2-linux-7.3", "max-linux-6.12 seen", "cortex-a72-linux-5.10")
SEEN = " seen"
KERNELS = ("5.10", "6.2", "6.6", "6.12", "6.13", "7.3")


def saved(name: str) -> Dump:
    """A dump that ships; of `NAME seen` only what its vCPU shows of the host is known."""
    dump = sources.load(f"builtin:{name.removesuffix(SEEN)}")
    return msgspec.structs.replace(dump, vcpus=dump.vcpus[:1]) if name.endswith(SEEN) else dump


def patched(base: str) -> list[Policy]:
    """A kernel with each patch that can be laid over it."""
    found = []
    for name in patch_names():
        try:
            found.append(combine(load_policy(base), (name,)))
        except InspectorError:
            continue
    assert len(found) >= 5
    return found


def restores(dump: Dump, policies: Sequence[Policy], vmm: str = "qemu") -> list[Restore]:
    """The restore under each policy, played beside the first one."""
    rule, vcpu = find_vmm(vmm), dump.vcpus[0]
    machine = OwnMachine(dump, Given(vmm=rule.name))
    found: list[Restore] = []
    for policy in policies:
        target = machine.under(policy)
        one = Restore(vcpu, target, target.build(1).vcpu(0), rule, found[0] if found else None)
        one.play()
        found.append(one)
    return found


def alone(one: Restore) -> tuple[tuple[Finding, ...], dict[int, int], dict[int, int]]:
    """The findings of the same restore by itself, and what its VM holds in the end."""
    model = one.destination.build(1).vcpu(0)
    findings = Restore(one.vcpu, one.destination, model, one.vmm).play()
    return findings, model.vm.stored, model.own


@pytest.mark.parametrize("vmm", ["qemu", "firecracker"])
@pytest.mark.parametrize("secrets", [False, True], ids=["whole", "withheld"])
@pytest.mark.parametrize("name", DUMPS)
def test_answers_and_state_are_those_of_a_restore_by_itself(name: str, secrets: bool, vmm: str) -> None:
    dump = withhold(saved(name)) if secrets else saved(name)
    for base in ("5.10", "6.2", "6.12", "7.3"):
        policies = [load_policy(base), *patched(base), *map(load_policy, KERNELS)]
        for one in restores(dump, policies, vmm):
            assert (one.findings, one.model.vm.stored, one.model.own) == alone(one), one.destination.label


def test_what_a_patch_leaves_as_it_is_is_worded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The counter runs, so that it is not kept."""
    worded: list[str] = []
    written = Restore._written

    def counted(self: Restore, reg_id: int, order: int) -> Finding:
        worded.append(by_id(reg_id).name)
        return written(self, reg_id, order)

    monkeypatch.setattr(Restore, "_written", counted)
    dump = saved("neoverse-n2-linux-6.1")
    study = PatchStudy(dump, dump.vcpus[0])
    study.effect(BEFORE)
    assert len(worded) > 200
    worded.clear()
    study.effect(variants()[0])
    assert worded == ["ID_MMFR4_EL1", "ID_AA64MMFR2_EL1", "CNTVCT_EL0"]


def test_what_the_page_draws_again_is_not_worked_out_again() -> None:
    dump = saved("neoverse-n2-linux-6.1")
    study = PatchStudy(dump, dump.vcpus[0])
    before, after = study.effect(BEFORE), study.effect(variants()[0])
    found = subjects(before, after)
    assert found and subjects(before, after) is found and subjects(after, before) is not found


def test_no_word_is_taken_over_from_another_host_or_setup() -> None:
    policy = load_policy("6.12")
    mine, theirs = (OwnMachine(saved(name), Given(vmm="qemu")).under(policy).build(1) for name in DUMPS[:2])
    assert mine.exposure.host is not theirs.exposure.host
    assert mine.worded_like(theirs) == mine.plain & theirs.plain


def test_no_word_is_taken_over_where_the_limit_is_another() -> None:
    values, policy = saved("neoverse-n2-linux-6.12").vcpus[0].values, load_policy("6.12")
    host = infer_host(values, policy)
    one, same = (fresh_vm(values, policy, QEMU_SETUP, host=host) for _ in range(2))
    other = fresh_vm({**values, ID_AA64MMFR2_EL1: 0}, policy, QEMU_SETUP, host=host)
    assert one.worded_like(same) - one.worded_like(other) == {ID_AA64MMFR2_EL1}


@pytest.mark.parametrize("name", DUMPS)
def test_plain_storage_is_told_at_once_as_it_is_told_in_full(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    dump = saved(name)
    target = OwnMachine(dump, Given(vmm="firecracker")).under(load_policy("6.12"))
    values = dump.vcpus[0].values
    told = [explain_write(target.build(1).vcpu(0), i, value) for i, value in values.items()]
    assert any(not verdict.fields and "plain storage" in verdict.reason for verdict in told)
    monkeypatch.setattr(Vm, "plain", frozenset())
    assert told == [explain_write(target.build(1).vcpu(0), i, value) for i, value in values.items()]
