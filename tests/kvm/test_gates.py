"""Each gate by itself: what it decides, which parts it judges, and what it would take instead."""

from __future__ import annotations

from errno import EBUSY, EINVAL, EPERM
from importlib import import_module

import msgspec
import pytest

from inspector.kvm.gates.gate import Gate, OpenGate
from inspector.kvm.gates.id_register import IdGate
from inspector.kvm.host import HostState
from inspector.kvm.limits import LIMITED
from inspector.kvm.vm import Vcpu
from inspector.kvm.words.explaining import explain_write, peek_write
from inspector.policies.setup import VcpuSetup
from inspector.registers.bits import ALL
from inspector.registers.encoding import CLASS_SVE, SIZE_U2048, ccsidr_id, every_bit_of, make_id
from inspector.registers.ids import (
    CLIDR_EL1,
    CNTPCT_EL0,
    CNTV_CTL_EL0,
    CNTVCT_EL0,
    IDS,
    OSLSR_EL1,
    PSCI_VERSION,
    STD_BITMAP,
    SVE_VLS,
    WORKAROUND_2,
)
from tests.fresh import ROOT, modules_after
from tests.kvm.material import EL2, GIC, IMP_ID, PMU_GIC, SVE, a64fx, host, made_up, vm

PMCNTENSET, PMCNTENCLR = IDS["PMCNTENSET_EL0"], IDS["PMCNTENCLR_EL0"]
UNCLEAN = made_up(CTR_EL0=0x8444C004, CLIDR_EL1=0x0A200023)
"""A host whose CTR_EL0.IDC is 0, and whose data lines have 64 bytes"""


KINDS = "inspector.kvm.gates"
"""Where the file of each kind lies."""
WITH_TABLES = {"doubts", "fixed_bits", "gate", "pmu_pair", "pstate", "timer"}
"""What all kinds share, the tables of those that name their registers themselves, and the mode that PSTATE holds."""


def vcpu_of(host: str | HostState, kernel: str, setup: VcpuSetup = GIC) -> Vcpu:
    """A fresh vCPU."""
    return vm(host, kernel, setup).vcpu(0)


def judged(vcpu: Vcpu, reg_id: int, value: int) -> dict[str, str]:
    """Name of each part that a gate judges -> what becomes of it."""
    gate = vcpu.gate(reg_id)
    assert isinstance(gate, Gate)
    return {part.name: part.fate for part in gate.parts(vcpu, value)}


@pytest.mark.parametrize(
    ("kernel", "register", "value", "after"),
    [
        ("6.1", PMCNTENCLR, 0x8000000F, 0x8000000F),
        ("6.8", PMCNTENCLR, 0x8000000F, 0x10),
        ("6.8", PMCNTENSET, 0x8000000F, 0x8000001F),
        ("6.15", PMCNTENCLR, 0xFFFFFFFF, 0x8000003F),
    ],
)
def test_a_pmu_pair_does_what_its_kernel_does(kernel: str, register: int, value: int, after: int) -> None:
    """What `migrate` always answered: the pairs are the machine's, so `write` and the screens answer the same."""
    vcpu = vcpu_of("neoverse-n2", kernel, PMU_GIC)
    verdict = explain_write(vcpu, register, value)
    assert (verdict.errno, verdict.after) == (0, after)
    assert verdict.outcome == ("accepted" if after == value else "ignored")
    assert {vcpu.get_one_reg(i) for i in (PMCNTENSET, PMCNTENCLR)} == {(0, after)}
    if kernel == "6.8":
        assert verdict.rule == "pmu-pairs"
        assert "set_pmreg()" in verdict.reference


def test_counters_run_and_status_bits_are_the_timers_own() -> None:
    vcpu = vcpu_of("neoverse-n2", "6.12")
    for counter in (CNTVCT_EL0, CNTPCT_EL0):
        verdict = explain_write(vcpu, counter, 0x1234)
        assert (verdict.errno, verdict.after, verdict.by_nature) == (0, None, True)
    assert explain_write(vcpu, CNTV_CTL_EL0, 2).after == 6
    assert explain_write(vcpu, CNTV_CTL_EL0, 7).after == 7


