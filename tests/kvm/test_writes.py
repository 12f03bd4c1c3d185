"""KVM_SET_ONE_REG as each kernel answers it: front end, handlers, scope, before and after the first run."""

from __future__ import annotations

from errno import EBUSY, EINVAL, ENOENT, ENOEXEC

import msgspec
import pytest

from inspector.kvm.host import HostState
from inspector.kvm.host_inputs import with_inputs
from inspector.kvm.verdict import Verdict
from inspector.kvm.vm import Vm
from inspector.kvm.words.explaining import explain_write
from inspector.policies.loader import load_policy
from inspector.policies.setup import QEMU_SETUP, VcpuSetup
from inspector.registers import ids
from inspector.registers.encoding import POISON, ccsidr_id
from inspector.registers.ids import IDS
from inspector.registers.naming import name_of
from tests.kvm.material import (
    EL2,
    GIC,
    IMP_ID,
    MINIMAL,
    MTE,
    PMU,
    PMU_GIC,
    a64fx,
    exposure,
    host,
    made_up,
    vm,
)  # fmt: skip

MMFR0, MMFR1, MMFR2 = (IDS[f"ID_AA64MMFR{n}_EL1"] for n in range(3))
PFR0, PFR1, DFR0, ISAR0 = (
    IDS["ID_AA64PFR0_EL1"],
    IDS["ID_AA64PFR1_EL1"],
    IDS["ID_AA64DFR0_EL1"],
    IDS["ID_AA64ISAR0_EL1"],
)
ID_MMFR4, ID_DFR0, ID_PFR1, AFR0 = IDS["ID_MMFR4_EL1"], IDS["ID_DFR0_EL1"], IDS["ID_PFR1_EL1"], IDS["ID_AFR0_EL1"]
CTR, CLIDR, MIDR, REVIDR, AIDR = (IDS[n] for n in ("CTR_EL0", "CLIDR_EL1", "MIDR_EL1", "REVIDR_EL1", "AIDR_EL1"))
MPIDR, CSSELR, OSLSR, PMCR = (IDS[n] for n in ("MPIDR_EL1", "CSSELR_EL1", "OSLSR_EL1", "PMCR_EL0"))
OLD, MASKED = 0x1221011112101011, 0x1221011112001011


def outcome(machine: Vm, reg_id: int, value: int) -> tuple[int, int | None]:
    """(errno, value read back)."""
    verdict = explain_write(machine.vcpu(0), reg_id, value)
    return verdict.errno, verdict.after


# -- front end ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kernel", ["5.10", "6.1", "6.12", "7.3"])
@pytest.mark.parametrize(
    ("reg_id", "errno"),
    [
        (0x603000000013C007, ENOENT), (0x603000000013C803, ENOENT), (0x603000000013C800, ENOENT),
        (0x603000000013C802, ENOENT), (0x6030000000FF0001, ENOENT), (0x60300000001300FF, ENOENT),
        (0x602000000013C03A, ENOENT), (0x602000000011000E, ENOENT), (0x602000000011000F, ENOENT),
        (0x6030000000110000, ENOENT), (0x6020000000110100, ENOENT), (0x4030000000100000, EINVAL),
        (0x203000000013C03A, EINVAL), (0x603000010013C03A, EINVAL), (0x6020000000140000, ENOENT),
        (0x6030000000140009, ENOENT), (0x6030000000160009, ENOENT), (0x603000000013D807, ENOENT),
    ],
)  # fmt: skip
def test_ids_that_do_not_exist(kernel: str, reg_id: int, errno: int) -> None:
    vcpu = vm("neoverse-n2", kernel).vcpu(0)
    assert vcpu.get_one_reg(reg_id) == (errno, None)
    verdict = explain_write(vcpu, reg_id, 0)
    assert (verdict.errno, verdict.after) == (errno, None)


def test_ccsidr_indices() -> None:
    assert vm("neoverse-n2", "6.1").vcpu(0).get_one_reg(ccsidr_id(7)) == (ENOENT, None)
    assert vm("neoverse-n2", "6.3").vcpu(0).get_one_reg(ccsidr_id(7)) == (0, 2)


def test_a_vcpu_that_was_not_initialised() -> None:
    machine = Vm(host("neoverse-n2"), load_policy("7.3"), MINIMAL, initialised=False)
    vcpu = machine.vcpu(0)
    assert vcpu.get_one_reg(MMFR2) == (ENOEXEC, None)
    assert explain_write(vcpu, MMFR2, 0).errno_name == "ENOEXEC"
    assert vcpu.get_one_reg(0x6030000000FF0001) == (ENOEXEC, None)
    assert machine.run(0) == ENOEXEC


def test_wrong_sizes() -> None:
    verdict = explain_write(vm("neoverse-n2", "7.3").vcpu(0), MMFR2, 0, size_ok=False)
    assert verdict.errno == ENOENT
    assert verdict.after == verdict.before


def test_vector_registers_are_not_core_registers_with_sve() -> None:
    with_sve = VcpuSetup(features=4 | 16)
    assert vm("neoverse-n2", "7.3", with_sve).vcpu(0).get_one_reg(0x6040000000100054) == (EINVAL, None)
    assert vm("neoverse-n2", "7.3").vcpu(0).get_one_reg(0x6040000000100054) == (0, 0)


