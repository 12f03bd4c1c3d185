"""Hosts known only through a vCPU: what is unknown stays unknown, and writes are predicted all the same."""

from __future__ import annotations

import random

import pytest

from inspector.kvm.host import from_raw
from inspector.kvm.inference.el0 import el0_values, from_el0
from inspector.kvm.inference.fresh import fresh_vm, hidden_ccidx
from inspector.kvm.inference.vcpu import from_vcpu
from inspector.kvm.mitigations import bhb_levels, spectre_v2_level
from inspector.kvm.vm import Vm
from inspector.kvm.words.explaining import explain_write
from inspector.kvm.words.showing import explain_register
from inspector.policies.loader import load_policy
from inspector.policies.setup import QEMU_SETUP, VcpuSetup
from inspector.registers.catalog import find
from inspector.registers.encoding import ccsidr_id, every_bit_of
from inspector.registers.ids import AARCH32_IDS, CLIDR_EL1, ID_SPACE, IDS, PSCI_VERSION
from inspector.registers.naming import name_of
from tests.kvm.material import EL2, GIC, MINIMAL, MTE, PMU_GIC, exposure, host, vm

PFR0, MMFR2, CTR = IDS["ID_AA64PFR0_EL1"], IDS["ID_AA64MMFR2_EL1"], IDS["CTR_EL0"]
PFR1_32 = IDS["ID_PFR1_EL1"]


def saved(model: str, kernel: str, setup: VcpuSetup = QEMU_SETUP) -> dict[int, int]:
    """Every register of a fresh vCPU."""
    return exposure(model, kernel, setup).values


SETUPS = {"minimal": MINIMAL, "gic": GIC, "pmu": PMU_GIC, "mte": MTE, "el2": EL2}
POSSIBLE = [
    (model, kernel, setup)
    for model in ("neoverse-n2", "cortex-a72", "max_nested")
    for kernel in ("5.10", "6.1", "6.2", "6.5", "6.12", "6.18", "7.3")
    for setup in SETUPS
    if vm(model, kernel, SETUPS[setup]).init_errno == 0
]


@pytest.mark.parametrize(("model", "kernel", "name"), POSSIBLE)
def test_writes_from_fresh_values_agree_with_writes_from_the_host(model: str, kernel: str, name: str) -> None:
    setup = SETUPS[name]
    known = vm(model, kernel, setup)
    fresh = fresh_vm(known.exposure.values, load_policy(kernel), setup, host=known.exposure.host)
    choose = random.Random(f"{model} {kernel} {setup}")
    targets = [i for i in known.exposure.feature_values() if i in known.exposure.listed_set]
    for machine in (known, fresh):
        assert not machine.init_errno
    for step in range(1500):
        reg_id = choose.choice(targets)
        value = known.vcpu(0).value(reg_id)
        lsb = 4 * choose.randrange(8 if reg_id >> 52 & 0xF == 2 else 16)
        value = value & ~(0xF << lsb) | choose.randrange(16) << lsb
        if step == 1200:
            assert known.run(0) == fresh.run(0)
        left, right = known.vcpu(0).set_one_reg(reg_id, value), fresh.vcpu(0).set_one_reg(reg_id, value)
        assert left == right, (name_of(reg_id), hex(value))
        assert known.vcpu(0).value(reg_id) == fresh.vcpu(0).value(reg_id)


def test_a_fresh_vcpu_alone_is_enough_where_nothing_is_tolerated() -> None:
    values = saved("cortex-a72", "6.12", GIC)
    machine = fresh_vm(values, load_policy("6.12"), GIC)
    assert explain_write(machine.vcpu(0), CLIDR_EL1, 0).errno == 22
    assert explain_write(machine.vcpu(0), CLIDR_EL1, 0x9200003).errno == 0
    assert explain_write(machine.vcpu(0), ccsidr_id(0), 0).errno == 22
    assert explain_write(machine.vcpu(0), PSCI_VERSION, 0x10000).errno == 0
    assert machine.vcpu(0).get_one_reg(0x603000000013C03B) == (0, 0)
    assert machine.vcpu(0).get_one_reg(0x6030000000160003) == (2, None)