@pytest.mark.parametrize(
    ("value", "refused"),
    [
        (1 << 47, {"RES0", "LoC"}),
        (0, {"LoC"}),
        (1 << 27, {"LoC"}),
        (1 << 24, {"LoUU", "LoUIS"}),
        (1 << 24 | 1 << 21, set()),
        (1 << 24 | 1 << 27, set()),
    ],
)
def test_clidr_promises_only_what_ctr_allows(value: int, refused: set[str]) -> None:
    vcpu = vcpu_of(UNCLEAN, "6.12")
    assert {name for name, fate in judged(vcpu, CLIDR_EL1, value).items() if fate == "refused"} == refused
    assert vcpu.would_accept(CLIDR_EL1, value) == (EINVAL if refused else 0)
    assert vcpu_of("neoverse-n2", "6.12").would_accept(CLIDR_EL1, 0) == 0


def test_ccsidr_lines_are_not_shorter_than_the_hosts() -> None:
    vcpu = vcpu_of(made_up(CTR_EL0=0x84458003), "6.12")
    answers = [vcpu.would_accept(ccsidr_id(k), v) for k, v in ((0, 2), (0, 3), (1, 0), (1, 0xF0000001))]
    assert answers == [EINVAL, 0, EINVAL, 0]


@pytest.mark.parametrize(
    ("kernel", "setup", "register", "value", "nearest"),
    [
        ("6.12", GIC, OSLSR_EL1, 0xFF, 10),
        ("6.12", GIC, OSLSR_EL1, 0x11, 8),
        ("6.12", GIC, PSCI_VERSION, 0x10002, 0x10001),
        ("6.12", GIC, PSCI_VERSION, 0, 2),
        ("6.12", GIC, STD_BITMAP, 7, 1),
        ("6.12", GIC, WORKAROUND_2, 0x101, 1),
        ("6.12", GIC, ccsidr_id(0), 0x700FE019, 0x700FE01A),
        ("6.15", IMP_ID, IDS["MIDR_EL1"], 0x1410FD493, 0x410FD493),
        ("6.2", PMU_GIC, IDS["ID_AA64DFR0_EL1"], 0, None),
    ],
)
def test_the_nearest_value_is_what_a_reader_would_try(
    kernel: str, setup: VcpuSetup, register: int, value: int, nearest: int | None
) -> None:
    vcpu = vcpu_of("neoverse-n2", kernel, setup)
    verdict = peek_write(vcpu, register, value)
    assert verdict.errno == EINVAL
    assert verdict.would_pass == (vcpu.value(register) if nearest is None else nearest)


def test_a_peek_changes_nothing() -> None:
    vcpu = vcpu_of("neoverse-n2", "6.12")
    assert peek_write(vcpu, OSLSR_EL1, 10).after == 10
    assert vcpu.value(OSLSR_EL1) == 8


def test_the_parts_say_what_the_answer_says() -> None:
    """An implementation id after the first run, a bitmap with a frozen and with an unknown service."""
    machine = vm("neoverse-n2", "6.15", IMP_ID)
    machine.run(0)
    vcpu = machine.vcpu(0)
    assert explain_write(vcpu, IDS["MIDR_EL1"], 1 << 32).errno == EBUSY
    assert judged(vcpu, IDS["MIDR_EL1"], 1 << 32) == {"[63:32]": "kept", "MIDR": "refused"}
    assert vcpu.would_accept(STD_BITMAP, 0) == EBUSY
    assert vcpu.would_accept(STD_BITMAP, 2) == EINVAL


HOSTS = ("neoverse-n2", "cortex-a72", "max")
RELEASES = ("5.10", "6.1", "6.2+mask-ccidx-tolerant", "6.4", "6.8", "6.12", "7.3")
TRIED = (0, 1, 1 << 8, 1 << 20, 1 << 63, 0x1DE7EC7EDBADC0DE)
"""What is laid over the value that a register holds"""