# -- creation and run ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "kernel", "setup", "errno"),
    [
        ("cortex-a72", "6.12", VcpuSetup(features=4 | 16), EINVAL), ("cortex-a72", "6.12",
        VcpuSetup(features=4 | 96), EINVAL),
        ("neoverse-n2", "6.12", VcpuSetup(features=36), EINVAL), ("neoverse-n2", "6.12", VcpuSetup(features=6), EINVAL),
        ("cortex-a72", "6.12", VcpuSetup(features=6), 0), ("max", "5.10", MTE, EINVAL), ("max", "5.14", MTE, 0),
        ("cortex-a72", "6.12", MTE, EINVAL), ("neoverse-n2", "6.14", IMP_ID, EINVAL), ("neoverse-n2", "6.15", IMP_ID,
        0),
        ("max_nested", "6.15", EL2, ENOENT), ("max_nested", "6.16", EL2, 0), ("max", "6.18", EL2, EINVAL),
        ("max", "6.12", VcpuSetup(features=6, mte=True), EINVAL), ("neoverse-n2", "5.10", VcpuSetup(features=1 << 9),
        ENOENT),
    ],
)  # fmt: skip
def test_creation(model: str, kernel: str, setup: VcpuSetup, errno: int) -> None:
    assert vm(model, kernel, setup).init_errno == errno


def test_two_vcpus_of_unlike_width() -> None:
    narrow = VcpuSetup(features=6)
    assert vm("cortex-a72", "5.10", narrow, vcpus=2).init_errno == EINVAL
    assert vm("cortex-a72", "6.1", narrow, vcpus=2).init_errno == 0


def test_running_with_a_pmu_and_no_gic() -> None:
    assert vm("neoverse-n2", "5.10", PMU).run(0) == 0
    for kernel in ("6.1", "6.12", "7.3"):
        machine = vm("neoverse-n2", kernel, PMU)
        assert machine.run(0) == EINVAL
        assert not machine.ran
    assert vm("neoverse-n2", "6.1", PMU_GIC).run(0) == 0


# -- the seed question ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kernel", "old", "masked", "two", "mmfr4_old", "mmfr4_masked"),
    [
        ("6.1", (0, OLD), (EINVAL, OLD), (EINVAL, OLD), (0, 0x1021110), (EINVAL, 0x1021110)),
        ("6.1+mask-ccidx", (EINVAL, MASKED), (0, MASKED), (EINVAL, MASKED), (EINVAL, 0x21110), (0, 0x21110)),
        ("6.1+mask-ccidx-tolerant", (0, MASKED), (0, MASKED), (EINVAL, MASKED), (0, 0x21110), (0, 0x21110)),
        ("6.1+mask-ccidx-keep", (0, OLD), (0, MASKED), (EINVAL, MASKED), (0, 0x1021110), (0, 0x21110)),
        ("6.3", (EINVAL, MASKED), (0, MASKED), (EINVAL, MASKED), (EINVAL, 0x21110), (0, 0x21110)),
        ("6.5", (EINVAL, MASKED), (0, MASKED), (EINVAL, MASKED), (EINVAL, 0x21110), (0, 0x21110)),
        ("6.12", (EINVAL, MASKED), (0, MASKED), (EINVAL, MASKED), (EINVAL, 0x21110), (0, 0x21110)),
        ("7.3", (EINVAL, 0x1221011110001011), (0, 0x1221011110001011), (EINVAL, 0x1221011110001011), (EINVAL, 0x21110),
         (0, 0x21110)),
        ("7.3+mask-ccidx-keep", (0, 0x1221011110101011), (0, 0x1221011110001011), (EINVAL, 0x1221011110001011),
         (0, 0x1021110), (0, 0x21110)),
    ],
)  # fmt: skip
def test_what_each_variant_accepts(
    kernel: str,
    old: tuple[int, int],
    masked: tuple[int, int],
    two: tuple[int, int],
    mmfr4_old: tuple[int, int],
    mmfr4_masked: tuple[int, int],
) -> None:
    assert outcome(vm("neoverse-n2", kernel), MMFR2, OLD) == old
    assert outcome(vm("neoverse-n2", kernel), MMFR2, MASKED) == masked
    assert outcome(vm("neoverse-n2", kernel), MMFR2, OLD + (1 << 20)) == two
    assert outcome(vm("neoverse-n2", kernel), ID_MMFR4, 0x1021110) == mmfr4_old
    assert outcome(vm("neoverse-n2", kernel), ID_MMFR4, 0x21110) == mmfr4_masked


def test_keep_switches_back_and_works_after_the_run() -> None:
    machine = vm("neoverse-n2", "6.1+mask-ccidx-keep")
    assert outcome(machine, MMFR2, OLD) == (0, OLD)
    assert machine.vcpu(0).get_one_reg(ID_MMFR4) == (0, 0x21110)
    assert outcome(machine, MMFR2, MASKED) == (0, MASKED)
    assert machine.run(0) == 0
    assert outcome(machine, MMFR2, OLD) == (0, OLD)


def test_mmfr4_without_aarch32_ignores_ccidx_in_every_variant() -> None:
    for patch in ("", "+mask-ccidx", "+mask-ccidx-tolerant", "+mask-ccidx-keep"):
        assert outcome(vm(a64fx(), "6.1" + patch), ID_MMFR4, 1 << 24) == (0, 0)


