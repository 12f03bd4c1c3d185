"""Linux's hwcaps against the register tables, and what a list of flags tells of fields."""

from __future__ import annotations

from inspector.registers.catalog import find
from inspector.registers.hwcaps import BY_NAME, HWCAPS, Bound, bounds_of, flags_of, partial_registers

RK3588 = [
    "fp",
    "asimd",
    "evtstrm",
    "aes",
    "pmull",
    "sha1",
    "sha2",
    "crc32",
    "atomics",
    "fphp",
    "asimdhp",
    "cpuid",
    "asimdrdm",
    "lrcpc",
    "dcpop",
    "asimddp",
]


def test_every_flag_names_a_field_and_a_value_that_it_has() -> None:
    for flag in HWCAPS:
        if flag.register:
            schema = find(flag.register).register.schema
            span = schema.span(flag.field) if schema else None
            assert span is not None, flag
            assert flag.least in span.values, flag


def test_bits_are_those_of_the_kernel_header() -> None:
    expected = {"fp": 0, "atomics": 8, "cpuid": 11, "sve": 22, "pacg": 31, "gcs": 32}
    assert {name: BY_NAME[name].bit for name in expected} == expected
    expected = {"dcpodp": 0, "bti": 17, "mte": 18, "wfxt": 31, "lrcpc3": 46, "lse128": 47, "fpmr": 48, "poe": 63}
    assert {name: BY_NAME[name].bit for name in expected} == expected


def test_a_flag_is_a_lower_bound_and_a_missing_one_an_upper_bound() -> None:
    bounds = bounds_of(RK3588)
    assert bounds["ID_AA64ISAR0_EL1", "AES"] == Bound(2, None)
    assert bounds["ID_AA64ISAR0_EL1", "SM3"].below == 1
    assert ("ID_AA64PFR0_EL1", "SVE") not in bounds, "a kernel may be told to leave SVE out"
    assert ("ID_AA64MMFR2_EL1", "AT") not in bounds, "the kernel may be older than the flag"
    assert ("ID_AA64ZFR0_EL1", "AES") not in bounds


def test_bits_on_which_all_possible_values_agree_are_known() -> None:
    isar0 = partial_registers(bounds_of(RK3588))[find("ID_AA64ISAR0_EL1").register.id]
    assert isar0.field(7, 4) == 2
    assert isar0.field(11, 8) == 1
    assert isar0.field(23, 20) is None, "2 or, with LSE128, 3"
    assert isar0.field(23, 21) == 1
    assert isar0.field(31, 28) == 1
    assert isar0.field(63, 60) is None


def test_flags_of_words() -> None:
    assert flags_of(1, 0x119FFF)[-4:] == ("asimdrdm", "lrcpc", "dcpop", "asimddp")
    assert flags_of(2, 1 << 17 | 1) == ("dcpodp", "bti")