def test_a_register_that_a_fresh_vcpu_lists_without_its_value_can_be_written_and_is_not_known() -> None:
    values = saved("cortex-a72", "6.12", GIC)
    withheld = find("DBGBVR0_EL1").register.id
    del values[withheld]
    vcpu = fresh_vm(values, load_policy("6.12"), GIC, unread=[withheld]).vcpu(0)
    assert withheld in vcpu.get_reg_list() and vcpu.get_one_reg(withheld) == (0, None)
    assert vcpu.vm.exposure.known[withheld] == 0
    assert explain_write(vcpu, withheld, 8).errno == 0
    assert vcpu.get_one_reg(withheld) == (0, 8)


@pytest.mark.parametrize("kernel", ["5.10", "6.1", "6.12", "7.3"])
@pytest.mark.parametrize("model", ["neoverse-n2", "cortex-a72", "max"])
def test_what_a_vcpu_shows_of_the_host_is_true(model: str, kernel: str) -> None:
    machine = from_vcpu(saved(model, kernel), QEMU_SETUP, load_policy(kernel))
    real = exposure(model, kernel).sanitised
    for reg_id in (*ID_SPACE, CTR):
        known = machine.known.get(reg_id, 0) & exposure(model, kernel).book.of(reg_id).known_mask
        assert machine.value(reg_id) & known == real[reg_id][0] & known, name_of(reg_id)


def test_what_the_source_kernel_hid_is_unknown() -> None:
    machine = from_vcpu(saved("neoverse-n2", "7.3"), QEMU_SETUP, load_policy("7.3"))
    shown = exposure(machine, "6.1", QEMU_SETUP)
    assert shown.known[MMFR2] >> 20 & 0xF == 0
    assert shown.known[MMFR2] >> 24 & 0xF == 0
    assert shown.known[MMFR2] >> 4 & 0xF == 0xF
    fields = {f.name: f for f in explain_register(shown, MMFR2).fields}
    assert (fields["CCIDX"].host, fields["CCIDX"].exposed, fields["CCIDX"].state) == (None, None, "unknown")
    assert fields["UAO"].state == "same"
    assert shown.known[CLIDR_EL1] == 0
    newer = exposure(machine, "7.3", QEMU_SETUP)
    assert newer.known[MMFR2] == (1 << 64) - 1
    assert newer.values[MMFR2] == 0x1221011110001011
    assert newer.known[ccsidr_id(0)] == (1 << 64) - 1


def test_the_other_direction_knows_ccidx() -> None:
    machine = from_vcpu(saved("neoverse-n2", "6.1"), QEMU_SETUP, load_policy("6.1"))
    shown = exposure(machine, "7.3", QEMU_SETUP)
    fields = {f.name: f for f in explain_register(shown, MMFR2).fields}
    assert (fields["CCIDX"].host, fields["CCIDX"].exposed) == (1, 0)
    assert shown.values[MMFR2] == 0x1221011110001011
    verdict = explain_write(Vm(machine, load_policy("7.3"), QEMU_SETUP).vcpu(0), MMFR2, 0x1221011112101011)
    assert verdict.errno == 22
    assert verdict.uncertain == ()


def test_an_uncertain_verdict_names_the_field() -> None:
    machine = from_vcpu(saved("neoverse-n2", "7.3"), QEMU_SETUP, load_policy("7.3"))
    verdict = explain_write(Vm(machine, load_policy("6.1"), QEMU_SETUP).vcpu(0), MMFR2, 0x1221011110001011)
    assert "CCIDX" in verdict.uncertain
    assert "NV" in verdict.uncertain


