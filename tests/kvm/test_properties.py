"""Properties that hold for every kernel, host and write."""

from __future__ import annotations

from functools import lru_cache

from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.kvm.exposure import Exposure
from inspector.kvm.vm import Vm
from inspector.kvm.words.explaining import explain_write
from inspector.kvm.words.showing import explain_register
from inspector.policies.loader import load_policy
from inspector.policies.points import patch_names, policy_names
from inspector.policies.setup import VcpuSetup
from inspector.registers.encoding import ccsidr_id
from inspector.registers.ids import ID_SPACE, IDS, PSCI_VERSION, STD_BITMAP, WORKAROUND_1, WORKAROUND_2
from inspector.registers.naming import name_of
from tests.kvm.material import EL2, GIC, IMP_ID, MINIMAL, MTE, PMU, PMU_GIC, a64fx, exposure, host, vm

KERNELS = [*policy_names(), "6.2+mask-ccidx", "6.2+mask-ccidx-tolerant", "6.2+mask-ccidx-keep", "7.3+mask-ccidx-keep"]
SETUPS = {"minimal": MINIMAL, "gic": GIC, "pmu": PMU, "pmu-gic": PMU_GIC, "mte": MTE, "imp-id": IMP_ID, "el2": EL2}
MODELS = ["neoverse-n2", "cortex-a72", "max", "max_nested", "a64fx"]
TARGETS = [
    *ID_SPACE, *(IDS[n] for n in ("CTR_EL0", "CLIDR_EL1", "MIDR_EL1", "REVIDR_EL1", "OSLSR_EL1", "PMCR_EL0",
    "CSSELR_EL1")),
    ccsidr_id(0), ccsidr_id(1), ccsidr_id(5), PSCI_VERSION, WORKAROUND_1, WORKAROUND_2, STD_BITMAP,
]  # fmt: skip


@lru_cache(maxsize=512)
def shown(model: str, kernel: str, setup: str) -> Exposure:
    """An exposure, computed once."""
    machine = a64fx() if model == "a64fx" else host(model)
    return exposure(machine, kernel, SETUPS[setup])


def fresh(model: str, kernel: str, setup: str, ran: bool, vcpus: int = 1) -> Vm:
    """A VM with the given history."""
    seen = shown(model, kernel, setup)
    machine = Vm(seen.host, seen.policy, SETUPS[setup], vcpus, exposure=seen)
    if ran:
        machine.run(0)
    return machine


situations = st.tuples(
    st.sampled_from(MODELS), st.sampled_from(KERNELS), st.sampled_from(sorted(SETUPS)), st.booleans()
)
values = st.one_of(
    st.integers(0, (1 << 64) - 1), st.sampled_from([0, 1, (1 << 64) - 1, 0x5555555555555555]),
    st.tuples(st.integers(0, 15), st.integers(0, 15)),
)  # fmt: skip


def concrete(machine: Vm, reg_id: int, value: int | tuple[int, int]) -> int:
    """A value to write; a pair changes one 4-bit field of the present one."""
    if isinstance(value, int):
        return value & (0xFFFFFFFF if reg_id >> 52 & 0xF == 2 else (1 << 64) - 1)
    nibble, field = value
    now = machine.vcpu(0).value(reg_id)
    return (now & ~(0xF << 4 * nibble) | field << 4 * nibble) & (
        0xFFFFFFFF if reg_id >> 52 & 0xF == 2 else (1 << 64) - 1
    )


@settings(max_examples=300, deadline=None)
@given(situations, st.sampled_from(TARGETS), values)
def test_a_refused_write_changes_nothing_and_its_suggestion_passes(
    situation: tuple[str, str, str, bool], reg_id: int, value: int | tuple[int, int]
) -> None:
    machine = fresh(*situation)
    vcpu = machine.vcpu(0)
    if machine.init_errno or vcpu.get_one_reg(reg_id)[0]:
        return
    before = dict(machine.stored), dict(vcpu.own), machine.counters
    verdict = explain_write(vcpu, reg_id, concrete(machine, reg_id, value))
    assert verdict.reason.endswith(".")
    if verdict.errno:
        assert (dict(machine.stored), dict(vcpu.own), machine.counters) == before
    if not verdict.certain:
        assert verdict.cases and verdict.after is None and verdict.would_pass is None, (name_of(reg_id), verdict)
        return
    if verdict.errno:
        assert verdict.after == verdict.before
        assert verdict.would_pass is not None, (name_of(reg_id), verdict)
        assert explain_write(vcpu, reg_id, verdict.would_pass).errno == 0, (name_of(reg_id), verdict)
        if machine.exposure.book.fields(reg_id):
            assert verdict.errno == 16 or not all(field.accepted for field in verdict.fields), verdict
    else:
        assert all(field.accepted for field in verdict.fields), verdict
        assert verdict.would_pass is None


