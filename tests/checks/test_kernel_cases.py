"""A kernel that may have one of several policies: where they differ the answer is uncertain, with each case."""

from __future__ import annotations

import msgspec
import pytest

from inspector import sources
from inspector.kvm.cases import MOST, candidates_of, left_out
from inspector.kvm.verdict import Verdict
from inspector.kvm.words.kernels import settling
from inspector.library import machine, migrate, try_write
from inspector.policies.loader import load_policy
from inspector.policies.release import choose
from inspector.registers.catalog import by_id

RED_HAT = "5.14.0-427.13.1.el9_4.aarch64"
UBUNTU = "6.8.0-50-generic"
N2 = "builtin:neoverse-n2-linux-6.18"


def one_write(kernel: str, text: str, source: str = N2, host: str = "") -> Verdict:
    return try_write(machine(source, kernel, host=host), text)[0]


def test_a_write_that_the_candidates_judge_otherwise_is_uncertain_with_each_case() -> None:
    """ID_AA64PFR0_EL1.DIT may be lowered from 6.7 on."""
    verdict = one_write(RED_HAT, "ID_AA64PFR0_EL1.DIT=0")
    assert (verdict.outcome, verdict.certain, verdict.uncertain) == ("uncertain", False, ("DIT",))
    assert [(case.when, case.outcome) for case in verdict.cases] == [
        ("the kernel behaves as Linux 6.5.0 to 6.6.0", "refused (EINVAL)"),
        ("the kernel behaves as Linux 6.7.0 to 6.9.0", "accepted"),
    ]
    assert '"writable v6.7"' in verdict.depends_on[0] and not verdict.rule


@pytest.mark.parametrize("kernel", [RED_HAT, UBUNTU, "5.15.0-100-generic", "5.15.0-1013-aws"])
@pytest.mark.parametrize("text", ["ID_AA64PFR0_EL1.DIT=0", "SMCCC_ARCH_WORKAROUND_3=1", "ID_AA64MMFR1_EL1.AFP=0"])
def test_what_a_case_names_settles_it(kernel: str, text: str) -> None:
    """Each case's `--kernel POINT` gives the answer of that case, without a doubt about the kernel."""
    for case in one_write(kernel, text).cases:
        if case.settle.startswith("--kernel "):
            settled = one_write(case.settle.removeprefix("--kernel "), text)
            assert settled.errno == case.errno, case


@pytest.mark.parametrize("text", ["ID_AA64PFR0_EL1.DIT=1", "ID_AA64PFR0_EL1.EL0=3", "X0=5"])
@pytest.mark.parametrize("kernel", [RED_HAT, UBUNTU])
def test_a_write_that_all_candidates_judge_alike_stays_certain(kernel: str, text: str) -> None:
    verdict = one_write(kernel, text)
    assert verdict.certain and not verdict.cases and verdict.reason


def test_an_undated_rule_is_named_with_its_date() -> None:
    """Ubuntu's 6.8.0-50 may hide MPAM already, and then takes the host's old value without keeping it."""
    old = one_write(
        UBUNTU, "ID_AA64PFR0_EL1=0x1101011121110112", "builtin:neoverse-n2-linux-6.6", "ID_AA64PFR0_EL1.MPAM=1"
    )
    assert not old.certain and "MPAM" in old.uncertain
    assert "ubuntu-6.8.0-50" in old.depends_on[0] and '"hide MPAM" (by 6.8.0-151)' in old.depends_on[0]
    assert {case.errno for case in old.cases} == {0}
    assert any("not kept" in case.outcome for case in old.cases)


def test_an_answer_for_different_reasons_names_no_field_as_the_cause_in_all() -> None:
    """SVE is refused under both, MPAM = 0 only where MPAM is not hidden."""
    verdict = one_write(
        UBUNTU, "ID_AA64PFR0_EL1=0x1101001021110112", "builtin:neoverse-n2-linux-6.6", "ID_AA64PFR0_EL1.MPAM=1"
    )
    fates = {field.name: field.fate for field in verdict.fields}
    assert (verdict.outcome, fates["SVE"], fates["MPAM"]) == ("refused", "refused", "uncertain")
    assert "the reasons differ" in verdict.reason


def test_a_later_write_sees_what_each_candidate_kept() -> None:
    found = machine(N2, RED_HAT)
    low = try_write(found, "ID_AA64PFR0_EL1.DIT=0")[0].value
    again = try_write(found, f"ID_AA64PFR0_EL1={low}", f"ID_AA64PFR0_EL1={low | 1 << 48}")
    assert [verdict.outcome for verdict in again] == ["uncertain", "accepted"]


@pytest.mark.parametrize("kernel", ["6.12.107", "6.6.70", "6.1.176"])
def test_an_exact_kernel_is_asked_once(kernel: str) -> None:
    found = machine(N2, kernel)
    assert not found.others
    assert len(found.vms()) == 1