def test_host_dependent_inputs_are_inferred() -> None:
    n2 = from_vcpu(saved("neoverse-n2", "6.12"), QEMU_SETUP, load_policy("6.12"))
    assert (spectre_v2_level(n2), bhb_levels(n2, False)[0], n2.vgic, n2.meltdown_unaffected) == (2, 1, "v3", True)
    a72 = from_vcpu(saved("cortex-a72", "6.1", GIC), GIC, load_policy("6.1"))
    assert (spectre_v2_level(a72), bhb_levels(a72, False)[0], a72.meltdown_unaffected) == (0, 0, True)
    assert a72.has_aarch32


def test_csv3_is_a_verdict_of_kernels_that_give_one() -> None:
    """5.10 passes the CPU's own field on: 0 on a Cortex-A72, which later kernels know to be safe from Meltdown."""
    machine = from_vcpu(saved("cortex-a72", "5.10"), QEMU_SETUP, load_policy("5.10"))
    for kernel in ("5.11", "6.1", "6.12"):
        real, told = exposure("cortex-a72", kernel, QEMU_SETUP), exposure(machine, kernel, QEMU_SETUP)
        assert told.values[PFR0] >> 60 == real.values[PFR0] >> 60 == 1
    assert exposure(machine, "5.10", QEMU_SETUP).values[PFR0] >> 60 == 0


@pytest.mark.parametrize(("kernel", "sure"), [("6.12.0", False), ("6.12", True), ("7.3", True)])
def test_a_vm_that_ran_without_gic_does_not_tell_the_hosts(kernel: str, sure: bool) -> None:
    """Its first run cleared both GIC fields; a fresh vCPU there has them, and 6.12.0 does not let them be lowered."""
    ran = vm("neoverse-n2", kernel, MINIMAL)
    assert ran.run(0) == 0
    values = {i: ran.vcpu(0).get_one_reg(i)[1] or 0 for i in ran.exposure.listed}
    assert (values[PFR0] >> 24 & 0xF, values[PFR1_32] >> 28) == (0, 0)
    machine = from_vcpu(values, MINIMAL, load_policy(kernel))
    assert (machine.vgic, machine.vgic_known) == ("v3", False)
    for other in ("6.1", kernel):
        told, real = exposure(machine, other), exposure("neoverse-n2", other)
        for reg_id in (PFR0, PFR1_32):
            assert (told.values[reg_id] ^ real.values[reg_id]) & told.known[reg_id] == 0
    verdict = explain_write(Vm(machine, load_policy(kernel), MINIMAL).vcpu(0), PFR1_32, values[PFR1_32])
    assert verdict.certain is sure
    assert vm("neoverse-n2", kernel).vcpu(0).would_accept(PFR1_32, values[PFR1_32]) == (0 if sure else 22)


def test_a_pmu_that_an_old_kernel_capped_is_open_on_a_host_without_aarch32() -> None:
    """ID_DFR0_EL1 reads as the vPMU's version there, whatever else of it is zero: 5.10 shows at most 4."""
    raw = host("neoverse-n2")
    values = {i: 0 if i in AARCH32_IDS else v for i, v in raw.values.items()}
    alone = from_raw(values | {PFR0: values[PFR0] & ~0xF | 1}, raw.ccsidr)
    dfr0 = IDS["ID_DFR0_EL1"]
    machine = from_vcpu(exposure(alone, "5.10", PMU_GIC).values, PMU_GIC, load_policy("5.10"))
    told, real = exposure(machine, "6.12", PMU_GIC), exposure(alone, "6.12", PMU_GIC)
    assert (real.values[dfr0], told.known[dfr0] >> 24 & 0xF) == (6 << 24, 0)
    verdict = explain_write(Vm(machine, load_policy("6.12"), PMU_GIC).vcpu(0), dfr0, 4 << 24)
    assert (verdict.outcome, verdict.depends_on) == ("uncertain", ("the host's ID_AA64DFR0_EL1.PMUVer",))
    assert exposure(machine, "6.12", GIC).known[dfr0] == (1 << 64) - 1


