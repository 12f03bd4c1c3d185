"""Every feature's place, and every mandatory feature, against Arm's machine-readable data of the architecture."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from inspector.registers.bits import as_signed
from inspector.registers.features import Feature, Term, all_features, feature, levels
from inspector.registers.ids import id_of
from inspector.registers.layouts import schema_named
from inspector.registers.schema import Span

ARM: Mapping[str, Mapping[str, Any]] = json.loads(
    (Path(__file__).parent / "arm-features.json").read_text(encoding="utf-8")
)["features"]
VERSIONS = [f"8.{minor}" for minor in range(1, 10)]

# Arm's data has no single expression for these, or is older than they are; each place has a source of its own.
ELSEWHERE = {
    **dict.fromkeys(
        (f"FEAT_AA{bits}EL{level}" for bits in (32, 64) for level in range(4)), "Arm ARM, ID_AA64PFR0_EL1.EL0 to EL3"
    ),
    **dict.fromkeys(
        ("FEAT_F8F16MM", "FEAT_F8F32MM", "FEAT_SVE_F16F32MM", "FEAT_SME2p2"), "Linux, arch/arm64/tools/sysreg"
    ),
    **dict.fromkeys(("FEAT_GICv3", "FEAT_GICv4p1", "FEAT_VPIPT"), "Arm ARM, issues before the data"),
    **dict.fromkeys(("FEAT_GCIE", "FEAT_NV3"), "newer than the data"),
    **dict.fromkeys(("FEAT_PoPS", "FEAT_SRMASK"), "Linux, arch/arm64/kvm/config.c"),
    **dict.fromkeys(("FEAT_S2FWB", "FEAT_UAO"), "Arm's data: what has it shows it in the field (MMFR2.FWB, MMFR2.UAO)"),
    "FEAT_LPA2": "an expression for each granule, together with that granule",
    "FEAT_PAuth": "any of the three algorithms",
    "FEAT_PCSRv8": "external registers only",
}

# Features that a version asks for and that the lists cannot count.
NOT_COUNTED = {
    "FEAT_BBM": "its lowest level is the value 0, with which older CPUs lack it",
    "FEAT_SEL2": "with Secure state, which no ID register of the guest shows",
    "FEAT_TRF": "with ETMv4, which no ID register shows",
}


class Place(NamedTuple):
    """`REGISTER.FIELD>=N` of Arm's data, with the field of the definitions."""

    register: str
    span: Span
    sign: str
    limit: int

    @property
    def key(self) -> tuple[int, int, int]:
        return id_of(self.register), self.span.msb, self.span.lsb

    def holds(self, raw: int) -> bool:
        # Only a signed number can be less than 0.
        signed = self.span.kind == "signed" or self.limit == 0
        number = as_signed(raw, self.span.width) if signed else raw
        return {">=": number >= self.limit, "=": raw == self.limit, "<": raw < self.limit}[self.sign]


def place_of(text: str) -> Place:
    found = re.match(r"(\w+)\.(\w+)(>=|=|<)(\d+)$", text)
    assert found, text
    schema = schema_named(found[1])
    spans = [] if schema is None else [one for one in schema.fields if one.name.casefold() == found[2].casefold()]
    assert spans, text
    return Place(found[1], spans[0], found[3], int(found[4]))


def ways_of(expression: str) -> list[list[Place]]:
    """An expression without the version of the architecture, which no register holds."""
    ways = [[one.strip() for one in way.split("&")] for way in expression.split("|")]
    return [[place_of(one) for one in way] for way in ways if not any(one.startswith("v8") for one in way)]


def read_by(one: Feature) -> set[str]:
    return {term.register for way in (*one.ways, *one.needs) for term in way}


def comparable(one: Feature) -> list[str]:
    """Arm's expressions over registers that the program reads for the feature."""
    texts = ARM.get(one.name, {}).get("shown", ())
    return [text for text in texts if set(re.findall(r"(\w+)\.", text)) <= read_by(one)]


PAIRS = [(one, text) for one in all_features() for text in comparable(one)]


def defined(span: Span) -> list[int]:
    """Values that the definitions know: what reserved ones will mean is not said anywhere."""
    return sorted(span.values) or list(range(1 << min(span.width, 4)))


def settings(one: Feature, ways: list[list[Place]]) -> Iterator[dict[tuple[int, int, int], int]]:
    """Every combination of defined values of the fields behind a feature with which the fields can say anything."""
    spans: dict[tuple[int, int, int], Span] = {place.key: place.span for way in ways for place in way}
    terms = [term for way in (*one.ways, *one.needs) for term in way]
    for term in terms:
        schema = schema_named(term.register)
        span = schema.span(term.field) if schema else None
        assert span is not None
        spans[term.reg_id, term.msb, term.lsb] = span
    for values in itertools.product(*(defined(span) for span in spans.values())):
        given = dict(zip(spans, values, strict=True))
        if not one.needs or any(all(given[_key(term)] in term.raws for term in way) for way in one.needs):
            yield given