@pytest.mark.parametrize(("value", "errno"), [(0x1482000023, 0), (1 << 47, EINVAL), (0x1000004, 0)])
def test_clidr(value: int, errno: int) -> None:
    assert explain_write(vm("neoverse-n2", "6.12").vcpu(0), CLIDR, value).errno == errno
    assert explain_write(vm("neoverse-n2", "6.2").vcpu(0), CLIDR, value).errno == (
        0 if value == 0x1482000023 else EINVAL
    )


@pytest.mark.parametrize(("value", "errno"), [(0x1A, 0), (0, EINVAL), (0xF0000007, 0), (2, 0), (1, EINVAL)])
def test_ccsidr(value: int, errno: int) -> None:
    machine = vm("neoverse-n2", "6.12", vcpus=2)
    verdict = explain_write(machine.vcpu(0), ccsidr_id(0), value)
    assert verdict.errno == errno
    assert machine.vcpu(0).value(ccsidr_id(0)) == (2 if errno else value)
    assert machine.vcpu(0).value(ccsidr_id(1)) == 2
    assert machine.vcpu(1).value(ccsidr_id(0)) == 2
    assert explain_write(vm("neoverse-n2", "6.2").vcpu(0), ccsidr_id(0), value).errno == (
        0 if value == 0x1A else EINVAL
    )


# -- replay of a whole save on another kernel ----------------------------------------------------------------------


def refusals(model: str, source: str, destination: str) -> dict[str, int]:
    """What the destination refuses of a fresh minimal vCPU of the source, on the same machine."""
    values = exposure(model, source).feature_values()
    listed = exposure(model, source).listed_set
    vcpu = vm(model, destination).vcpu(0)
    errors = {name_of(i): explain_write(vcpu, i, v).errno for i, v in values.items() if i in listed}
    return {name: errno for name, errno in errors.items() if errno}


@pytest.mark.parametrize("destination", ["6.12", "6.16", "6.18", "7.3"])
def test_from_6_1_with_ccidx(destination: str) -> None:
    expected = {"ID_MMFR4_EL1": EINVAL, "ID_AA64MMFR2_EL1": EINVAL}
    assert refusals("neoverse-n2", "6.1", destination) == expected


def test_other_moves_of_neoverse_n2() -> None:
    ccsidr = {f"CCSIDR[{k}]": EINVAL if k < 3 else ENOENT for k in range(14)}
    back = {"ID_MMFR4_EL1": EINVAL, "ID_AA64MMFR2_EL1": EINVAL, "ID_AA64DFR0_EL1": EINVAL, "CLIDR_EL1": EINVAL}
    assert refusals("neoverse-n2", "6.12", "6.1") == back | ccsidr
    assert refusals("neoverse-n2", "6.12", "7.3") == {}
    assert refusals("neoverse-n2", "5.10", "6.1") == {
        "ID_DFR0_EL1": EINVAL,
        "ID_AA64DFR0_EL1": EINVAL,
        "PMCR_EL0": ENOENT,
    }
    forward = {"PSCI_VERSION": EINVAL, "VENDOR_HYP_BMAP_2": ENOENT, "ID_AA64MMFR2_EL1": EINVAL}
    assert refusals("neoverse-n2", "7.3", "6.12") == forward


def test_moves_of_max_and_cortex_a72() -> None:
    assert refusals("max", "6.1", "6.12") == {"ID_AA64MMFR1_EL1": EINVAL}
    assert refusals("max", "6.1", "6.16") == {"ID_AA64MMFR1_EL1": EINVAL}
    assert refusals("max", "6.1", "6.18") == refusals("max", "6.1", "7.3") == {}
    assert refusals("cortex-a72", "6.1", "7.3") == {}
    back = refusals("max", "6.12", "6.1")
    ids_back = {n for n in back if n.startswith("ID_")}
    assert ids_back == {f"ID_AA64{n}_EL1" for n in ("DFR0", "ISAR1", "ISAR2", "MMFR1")}


# -- ID registers --------------------------------------------------------------------------------------------------


def test_before_6_5_only_the_value_shown_and_csv() -> None:
    for kernel, csv3 in (("5.10", EINVAL), ("5.11", 0), ("6.1", 0), ("6.4", 0)):
        machine = vm("neoverse-n2", kernel)
        value = machine.vcpu(0).value(PFR0)
        assert outcome(machine, PFR0, value & ~(0xF << 56)) == (0, value & ~(0xF << 56))
        assert explain_write(machine.vcpu(0), PFR0, value ^ 1 << 60).errno == csv3
        assert explain_write(machine.vcpu(0), PFR0, value + (1 << 56)).errno == EINVAL
        assert explain_write(machine.vcpu(0), ISAR0, 0).errno == EINVAL
        machine.run(0)
        assert explain_write(machine.vcpu(0), PFR0, machine.vcpu(0).value(PFR0) ^ 1 << 56).errno == 0
        assert explain_write(machine.vcpu(0), ISAR0, 0).errno == EINVAL


def test_csv2_of_a_vulnerable_host_cannot_be_set() -> None:
    machine = vm("cortex-a72", "6.1")
    value = machine.vcpu(0).value(PFR0)
    assert explain_write(machine.vcpu(0), PFR0, value | 1 << 56).errno == EINVAL
    assert explain_write(machine.vcpu(0), PFR0, value & ~(1 << 60)).errno == 0


