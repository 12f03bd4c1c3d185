"""What is not known stays unknown: no bit of a value, and no answer that hangs on it, is taken for sure."""

from __future__ import annotations

from errno import EINVAL

import msgspec
import pytest

import inspector
from inspector.errors import PolicyError
from inspector.kvm.exposure import expose
from inspector.kvm.guest import fresh_guest, guest_known
from inspector.kvm.host import HostState
from inspector.kvm.host_inputs import with_inputs
from inspector.kvm.inference.vcpu import from_vcpu
from inspector.kvm.verdict import Verdict
from inspector.kvm.vm import Vm
from inspector.kvm.words.explaining import peek_write
from inspector.kvm.words.showing import explain_register
from inspector.library import migrate
from inspector.policies.loader import load_policy
from inspector.policies.setup import QEMU_SETUP, parse_features
from inspector.registers.encoding import ccsidr_id
from inspector.registers.ids import CLIDR_EL1, CTR_EL0, IDS, MIDR_EL1, WORKAROUND_1, WORKAROUND_3
from inspector.sources import load
from tests.kvm.material import GIC, exposure, host, made_up, vm

MMFR2 = IDS["ID_AA64MMFR2_EL1"]


def without(whole: HostState, hidden: int) -> HostState:
    """A host of whose dump one register is missing."""
    values, known = ({**held, hidden: 0} for held in (whole.values, whole.known))
    return msgspec.structs.replace(whole, values=values, known=known)


def saved_host() -> HostState:
    """What a vCPU of Linux 6.12 shows of a Neoverse N2: neither CCIDX nor NV."""
    return from_vcpu(exposure("neoverse-n2", "6.12", GIC).values, GIC, load_policy("6.12"))


def asked(machine: HostState, kernel: str, register: int, value: int) -> Verdict:
    """What a fresh vCPU there would answer."""
    return peek_write(Vm(machine, load_policy(kernel), GIC).vcpu(0), register, value)


def test_a_hidden_field_leaves_the_answer_open_and_names_its_cases() -> None:
    value = exposure("neoverse-n2", "6.12", GIC).values[MMFR2] | 1 << 20
    verdict = asked(saved_host(), "6.1", MMFR2, value)
    assert (verdict.outcome, verdict.certain, verdict.after, verdict.would_pass) == ("uncertain", False, None, None)
    assert verdict.depends_on == ("the host's ID_AA64MMFR2_EL1.CCIDX",)
    told = {case.when.rpartition(" is ")[2]: case.errno for case in verdict.cases}
    assert told == {"1": 0, "0, or 2 to 15": EINVAL}
    assert {case.settle for case in verdict.cases} == {"--host ID_AA64MMFR2_EL1.CCIDX=VALUE"}


@pytest.mark.parametrize(("ccidx", "outcome"), [(1, "accepted"), (0, "refused")])
def test_giving_the_field_settles_it(ccidx: int, outcome: str) -> None:
    value = exposure("neoverse-n2", "6.12", GIC).values[MMFR2] | 1 << 20
    known = with_inputs(saved_host(), f"ID_AA64MMFR2_EL1.CCIDX={ccidx}")
    assert asked(known, "6.1", MMFR2, value).outcome == outcome


@pytest.mark.parametrize("text", ["ID_AA64MMFR2_EL1.NOPE=1", "NOPE_EL1.NV=1", "CTR_EL0.IDC=2", "CTR_EL0.IDC=x"])
def test_a_field_of_the_host_that_there_is_not_is_one_line(text: str) -> None:
    with pytest.raises(PolicyError):
        with_inputs(saved_host(), text)


def test_a_refusal_by_what_is_known_stays_one() -> None:
    value = exposure("neoverse-n2", "6.12", GIC).values[MMFR2] | 1 << 20 | 0xF << 60
    assert asked(saved_host(), "6.12", MMFR2, value).outcome == "refused"


