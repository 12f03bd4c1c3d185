"""What is not known stays unknown: no bit of a value, and no answer that hangs on it, is taken for sure."""

from __future__ import annotations

from errno import EINVAL

import msgspec
import pytest

import inspector
from inspector.errors import PolicyError
from inspector.kvm.host import HostState
from inspector.kvm.host_inputs import with_inputs
from inspector.kvm.inference.vcpu import from_vcpu
from inspector.kvm.verdict import Verdict
from inspector.kvm.vm import Vm
from inspector.kvm.words.explaining import peek_write
from inspector.kvm.words.showing import explain_register
from inspector.policies.loader import load_policy
from inspector.registers.encoding import ccsidr_id
from inspector.registers.ids import CLIDR_EL1, CTR_EL0, IDS, MIDR_EL1, WORKAROUND_1, WORKAROUND_3
from tests.kvm.material import GIC, exposure, host, made_up, vm

MMFR2 = IDS["ID_AA64MMFR2_EL1"]


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
        0: "accepted", 1: "uncertain", 2: "refused",
    }  # fmt: skip
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
