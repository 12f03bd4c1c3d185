"""What a CPU is and what the guest gets: lines, levels, and features lost between the two; unknown stays unknown."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

import inspector
from inspector.checks.features.level import level_words, standing
from inspector.checks.features.presence import FeatureState
from inspector.checks.features.summary import Summary, SummaryLine
from inspector.registers.features import levels
from inspector.registers.ids import id_of
from inspector.sources.dump import Constraint, Dump, Host, Provenance, Vcpu

MATERIAL = Path(__file__).parent.parent / "material"
N2, MAX = "builtin:neoverse-n2-linux-6.1", "builtin:max-linux-7.3"
STREAM = MATERIAL / "qemu" / "kvm-6.1_neoverse-n2_q100.mig.xz"
LSCPU = MATERIAL / "pasted" / "23-lscpu-rk3588.txt"


@cache
def summary_of(source: str) -> Summary:
    return inspector.summary(source)


def line_of(found: Summary, key: str) -> SummaryLine:
    return next(one for one in found.lines if one.key == key)


def state_of(source: str, name: str, **asked: str) -> FeatureState:
    return inspector.features(source, name, **asked)[0]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key", "host", "vcpu", "state"),
    [
        ("core", "Arm Neoverse N2 r0p3 (0x41, 0xd49)", "Arm Neoverse N2 r0p3 (0x41, 0xd49)", "same"),
        ("vectors", "SVE2, 128 bits, no SME", "SVE2, 128 bits, no SME", "same"),
        ("pointers", "IMPDEF algorithm, FPACCOMBINE", "IMPDEF algorithm, FPACCOMBINE", "same"),
        ("tags", "MTE2", "none", "masked"),
        ("pmu", "PMUv3p5, 6 event counters", "PMUv3p4, 6 event counters", "lowered"),
        ("gic", "GICv3.0 or v4.0 system registers", "GICv3.0 or v4.0 system registers", "same"),
        ("aarch32", "EL0", "EL0", "same"),
        ("errors", "RASv1p1", "RASv1p1", "same"),
    ],
)  # fmt: skip
def test_the_lines_of_a_recorded_host_and_vcpu(key: str, host: str, vcpu: str, state: str) -> None:
    line = line_of(summary_of(N2), key)
    assert (line.host, line.vcpu, line.state) == (host, vcpu, state)


def test_the_version_counts_mandatory_features_and_says_what_is_missing() -> None:
    line = line_of(summary_of(N2), "architecture")
    assert line.host == "Armv9.0-A (instructions: Armv9.1-A); 9.1 lacks FEAT_ECV, FEAT_FGT"
    assert line.vcpu == "Armv8.1-A (instructions: Armv9.1-A); 8.2 lacks FEAT_Debugv8p2"
    assert line.state == "lowered"


@pytest.mark.parametrize(
    ("name", "rule", "since", "needs"),
    [
        ("FEAT_MTE2", "hide MTE", "since Linux 5.10 or earlier", "mte"),
        ("FEAT_PMUv3p5", "pmu-version", "since Linux 5.12 until 6.2", ""),
        ("FEAT_Debugv8p4", "debug architecture", "since Linux 5.12 until 6.7", ""),
        ("FEAT_CSV2_2", "speculation-fields", "since Linux 5.11 until 6.5", ""),
    ],
)
def test_a_lost_feature_has_its_rule_and_release(name: str, rule: str, since: str, needs: str) -> None:
    lost = {one.name: one for one in summary_of(N2).lost}
    assert (lost[name].rule, lost[name].since, lost[name].needs) == (rule, since, needs)
    assert lost[name].reference and lost[name].reason


def test_a_vcpu_feature_that_was_not_asked_for_is_named() -> None:
    state = state_of(MAX, "FEAT_SVE2", kernel="7.3", features="psci")
    assert (state.host, state.vcpu, state.state, state.needs) == (True, False, "lost", "sve")
    assert state.option == "-cpu host,sve=on"
    assert state_of(MAX, "pauth", kernel="7.3", features="psci").needs == "ptrauth"
    with_it = state_of(MAX, "FEAT_SVE2", kernel="7.3", features="psci,sve")
    assert (with_it.vcpu, with_it.state, with_it.needs) == (True, "shown", "")


def test_ccidx_is_lost_from_6_3_on() -> None:
    assert state_of(N2, "FEAT_CCIDX", kernel="6.1").state == "shown"
    lost = state_of(N2, "FEAT_CCIDX", kernel="6.6")
    assert (lost.state, lost.rule, lost.since) == ("lost", "mask CCIDX", "since Linux 6.3")


def test_of_a_saved_vcpu_the_host_stays_unknown_where_its_kernel_hid_it() -> None:
    tags = state_of(str(STREAM), "FEAT_MTE2")
    assert (tags.host, tags.vcpu, tags.state) == (None, False, "unknown")
    found = summary_of(str(STREAM))
    assert not [one for one in found.lost if one.name == "FEAT_MTE2"]
    assert line_of(found, "tags").host is None
    assert "not known" in (line_of(found, "architecture").host or "")


def test_flags_of_a_paste_count_and_what_it_does_not_tell_is_said() -> None:
    found = summary_of(str(LSCPU))
    assert line_of(found, "core").host == "Arm Cortex-A55 r2p0 (CPU 0); Arm Cortex-A76 r4p0 (CPU 1)"
    assert (line_of(found, "atomics").host or "").startswith("LSE LRCPC; not known: LSE2")
    assert {"Caches", "PMU", "Debug", "Pointer auth"} <= set(found.blank)
    assert state_of(str(LSCPU), "FEAT_LRCPC").host is True
    assert state_of(str(LSCPU), "FEAT_LRCPC2").host is None
    assert state_of(str(LSCPU), "FEAT_MTE").host is None


def test_flags_survive_a_conversion(tmp_path: Path) -> None:
    from inspector.sources.formats import dump_json

    path = tmp_path / "converted.json"
    path.write_bytes(dump_json.write(inspector.load(LSCPU)))
    assert state_of(str(path), "FEAT_LRCPC").host is True


def dump_of(host: Host | None = None, *vcpus: Vcpu) -> Dump:
    return Dump(provenance=Provenance(source="made", format="model"), host=host, vcpus=vcpus)


def test_a_host_known_in_part_is_not_taken_for_zero() -> None:
    isar0, pfr0 = id_of("ID_AA64ISAR0_EL1"), id_of("ID_AA64PFR0_EL1")
    host = Host(values={isar0: 2 << 20, pfr0: 0}, known={isar0: 0xF << 20, pfr0: 0xF << 32})
    states = {one.name: one.host for one in inspector.features(dump_of(host), "FEAT_LSE", "FEAT_SVE", "FEAT_AES")}
    assert states == {"FEAT_LSE": True, "FEAT_SVE": False, "FEAT_AES": None}
    assert line_of(inspector.summary(dump_of(host)), "atomics").host is not None
    assert "Cryptography" in inspector.summary(dump_of(host)).blank


def test_a_template_shows_the_bits_that_it_gives() -> None:
    template = Vcpu(
        index=0, values={}, kind="template", constraints={id_of("ID_AA64ISAR0_EL1"): Constraint(0xF0, 0x20)}
    )
    found = inspector.summary(dump_of(None, template))
    assert found.vcpu == "template"
    assert line_of(found, "crypto").vcpu == "AES PMULL; not known: SHA1, SHA256, SHA512, SHA3, SM3 and 2 more"


NINE = {"AA32EL1": False, "DoubleLock": False}
"""what no CPU of Armv9 has"""


def has(**answers: bool | None) -> Callable[[str], bool | None]:
    return lambda name: answers.get(name.removeprefix("FEAT_"), True)


def test_versions() -> None:
    assert level_words(has(**NINE)) == "at least Armv9.4-A"
    assert level_words(has(**NINE, SVE2=False)) == "at least Armv8.9-A (or 9.4, without SVE2)"
    assert level_words(has(SVE2=False)) == "at least Armv8.9-A", "AArch32 at EL1: not Armv9"
    assert level_words(has(**NINE, PAuth=False)) == "Armv8.2-A; 8.3 lacks FEAT_PAuth"
    assert (
        level_words(has(**NINE, ECV=None))
        == "at least Armv9.0-A (instructions: at least Armv9.4-A); 9.1 depends on FEAT_ECV, not known"
    )
    assert level_words(has(LSE=None)) is None
    assert standing(has(VHE=False)).missing == ("FEAT_VHE",)
    without_el2 = ("VHE", "AA64EL2", "XNX", "S2FWB", "EVT", "GTG", "HCX", "HPMN0", "FGT2")
    assert standing(has(**dict.fromkeys(without_el2, False))).met == "8.9"
    assert standing(has(**dict.fromkeys(without_el2, False), FGT=False)).missing == ("FEAT_FGT",), "EL3 asks for it too"
    assert standing(has(**dict.fromkeys(without_el2, False), FGT=False, AA64EL3=False)).met == "8.9"


def test_a_feature_that_sources_differ_on_decides_nothing_but_for_armv9() -> None:
    words = level_words(has(**NINE, SVE2=False, FlagM2=False))
    assert words == "at least Armv8.4-A; 8.5 depends on whether it requires FEAT_FlagM2: sources differ"
    assert level_words(has(**NINE, FlagM2=False)) == "Armv8.4-A; 9.0 lacks FEAT_FlagM2"


def test_what_only_armv9_asks_for_counts_with_sve2() -> None:
    assert level_words(has(**NINE, SVE2p1=False)) == "Armv9.3-A; 9.4 lacks FEAT_SVE2p1"
    assert level_words(has(**NINE, SVE2=False, SVE2p1=False)) == "at least Armv8.9-A (or 9.4, without SVE2)"


def test_the_lowest_level_of_bbm_is_no_lack() -> None:
    assert standing(has(BBM=None)).met == standing(has(BBM=False)).met == "8.9"


def test_armv9_is_told_by_sve2() -> None:
    assert levels().nine == "FEAT_SVE2"


def test_a_feature_with_two_terms_of_one_field_keeps_the_rule_that_hides_it() -> None:
    state = state_of(MAX, "FEAT_NV")
    assert (state.state, state.rule) == ("lost", "hide NV")


def test_what_is_not_there_stands_apart_from_what_is() -> None:
    line = line_of(summary_of("builtin:cortex-a72-linux-6.6"), "speculation")
    assert line.host == "no CSV2"
    assert line.vcpu is not None
    assert line.vcpu.startswith("CSV3, Spectre v2 call:")
    assert line.vcpu.endswith("; no CSV2")