def _key(term: Term) -> tuple[int, int, int]:
    return term.reg_id, term.msb, term.lsb


@pytest.mark.parametrize(("one", "text"), PAIRS, ids=lambda value: getattr(value, "name", value))
def test_no_firm_answer_differs_from_the_architecture(one: Feature, text: str) -> None:
    """For every combination of values the answer is Arm's, or open where fields that must agree do not."""
    ways, decided = ways_of(text), 0
    for given in settings(one, ways):
        if one.name in {"FEAT_E2H0", "FEAT_MTE_ASYNC"} and not _guarded(one.name, given):
            continue
        expected = any(all(place.holds(given[place.key]) for place in way) for way in ways)
        answer = one.present(lambda reg_id, msb, lsb, given=given: (given.get((reg_id, msb, lsb), 0),))  # type: ignore[misc]
        if one.name == "FEAT_SME2" and not _consistent_sme(given):
            continue
        assert answer is None or answer is expected, (given, expected)
        decided += answer is not None
    assert decided


def _guarded(name: str, given: Mapping[tuple[int, int, int], int]) -> bool:
    """Arm's expression counts only with FEAT_VHE or FEAT_MTE2."""
    other = place_of("ID_AA64MMFR1_EL1.VH>=1" if name == "FEAT_E2H0" else "ID_AA64PFR1_EL1.MTE>=2")
    return other.holds(given[other.key])


def _consistent_sme(given: Mapping[tuple[int, int, int], int]) -> bool:
    """SMEver counts with SME only, and both fields show SME2."""
    sme, version = place_of("ID_AA64PFR1_EL1.SME>=2"), place_of("ID_AA64SMFR0_EL1.SMEver>=1")
    return sme.holds(given[sme.key]) is version.holds(given[version.key])


def test_every_feature_is_compared_or_has_another_source() -> None:
    compared = {one.name for one, _ in PAIRS}
    assert {one.name for one in all_features()} - compared == set(ELSEWHERE)


def test_lpa2_and_pauth_are_what_their_parts_say() -> None:
    """LPA2: with the granule, TGran4 1 and more, or TGran16 2 and more. PAuth: an algorithm for addresses."""
    assert feature("FEAT_LPA2").condition == "ID_AA64MMFR0_EL1.TGRAN4 >= 1 or ID_AA64MMFR0_EL1.TGRAN16 >= 2"
    assert {term.text for term in feature("FEAT_PAuth").terms} == {
        "ID_AA64ISAR1_EL1.APA >= 1", "ID_AA64ISAR1_EL1.API >= 1", "ID_AA64ISAR2_EL1.APA3 >= 1",
    }  # fmt: skip


def asked() -> dict[str, tuple[str, str]]:
    """Feature -> (version, condition) of the program's lists."""
    facts = levels()
    found = {}
    for level in facts.levels:
        for name in (*level.programs, *level.system):
            groups = facts.when.get(name, ())
            found[name] = (level.version, " | ".join(" & ".join(sorted(group)) for group in groups))
    return found


def arm_asks(name: str) -> tuple[str, str] | None:
    """(version of Armv8, condition) of Arm's data; Armv9.N counts as Armv8.(N+5) with FEAT_SVE2."""
    mandatory = ARM.get(name, {}).get("mandatory", {})
    for version, condition in mandatory.items():
        major, minor = version.split(".")
        if major == "8" and minor != "0":
            return version, _condition(condition, [])
        if major == "9" and int(minor) <= 4:
            return f"8.{int(minor) + 5}", _condition(condition, ["FEAT_SVE2"])
    return None


def _condition(text: str, also: list[str]) -> str:
    """In an AArch64 CPU EL2 is AArch64's."""
    groups = [[name.strip() for name in group.split("&") if name.strip()] for group in text.split("|")]
    renamed = [sorted({"FEAT_AA64EL2" if name == "FEAT_EL2" else name for name in (*group, *also)}) for group in groups]
    return " | ".join(" & ".join(group) for group in renamed)


@pytest.mark.parametrize("name", sorted(asked()))
def test_every_mandatory_feature_is_mandatory_in_the_architecture(name: str) -> None:
    if name in levels().disputed:
        assert arm_asks(name) is None, "Arm's data asks for it now"
    else:
        assert asked()[name] == arm_asks(name)


def test_every_mandatory_feature_that_registers_show_is_asked_for() -> None:
    known = {one.name for one in all_features() if one.ways}
    wanted = {name for name in ARM if name in known and (found := arm_asks(name)) and found[0] in VERSIONS}
    # Every CPU that this program sees has AArch64 at EL0 and EL1.
    assert wanted - set(asked()) - {"FEAT_AA64EL0", "FEAT_AA64EL1"} == set(NOT_COUNTED)