def all_of(vcpu: Vcpu) -> tuple[object, ...]:
    """Everything that a VM of one vCPU holds."""
    return dict(vcpu.vm.stored), dict(vcpu.own), vcpu.vm.counters, vcpu.vm.open_bits, vcpu.open_bits


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("model", HOSTS)
def test_a_gate_that_stands_alone_changes_its_own_register_and_no_other(model: str, release: str) -> None:
    vcpu = vcpu_of(model, release, IMP_ID if model == "max" else PMU_GIC)
    alone = [gate for gate in vcpu.gates.values() if gate.alone and gate.reg_id in vcpu.vm.stored]
    assert len(alone) > 50
    for gate in alone:
        for bits in TRIED:
            fresh = vcpu_of(model, release, IMP_ID if model == "max" else PMU_GIC)
            before = all_of(fresh)
            gate.store(fresh, fresh.value(gate.reg_id) ^ bits)
            fresh.vm.stored[gate.reg_id] = vcpu.vm.stored[gate.reg_id]
            assert all_of(fresh) == before, (gate, bits)


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("model", HOSTS)
def test_what_is_kept_for_sure_is_what_the_whole_answer_says_of_it(model: str, release: str) -> None:
    vcpu, other = (vcpu_of(model, release, PMU_GIC) for _ in range(2))
    for reg_id in vcpu.get_reg_list():
        gate, own = vcpu.gate(reg_id), vcpu.value(reg_id)
        old = [own | gate.host & hook.mask for hook in gate.hooks] if isinstance(gate, IdGate) else []
        for value in (*(own ^ bits for bits in TRIED), *old):
            told = peek_write(other, reg_id, value)
            sure = told.certain and not told.errno and told.after == value
            assert vcpu.keeps(reg_id, value) == (sure and reg_id not in vcpu.vm.exposure.running), (reg_id, value)
            if sure:
                other.set_one_reg(reg_id, value)
                other.opens(reg_id)[reg_id] = 0
            assert all_of(vcpu) == all_of(other), (reg_id, value)


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("hidden", ["", "PMCR_EL0", "ID_AA64PFR0_EL1", "CTR_EL0"])
def test_what_is_known_of_a_list_is_what_is_known_of_each_of_it(hidden: str, release: str) -> None:
    seen = host("neoverse-n2")
    known = {reg_id: 0 if reg_id == IDS.get(hidden) else mask for reg_id, mask in seen.known.items()}
    exposure = vcpu_of(msgspec.structs.replace(seen, known=known), release, PMU_GIC).vm.exposure
    for reg_id in exposure.listed:
        if reg_id in LIMITED:
            expected = exposure.limits[reg_id].known
        else:
            expected = 0 if reg_id in exposure.underivable else ALL & exposure._known(reg_id)
            if expected == ALL:
                expected = every_bit_of(reg_id)
        assert exposure.known[reg_id] == expected, reg_id
    assert tuple(exposure.known) == exposure.listed


@pytest.mark.parametrize(
    ("model", "value", "errno"),
    [("neoverse-n2", 1, 0), ("neoverse-n2", 3, EINVAL), ("neoverse-n2", 0, EINVAL),
     ("max", 0xFFFF, 0), ("max", 7, 0), ("max", 5, EINVAL), ("max", 0x1FFFF, EINVAL)],
)  # fmt: skip
def test_vector_lengths_are_the_hosts_up_to_the_longest(model: str, value: int, errno: int) -> None:
    lengths = 0xFFFF if model == "max" else None  # QEMU's has those that it was told
    known = msgspec.structs.replace(host(model), vector_lengths=lengths)
    verdict = explain_write(vcpu_of(known, "6.12", SVE), SVE_VLS, value)
    assert (verdict.errno, verdict.certain) == (errno, True)
    assert errno or verdict.reason.endswith("EPERM.")
    assert verdict.would_pass == (None if not errno else {3: 1, 0: 1, 5: 7, 0x1FFFF: 0xFFFF}[value])