def test_an_affected_cpu_leaves_the_firmwares_level_open() -> None:
    """Which level firmware gives an affected CPU is in no register."""
    affected = vm("cortex-a72", "6.12", GIC)
    outcomes = {level: peek_write(affected.vcpu(0), WORKAROUND_1, level) for level in (0, 1, 2)}
    assert {level: verdict.outcome for level, verdict in outcomes.items()} == {
        0: "uncertain", 1: "uncertain", 2: "refused",
    }  # fmt: skip
    assert {case.outcome for case in outcomes[0].cases} == {"accepted", "accepted, not kept: reads back 1"}
    assert {case.settle for case in outcomes[1].cases} == {
        "--host spectre-v2=vulnerable", "--host spectre-v2=mitigated",
    }  # fmt: skip
    told = with_inputs(host("cortex-a72"), "spectre-v2=mitigated")
    assert asked(told, "6.12", WORKAROUND_1, 1).outcome == "accepted"


def test_cache_registers_hang_on_ctr() -> None:
    open_idc = HostState(values={CTR_EL0: 0x8444C004}, known={CTR_EL0: ~(1 << 28) & (1 << 64) - 1}, ccsidr_known=False)
    verdict = asked(open_idc, "6.12", CLIDR_EL1, 0)
    assert verdict.depends_on == ("the host's CTR_EL0.IDC",)
    assert [case.errno for case in verdict.cases] == [EINVAL, 0]
    open_line = HostState(values={CTR_EL0: 0x8444C004}, known={CTR_EL0: ~0xF & (1 << 64) - 1}, ccsidr_known=False)
    assert asked(open_line, "6.12", ccsidr_id(1), 2).depends_on == ("the host's CTR_EL0.IminLine",)
    assert asked(open_line, "6.12", ccsidr_id(0), 2).certain


@pytest.mark.parametrize("value", [0x1000004, 0, 0x2000021])
def test_a_host_without_ctr_refuses_no_clidr_for_sure(value: int) -> None:
    """LoUU and LoUIS hang on CTR_EL0.IDC as LoC does: their refusal was taken for certain."""
    silent = HostState(values={}, known={}, ccsidr_known=False)
    verdict = asked(silent, "6.12", CLIDR_EL1, value)
    assert (verdict.certain, verdict.depends_on) == (False, ("the host's CTR_EL0.IDC",))
    assert [case.errno for case in verdict.cases] == [EINVAL, 0]
    assert asked(silent, "6.12", CLIDR_EL1, value | 1 << 50).errno == EINVAL
    assert asked(silent, "6.12", CLIDR_EL1, value | 1 << 50).certain


def test_aarch32_registers_are_zero_where_there_may_be_no_aarch32() -> None:
    whole = host("neoverse-n2")
    known = dict(whole.known) | {IDS["ID_AA64PFR0_EL1"]: ((1 << 64) - 1) & ~0xF}
    seen = exposure(msgspec.structs.replace(whole, known=known), "5.10")
    isar0 = IDS["ID_ISAR0_EL1"]
    assert seen.values[isar0] & seen.known[isar0] == 0 and exposure(whole, "5.10").values[isar0]


def test_a_register_of_which_nothing_is_known_is_not_zero() -> None:
    shown = explain_register(Vm(HostState(values={}, known={}, ccsidr_known=False), load_policy("6.12"), GIC).exposure,
                             MIDR_EL1)  # fmt: skip
    assert (shown.host, shown.exposed, shown.guest) == (None, None, None)


def test_a_rule_with_an_open_condition_leaves_its_bits_open() -> None:
    """RASv1p1 is read from two registers: with RAS 1 and an unknown RAS_frac, what a rule does there is open."""
    known = made_up(ID_AA64PFR0_EL1=0x1000_0000_1000_1111)
    pfr1 = IDS["ID_AA64PFR1_EL1"]
    open_frac = HostState(
        values=known.values, known={**known.known, pfr1: ~(0xF << 12) & (1 << 64) - 1}, ccsidr_known=False
    )  # fmt: skip
    limits = Vm(open_frac, load_policy("6.12"), GIC).exposure
    assert "host-ras-v1p1" in limits.open_conditions
    assert "host-ras-v1p1" not in Vm(known, load_policy("6.12"), GIC).exposure.open_conditions


