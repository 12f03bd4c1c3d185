"""What changed between two kernels."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest

from inspector.errors import PolicyError
from inspector.policies.changes import Change, changes
from inspector.policies.loader import load_policy
from inspector.policies.model import SPECIALS, Default, Know, List, Raz, Refuse, Rule, Special
from inspector.policies.points import policy_names
from inspector.reports.kernels import changes_lines


def between(before: str, after: str) -> dict[tuple[str, str, str], Change]:
    """Changes by register, field and kind."""
    return {(c.register, c.field, c.what): c for c in changes(load_policy(before), load_policy(after))}


def test_a_kernel_does_not_differ_from_itself() -> None:
    for name in policy_names():
        assert changes(load_policy(name), load_policy(name)) == []


def test_6_3() -> None:
    found = between("6.2", "6.3")
    for register in ("ID_AA64MMFR2_EL1", "ID_MMFR4_EL1"):
        change = found[register, "CCIDX", "shown"]
        assert (change.rule, change.release) == ("mask CCIDX", "6.3.0")
        assert "bf48040cd9b0" in change.reference
    assert any(c.what == "behaviour" and "CCSIDR" in c.register for c in found.values())


@pytest.mark.parametrize(
    ("before", "after", "key", "rule"),
    [
        ("6.1", "6.12", ("ID_AA64ISAR0_EL1", "AES", "writable"), "writable v6.7"),
        ("6.1", "6.12", ("ID_AA64MMFR0_EL1", "PARANGE", "writable"), "writable v6.7"),
        ("6.12.57", "6.12.74", ("ID_PFR0_EL1", "DIT", "writable"), "writable AArch32"),
        ("6.12.85", "6.12.95", ("ID_AA64DFR0_EL1", "PMUVer", "writable"), "know ID_AA64DFR0_EL1 unsigned"),
        ("6.14", "6.15", ("ID_AA64MMFR2_EL1", "NV", "tolerated"), "tolerate NV"),
        ("6.14", "6.15", ("ID_AA64MMFR2_EL1", "NV", "shown"), "hide NV"),
        ("6.12.0", "6.12.43", ("ID_AA64PFR0_EL1", "MPAM", "shown"), "hide MPAM"),
        ("6.12.0", "6.12.43", ("ID_AA64MMFR0_EL1", "ASIDBITS", "writable"), "writable ASIDBits"),
        ("7.2", "7.3", ("PMMIR_EL1", "", "list"), "list PMMIR"),
        ("6.14", "6.15", ("ID_AA64PFR0_EL1", "EL0", "refused"), "no EL0 or EL1"),
        ("5.10", "6.1", ("ID_PFR0_EL1", "", "shown"), "raz AArch32"),
        ("6.14", "6.15", ("MIDR_EL1", "", "writable"), "reported implementation ids"),
        ("6.12", "6.13", ("PSCI_VERSION", "", "behaviour"), "psci-1.3"),
        ("6.9.0", "6.10.0", ("command line", "arm64.no32bit_el0", "option"), "boot arm64.no32bit_el0"),
        ("7.2", "7.3", ("command line", "id_aa64mmfr1.hafdbs=N", "option"), "overridable v7.3"),
        ("6.5", "6.6", ("ID_AA64ISAR2_EL1", "BC", "programs"), "know ID_AA64ISAR2_EL1 BC"),
    ],
)  # fmt: skip
def test_single_changes(before: str, after: str, key: tuple[str, str, str], rule: str) -> None:
    change = between(before, after)[key]
    assert change.rule == rule
    assert change.reason
    assert change.reference
    assert change.before != change.after


SILENT = {
    "know ID_AA64ISAR2_EL1 v5.17": "how unlike CPUs are taken together, of a field that no write may change before 6.5",
    "know ID_DFR1_EL1": "a register that always reads as zero",
    "writable v7.0": "takes away bits that the feature table has not",
    "default SCTLR_EL2": "resets to zero, as without a rule",
}
"""Rules without which a kernel does the same as with them -> why."""


@pytest.mark.parametrize("name", ["5.10.0", "6.1.176", "6.12.118", "7.3.4", "6.1+no-32bit-el0", "6.2+mask-ccidx-keep"])
def test_no_rule_can_go_unnoticed(name: str) -> None:
    """Two kernels of which one lacks a rule are never said to be without a difference."""
    policy = load_policy(name)
    silent = []
    for place, rule in enumerate(policy.rules):
        less = msgspec.structs.replace(policy, rules=policy.rules[:place] + policy.rules[place + 1 :])
        try:
            found = changes(policy, less)
        except PolicyError:
            continue  # other rules name its fields
        if not found and not _as_without(rule) and not _replaced(rule, policy.rules[place + 1 :]):
            silent.append(rule.name)
    assert [one for one in silent if one not in SILENT] == []


def _as_without(rule: Rule) -> bool:
    """True for an engine function's variant that a kernel without such a rule has."""
    return isinstance(rule, Special) and rule.variant == SPECIALS[rule.function].variants[0]


def _replaced(rule: Rule, later: tuple[Rule, ...]) -> bool:
    """True for an entry of the feature table that later ones replace field by field."""
    if not isinstance(rule, Know):
        return False
    after = {spec.partition("[")[0] for one in later if isinstance(one, Know) and one.register == rule.register
             for spec in one.fields}  # fmt: skip
    return after.issuperset(spec.partition("[")[0] for spec in rule.fields)


