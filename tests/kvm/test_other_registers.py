"""Registers outside of the ID space that do more than store a value: what real kernels answered to writes of them.

Each row was asked of Debian's kernels on QEMU 10.0.2 (TCG, EL2): 5.10.223, 6.1.192, 6.12.118, 7.3.4.
"""

from __future__ import annotations

from errno import EBUSY, EINVAL, ENOENT

import msgspec
import pytest

from inspector.kvm.creation import vcpu_init
from inspector.kvm.exposure import expose
from inspector.kvm.gates import gates
from inspector.kvm.host import HostState
from inspector.kvm.vm import Vm
from inspector.kvm.words.explaining import explain_write
from inspector.policies.loader import load_policy
from inspector.policies.setup import Feature, VcpuSetup
from inspector.registers.encoding import CLASS_CORE, make_id
from inspector.registers.ids import IDS, PSTATE
from tests.kvm.material import MINIMAL, PMU, exposure, host, made_up

NARROW = VcpuSetup(features=int(Feature.PSCI | Feature.EL1_32BIT))
EL2 = VcpuSetup(features=int(Feature.PSCI | Feature.EL2))
X0, X20, PC = (make_id(CLASS_CORE, offset) for offset in (0, 40, 0x40))
WIDE = 0x1234_5678_9ABC_DEF0


def vm(kernel: str, setup: VcpuSetup = MINIMAL, machine: str | HostState = "max") -> Vm:
    shown = exposure(machine, kernel, setup)
    return Vm(shown.host, shown.policy, setup, exposure=shown)


@pytest.mark.parametrize("kernel", ["5.10", "6.1", "6.12", "7.3"])
@pytest.mark.parametrize(
    ("value", "setup", "machine", "error"),
    [
        (0x3C5, MINIMAL, "cortex-a72", 0), (0x10, MINIMAL, "cortex-a72", 0), (0x1D3, MINIMAL, "cortex-a72", EINVAL),
        (0x1D3, NARROW, "cortex-a72", 0), (0x3C5, NARROW, "cortex-a72", EINVAL), (0x1F, NARROW, "cortex-a72", 0),
        (0x1A, NARROW, "cortex-a72", EINVAL), (0x3C9, MINIMAL, "max", EINVAL), (0x3CD, MINIMAL, "max", EINVAL),
        (0x3C1, MINIMAL, "max", EINVAL), ((1 << 64) - 1, MINIMAL, "max", EINVAL), (0x3C4, MINIMAL, "max", 0),
    ],
)  # fmt: skip
def test_pstate_takes_the_modes_that_the_vcpu_has(
    kernel: str, value: int, setup: VcpuSetup, machine: str, error: int
) -> None:
    assert vm(kernel, setup, machine).vcpu(0).set_one_reg(PSTATE, value) == error


def test_el2_is_a_mode_of_a_vcpu_that_has_it() -> None:
    model = vm("7.3", EL2, "max_nested").vcpu(0)
    assert (model.set_one_reg(PSTATE, 0x3C9), model.set_one_reg(PSTATE, 0x3C5)) == (0, 0)


def test_user_mode_of_aarch32_needs_a_host_that_has_it() -> None:
    no32 = msgspec.structs.replace(host("cortex-a72"), cmdline="arm64.no32bit_el0")
    assert vm("6.12", machine=no32).vcpu(0).set_one_reg(PSTATE, 0x10) == EINVAL
    assert vm("6.6", machine=no32).vcpu(0).set_one_reg(PSTATE, 0x10) == 0
    unknown = HostState(values={}, known={})
    answer = explain_write(vm("6.12", machine=unknown).vcpu(0), PSTATE, 0x10)
    assert not answer.certain and {case.errno for case in answer.cases} == {0, EINVAL}


def test_a_refused_mode_is_never_replaced_by_another() -> None:
    answer = explain_write(vm("6.12").vcpu(0), PSTATE, 0x3C9)
    assert answer.errno == EINVAL and answer.would_pass is None and "no EL2" in answer.reason


def test_in_aarch32_the_general_registers_lose_their_upper_half() -> None:
    model = vm("6.12", machine="cortex-a72").vcpu(0)
    for reg_id in (X0, X20, PC):
        assert model.set_one_reg(reg_id, WIDE) == 0 and model.get_one_reg(reg_id) == (0, WIDE)
    assert model.set_one_reg(PSTATE, 0x10) == 0
    assert [model.get_one_reg(i)[1] for i in (X0, X20, PC)] == [WIDE & 0xFFFFFFFF, WIDE, WIDE & 0xFFFFFFFF]
    assert not model.keeps(X0, WIDE) and model.keeps(X0, 5)
    answer = explain_write(model, X0, WIDE)
    assert answer.after == WIDE & 0xFFFFFFFF and "AArch32" in answer.reason
    narrow = vm("6.12", NARROW, "cortex-a72").vcpu(0)
    assert narrow.set_one_reg(X20, WIDE) == 0 and narrow.get_one_reg(X20) == (0, WIDE & 0xFFFFFFFF)