def test_mitigation_levels_of_a_core_without_a_name_are_not_known() -> None:
    dump = inspector.load("builtin:cix-cd8180-host")
    shown = {one.id: one for one in inspector.expose(inspector.machine(dump, "6.2"))}
    assert shown[WORKAROUND_1].known & 3 != 3 and shown[WORKAROUND_3].known & 3 != 3
    assert all(field.exposed is None for field in shown[WORKAROUND_1].fields)


def test_a_refusal_names_the_field_that_is_known_to_be_refused() -> None:
    """Of a host of which only CCIDX is known, no other field of the value can be said to be refused."""
    known = with_inputs(HostState(values={}, known={}, ccsidr_known=False), "ID_AA64MMFR2_EL1.CCIDX=0")
    verdict = asked(known, "6.2", MMFR2, 0x1221011112101011)
    assert (verdict.outcome, verdict.certain) == ("refused", True)
    assert verdict.reason.startswith("ID_AA64MMFR2_EL1.CCIDX = 1 is refused") and "more" not in verdict.reason
    fates = {field.name: field.fate for field in verdict.fields}
    assert (fates["CCIDX"], fates["E0PD"], fates["NV"]) == ("refused", "uncertain", "uncertain")


@pytest.mark.parametrize(
    ("written", "outcome"), [(5, "refused"), (6, "accepted"), (7, "uncertain"), (10, "uncertain"), (11, "refused")]
)
def test_what_is_assumed_of_a_field_is_a_value_that_it_may_have(written: int, outcome: str) -> None:
    """Every Armv8 CPU has DebugVer 6 or more: a host of which it is not known takes 6, and none takes 5."""
    n2, register = host("neoverse-n2"), IDS["ID_AA64DFR0_EL1"]
    known = {**n2.known, register: ~0xF & (1 << 64) - 1}
    machine = msgspec.structs.replace(n2, values={**n2.values, register: n2.value(register) & ~0xF}, known=known)
    offered = exposure("neoverse-n2", "6.12", GIC).values[register]
    verdict = asked(machine, "6.12", register, offered & ~0xF | written)
    assert verdict.outcome == outcome, verdict.reason
    assert "equal to" not in verdict.reason


@pytest.mark.parametrize("kernel", ["5.10", "6.1", "6.12", "7.3"])
def test_what_is_firm_of_a_host_with_a_hidden_register_is_true_of_the_host(kernel: str) -> None:
    """Any register of the host may be the one that a dump does not hold: MIDR_EL1 was taken for 0. What is read back
    counts as well, and a frozen register: a mitigation level, PMCR_EL0.N and what a VM held at its first run were 0."""
    whole, policy = host("max"), load_policy(kernel)
    true = Vm(whole, policy, QEMU_SETUP, 1)
    judged, firm = list(true.gates), 0
    for hidden in whole.values:
        vm = Vm(without(whole, hidden), policy, QEMU_SETUP, 1)
        for ran in (False, True):
            true.ran = vm.ran = ran
            for reg_id in judged:
                own = true.vcpu(0).value(reg_id)
                for value in {own, 0, own ^ 1, own ^ 1 << 20}:
                    told, real = (peek_write(one.vcpu(0), reg_id, value) for one in (vm, true))
                    if told.outcome == "uncertain":
                        continue
                    firm += 1
                    assert (told.errno, told.outcome) == (real.errno, real.outcome), (hidden, reg_id, value, ran)
                    if told.after is not None and real.after is not None:
                        assert not (told.after ^ real.after) & told.after_known, (hidden, reg_id, value, ran)
    assert firm > 200 * len(judged)