def test_6_2_mirrors_the_pmu_version() -> None:
    machine = vm("neoverse-n2", "6.2", PMU)
    dfr0 = machine.vcpu(0).value(DFR0)
    assert dfr0 >> 8 & 0xF == 6
    assert outcome(machine, DFR0, dfr0 & ~(0xF << 8) | 1 << 8) == (0, dfr0 & ~(0xF << 8) | 1 << 8)
    assert machine.vcpu(0).value(ID_DFR0) >> 24 == 3
    value = machine.vcpu(0).value(ID_DFR0)
    assert explain_write(machine.vcpu(0), ID_DFR0, value & ~(0xF << 24) | 4 << 24).errno == 0
    assert machine.vcpu(0).value(DFR0) >> 8 & 0xF == 4
    for bad in (0, 7, 15):
        assert explain_write(machine.vcpu(0), DFR0, dfr0 & ~(0xF << 8) | bad << 8).errno == EINVAL
    assert explain_write(machine.vcpu(0), ID_DFR0, value & ~(0xF << 24) | 2 << 24).errno == EINVAL
    without = vm("neoverse-n2", "6.3")
    value = without.vcpu(0).value(DFR0)
    assert outcome(without, DFR0, value | 15 << 8) == (0, value | 15 << 8)
    assert explain_write(without.vcpu(0), DFR0, value | 4 << 8).errno == EINVAL


def test_6_5_keeps_registers_per_vm_and_freezes_them() -> None:
    machine = vm("neoverse-n2", "6.5", PMU_GIC, vcpus=2)
    value = machine.vcpu(0).value(DFR0)
    lower = value & ~(0xF << 8) | 4 << 8
    assert outcome(machine, DFR0, lower) == (0, lower)
    assert machine.vcpu(1).value(DFR0) == lower
    assert machine.vcpu(0).value(ID_DFR0) >> 24 == 6
    assert outcome(machine, DFR0, value) == (0, value)
    assert explain_write(machine.vcpu(0), ISAR0, 0).errno == EINVAL
    machine.run(0)
    assert explain_write(machine.vcpu(0), DFR0, value).errno == 0
    assert explain_write(machine.vcpu(0), DFR0, lower).errno == EBUSY
    assert explain_write(machine.vcpu(0), AFR0, 1).errno == EBUSY
    assert explain_write(machine.vcpu(0), CTR, 0).errno == EINVAL


def test_values_taken_as_others_and_values_refused() -> None:
    machine = vm("neoverse-n2", "6.12", PMU)
    value = machine.vcpu(0).value(DFR0)
    assert outcome(machine, DFR0, value | 15 << 8) == (0, value & ~(0xF << 8))
    for debug, errno in ((5, EINVAL), (6, 0), (9, 0), (10, EINVAL)):
        assert explain_write(machine.vcpu(0), DFR0, value & ~0xF | debug).errno == errno
    perfmon = machine.vcpu(0).value(ID_DFR0)
    for version, errno in ((1, EINVAL), (2, EINVAL), (3, 0), (0, 0), (15, 0)):
        assert explain_write(machine.vcpu(0), ID_DFR0, perfmon & ~(0xF << 24) | version << 24).errno == errno
    explain_write(machine.vcpu(0), DFR0, value)
    ran = vm("neoverse-n2", "6.12", PMU_GIC)
    ran.run(0)
    assert explain_write(ran.vcpu(0), DFR0, value & ~0xF | 5).errno == EINVAL


def test_pmu_versions_below_zero() -> None:
    for kernel, errno in (("6.16", 0), ("6.17", 0), ("6.12.85", 0), ("7.0.4", 0), ("6.12.95", EINVAL), ("7.0.13",
    EINVAL),
                          ("7.1", EINVAL)):  # fmt: skip
        vcpu = vm("neoverse-n2", kernel).vcpu(0)
        value = vcpu.value(DFR0)
        assert explain_write(vcpu, DFR0, value & ~(0xF << 8) | 8 << 8).errno == errno, kernel
        assert explain_write(vcpu, DFR0, value & ~(0xF << 8) | 14 << 8).errno == errno, kernel


def test_granule_fields_are_signed() -> None:
    vcpu = vm("cortex-a72", "6.12").vcpu(0)
    value = vcpu.value(MMFR0)
    accepted = [n for n in range(16) if vcpu.would_accept(MMFR0, value & ~(0xF << 28) | n << 28) == 0]
    assert accepted == [0, *range(8, 16)]


def test_speculative_sei_goes_up() -> None:
    vcpu = vm("neoverse-n2", "6.12").vcpu(0)
    value = vcpu.value(MMFR1)
    accepted = [n for n in range(16) if vcpu.would_accept(MMFR1, value & ~(0xF << 24) | n << 24) == 0]
    assert accepted == list(range(16))


def test_asid_bits_left_the_mask() -> None:
    for kernel, errno in (("6.7", 0), ("6.11", 0), ("6.12.43", EINVAL), ("6.13", EINVAL), ("7.3", EINVAL)):
        vcpu = vm("neoverse-n2", kernel).vcpu(0)
        assert explain_write(vcpu, MMFR0, vcpu.value(MMFR0) & ~(0xF << 4)).errno == errno, kernel