@settings(max_examples=200, deadline=None)
@given(situations, st.sampled_from(TARGETS), values)
def test_the_fast_answer_is_the_explained_one(
    situation: tuple[str, str, str, bool], reg_id: int, value: int | tuple[int, int]
) -> None:
    first, second = fresh(*situation), fresh(*situation)
    written = concrete(first, reg_id, value)
    errno = first.vcpu(0).set_one_reg(reg_id, written)
    verdict = explain_write(second.vcpu(0), reg_id, written)
    assert verdict.errno == errno
    assert not verdict.certain or first.vcpu(0).get_one_reg(reg_id)[1] == verdict.after


def written_back(model: str, kernel: str, setup: VcpuSetup) -> list[tuple[str, str, str, int]]:
    """Registers of a fresh vCPU that refuse their own value."""
    machine = vm(a64fx() if model == "a64fx" else host(model), kernel, setup)
    vcpu = machine.vcpu(0)
    if machine.init_errno:
        return []
    bad = []
    for reg_id in machine.exposure.feature_values():
        if reg_id in machine.exposure.listed_set and (errno := vcpu.set_one_reg(reg_id, vcpu.value(reg_id))):
            bad.append((model, kernel, name_of(reg_id), errno))
    return bad


def test_writing_what_was_read_is_always_accepted() -> None:
    for model in MODELS:
        for kernel in KERNELS:
            for setup in SETUPS.values():
                assert written_back(model, kernel, setup) == []


def test_after_the_run_writing_what_was_read_is_accepted_too() -> None:
    """Known exception: after a run that failed, ID_PFR1.GIC reads 0 where it is not writable, and takes only 1."""
    refused = set()
    for model in MODELS:
        for kernel in KERNELS:
            for setup in (MINIMAL, GIC, PMU, PMU_GIC, EL2):
                machine = vm(a64fx() if model == "a64fx" else host(model), kernel, setup)
                if machine.init_errno:
                    continue
                machine.run(0)
                vcpu = machine.vcpu(0)
                for reg_id in machine.exposure.feature_values():
                    if reg_id in machine.exposure.listed_set and vcpu.would_accept(reg_id, vcpu.value(reg_id)):
                        assert not machine.ran
                        refused.add(name_of(reg_id))
    assert refused == {"ID_PFR1_EL1"}


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(MODELS), st.sampled_from(KERNELS), st.sampled_from(sorted(SETUPS)),
    st.lists(st.tuples(st.sampled_from(TARGETS), values), max_size=30),
)  # fmt: skip
def test_state_is_where_kvm_keeps_it(
    model: str, kernel: str, setup: str, writes: list[tuple[int, int | tuple[int, int]]]
) -> None:
    """Writes on one vCPU show on the other exactly for VM-wide registers, and a fresh VM knows nothing of them."""
    machine, untouched = fresh(model, kernel, setup, False, vcpus=2), fresh(model, kernel, setup, False)
    for reg_id, value in writes:
        machine.vcpu(0).set_one_reg(reg_id, concrete(machine, reg_id, value))
    for reg_id in machine.stored:
        assert machine.vcpu(0).value(reg_id) == machine.vcpu(1).value(reg_id)
    own = IDS["CSSELR_EL1"]
    assert machine.vcpu(1).value(own) == untouched.vcpu(0).value(own)
    assert fresh(model, kernel, setup, False).stored == untouched.stored


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(MODELS), st.sampled_from(KERNELS), st.sampled_from(sorted(SETUPS)))
def test_what_is_shown_never_exceeds_what_is_known(model: str, kernel: str, setup: str) -> None:
    seen = shown(model, kernel, setup)
    for reg_id in ID_SPACE:
        allowed = seen.book.of(reg_id).known_mask
        shown_value = seen.values[reg_id]
        rebuilt = sum({trace.step.mask for trace in seen.traces(reg_id)})
        assert shown_value & ~allowed & ~rebuilt == 0 or reg_id == IDS["ID_AA64MMFR4_EL1"]
        fields = explain_register(seen, reg_id).fields
        covered = [(f.lsb, f.msb) for f in fields]
        assert len(set(covered)) == len(covered)


def test_every_overlay_combines_with_every_kernel() -> None:
    for kernel in policy_names():
        for patch in patch_names():
            assert load_policy(f"{kernel}+{patch}").patches == (patch,)
