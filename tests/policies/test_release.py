"""Which policy a release string leads to, and how sure that is."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import pytest

from inspector.errors import PolicyError
from inspector.policies.loader import carried, load_policy
from inspector.policies.points import policy_names, vendor_names, vendor_point
from inspector.policies.release import choose, differences
from inspector.policies.rulebook import rulebook

DEBIAN_61 = "#1 SMP Debian 6.1.176-1 (2026-07-02)"


@pytest.mark.parametrize(
    ("release", "version", "point", "certainty"),
    [
        ("6.12.107+deb13-cloud-arm64", "", "6.12.107", "exact"),
        ("6.12.57+deb12-cloud-arm64", "#1 SMP Debian 6.12.57-1~bpo12+1 (2025-11-17)", "6.12.57", "exact"),
        ("6.1.0-50-cloud-arm64", DEBIAN_61, "6.1.176", "exact"),
        ("5.10.0-32-cloud-arm64", "#1 SMP Debian 5.10.223-1 (2024-08-10)", "5.10.223", "exact"),
        ("5.10.0-30-cloud-arm64", "#1 SMP Debian 5.10.218-1 (2024-06-01)", "5.10.218", "exact"),
        ("6.1.172", "", "6.1.170", "same-as-recorded"),
        ("6.12.100", "", "6.12.95", "same-as-recorded"),
        ("6.12.60", "", "6.12.57", "same-as-recorded"),
        ("6.12.90", "", "6.12.85", "same-as-recorded"),
        ("6.17.10", "", "6.17.8", "same-as-recorded"),
        ("7.0.9", "", "7.0.9", "exact"),
        ("7.0.7", "", "7.0.4", "same-as-recorded"),
        ("6.12.0", "", "6.12.0", "source"),
        ("6.5.13", "", "6.5.0", "source"),
        ("6.12.140", "", "6.12.118", "newer"),
        ("7.3-rc7", "", "7.3.4", "exact"),
        ("7.3.0-rc7-arm64", "", "7.3.4", "exact"),
        ("7.3~rc7+deb14-arm64", "", "7.3.4", "exact"),
        ("6.19-rc2", "", "6.19.0", "source"),
        ("5.14.0-503.el9", "", "6.10.0", "interval"),
        ("5.14.0-503.11.1.el9_5.aarch64", "", "6.10.0", "interval"),
        ("6.1.172-216.329.amzn2023", "", "6.1.170", "vendor"),
        ("6.1.172-216.329.amzn2023.aarch64", "", "6.1.170", "vendor"),
        ("6.8.0-45-generic", "", "6.8.0", "between"),
        ("4.19.0", "", "5.10.0", "outside"),
        ("99.0.0", "", policy_names()[-1], "outside"),
    ],
)  # fmt: skip
def test_release_strings(release: str, version: str, point: str, certainty: str) -> None:
    choice = choose(release, version)
    assert (choice.policy.point, choice.certainty) == (point, certainty)
    assert choice.explanation
    assert "\n" not in choice.explanation


def _has(release: str, rule: str) -> bool:
    return any(one.name == rule for one in choose(release).policy.rules)


@pytest.mark.parametrize(
    ("rule", "without", "first"),
    [
        ("hide MPAM", "6.12.5", "6.12.6"),
        ("hide MPAM", "6.6.66", "6.6.67"),
        ("tolerate MPAM", "6.6.66", "6.6.67"),
        ("writable ASIDBits", "6.12.6", "6.12.7"),
        ("writable AArch32", "6.12.59", "6.12.60"),
        ("writable AArch32", "6.17.8", "6.17.9"),
        ("know ID_AA64DFR0_EL1 unsigned", "6.6.140", "6.6.141"),
        ("know ID_AA64DFR0_EL1 unsigned", "6.12.90", "6.12.91"),
        ("know ID_AA64DFR0_EL1 unsigned", "6.18.32", "6.18.33"),
        ("know ID_AA64DFR0_EL1 unsigned", "7.0.9", "7.0.10"),
        ("know ID_AA64ISAR2_EL1", "5.10.104", "5.10.105"),
        ("know ID_AA64ISAR2_EL1", "5.15.27", "5.15.28"),
        ("know ID_AA64MMFR1_EL1 AFP", "5.16.13", "5.16.14"),
        ("know ID_AA64MMFR1_EL1 ECBHB", "6.1.148", "6.1.149"),
        ("know ID_AA64MMFR1_EL1 ECBHB", "6.6.100", "6.6.101"),
        ("know ID_AA64MMFR1_EL1 ECBHB", "6.10.0", "6.11.0"),
        ("know ID_AA64MMFR0_EL1 ECV", "5.10.104", "5.10.105"),
        ("know ID_AA64MMFR0_EL1 ECV", "5.15.27", "5.15.28"),
        ("know ID_AA64MMFR0_EL1 ECV", "5.14.0", "5.16.0"),
        ("know ID_AA64MMFR1_EL1 v6.0", "5.19.0", "6.0.0"),
        ("know ID_AA64ZFR0_EL1 v6.7", "6.6.87", "6.7.0"),
        ("know ID_AA64ISAR1_EL1 XS", "6.11.10", "6.11.11"),
        ("know ID_AA64ISAR1_EL1 XS", "6.12.1", "6.12.2"),
        ("know ID_AA64ISAR1_EL1 XS", "6.12.1", "6.13.0"),
    ],
)
def test_backports_have_dates(rule: str, without: str, first: str) -> None:
    assert not _has(without, rule)
    assert _has(first, rule)
    assert not choose(without).uncertain
    assert not choose(first).uncertain


@pytest.mark.parametrize(
    ("function", "first", "variants"),
    [
        ("mitigation-levels", "5.10.105", ("no-bhb", "unknown-bhb-safe")),
        ("mitigation-levels", "5.10.239", ("unknown-bhb-safe", "unknown-bhb-affected")),
        ("mitigation-levels", "5.15.28", ("no-bhb", "unknown-bhb-safe")),
        ("mitigation-levels", "5.15.186", ("unknown-bhb-safe", "unknown-bhb-affected")),
        ("mitigation-levels", "5.16.14", ("no-bhb", "unknown-bhb-safe")),
        ("mitigation-levels", "6.1.135", ("unknown-bhb-safe", "unknown-bhb-affected")),
        ("mitigation-levels", "6.6.88", ("unknown-bhb-safe", "unknown-bhb-affected")),
        ("ssbs-erratum", "5.10.224", ("none", "ssbs-erratum")),
        ("ssbs-erratum", "5.15.165", ("none", "ssbs-erratum")),
        ("ssbs-erratum", "6.1.105", ("none", "ssbs-erratum")),
        ("ssbs-erratum", "6.6.46", ("none", "ssbs-erratum")),
        ("ssbs-erratum", "6.10.5", ("none", "ssbs-erratum")),
        ("first-run-dependencies", "7.3.4", ("none", "first-run-dependencies")),
        ("pmu-pairs", "6.13.12", ("set-and-clear", "masked")),
        ("pmu-pairs", "6.14.3", ("set-and-clear", "masked")),
    ],
)
def test_behaviours_have_dates(function: str, first: str, variants: tuple[str, str]) -> None:
    series, _, point = first.rpartition(".")
    before = f"{series}.{int(point) - 1}"
    told = tuple(rulebook(choose(release).policy).state(function) for release in (before, first))
    assert told == variants


def test_a_release_that_hides_its_point_says_so() -> None:
    choice = choose("6.1.0-50-cloud-arm64")
    assert "does not name its stable point" in choice.explanation
    assert choice.policy.point == "6.1.176"


def test_what_is_known_of_a_vendors_backports_is_told() -> None:
    for release, vendor in (("5.14.0-503.el9", "Red Hat"), ("6.1.172-216.329.amzn2023", "Amazon")):
        choice = choose(release)
        assert choice.vendor.startswith(vendor)
        assert any(vendor in warning for warning in choice.warnings)


@pytest.mark.parametrize("release", ["", "banana", "linux", "v"])
def test_no_release_at_all(release: str) -> None:
    with pytest.raises(PolicyError):
        choose(release)


def test_a_space_before_a_patch_does_not_lose_it() -> None:
    assert choose("6.2 +mask-ccidx").policy.name == choose("6.2+mask-ccidx").policy.name == "6.2+mask-ccidx"


def test_a_file_that_names_its_kernel_by_a_path_opens_nothing(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('extends = "6.1"')
    assert choose(str(own)).policy.name == "own"
    for text in (str(own), "own.toml", "../own.toml", "/dev/stdin"):
        with pytest.raises(PolicyError, match="not a kernel release"):
            choose(text, said_by_file=True)
    assert choose("6.12.74", said_by_file=True).policy.point == "6.12.74"


def test_a_long_path_is_still_a_path(tmp_path: Path) -> None:
    folder = tmp_path / ("d" * 200) / ("e" * 200)
    folder.mkdir(parents=True)
    (folder / "own.toml").write_text('extends = "6.1"')
    assert choose(str(folder / "own.toml")).policy.name == "own"


def test_many_doubts_are_counted() -> None:
    choice = choose("5.14.0-503.11.1.el9_5.aarch64")
    told = choice.doubts(3)
    assert len(told) == 4
    assert told[-1] == f"{len(choice.uncertain) - 3} more rules are uncertain."
    assert choose("6.12.74").doubts() == ()


@pytest.mark.parametrize(
    ("rule", "register", "concerned"),
    [
        ("pmu-pairs", "PMCNTENSET_EL0", True), ("pmu-pairs", "PMOVSCLR_EL0", True), ("pmu-pairs", "PMCR_EL0", False),
        ("list pmu", "PMEVCNTR5_EL0", True), ("list pmu", "PMEVTYPER30_EL0", True), ("pmu-reset", "PMSELR_EL0", True),
        ("cache-registers", "CCSIDR[3]", True), ("cache-registers", "CTR_EL0", False),
        ("hypercall-bitmaps", "VENDOR_HYP_BMAP_2", True), ("mitigation-levels", "SMCCC_ARCH_WORKAROUND_3", True),
        ("id-registers", "MVFR1_EL1", True), ("list ICH", "ICH_LR7_EL2", True), ("list ICH", "ICH_HCR_EL2", True),
        ("mask CCIDX", "ID_AA64MMFR2_EL1 [23:20]", True), ("mask CCIDX", "ID_AA64MMFR1_EL1", False),
    ],
)  # fmt: skip
def test_a_doubt_names_the_registers_that_it_concerns(rule: str, register: str, concerned: bool) -> None:
    every = differences(tuple(load_policy(name) for name in policy_names()))
    (doubt,) = [one for one in every if one.rule == rule]
    assert doubt.concerns(register) == concerned


def test_every_doubt_concerns_a_register_or_an_ioctl() -> None:
    every = differences(tuple(load_policy(name) for name in policy_names()))
    assert all(one.registers for one in every)
    assert [one.rule for one in every if not one.guests] == ["ssbs-erratum"]


def test_rules_of_one_register_that_may_have_come_came_with_one_change() -> None:
    """Only all or none of them are candidates, so that no mixture may be possible: each has the commit of the others.

    Rules of other registers may be mixed: an answer about one register is the same with and without them.
    """
    for vendor in vendor_names():
        (point, who) = vendor_point(vendor) or ((), "")
        for build in range(1, point[-1]):
            choice = choose(f"{who}-{'.'.join(map(str, point[:3]))}-{build}")
            rules = {one.name: one for policy in choice.candidates for one in policy.rules}
            for left, right in combinations(choice.uncertain, 2):
                if set(left.registers) & set(right.registers) and left.guests and right.guests:
                    commits = [re.findall(r"\b[0-9a-f]{12}\b", rules[one.rule].reference) for one in (left, right)]
                    assert set(commits[0]) & set(commits[1]), (left.rule, right.rule)


@pytest.mark.parametrize(
    ("release", "foreign"),
    [
        ("Linux box 6.8.0-45-generic #45-Ubuntu SMP x86_64 x86_64 x86_64 GNU/Linux", True),
        ("Linux box 6.1.0-18-amd64 #1 SMP Debian 6.1.76-1 (2024-02-01) x86_64 GNU/Linux", True),
        ("Linux r 5.14.0-427.13.1.el9_4.x86_64 #1 SMP x86_64 GNU/Linux", True),
        ("Linux pi 6.6.31 #1 SMP armv7l GNU/Linux", True),
        ("Linux box 6.8.0-45-generic #45-Ubuntu SMP aarch64 aarch64 aarch64 GNU/Linux", False),
        ("Linux version 6.6.31 (me@box) (aarch64-gcc x86_64 13) #1 SMP", False),
    ],
)
def test_uname_of_another_architecture_is_said_to_be_one(release: str, foreign: bool) -> None:
    assert ("another architecture" in choose(release).text) == foreign


def test_a_kernel_from_the_merge_window_lies_between_two_releases() -> None:
    choice = choose("6.18.0-0.rc0.250929g4a2b1c3d4e5f.2.fc44.aarch64")
    assert choice.vendor == "Fedora" and choice.certainty == "interval"
    assert [one.name for one in choice.candidates] == ["6.17.0", "6.18-rc0"]


@pytest.mark.parametrize("release", ["5.14.0-427.13.1.el9_4.aarch64", "4.18.0-553.16.1.el8_10.aarch64"])
def test_a_red_hat_kernel_is_explained_in_short_sentences(release: str) -> None:
    text = choose(release).explanation
    assert "in its name says little" in text and "a recording of the host decides it" in text
    assert all(len(sentence) < 240 for sentence in text.split(". "))


@pytest.mark.parametrize(
    ("text", "hint"),
    [("v6.12.57", "write 6.12.57"), ("linux-6.12", "write 6.12.0 for the release"), ("6.12.y", "6.12 for the newest"),
     ("linux-6.1.y", "6.1 for the newest")],
)  # fmt: skip
def test_what_people_write_instead_of_a_release_is_met_with_what_to_write(text: str, hint: str) -> None:
    with pytest.raises(PolicyError, match=re.escape(hint)):
        choose(text)


def _places(release: str) -> set[str]:
    return {place for doubt in choose(release).uncertain for place in doubt.places}


@pytest.mark.parametrize(
    ("release", "place"),
    [
        ("5.14.21-150500.55.49-default", "SMCCC_ARCH_WORKAROUND_1..3"),
        ("5.13.0-52-generic", "SMCCC_ARCH_WORKAROUND_1..3"),
        ("6.4.0-150600.23.22-default", "ID_AA64PFR0_EL1.MPAM"),
        ("6.5.0-1022-azure", "ID_AA64PFR0_EL1.MPAM"),
        ("5.14.0-427.13.1.el9_4.aarch64", "ID_AA64PFR0_EL1.MPAM"),
        ("6.17.0-8-generic", "ID_AA64MMFR3_EL1.S1POE"),
    ],
)
def test_what_stable_series_took_over_may_be_in_a_vendors_kernel_of_another_series(release: str, place: str) -> None:
    """Stable 5.15 has the Spectre-BHB register and 6.6 hides MPAM: SUSE's and Ubuntu's kernels beside them may too."""
    choice = choose(release)
    assert place in _places(release)
    assert choice.policy in choice.candidates and "uncertain" in choice.text


@pytest.mark.parametrize(
    "release",
    [
        "5.14.21", "6.4.6", "6.6.30", "6.8.0-151-generic", "6.6.30+deb13-arm64", "6.6.30-talos", "6.6.30-flatcar",
        "6.6.30-1-aarch64-ARCH", "6.6.30-1.el9.elrepo.aarch64",
    ],
)  # fmt: skip
def test_nothing_is_carried_into_a_kernel_that_follows_its_series(release: str) -> None:
    choice = choose(release)
    assert "may be in it or not" not in choice.text
    assert choice.candidates == ()


@pytest.mark.parametrize(
    "release",
    [
        "6.6.30-1.amzn2023.aarch64", "6.6.30-android15-8-g8adecb593e9b", "6.6.30-tegra", "6.6.30-200.fc40.aarch64",
        "6.6.30.1-1.azl3", "6.6.30-bottlerocket", "6.6.30-foo", "6.6.30+", "6.6.30-g0123456789ab", "6.6.30-1-ARCH",
        "6.6.30-0-virt",
    ],
)  # fmt: skip
def test_what_came_to_later_points_may_be_in_a_kernel_of_unknown_patches(release: str) -> None:
    """MPAM is hidden from 6.6.67 on: who takes fixes before the point that has them may hide it in 6.6.30."""
    choice = choose(release)
    assert {"ID_AA64PFR0_EL1.MPAM", "CLIDR_EL1"} <= {place for doubt in choice.uncertain for place in doubt.places}
    assert choice.policy in choice.candidates and choice.policy == choice.candidates[0]
    assert "hide MPAM" not in {rule.name for rule in choice.policy.rules}
    assert "may be in it or not" in choice.text


def test_what_is_carried_is_newer_than_the_series_and_known_to_it() -> None:
    for name in (*policy_names(), *vendor_names()):
        policy = load_policy(name)
        for step in carried(policy):
            changed = {rule.name for rule in step.rules} - {rule.name for rule in policy.rules}
            assert step.version == policy.version and rulebook(step).policy.rules == step.rules
            assert not any(rule.since or rule.by for rule in step.rules if rule.name in changed)
    numbers_only = load_policy("6.2.0")
    for step in carried(numbers_only):
        assert step.rule("pmcr") == numbers_only.rule("pmcr"), "a form for kernels before 6.2 alone"