def test_old_values_are_tolerated() -> None:
    machine = made_up(ID_AA64PFR0_EL1=0x1112 | 1 << 40, ID_AA64PFR1_EL1=2 << 16, ID_AA64MMFR2_EL1=2 << 24)
    for kernel, errno in (
        ("6.1+hide-mpam", EINVAL),
        ("6.6+hide-mpam-tolerant", 0),
        ("6.12.43", 0),
        ("6.13", 0),
        ("7.3", 0),
    ):
        vcpu = vm(machine, kernel).vcpu(0)
        value = vcpu.value(PFR0)
        assert explain_write(vcpu, PFR0, value | 1 << 40).errno == errno, kernel
        assert vcpu.value(PFR0) == value
        assert explain_write(vcpu, PFR0, value | 2 << 40).errno == EINVAL
    newer = vm(machine, "6.15").vcpu(0)
    assert explain_write(newer, PFR1, newer.value(PFR1) | 2 << 16).outcome == "ignored"
    assert explain_write(newer, MMFR2, 2 << 24).outcome == "ignored"
    assert explain_write(newer, MMFR2, 1 << 24).errno == EINVAL


def test_tag_detail_of_older_kernels_is_replaced() -> None:
    machine = made_up(ID_AA64PFR0_EL1=0x1112, ID_AA64PFR1_EL1=2 << 8 | 15 << 40)
    vcpu = vm(machine, "6.16", MTE).vcpu(0)
    assert vcpu.value(PFR1) == 2 << 8 | 15 << 40
    verdict = explain_write(vcpu, PFR1, 2 << 8)
    assert (verdict.errno, verdict.after) == (0, 2 << 8 | 15 << 40)


def test_el0_and_el1_have_to_stay() -> None:
    for kernel, errno in (("6.12", 0), ("6.16", EINVAL), ("7.3", EINVAL)):
        vcpu = vm("neoverse-n2", kernel).vcpu(0)
        assert explain_write(vcpu, PFR0, vcpu.value(PFR0) & ~0xF).errno == errno
        assert explain_write(vcpu, PFR0, vcpu.value(PFR0) & ~0xF0).errno == errno
    nested = vm("max_nested", "6.18", EL2).vcpu(0)
    assert explain_write(nested, PFR0, nested.value(PFR0) & ~0xF00).errno == EINVAL


@pytest.mark.parametrize(("kernel", "one"), [("6.16", EINVAL), ("6.17", EINVAL), ("6.18", 0), ("7.3", 0)])
def test_granules_of_a_nested_vcpu(kernel: str, one: int) -> None:
    machine = vm("max_nested", kernel, EL2)
    value = machine.vcpu(0).value(MMFR0)
    for field, errno in ((1, one), (2, 0), (3, EINVAL), (0, EINVAL)):
        assert machine.vcpu(0).would_accept(MMFR0, value & ~(0xF << 40) | field << 40) == errno
    machine.run(0)
    assert explain_write(machine.vcpu(0), MMFR0, value & ~(0xF << 40) | 3 << 40).errno == EINVAL


def test_double_lock_of_older_nested_kernels() -> None:
    values = dict(host("max_nested").values) | {DFR0: 0xF01030560A}
    from inspector.kvm.host import from_raw

    machine = from_raw(values, host("max_nested").ccsidr, {"el2": 1, "el2_e2h0": 1})
    vcpu = vm(machine, "6.18", EL2).vcpu(0)
    now = vcpu.value(DFR0)
    assert now >> 36 & 0xF == 15
    assert outcome_of(explain_write(vcpu, DFR0, now & ~(0xF << 36))) == (0, now)


def outcome_of(verdict: Verdict) -> tuple[int, int | None]:
    """(errno, value read back)."""
    return verdict.errno, verdict.after


# -- other registers -----------------------------------------------------------------------------------------------


def test_ctr() -> None:
    assert explain_write(vm("neoverse-n2", "6.10").vcpu(0), CTR, 0x8444C004).errno == EINVAL
    machine = vm("neoverse-n2", "6.11", vcpus=2)
    assert outcome(machine, CTR, 0x8444C004) == (0, 0x8444C004)
    assert machine.vcpu(1).value(CTR) == 0x8444C004
    assert machine.vcpu(0).value(CLIDR) == 0x1000004
    assert explain_write(vm("neoverse-n2", "6.12").vcpu(0), CTR, 0xB4448004).errno == EINVAL
    newer = vm("neoverse-n2", "6.13").vcpu(0)
    assert explain_write(newer, CTR, 0xB4448004).errno == 0
    assert explain_write(newer, CTR, 0xB444C004).errno == 0
    for policy in (0, 1):
        assert explain_write(newer, CTR, 0xB4440004 | policy << 14).errno == EINVAL
    machine.run(0)
    assert explain_write(machine.vcpu(0), CTR, 0xB444C004).errno == EBUSY


def test_vipt_cannot_become_pipt() -> None:
    machine = made_up(ID_AA64PFR0_EL1=0x1112, CTR_EL0=0x84448004)
    assert explain_write(vm(machine, "6.13").vcpu(0), CTR, 0x8444C004).errno == EINVAL