@pytest.mark.parametrize("kernel", ["5.10", "6.1", "6.6", "7.3"])
@pytest.mark.parametrize("model", ["max", "neoverse-n2"])
def test_what_is_known_of_a_host_with_a_hidden_register_is_what_the_host_shows(model: str, kernel: str) -> None:
    """To userspace and to the guest: PMU reset values, PerfMon and an untrapped CTR_EL0 were not."""
    whole, policy = host(model), load_policy(kernel)
    real = expose(whole, policy, QEMU_SETUP)
    seen = fresh_guest(real)
    for hidden in whole.values:
        shown = expose(without(whole, hidden), policy, QEMU_SETUP)
        wrong = [
            i
            for i, value in shown.values.items()
            if i in real.values and (value ^ real.values[i]) & shown.known.get(i, 0)
        ]
        wrong += [i for i, value in fresh_guest(shown).items() if (value ^ seen[i]) & guest_known(shown, i)]
        assert not wrong, (hidden, wrong)


@pytest.mark.parametrize("kernel", ["6.12", "6.18"])
def test_a_host_that_does_not_tell_its_processor_refuses_no_processor(kernel: str) -> None:
    report = migrate(load("builtin:neoverse-n2-linux-6.12"), load("builtin:cix-cd8180-host"), kernel)
    asked = [one for one in report.vcpus[0].findings if one.id in (IDS["MIDR_EL1"], IDS["REVIDR_EL1"])]
    assert {one.kind for one in asked} == {"uncertain"}
    assert not any("different processors" in remark.title for remark in report.remarks)
    assert "0x0" not in {f"0x{one.would_pass:x}" for one in asked if one.would_pass is not None}


@pytest.mark.parametrize("given", ["", "page-size=64k"])
def test_pages_that_no_name_tells_leave_the_stage_2_granules_open(given: str) -> None:
    """4 KiB were taken for granted where neither a release string nor the user says it."""
    mmfr0, setup = IDS["ID_AA64MMFR0_EL1"], parse_features("qemu,el2")
    bare = with_inputs(msgspec.structs.replace(host("max_nested"), pages_known=False), given)
    offered = expose(bare, load_policy("7.3"), setup)
    each = [
        expose(msgspec.structs.replace(bare, page_size=size, pages_known=True), load_policy("7.3"), setup).limit(mmfr0)
        for size in (4096, 16384, 65536)
    ]  # fmt: skip
    differing = (each[0] ^ each[1]) | (each[0] ^ each[2])
    assert differing and ~offered.limit_known(mmfr0) & (1 << 64) - 1 == (0 if given else differing)
    verdict = peek_write(Vm(bare, load_policy("7.3"), setup).vcpu(0), mmfr0, each[0])
    assert verdict.outcome == ("refused" if given else "uncertain")
    assert given or {case.settle for case in verdict.cases} == {"--host page-size=4k|16k|64k"}
    told = expose(bare, msgspec.structs.replace(load_policy("7.3"), page_size=4096), setup)
    assert given or told.limits[mmfr0] == (each[0], (1 << 64) - 1)


@pytest.mark.parametrize(
    ("core", "seen_under", "outcome"),
    [(0xD4F, "6.6", "uncertain"), (0xD4F, "6.12.107", "accepted"), (0xD05, "6.6", "accepted")],
    ids=["on no list", "shown by a kernel that takes such a core as affected", "on the list of safe cores"],
)
def test_a_core_that_no_list_names_is_unaffected_only_for_kernels_that_say_so(
    core: int, seen_under: str, outcome: str
) -> None:
    """Before v6.15 and its stable kernels a core on no Spectre-BHB list is safe; newer ones take it as affected."""
    midr = 0x410FD490 & ~(0xFFF << 4) | core << 4
    saved = {**exposure("neoverse-n2", "6.6", GIC).values, MIDR_EL1: midr, WORKAROUND_3: 2}
    machine = from_vcpu(saved, GIC, load_policy(seen_under))
    assert asked(machine, seen_under, WORKAROUND_3, 2).outcome == "accepted"
    verdict = asked(machine, "7.3", WORKAROUND_3, 2)
    assert verdict.outcome == outcome
    if outcome == "uncertain":
        assert {case.errno for case in verdict.cases} == {0, EINVAL}
    given = msgspec.structs.replace(machine, bhb=1)
    for known in (given, with_inputs(machine, "bhb=mitigated")):
        refused = asked(known, "7.3", WORKAROUND_3, 2)
        assert (refused.outcome, refused.errno) == ("refused", EINVAL)