def test_two_kernels_can_be_asked_about_one_vcpu() -> None:
    raw = host("neoverse-n2")
    again = from_raw(raw.values, raw.ccsidr)
    assert exposure(again, "7.3", QEMU_SETUP).values == exposure("neoverse-n2", "7.3", QEMU_SETUP).values


@pytest.mark.parametrize("kernel", ["5.10", "5.12", "6.1", "6.2", "6.5", "6.12", "7.3"])
@pytest.mark.parametrize("model", ["neoverse-n2", "cortex-a72", "max"])
def test_the_same_kernel_shows_the_same_again(model: str, kernel: str) -> None:
    values = saved(model, kernel)
    again = exposure(from_vcpu(values, QEMU_SETUP, load_policy(kernel)), kernel, QEMU_SETUP)
    assert again.listed == tuple(values)
    for reg_id, value in values.items():
        if reg_id in again.underivable:
            continue
        assert again.values[reg_id] == value, name_of(reg_id)
        assert again.known[reg_id] == every_bit_of(reg_id), name_of(reg_id)


def test_a_capped_field_is_known_up_to_the_cap() -> None:
    dfr0 = IDS["ID_AA64DFR0_EL1"]
    machine = from_vcpu(saved("neoverse-n2", "6.1"), QEMU_SETUP, load_policy("6.1"))
    assert exposure(machine, "5.10", QEMU_SETUP).known[dfr0] >> 8 & 0xF == 0xF
    assert exposure(machine, "5.10", QEMU_SETUP).values[dfr0] >> 8 & 0xF == 4
    assert exposure(machine, "6.12", QEMU_SETUP).known[dfr0] >> 8 & 0xF == 0
    newer = from_vcpu(saved("neoverse-n2", "6.12"), QEMU_SETUP, load_policy("6.12"))
    assert exposure(newer, "7.3", QEMU_SETUP).known[dfr0] >> 8 & 0xF == 0xF


def test_the_view_of_a_process_without_rights() -> None:
    policy = load_policy("6.12")
    machine = from_el0(el0_values(host("neoverse-n2"), policy), policy)
    shown = exposure(machine, "6.12", QEMU_SETUP)
    real = exposure("neoverse-n2", "6.12", QEMU_SETUP)
    for reg_id in ID_SPACE:
        known = shown.known[reg_id]
        assert shown.values[reg_id] & known == real.values[reg_id] & known, name_of(reg_id)
    assert shown.known[IDS["ID_AA64ISAR0_EL1"]] >> 4 & 0xF == 0xF
    assert shown.known[MMFR2] >> 24 & 0xF == 0
    assert shown.known[CTR] & 0xF == 0


RAW = load_policy("6.1.176+mask-ccidx-keep")
SHOWN = {
    IDS["ID_AA64PFR0_EL1"]: 0x12,
    MMFR2: 0x1221011112001011,
    IDS["ID_MMFR4_EL1"]: 0x21110,
    IDS["ID_PFR0_EL1"]: 0x131,
}


@pytest.mark.parametrize(
    ("words", "fields"),
    [
        ({0: 0x1A, 1: 0x1A, 2: 0x3A}, {MMFR2: 0xF << 20, IDS["ID_MMFR4_EL1"]: 0xF << 24}),
        ({0: 0x701FE01A, 1: 0x201FE01A, 2: 0x70FFE03A}, {}),
        ({0: 0x2, 1: 0x2}, {}),
        ({}, {}),
    ],
)
def test_raw_cache_words_give_a_hidden_ccidx_away(words: dict[int, int], fields: dict[int, int]) -> None:
    assert hidden_ccidx(SHOWN, words, RAW) == fields


def test_fabricated_words_tell_nothing_and_shown_fields_need_no_telling() -> None:
    words = {0: 0x1A, 1: 0x1A}
    assert hidden_ccidx(SHOWN, words, load_policy("6.12")) == {}
    assert hidden_ccidx(SHOWN | {MMFR2: SHOWN[MMFR2] | 1 << 20}, words, RAW).keys() == {IDS["ID_MMFR4_EL1"]}