def test_implementation_ids() -> None:
    for kernel in ("6.1", "6.14"):
        assert explain_write(vm("neoverse-n2", kernel).vcpu(0), MIDR, 1).errno == EINVAL
    plain = vm("neoverse-n2", "7.3")
    assert explain_write(plain.vcpu(0), MIDR, plain.vcpu(0).value(MIDR)).errno == 0
    plain.run(0)
    assert explain_write(plain.vcpu(0), MIDR, 1).errno == EINVAL
    machine = vm("neoverse-n2", "6.15", IMP_ID, vcpus=2)
    assert outcome(machine, MIDR, 0x410FD083) == (0, 0x410FD083)
    assert machine.vcpu(1).value(MIDR) == 0x410FD083
    assert explain_write(machine.vcpu(0), MIDR, 1 << 32).errno == EINVAL
    assert explain_write(machine.vcpu(0), REVIDR, (1 << 64) - 1).errno == 0
    machine.run(0)
    assert explain_write(machine.vcpu(0), MIDR, 1 << 32).errno == EBUSY
    assert explain_write(machine.vcpu(0), AIDR, 5).errno == EBUSY


def test_plain_registers_take_anything_any_time() -> None:
    machine = vm("neoverse-n2", "7.3", vcpus=2)
    for _ in range(2):
        for reg_id in (MPIDR, CSSELR):
            assert outcome(machine, reg_id, 0xDEAD) == (0, 0xDEAD)
        machine.run(0)
    assert machine.vcpu(1).value(MPIDR) == 0x80000001
    assert machine.vcpu(1).value(CSSELR) == POISON


def test_oslsr() -> None:
    vcpu = vm("neoverse-n2", "6.1").vcpu(0)
    assert [vcpu.would_accept(OSLSR, v) for v in (8, 10, 0, 9, 12, 0x18)] == [0, 0, EINVAL, EINVAL, EINVAL, EINVAL]
    # "Proper emulation of the OSLock feature" came with the pull request of KVM/arm64 for 5.18.
    for kernel, errno in (("5.10", ENOENT), ("5.17", ENOENT), ("5.18", 0), ("5.19", 0)):
        assert explain_write(vm("neoverse-n2", kernel).vcpu(0), OSLSR, 8).errno == errno, kernel


def test_pmcr() -> None:
    old = vm("neoverse-n2", "6.1", PMU_GIC)
    assert old.vcpu(0).value(PMCR) == 0x30AC
    old.run(0)
    assert old.vcpu(0).value(PMCR) == 0x30A8
    assert outcome(old, PMCR, 0xFFFF_FFFF) == (0, 0xFFFF_FFFF)
    ancient = vm("neoverse-n2", "5.10", PMU_GIC)
    ancient.run(0)
    assert ancient.vcpu(0).value(PMCR) == 0x30AC
    new = vm("neoverse-n2", "6.12", PMU_GIC, vcpus=2)
    assert outcome(new, PMCR, 0x1007) == (0, 0x1007)
    assert new.vcpu(1).value(PMCR) == 0x1000
    assert outcome(new, PMCR, 0xF8FF) == (0, 0x10FF)
    new.run(0)
    assert outcome(new, PMCR, 0x0801) == (0, 0x1001)
    nested = vm("max_nested", "6.18", EL2)
    counters = nested.vcpu(0).value(PMCR) >> 11
    assert outcome(nested, PMCR, 0) == (0, counters << 11)
    assert outcome(vm(a64fx(), "6.12", PMU), PMCR, 0) == (0, 0x40)


def test_psci_version() -> None:
    for kernel, versions in (
        ("5.10", (2, 0x10000)), ("5.18", (2, 0x10000, 0x10001)), ("6.12", (2, 0x10000, 0x10001)),
        ("6.13", (2, 0x10000, 0x10001, 0x10002, 0x10003)), ("7.3", (2, 0x10000, 0x10001, 0x10002, 0x10003)),
    ):  # fmt: skip
        machine = vm("neoverse-n2", kernel, vcpus=2)
        vcpu = machine.vcpu(0)
        assert vcpu.value(ids.PSCI_VERSION) == versions[-1]
        tried = (0, 1, 2, 3, 0x10000, 0x10001, 0x10002, 0x10003, 0x10004)
        assert tuple(v for v in tried if vcpu.would_accept(ids.PSCI_VERSION, v) == 0) == versions
        explain_write(vcpu, ids.PSCI_VERSION, 2)
        assert machine.vcpu(1).value(ids.PSCI_VERSION) == 2
        machine.run(0)
        assert explain_write(vcpu, ids.PSCI_VERSION, versions[-1]).errno == 0
    none = vm("neoverse-n2", "7.3", VcpuSetup(features=0)).vcpu(0)
    assert [v for v in (0, 1, 2, 0x10000) if none.would_accept(ids.PSCI_VERSION, v) == 0] == [1]


def test_workaround_levels() -> None:
    vcpu = vm("neoverse-n2", "6.12").vcpu(0)
    assert [v for v in range(20) if vcpu.would_accept(ids.WORKAROUND_1, v) == 0] == [0, 1, 2]
    assert [v for v in range(20) if vcpu.would_accept(ids.WORKAROUND_3, v) == 0] == [0, 1]
    assert [v for v in range(64) if vcpu.would_accept(ids.WORKAROUND_2, v) == 0] == [0, 1]
    assert explain_write(vcpu, ids.WORKAROUND_1, 0).after == 2
    vcpu.set_one_reg(PFR1, vcpu.value(PFR1) & ~(0xF << 4))
    assert vcpu.value(ids.WORKAROUND_2) == 3
    assert [v for v in range(64) if vcpu.would_accept(ids.WORKAROUND_2, v) == 0] == [0, 1, 2, 3, 18]


