"""What kernels have in common is worked out once for all that are asked about a host: no answer differs by that."""

from __future__ import annotations

import msgspec
import pytest

from inspector.kvm.exposure import Exposure, expose
from inspector.kvm.gates import gate_of, gates
from inspector.kvm.host import HostState
from inspector.kvm.inference.fresh import fresh_vm
from inspector.kvm.limits import LIMITED, Alike
from inspector.kvm.vm import Vm
from inspector.policies.loader import load_policy
from inspector.policies.points import policy_names
from inspector.policies.setup import Feature, VcpuSetup
from inspector.registers.encoding import CLASS_SYSREG, class_of
from inspector.registers.ids import ID_AA64ISAR0_EL1, ID_SPACE
from tests.kvm.material import EL2, host

SETUPS = [
    VcpuSetup(features=int(Feature.PSCI | Feature.PMU), gic="v3"),
    VcpuSetup(features=int(Feature.PSCI | Feature.SVE | Feature.PTRAUTH_ADDRESS | Feature.PTRAUTH_GENERIC)),
]
HOSTS = {
    "known": host("neoverse-n2"),
    "unknown": msgspec.structs.replace(host("neoverse-n2"), known={}, vgic_known=False),
    "without AArch32": msgspec.structs.replace(host("max"), aarch32=False),
}


def alone(exposure: Exposure) -> Exposure:
    """The same question as nobody asked it before."""
    return expose(msgspec.structs.replace(exposure.bare), exposure.policy, exposure.setup)


def every_kernel(machine: HostState, setup: VcpuSetup) -> list[Exposure]:
    return [expose(machine, load_policy(name), setup) for name in policy_names()]


@pytest.mark.parametrize("setup", SETUPS, ids=["pmu", "sve"])
@pytest.mark.parametrize("machine", HOSTS)
def test_a_limit_is_the_same_whichever_kernels_were_asked_before(machine: str, setup: VcpuSetup) -> None:
    asked = every_kernel(HOSTS[machine], setup)
    assert len({id(one.alike) for one in asked}) == 1
    for one in asked:
        other = alone(one)
        assert other.alike is not one.alike
        assert {i: one.limits[i] for i in LIMITED} == {i: other.limits[i] for i in LIMITED}, one.policy.name
    shared = asked[0].alike.limits
    assert len(shared) < len(asked) * len(LIMITED) / 2, "most kernels say the same of most registers"


@pytest.mark.parametrize("machine", HOSTS)
def test_a_write_is_kept_for_sure_or_not_whichever_kernels_were_asked_before(machine: str) -> None:
    setup, kept = SETUPS[0], [0, 0]
    saved = every_kernel(HOSTS[machine], setup)[20].values
    for one in every_kernel(HOSTS[machine], setup):
        mine, other = (Vm(shown.host, shown.policy, setup, exposure=shown).vcpu(0) for shown in (one, alone(one)))
        for reg_id in ID_SPACE:
            limit = one.limit(reg_id)
            for value in (saved.get(reg_id, 0), saved.get(reg_id, 0) ^ 1 << 4, limit, max(limit - 0x100, 0)):
                answer = mine.keeps(reg_id, value)
                assert answer == other.keeps(reg_id, value), (one.policy.name, hex(reg_id), hex(value))
                assert mine.vm.stored == other.vm.stored, (one.policy.name, hex(reg_id), hex(value))
                kept[answer] += 1
    assert min(kept) > 100


def test_what_an_engine_function_has_a_say_in_is_asked_of_each_kernel() -> None:
    asked = expose(msgspec.structs.replace(HOSTS["known"]), load_policy("6.12"), SETUPS[0])
    for reg_id in ID_SPACE:
        special = any(step.kind == "special" for step in asked.book.of(reg_id).steps)
        assert asked.limit(reg_id) >= 0
        assert (asked.book.of(reg_id) in asked.alike.limits) != special, hex(reg_id)


def test_a_write_is_judged_by_the_limit_that_was_read() -> None:
    policy, machine = load_policy("6.12"), HOSTS["known"]
    told = []
    for crc32 in (1, 0):
        limit = {ID_AA64ISAR0_EL1: crc32 << 16}
        vcpu = fresh_vm(limit, policy, SETUPS[0], host=machine).vcpu(0)
        told.append((vcpu.keeps(ID_AA64ISAR0_EL1, 0), vcpu.keeps(ID_AA64ISAR0_EL1, 1 << 16)))
    assert told == [(True, True), (True, False)]


@pytest.mark.parametrize("setup", [*SETUPS, EL2], ids=["pmu", "sve", "el2"])
def test_one_register_is_listed_and_judged_as_the_tables_of_all_say(setup: VcpuSetup) -> None:
    asked = every_kernel(host("max_nested") if setup is EL2 else HOSTS["known"], setup)
    every = {reg_id for one in asked for reg_id in one.listed if class_of(reg_id) == CLASS_SYSREG}
    for one in asked:
        single = alone(one)
        for reg_id in every:
            assert single.lists(reg_id) == (reg_id in one.listed_set), (one.policy.name, hex(reg_id))
        assert "listed_set" not in single.__dict__
        for reg_id in one.listed:
            assert type(gate_of(single, reg_id)) is type(gates(one).find(reg_id)), (one.policy.name, hex(reg_id))


def test_few_hosts_are_held() -> None:
    for _ in range(20):
        alone(expose(HOSTS["known"], load_policy("6.12"), SETUPS[0]))
    assert len(Alike.lately) <= 8