def test_pages_of_another_size_are_a_difference() -> None:
    small, large = (msgspec.structs.replace(load_policy("6.12"), page_size=size) for size in (4096, 65536))
    assert [(c.register, c.before, c.after) for c in changes(small, large)] == [("pages", "4 KiB", "64 KiB")]
    assert changes(load_policy("6.12"), large) == []  # how large they are is not told of one


@pytest.mark.parametrize(
    ("kind", "extra"),
    [
        ("default", Default(name="x", registers=("ESR_EL1",), value="0x1", when=("el2",))),
        ("refused", Refuse(name="x", fields=("ID_AA64PFR0_EL1.EL0",), values=(9,))),
        ("list", List(name="x", registers=("PMMIR_EL1",), when=("sve",))),
        ("shown", Raz(name="raz AArch32", registers=("ID_PFR0_EL1",), unless=("host-aarch32",))),
    ],
)  # fmt: skip
def test_a_second_rule_about_the_same_is_told(kind: str, extra: Rule) -> None:
    """Not only the last of several rules counts."""
    policy = load_policy("7.3.4")
    last = msgspec.structs.replace(policy, rules=(*policy.rules, extra))
    first = msgspec.structs.replace(policy, rules=(extra, *policy.rules))
    assert kind in {change.what for change in changes(policy, last)}
    assert kind in {change.what for change in changes(policy, first)}


def test_an_option_concerns_the_registers_that_it_sets() -> None:
    change = between("6.9.0", "6.10.0")["command line", "arm64.no32bit_el0", "option"]
    assert change.concerns("ID_AA64PFR0_EL1") and not change.concerns("ID_AA64PFR1_EL1")


def test_recorded_points_that_behave_alike_do_not_differ() -> None:
    alike = [("5.10.218", "5.10.223"), ("6.1.170", "6.1.176"), ("6.16.3", "6.16.12"), ("6.18.5", "6.18.9"),
             ("6.18.9", "6.18.15"), ("6.19.6", "6.19.14"), ("7.1.3", "7.1.13"), ("7.2.6", "7.2.12")]  # fmt: skip
    for before, after in alike:
        differing = [change.rule for change in changes(load_policy(before), load_policy(after))]
        # Of permission overlays the recorded hosts have none, so that no recording shows this one.
        assert set(differing) <= {"hide S1POE"}, (before, after)


def test_every_change_names_its_rule() -> None:
    for before, after in pairwise(policy_names()):
        for change in changes(load_policy(before), load_policy(after)):
            assert change.rule, (before, after, change)


def _changed(before: str, after: str, register: str, field: str = "", what: str = "") -> Change:
    found = changes(load_policy(before), load_policy(after))
    return next(c for c in found if (c.register, c.field, c.what) == (register, field, what))


def test_a_field_became_writable_when_the_mask_came_not_when_its_comparison_changed() -> None:
    pmu = _changed("6.1", "6.12", "ID_AA64DFR0_EL1", "PMUVer", "writable")
    assert (pmu.after, pmu.reference.endswith("v6.5")) == ("may be lowered", True)
    new = _changed("6.1", "6.12", "ID_AA64ZFR0_EL1", "B16B16", "writable")
    assert "v6.7" in new.reference


def test_the_newest_rule_behind_a_change_is_named() -> None:
    assert _changed("5.10", "6.1", "ID_AA64PFR1_EL1", "MTE", "shown").reference.endswith("v5.14")


def test_what_stays_the_same_is_no_change() -> None:
    found = changes(load_policy("5.10"), load_policy("6.1"))
    assert [c for c in found if c.register in ("ID_AFR0_EL1", "ID_DFR1_EL1")] == []
    assert all(c.before != c.after for c in found)
    assert all(c.before != c.after for c in changes(load_policy("6.12"), load_policy("7.3")))


def test_a_dropped_rule_is_told_as_dropped() -> None:
    assert _changed("6.12", "7.3", "CNTP_CTL_EL0", "", "default").reason.startswith("No longer")


def test_registers_that_changed_alike_are_told_together() -> None:
    before, after = load_policy("5.10"), load_policy("6.1")
    lines = changes_lines(before, after, changes(before, after))
    assert sum("aa32_id_visibility" in line for line in lines) == 1


@pytest.mark.parametrize(("before", "after"), [("6.12", "6.18"), ("6.1", "6.12"), ("6.17", "6.18"), ("7.1", "7.3")])
def test_what_is_zero_for_every_vcpu_before_and_after_is_no_difference(before: str, after: str) -> None:
    """ID_AA64PFR0_EL1.MPAM stays hidden: that a rule hides it from a vCPU with EL2 besides changes nothing."""
    shown = [c for c in changes(load_policy(before), load_policy(after)) if c.what == "shown"]
    assert not [c for c in shown if c.before.startswith("zero") and c.after.startswith(("zero;", "zero:"))]
    assert ("ID_AA64PFR0_EL1", "MPAM", "shown") not in between("6.12", "6.18")
    assert ("ID_AA64PFR0_EL1", "MPAM", "shown") in between("6.1", "6.18")