def test_hypercall_bitmaps() -> None:
    machine = vm("neoverse-n2", "7.3", vcpus=2)
    vcpu = machine.vcpu(0)
    for bitmap, mask, start in (
        (ids.STD_BITMAP, 1, 1), (ids.STD_HYP_BITMAP, 1, 1), (ids.VENDOR_HYP_BITMAP, 3, 3), (ids.VENDOR_HYP_BITMAP_2,
        3, 0),
    ):  # fmt: skip
        assert vcpu.value(bitmap) == start
        assert [v for v in range(8) if vcpu.would_accept(bitmap, v) == 0] == list(range(mask + 1))
    explain_write(vcpu, ids.VENDOR_HYP_BITMAP, 1)
    assert machine.vcpu(1).value(ids.VENDOR_HYP_BITMAP) == 1
    machine.run(0)
    assert explain_write(vcpu, ids.VENDOR_HYP_BITMAP, 3).errno == EBUSY
    assert explain_write(vcpu, ids.VENDOR_HYP_BITMAP, 4).errno == EINVAL
    assert explain_write(vcpu, ids.VENDOR_HYP_BITMAP, 1).errno == 0
    assert vm("neoverse-n2", "5.10").vcpu(0).get_one_reg(ids.STD_BITMAP) == (ENOENT, None)
    assert vm("neoverse-n2", "6.12").vcpu(0).get_one_reg(ids.VENDOR_HYP_BITMAP_2) == (ENOENT, None)


# -- the first run -------------------------------------------------------------------------------------------------


def test_gic_fields_at_the_first_run() -> None:
    for kernel, setup, after in (
        ("6.1", MINIMAL, 1),
        ("6.12", MINIMAL, 0),
        ("6.12", GIC, 1),
        ("7.3", MINIMAL, 0),
        ("7.3", GIC, 1),
    ):
        machine = vm("neoverse-n2", kernel, setup)
        assert machine.vcpu(0).value(PFR0) >> 24 & 0xF == 1
        machine.run(0)
        assert machine.vcpu(0).value(PFR0) >> 24 & 0xF == after, kernel
        assert machine.vcpu(0).value(ID_PFR1) >> 28 == after, kernel


def test_a_failing_run_clears_the_gic_fields_all_the_same() -> None:
    machine = vm("neoverse-n2", "6.12", PMU)
    assert machine.run(0) == EINVAL
    value = machine.vcpu(0).value(PFR0)
    assert value >> 24 & 0xF == 0
    assert outcome(machine, PFR0, value | 1 << 24) == (0, value | 1 << 24)


def test_a_vgic_sets_the_field_again_from_7_1() -> None:
    for kernel, after in (("6.18", 0), ("7.1", 1)):
        machine = vm("neoverse-n2", kernel, GIC)
        value = machine.vcpu(0).value(PFR0)
        machine.vcpu(0).set_one_reg(PFR0, value & ~(0xF << 24))
        machine.run(0)
        assert machine.vcpu(0).value(PFR0) >> 24 & 0xF == after


def test_csselr_is_reloaded_by_old_kernels() -> None:
    for kernel, after in (("5.10", 0xE), ("6.2", 0xE), ("6.3", POISON), ("7.3", POISON)):
        machine = vm("neoverse-n2", kernel)
        machine.run(0)
        assert machine.vcpu(0).value(CSSELR) == after


def test_vmpidr_reads_through_a_mask_after_the_run() -> None:
    machine = vm("max_nested", "6.18", EL2)
    vmpidr, vpidr = IDS["VMPIDR_EL2"], IDS["VPIDR_EL2"]
    assert machine.vcpu(0).value(vmpidr) == POISON
    machine.run(0)
    assert machine.vcpu(0).value(vmpidr) == 0x7E80ADC0DE
    assert machine.vcpu(0).value(vpidr) == POISON
    assert explain_write(machine.vcpu(0), vpidr, 7).after == 7


def test_dependencies_dropped_at_the_first_run_of_7_3() -> None:
    mmfr3 = IDS["ID_AA64MMFR3_EL1"]
    whole = {
        "ID_AA64PFR0_EL1": 0x1112,
        "ID_AA64MMFR3_EL1": 0x10101,
        "ID_AA64ISAR2_EL1": 1 << 60,
        "ID_AA64MMFR1_EL1": 1 << 12,
    }
    for changes, after in (
        ({}, 0x10101), ({"ID_AA64ISAR2_EL1": 0}, 1), ({"ID_AA64MMFR1_EL1": 0}, 0x101),
        ({"ID_AA64MMFR3_EL1": 0x10100}, 0),
    ):  # fmt: skip
        machine = vm(made_up(**(whole | changes)), "7.3")
        machine.run(0)
        assert machine.vcpu(0).value(mmfr3) == after
    earlier = vm(made_up(**(whole | {"ID_AA64ISAR2_EL1": 0})), "7.2")
    earlier.run(0)
    assert earlier.vcpu(0).value(mmfr3) == 0x10101