@pytest.mark.parametrize("release", ["5.14.0-99999.el9.aarch64", "4.18.0-553.el8_10.aarch64"])
def test_many_candidates_are_all_asked(release: str) -> None:
    choice = choose(release)
    asked = candidates_of(choice.policy, choice.candidates)
    assert 8 < len(choice.candidates) <= MOST
    assert {one.rules for one in asked} == {one.rules for one in choice.candidates} and asked[0] is choice.policy
    assert len(machine(N2, release).others) == len(asked) - 1


def test_of_more_than_can_be_asked_some_are_and_that_is_said() -> None:
    choice = choose("5.14.0-99999.el9.aarch64")
    asked = candidates_of(choice.policy, choice.candidates, most=8)
    assert len(asked) == 8 and asked[0] is choice.policy
    assert {choice.candidates[0].name, choice.candidates[-1].name} <= {p.name for p in asked}
    assert "8 of them are asked" in left_out(choice.policy, choice.candidates, most=8)
    assert not left_out(choice.policy, choice.candidates) and not left_out(choice.policy, ())


def test_a_name_settles_only_what_it_agrees_with() -> None:
    older, newer = choose("5.15.0-100-generic").candidates
    assert (settling(older, ()), settling(newer, ())) == ("5.15.0", "ubuntu-5.15.0-204")
    assert settling(load_policy("6.1.24"), ()) == "6.1.24"


def test_a_vcpu_that_one_candidate_cannot_create_is_said() -> None:
    """EL2 for guests, which only the later candidate gives: the case says so in place of an errno of an unborn vCPU."""
    newer = load_policy("7.3")
    choice = msgspec.structs.replace(
        choose("5.14.0-99999.el9.aarch64"), policy=newer, candidates=(load_policy("6.12"), newer)
    )
    dump, nested = sources.load("builtin:max-linux-7.3"), "cmdline=kvm-arm.mode=nested"
    (verdict,) = try_write(machine(dump, choice, features="psci,el2", host=nested), "X0=1")
    assert not verdict.certain
    assert [case.outcome for case in verdict.cases] == ["no such vCPU can be created", "accepted"]


def test_a_restore_that_the_candidates_judge_otherwise_is_uncertain_with_each_case() -> None:
    """ID_AA64DFR0_EL1 of 6.12 may be written from 6.7 on."""
    report = migrate("builtin:neoverse-n2-linux-6.12", "same-host", RED_HAT, ways_out=False)
    found = {by_id(finding.id).name: finding for finding in report.of_kind("uncertain")}
    assert (report.verdict, report.exit_code, report.fatal) == ("uncertain", 1, ())
    outcomes = [case.outcome for case in found["ID_AA64DFR0_EL1"].cases]
    assert outcomes == ["refused (EINVAL)", "accepted"]
    assert not found["ID_AA64DFR0_EL1"].certain and "writable v6.7" in report.headline


@pytest.mark.parametrize("kernel", ["6.12.107", UBUNTU])
def test_a_restore_in_which_no_candidate_differs_stays_certain(kernel: str) -> None:
    report = migrate("builtin:neoverse-n2-linux-6.12", "same-host", kernel, ways_out=False)
    assert report.verdict == "loads" and not report.of_kind("uncertain")


def test_what_other_series_took_over_is_a_case_of_its_own() -> None:
    """SUSE's 5.14 may have the Spectre-BHB register that stable 5.15 has; no `--kernel` stands for that case."""
    found = machine("builtin:neoverse-n2-linux-6.1", "5.14.21-150500.55.49-default", features="psci")
    (verdict,) = try_write(found, "SMCCC_ARCH_WORKAROUND_3=1")
    assert verdict.outcome == "uncertain"
    assert [(case.when, case.outcome, case.settle) for case in verdict.cases] == [
        ("the kernel behaves as Linux 5.14.21", "refused (ENOENT)", "--kernel 5.14.21"),
        ("the kernel behaves as Linux 5.14.21 with fixes of other series", "accepted", ""),
    ]
    (hidden,) = try_write(found, "ID_AA64MMFR2_EL1.CCIDX=1")
    assert hidden.outcome == "accepted"


@pytest.mark.parametrize("release", ["6.1.75-android14-11-g1234567", "6.6.50-android15-8"])
def test_an_option_that_androids_kernels_took_over_makes_the_answer_uncertain_where_it_is_used(release: str) -> None:
    found = machine("builtin:cortex-a72-linux-6.6", release, features="psci", host="cmdline=arm64.no32bit_el0")
    (verdict,) = try_write(found, "ID_AA64PFR0_EL1.EL0=2")
    assert {case.outcome for case in verdict.cases} == {"accepted", "refused (EINVAL)"}
    assert not any("MPAM" in text for text in verdict.depends_on), "a rule about another field is no cause"
    (plain,) = try_write(machine("builtin:cortex-a72-linux-6.6", release, features="psci"), "ID_AA64PFR0_EL1.EL0=2")
    assert plain.outcome == "accepted"