def test_vector_lengths_of_a_vcpu_that_ran_are_refused() -> None:
    """set_sve_vls(): EPERM once the vCPU is finalised, without which it does not run."""
    vcpu = vcpu_of("neoverse-n2", "6.12", SVE)
    assert vcpu.vm.run(0) == 0
    verdict = explain_write(vcpu, SVE_VLS, 1)
    assert (verdict.errno, verdict.after, verdict.outcome) == (EPERM, 1, "refused")
    assert verdict.before_known == verdict.after_known == (1 << 512) - 1


def test_vector_lengths_of_qemus_model_depend_on_its_options() -> None:
    """`sve-max-vq=2` leaves two of sixteen (recorded)."""
    assert explain_write(vcpu_of("max", "6.12", SVE), SVE_VLS, 0xFFFF).outcome == "uncertain"


def test_vector_lengths_of_an_unknown_core_depend_on_it() -> None:
    vcpu = vcpu_of(made_up(MIDR_EL1=0x610F0000, ID_AA64PFR0_EL1=1 << 32), "6.12", SVE)
    assert explain_write(vcpu, SVE_VLS, 1).outcome == "uncertain"
    assert explain_write(vcpu, SVE_VLS, 0).errno == EINVAL
    assert vcpu.vm.run(0) == 0
    assert explain_write(vcpu, SVE_VLS, 1).errno == EPERM


def test_all_bits_of_a_vector_are_known() -> None:
    vcpu = vcpu_of("neoverse-n2", "6.12", SVE)
    assert explain_write(vcpu, make_id(CLASS_SVE, 0, SIZE_U2048), 1).after_known == (1 << 2048) - 1


def kinds_below(kind: type) -> set[type]:
    """The kinds below one that judge a register."""
    below: list[type] = type.__subclasses__(kind)
    return {*below, *(deeper for one in below for deeper in kinds_below(one))} - {IdGate, OpenGate}


def test_every_kind_that_there_is_a_file_of_judges_a_register_of_some_vm() -> None:
    """A kind is loaded by its name when it is first made, which no checker of types follows."""
    for path in (ROOT / "inspector/kvm/gates").glob("[!_]*.py"):
        import_module(f"{KINDS}.{path.stem}")
    asked: list[tuple[str | HostState, str, VcpuSetup]] = [
        ("max", "6.12", SVE), ("max", "5.15", PMU_GIC), ("max", "6.4", PMU_GIC), ("max", "7.3", PMU_GIC),
        ("neoverse-n2", "5.10", PMU_GIC), ("neoverse-n2", "6.1", PMU_GIC), ("neoverse-n2", "6.15", IMP_ID),
        ("max_nested", "7.2", EL2), (a64fx(), "6.1", GIC),
    ]  # fmt: skip
    made = {type(gate) for model, kernel, setup in asked for gate in vm(model, kernel, setup).gates.values()}
    assert made == kinds_below(Gate)


SAVED = """
from inspector.checks.machine.machine import machine
from inspector.checks.writing.bench import bench_of
from inspector.sources import load
dump = load("builtin:neoverse-n2-linux-6.1")
bench = bench_of(machine(dump), [one.values for one in dump.vcpus])
"""


def test_a_vm_that_holds_what_was_saved_loads_no_kind_and_a_write_its_own() -> None:
    """Write opens with such a VM: of some hundred registers that are judged, none is before a value is typed."""

    def kinds(code: str) -> set[str]:
        loaded = {name.removeprefix(f"{KINDS}.") for name in modules_after(code) if name.startswith(f"{KINDS}.")}
        return loaded - WITH_TABLES

    assert kinds(SAVED) == set()
    assert kinds(f"{SAVED}bench.vm.vcpu(0).set_one_reg({OSLSR_EL1}, 0)") == {"oslsr"}
