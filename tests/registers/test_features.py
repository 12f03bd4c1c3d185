"""The features of the architecture by name: where they are read, what else they are called, what is unknown."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.errors import RegisterError
from inspector.registers import catalog, feature_table, features
from inspector.registers.features import Feature, all_features, feature, levels, named
from inspector.registers.hwcaps import HWCAPS
from inspector.registers.ids import id_of
from inspector.registers.layouts import schema_named
from tests import make_features


def fields(**values: int) -> features.Possible:
    """Fields given by REGISTER__FIELD, all others 0."""
    given = {}
    for name, value in values.items():
        register, _, field = name.partition("__")
        schema = schema_named(register)
        span = schema.span(field) if schema else None
        assert span is not None, name
        given[id_of(register), span.msb, span.lsb] = (value,)
    return lambda reg_id, msb, lsb: given.get((reg_id, msb, lsb), (0,))


def nothing(reg_id: int, msb: int, lsb: int) -> None:
    """Nothing is known."""


def test_the_table_is_that_of_the_definitions() -> None:
    made = Path(feature_table.__file__).read_text(encoding="utf-8")
    assert made == make_features.text(), "python -m tests.make_features writes it anew"
    assert all_features() == make_features.all_features()
    assert levels() == make_features.levels()


def test_every_name_of_the_definitions_is_a_feature_of_its_own() -> None:
    assert len(all_features()) > 280
    assert len({one.name for one in all_features()}) == len(all_features())
    assert all(one.title for one in all_features())
    unread = [one.name for one in all_features() if not one.ways]
    assert unread == ["FEAT_PCSRv8"], "features that no ID register shows"


@pytest.mark.parametrize("one", all_features(), ids=lambda one: one.name)
def test_nothing_known_decides_nothing(one: Feature) -> None:
    assert one.present(nothing) is None


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("FEAT_LSE", {"ID_AA64ISAR0_EL1__ATOMIC": 2}, True),
        ("FEAT_LSE", {"ID_AA64ISAR0_EL1__ATOMIC": 1}, False),
        ("FEAT_LSE128", {"ID_AA64ISAR0_EL1__ATOMIC": 2}, False),
        ("FEAT_LSE", {"ID_AA64ISAR0_EL1__ATOMIC": 7}, True),  # newer than the tables: at least what they know
        ("FEAT_AdvSIMD", {"ID_AA64PFR0_EL1__AdvSIMD": 15}, False),
        ("FEAT_AdvSIMD", {}, True),
        ("FEAT_FP16", {"ID_AA64PFR0_EL1__FP": 1}, None),  # the two fields contradict each other
        ("FEAT_FP16", {}, False),
        ("FEAT_FP16", {"ID_AA64PFR0_EL1__FP": 1, "ID_AA64PFR0_EL1__AdvSIMD": 1}, True),
        ("FEAT_PMUv3", {"ID_AA64DFR0_EL1__PMUVer": 15}, False),
        ("FEAT_PMUv3p5", {"ID_AA64DFR0_EL1__PMUVer": 6}, True),
        ("FEAT_SVE2", {"ID_AA64ZFR0_EL1__SVEver": 1}, False),  # without SVE the register says nothing
        ("FEAT_SVE2", {"ID_AA64ZFR0_EL1__SVEver": 1, "ID_AA64PFR0_EL1__SVE": 1}, True),
        ("FEAT_PAuth", {"ID_AA64ISAR2_EL1__APA3": 1}, True),
        ("FEAT_FPAC", {"ID_AA64ISAR1_EL1__APA": 3}, False),
        ("FEAT_RASv1p1", {"ID_AA64PFR0_EL1__RAS": 1, "ID_AA64PFR1_EL1__RAS_frac": 1}, True),
        ("FEAT_RASv1p1", {"ID_AA64PFR0_EL1__RAS": 1}, False),
        ("FEAT_CSV2_1p1", {"ID_AA64PFR0_EL1__CSV2": 2, "ID_AA64PFR1_EL1__CSV2_frac": 1}, False),
        ("FEAT_MTE_ASYNC", {"ID_AA64PFR1_EL1__MTE": 2, "ID_AA64PFR1_EL1__MTE_frac": 15}, False),
        ("FEAT_TGran4K", {"ID_AA64MMFR0_EL1__TGRAN4": 15}, False),
        ("FEAT_NV2", {"ID_AA64MMFR4_EL1__NV_frac": 1}, True),
        ("FEAT_E2H0", {"ID_AA64MMFR4_EL1__E2H0": 14}, False),
        ("FEAT_E2H0", {"ID_AA64MMFR4_EL1__E2H0": 0}, False),  # without VHE there is no HCR_EL2.E2H
        ("FEAT_E2H0", {"ID_AA64MMFR1_EL1__VH": 1}, True),
        ("FEAT_AA32EL1", {"ID_AA64PFR0_EL1__EL1": 1}, False),
        ("FEAT_BBM", {}, None),  # level 0 of it is the value 0
        ("FEAT_BBM", {"ID_AA64MMFR2_EL1__BBM": 2}, True),
        ("FEAT_MixedEndEL0", {"ID_AA64MMFR0_EL1__BIGEND": 1}, True),
        ("FEAT_EPAC", {"ID_AA64ISAR1_EL1__API": 2}, True),
        ("FEAT_EPAC", {"ID_AA64ISAR1_EL1__API": 3}, False),
        ("FEAT_NV", {"ID_AA64MMFR4_EL1__NV_frac": 1}, True),
        ("FEAT_PACIMP", {"ID_AA64ISAR1_EL1__API": 1}, None),
        ("FEAT_PACIMP", {"ID_AA64ISAR1_EL1__API": 1, "ID_AA64ISAR1_EL1__GPI": 1}, True),
        ("FEAT_SME2", {"ID_AA64SMFR0_EL1__SMEver": 1}, False),
    ],
    ids=str,
)
def test_a_feature_is_there_where_its_fields_say_so(name: str, given: dict[str, int], expected: bool | None) -> None:
    assert feature(name).present(fields(**given)) is expected


def test_a_field_that_is_known_in_part_decides_only_what_it_can() -> None:
    """Of LRCPC it is known that bits 3 and 2 are 0."""
    lrcpc = feature("FEAT_LRCPC").terms[0]

    def possible(reg_id: int, msb: int, lsb: int) -> tuple[int, ...] | None:
        return (0, 1, 2, 3) if (reg_id, lsb) == (lrcpc.reg_id, lrcpc.lsb) else None

    assert feature("FEAT_LRCPC").present(possible) is None
    assert feature("FEAT_SVE2").present(lambda i, m, b: (0,) if i == id_of("ID_AA64PFR0_EL1") else None) is None
    absent = {id_of("ID_AA64PFR0_EL1"), id_of("ID_AA64PFR1_EL1")}
    assert feature("FEAT_SVE2").present(lambda i, m, b: (0,) if i in absent else None) is False


def test_every_flag_of_linux_with_a_field_is_a_name_of_a_feature() -> None:
    known = {flag for one in all_features() for flag in one.flags}
    assert {flag.name for flag in HWCAPS if flag.register} <= known
    # Event streams, the emulation of MRS and FP8 formats are no features of their own; pacg may be any of three.
    assert {flag.name for flag in HWCAPS} - known == {"evtstrm", "cpuid", "pacg", "f8e4m3", "f8e5m2"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("FEAT_SVE2", ["FEAT_SVE2"]),
        ("feat_sve2", ["FEAT_SVE2"]),
        ("sve2", ["FEAT_SVE2"]),
        ("asimddp", ["FEAT_DotProd"]),
        ("sha512", ["FEAT_SHA512"]),
        ("lrcpc", ["FEAT_LRCPC"]),
        ("+sve2-aes", ["FEAT_SVE_AES", "FEAT_SVE_PMULL128"]),
        ("+sha2", ["FEAT_SHA1", "FEAT_SHA256"]),
        ("pac", ["FEAT_PAuth"]),
        ("no such", []),
    ],
)
def test_other_names(text: str, names: list[str]) -> None:
    assert [one.name for one in named(text)] == names


@pytest.mark.parametrize("text", ["qarma", "pointer auth", "scalable", "random", "memory tag"])
def test_plain_words_find_features(text: str) -> None:
    assert features.search(text)


def test_levels_name_features_that_exist() -> None:
    facts = levels()
    for level in facts.levels:
        assert all(feature(name).ways for name in (*level.programs, *level.system))
    conditions = {name for groups in facts.when.values() for group in groups for name in group}
    assert all(feature(name).ways for name in (*facts.when, *conditions, *facts.forbids, *facts.requires))
    assert facts.disputed <= {name for level in facts.levels for name in (*level.programs, *level.system)}
    assert [level.version for level in facts.levels] == [f"8.{n}" for n in range(1, 10)]


def test_what_a_user_types_may_be_a_feature_and_what_files_hold_may_not() -> None:
    assert [(r.name, f and f.name) for r, f in catalog.look_up("FEAT_SVE2")] == [("ID_AA64ZFR0_EL1", "SVEver")]
    assert [f and f.name for _, f in catalog.look_up("pauth")] == ["API", "APA", "APA3"]
    assert [r.name for r, _ in catalog.look_up("L2")] == ["CCSIDR[2]", "CCSIDR[3]"]
    for word in ("core", "profile", "memtag", "FEAT_SVE2"):
        with pytest.raises(RegisterError):
            catalog.find(word)


@pytest.mark.parametrize(
    ("text", "words"),
    [("FEAT_CCIX", "did you mean FEAT_CCIDX"), ("FEAT_PCSRv8", "no ID register shows"), ("FEAT_", "no feature")],
)
def test_a_name_that_leads_nowhere_is_one_line(text: str, words: str) -> None:
    with pytest.raises(RegisterError, match=words):
        catalog.look_up(text)