@pytest.mark.parametrize(
    ("kernel", "name", "after"),
    [
        ("5.10", "CNTV_CTL_EL0", 0x5555_5555), ("6.12", "CNTV_CTL_EL0", 0x5555_5555),
        ("6.17", "CNTP_CTL_EL0", 0x5555_5555), ("6.18", "CNTP_CTL_EL0", 0x5555_5555_5555_5551),
        ("7.3", "CNTV_CTL_EL0", 0x5555_5555_5555_5551),
    ],
)  # fmt: skip
def test_what_is_kept_of_a_timer_control(kernel: str, name: str, after: int) -> None:
    """Whether the timer has fired is not known where ISTATUS is read from it: bit 2."""
    model = vm(kernel).vcpu(0)
    answer = explain_write(model, IDS[name], 0x5555_5555_5555_5555)
    assert not answer.errno and answer.after == after
    assert ~answer.after_known & 0xFFFF_FFFF_FFFF_FFFF == (0 if after >> 32 else 4)


@pytest.mark.parametrize("name", ["CNTHP_CTL_EL2", "CNTHV_CTL_EL2"])
def test_the_timers_of_el2_keep_no_status_bit_either(name: str) -> None:
    model = vm("6.18", EL2, "max_nested").vcpu(0)
    assert model.set_one_reg(IDS[name], WIDE | 4) == 0 and model.get_one_reg(IDS[name]) == (0, (WIDE | 4) - 4)


@pytest.mark.parametrize(("kernel", "after"), [("5.10", WIDE), ("6.1", 0), ("6.12", 0), ("7.3", 0)])
def test_a_software_increment_is_dropped_since_5_15(kernel: str, after: int) -> None:
    model = vm(kernel, PMU).vcpu(0)
    assert model.set_one_reg(IDS["PMSWINC_EL0"], WIDE) == 0 and model.get_one_reg(IDS["PMSWINC_EL0"]) == (0, after)


@pytest.mark.parametrize(
    ("kernel", "machine", "after"),
    [
        ("5.10", "max", WIDE), ("6.1.0", "max", WIDE), ("6.1", "max", WIDE & 0xFFFFFFFF), ("6.12", "neoverse-n2", WIDE),
        ("7.3", "max", WIDE), ("7.3", "cortex-a72", WIDE & 0xFFFFFFFF),
    ],
)  # fmt: skip
def test_an_event_counter_is_read_as_long_as_it_is(kernel: str, machine: str, after: int) -> None:
    model = vm(kernel, PMU, machine).vcpu(0)
    assert model.set_one_reg(IDS["PMEVCNTR3_EL0"], WIDE) == 0
    assert model.get_one_reg(IDS["PMEVCNTR3_EL0"]) == (0, after)


def test_pmmir_takes_zero_and_may_take_the_slots_of_another_pmu() -> None:
    pmmir = IDS["PMMIR_EL1"]
    model = vm("7.3", PMU).vcpu(0)
    assert [model.set_one_reg(pmmir, value) for value in (0, 1, 0x100, 1 << 40)] == [0, EINVAL, EINVAL, EINVAL]
    answers = [explain_write(model, pmmir, value) for value in (0, 8, 0x100)]
    assert [one.certain for one in answers] == [True, False, True]
    assert answers[2].would_pass == 0 and {case.errno for case in answers[1].cases} == {0, EINVAL}
    model.vm.mark_ran(0)
    assert [model.set_one_reg(pmmir, value) for value in (0, 1, 0x100)] == [0, EBUSY, EINVAL]


@pytest.mark.parametrize(
    ("kernel", "features", "error"),
    [
        ("7.3", 0x20C, 0),
        ("7.3", 0x204, EINVAL),
        ("7.3", 0x40C, ENOENT),
        ("7.2", 0x20C, ENOENT),
        ("6.12", 0x10C, ENOENT),
    ],
)
def test_which_feature_bits_a_kernel_has(kernel: str, features: int, error: int) -> None:
    assert vcpu_init(exposure("neoverse-n2", kernel, VcpuSetup(features=features))) == error


def test_a_strict_pmu_keeps_its_number_of_counters() -> None:
    pmcr = IDS["PMCR_EL0"]
    for features, counters in ((0xC, 1), (0x20C, 6)):
        model = vm("7.3", VcpuSetup(features=features), "neoverse-n2").vcpu(0)
        assert model.set_one_reg(pmcr, 1 << 11) == 0 and model.get_one_reg(pmcr)[1] == counters << 11


def test_a_dropped_write_says_why() -> None:
    no32 = made_up(ID_AA64PFR0_EL1=0x11, ID_AA64DFR0_EL1=0x106)
    shown = expose(no32, load_policy("6.12"), PMU)
    said = explain_write(Vm(no32, shown.policy, PMU, exposure=shown).vcpu(0), IDS["ID_ISAR0_EL1"], 5).reason
    assert "without AArch32" in said
    swinc = explain_write(Vm(no32, shown.policy, PMU, exposure=shown).vcpu(0), IDS["PMSWINC_EL0"], 5).reason
    assert "AArch32" not in swinc and "ignored" in swinc and IDS["PMSWINC_EL0"] in gates(shown)


def test_in_5_10_a_privileged_mode_narrows_its_own_registers_only() -> None:
    """R13 and R14 of supervisor mode are X19 and X18; asked of 5.10.223 and 6.1.192."""
    kept = {}
    for kernel in ("5.10", "6.1"):
        model = vm(kernel, NARROW, "cortex-a72").vcpu(0)
        general = [make_id(CLASS_CORE, 2 * number) for number in range(31)]
        assert not any(model.set_one_reg(reg_id, WIDE) for reg_id in general)
        kept[kernel] = [number for number, reg_id in enumerate(general) if model.get_one_reg(reg_id) == (0, WIDE)]
    assert kept == {"5.10": [13, 14, 15, 16, 17, *range(20, 31)], "6.1": []}