def test_hidden_entries_of_a_host_without_aarch32() -> None:
    machine = vm(a64fx(), "6.12", GIC)
    vcpu = machine.vcpu(0)
    assert explain_write(vcpu, ID_MMFR4, 0x12345).outcome == "ignored"
    assert explain_write(vcpu, AFR0, 1).errno == EINVAL
    assert explain_write(vcpu, 0x603000000013C01B, 1).errno == EINVAL
    machine.run(0)
    assert explain_write(vcpu, ID_MMFR4, 1).errno == 0
    assert explain_write(vcpu, AFR0, 1).errno == EBUSY
    assert explain_write(vm(a64fx(), "5.10").vcpu(0), ID_MMFR4, 1).errno == EINVAL
    quirk = vm(a64fx(), "6.12", PMU_GIC)
    assert explain_write(quirk.vcpu(0), ID_DFR0, 0).after == 0x4000000


# -- writable masks ------------------------------------------------------------------------------------------------


def masks(kernel: str, model: str = "neoverse-n2") -> dict[str, int]:
    """The masks by name."""
    errno, found = vm(model, kernel).writable_masks()
    assert errno == 0
    return {name_of(i): mask for i, mask in found.items()}


def test_kernels_without_the_ioctl() -> None:
    for kernel in ("5.10", "6.1", "6.6"):
        assert vm("neoverse-n2", kernel).writable_masks() == (EINVAL, {})


@pytest.mark.parametrize(
    ("kernel", "count", "some"),
    [
        ("6.12.57", 16, {"ID_DFR0_EL1": 0x0F00000F, "CTR_EL0": 0x300F000F, "ID_AA64MMFR0_EL1": 0xFF00F000FFFFFF0F}),
        ("6.12", 35, {"ID_PFR0_EL1": 0xFFFFFFFF, "ID_AA64PFR0_EL1": 0xFFFF00F00F00FFFF, "CLIDR_EL1": 0x7FFFFFFFFFFF}),
        ("6.16", 21, {"MIDR_EL1": 0xFFFFFFFF, "ID_AA64ISAR3_EL1": 0xF00000F0, "ID_AA64MMFR4_EL1": 0x00F00000,
                      "CTR_EL0": 0x300FC00F, "ID_AA64ISAR0_EL1": 0xFFFFFFFFFFFFFFF0}),
        ("6.17.13", 40, {"ID_AA64PFR1_EL1": 0x0F00000F0000F0FF, "ID_AA64MMFR3_EL1": 0xF0FFF}),
        ("7.0", 40, {"ID_AA64ISAR0_EL1": 0xFFFFFFFFF0FFFFF0, "ID_AA64MMFR1_EL1": 0xFFFFFFFF0FFFF00F}),
        ("7.1", 40, {"ID_AA64FPFR0_EL1": 0xFC0080FF, "ID_AA64PFR2_EL1": 0x0000000F0000FFF0}),
        ("7.3", 40, {"ID_AA64ISAR3_EL1": 0xFF0F00F0, "ID_AA64DFR0_EL1": 0x000000F000F00F0F}),
    ],
)  # fmt: skip
def test_writable_masks(kernel: str, count: int, some: dict[str, int]) -> None:
    found = masks(kernel)
    assert len(found) == count
    assert {name: found[name] for name in some} == some


def test_aarch32_masks_need_aarch32() -> None:
    errno, found = vm(a64fx(), "7.3").writable_masks()
    assert errno == 0
    assert len(found) == 20


@pytest.mark.parametrize("kernel", ["6.1", "6.12"])
def test_fault_19_no_host_is_said_to_lack_aarch32_that_nothing_is_known_of(kernel: str) -> None:
    """Explain then said `accepted` of the very write that Migrate calls refused."""
    nobody = HostState(values={}, known={}, ccsidr_known=False, vgic_known=False)
    verdict = explain_write(Vm(nobody, load_policy(kernel), QEMU_SETUP).vcpu(0), IDS["ID_MMFR4_EL1"], 0x1021110)
    assert not verdict.certain and "ID_AA64PFR0_EL1.EL0" in verdict.depends_on[0]
    assert [case.settle for case in verdict.cases] == ["--host aarch32=on", "--host aarch32=off"]
    known = with_inputs(nobody, "aarch32=off")
    told = explain_write(Vm(known, load_policy(kernel), QEMU_SETUP).vcpu(0), IDS["ID_MMFR4_EL1"], 0x1021110)
    assert told.certain and not told.errno and "accepted and ignored" in told.reason


@pytest.mark.parametrize(("kernel", "errno"), [("6.15", 0), ("6.16", EINVAL), ("7.3", EINVAL)])
def test_a_host_without_asynchronous_tag_checks_takes_no_pfr1_of_a_vm_without_tags(kernel: str, errno: int) -> None:
    """set_id_aa64pfr1_el1() puts the host's 15 in the place of 0 whether or not the VM has memory tagging."""
    n2 = host("neoverse-n2")
    bare = msgspec.structs.replace(n2, values=dict(n2.values) | {PFR1: n2.values[PFR1] | 0xF << 40})
    for setup in (GIC, MTE):
        vcpu = vm(bare, kernel, setup).vcpu(0)
        verdict = explain_write(vcpu, PFR1, vcpu.value(PFR1))
        assert (verdict.errno, verdict.certain) == (0 if setup.mte else errno, True)
    refused = explain_write(vm(bare, kernel, GIC).vcpu(0), PFR1, 0x21)
    assert refused.errno == errno and ("taken as 15" in refused.reason) is bool(errno)
    assert explain_write(vm("neoverse-n2", kernel, GIC).vcpu(0), PFR1, 0x21).errno == 0
