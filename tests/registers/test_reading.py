"""Values in words: meanings, flags, poison, layouts, and text back to values."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.errors import RegisterError
from inspector.registers import catalog, meanings, reading
from inspector.registers.encoding import POISON, ccsidr_id, sysreg_id
from inspector.registers.reading import FieldReading
from tests.shared_material import shared

MMFR2 = sysreg_id(3, 0, 0, 7, 2)


def field(spelling: str, value: int) -> FieldReading:
    """The reading of `REGISTER.FIELD` in `value`."""
    register, span = catalog.find(spelling)
    assert span is not None
    return next(each for each in reading.read(register.id, value).fields if each.name == span.name)


@pytest.mark.parametrize(
    ("spelling", "value", "meaning", "feature"),
    [
        ("ID_AA64MMFR2_EL1.CCIDX", 1 << 20, "CCSIDR_EL1 uses the 64-bit layout (FEAT_CCIDX)", "FEAT_CCIDX"),
        ("ID_AA64MMFR2_EL1.CCIDX", 0, "CCSIDR_EL1 uses the 32-bit layout", ""),
        ("ID_AA64PFR0_EL1.SVE", 1 << 32, "SVE; ID_AA64ZFR0_EL1 has the details (FEAT_SVE)", "FEAT_SVE"),
        ("ID_AA64PFR0_EL1.AdvSIMD", 0xF << 20, "Advanced SIMD (vectors): not implemented", ""),
        ("ID_AA64PFR0_EL1.EL0", 2, "AArch64 and AArch32", ""),
        ("MIDR_EL1.PartNum", 0x410FD493, "Neoverse N2", ""),
        ("MIDR_EL1.PartNum", 0x6D0FD490, "Azure Cobalt 100 (Neoverse N2)", ""),
        ("MIDR_EL1.Implementer", 0xC00FAC30, "Ampere", ""),
        ("MIDR_EL1.Implementer", 0x610F0221, "Apple", ""),
        ("MIDR_EL1.PartNum", 0x480FD010, "TaiShan v110 (Kunpeng 920)", ""),
        ("CTR_EL0.DminLine", 0xB444C004, "64 B", ""),
        ("CTR_EL0.CWG", 0x8000C004, "not stated; assume the maximum of 2 KiB", ""),
        ("CLIDR_EL1.Ttypen", 2 << 33, "level 1: tags in the same lines as data", ""),
        ("ID_AA64DFR0_EL1.BRPs", 5 << 12, "6 breakpoints", ""),
        ("PMCR_EL0.N", 6 << 11, "6 event counters", ""),
        ("PSCI_VERSION.Minor", 0x10003, "3; PSCI 1.3", ""),
        ("SCTLR_EL1.M", 1, "Address translation (MMU): on", ""),
        ("TCR_EL1.T0SZ", 25, "39 address bits", ""),
        ("ID_AA64DFR0_EL1.PMUVer", 0xF << 8, "vendor's own PMU, not PMUv3", ""),
        ("SVE_VLS.VL256", 2, "Vectors of 256 bits: available", ""),
    ],
)
def test_meanings(spelling: str, value: int, meaning: str, feature: str) -> None:
    found = field(spelling, value)
    assert (found.meaning, found.feature, found.flagged) == (meaning, feature, False)


def test_unknown_values_and_reserved_bits_are_flagged_and_clean_ones_left_out() -> None:
    clean = reading.read(MMFR2, 0x1221011112101011)
    assert not any(each.flagged for each in clean.fields)
    assert not any(each.kind == "res0" for each in clean.fields)
    dirty = {each.name: each for each in reading.read(MMFR2, 0x5 << 44 | 0x9 << 20).fields}
    assert dirty["RES0_47_44"].flagged
    assert dirty["RES0_47_44"].value == 5
    assert dirty["CCIDX"].flagged
    assert dirty["CCIDX"].meaning == "reserved value 9"
    every = reading.read(MMFR2, 0, include_reserved=True).fields
    assert sum(each.msb - each.lsb + 1 for each in every) == 64


def test_bits_that_must_be_one_are_flagged_when_zero() -> None:
    names = {each.name: each for each in reading.read(sysreg_id(3, 3, 0, 0, 1), 0).fields}
    assert names["RES1_31_31"].flagged
    assert "RES1_31_31" not in {each.name for each in reading.read(sysreg_id(3, 3, 0, 0, 1), 1 << 31).fields}


def test_poison_is_named_and_not_decoded() -> None:
    read = reading.read(catalog.find("PMCR_EL0").register.id, POISON)
    assert "poison" in read.note
    assert "0x1de7ec7edbadc0de" in read.note
    assert read.fields == ()


def test_mode_bit_selects_the_program_status_format() -> None:
    pstate = catalog.find("PSTATE").register.id
    assert {each.name: each.short for each in reading.read(pstate, 0x3C5).fields}["M"] == "EL1 with SP_EL1 (EL1h)"
    old = {each.name: each.short for each in reading.read(pstate, 0x1D3).fields}
    assert (old["M"], old["T"]) == ("Supervisor", "A32")


def test_ccsidr_word_follows_the_rest_of_the_vcpu() -> None:
    wide = reading.read(ccsidr_id(0), 0x1A, {MMFR2: 1 << 20, ccsidr_id(0): 0x1A})
    assert "lost" in wide.note
    assert "NumSets" not in {each.name for each in wide.fields}
    narrow = reading.read(ccsidr_id(0), 0x700FE01A, {MMFR2: 0, ccsidr_id(0): 0x700FE01A})
    assert {each.name: each.short for each in narrow.fields}["NumSets"] == "128 sets"
    whole = reading.read(ccsidr_id(0), 0xFF0000001A, {})
    assert {each.name: each.short for each in whole.fields}["NumSets"] == "256 sets"


def test_unallocated_and_swapped_registers_say_so() -> None:
    assert "unallocated ID-space encoding" in reading.read(sysreg_id(3, 0, 0, 4, 3), 0).note
    assert "KVM_REG_ARM_TIMER_CNT" in reading.read(0x603000000013DF1A, 0).note
    assert "KVM_REG_ARM_TIMER_CVAL" in reading.read(0x603000000013DF02, 0).note


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**72))
def test_any_id_and_value_can_be_read(reg_id: int, value: int) -> None:
    for each in reading.read(reg_id, value).fields:
        assert each.value == value >> each.lsb & (1 << each.msb - each.lsb + 1) - 1


@given(st.sampled_from(catalog.all_registers()), st.integers(0, 2**64 - 1))
def test_readings_are_remembered_per_value(register: catalog.Register, value: int) -> None:
    value &= (1 << register.size * 8) - 1
    first = reading.read(register.id, value, include_reserved=True)
    assert reading.read(register.id, value, include_reserved=True) == first
    assert all(each.value == value >> each.lsb & (1 << each.msb - each.lsb + 1) - 1 for each in first.fields)


def test_core_names() -> None:
    assert meanings.core_name(0x410FD493) == "Arm Neoverse N2 r0p3"
    assert meanings.core_name(0x000F0510) == "QEMU's max model r0p0"
    assert meanings.core_name(0x430F0AF1) == "Cavium ThunderX2 99XX r0p1"
    assert "0xfff" in meanings.core_name(0x990FFFF0)


@pytest.mark.parametrize(
    ("text", "value"),
    [("0x1f", 31), ("0b1_1111", 31), ("31", 31), ("031", 31), ("0x1221_0111_1210_1011", 0x1221011112101011)],
)
def test_values_from_text(text: str, value: int) -> None:
    assert reading.parse_value(catalog.by_id(MMFR2), text) == value


@pytest.mark.parametrize("text", ["", "0xg", "1 2", "-1", "0x10000000000000000", "CCIDX"])
def test_bad_values_are_refused_in_one_line(text: str) -> None:
    with pytest.raises(RegisterError) as caught:
        reading.parse_value(catalog.by_id(MMFR2), text)
    assert "\n" not in str(caught.value)


def test_assignments_from_text() -> None:
    mmfr2 = catalog.by_id(MMFR2)
    assert reading.parse_assignments(mmfr2, 0x1221011112101011, "CCIDX=0 nv=0x0") == 0x1221011110001011
    pfr0 = catalog.find("ID_AA64PFR0_EL1").register
    assert reading.parse_assignments(pfr0, 0, "AdvSIMD=-1, FP=0xf") == 0xFF0000


@pytest.mark.parametrize("text", ["", "CCIDX", "NOPE=1", "CCIDX=16", "CCIDX=-1", "CCIDX=x", "=1"])
def test_bad_assignments_are_refused(text: str) -> None:
    with pytest.raises(RegisterError):
        reading.parse_assignments(catalog.by_id(MMFR2), 0, text)
    with pytest.raises(RegisterError, match="has no fields"):
        reading.parse_assignments(catalog.find("x0").register, 0, "A=1")


def test_agrees_with_what_cpusysregs_decoded() -> None:
    heading = re.compile(r"^(\w+): ([01 -]{64,})$")
    line = re.compile(r"^\s+(\w+):\s+0x([0-9A-Fa-f]+) \(")
    compared = 0
    for path in sorted(shared("samples", "cpusysregs").glob("*.txt")):
        fields: dict[str, int] = {}
        for text in path.read_text().splitlines():
            if head := heading.match(text):
                value = int(re.sub("[ -]", "", head[2]), 2)
                found = reading.read(catalog.find(head[1]).register.id, value, include_reserved=True)
                fields = {each.name.casefold(): each.value for each in found.fields}
            elif (row := line.match(text)) and row[1].casefold() in fields:
                assert fields[row[1].casefold()] == int(row[2], 16), f"{path.name}: {text}"
                compared += 1
    assert compared > 300
