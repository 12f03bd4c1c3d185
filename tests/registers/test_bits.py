"""Masks, values of which only some bits are known, and how two field values compare."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.registers import bits
from inspector.registers.bits import ALL, Partial, State, difference
from inspector.registers.ids import IDS
from inspector.registers.naming import by_id

words = st.integers(0, ALL)
places = st.tuples(st.integers(0, 63), st.integers(0, 63)).map(lambda pair: (max(pair), min(pair)))


@given(words, places, st.integers(-(1 << 63), ALL))
def test_what_is_inserted_is_extracted_and_nothing_else_changes(value: int, place: tuple[int, int], field: int) -> None:
    msb, lsb = place
    new = bits.insert(value, msb, lsb, field)
    assert bits.extract(new, msb, lsb) == field & bits.ones(msb - lsb + 1)
    assert (new ^ value) & ~bits.mask_of(msb, lsb) == 0


@pytest.mark.parametrize(
    ("before", "after", "signed", "state"),
    [
        (0, 0xF, True, "lowered"),
        (0xF, 0, True, "raised"),
        (1, 0, True, "masked"),
        (0xE, 0xF, True, "raised"),
        (0, 0xF, False, "raised"),
        (0xF, 0, False, "masked"),
        (2, 1, False, "lowered"),
        (3, 3, False, "same"),
        (None, 1, False, "unknown"),
        (1, None, True, "unknown"),
    ],
)
def test_difference(before: int | None, after: int | None, signed: bool, state: State) -> None:
    assert difference(before, after, width=4, signed=signed) == state


@pytest.mark.parametrize(
    ("name", "msb", "lsb", "signed"),
    [
        ("ID_AA64DFR0_EL1", 39, 36, True),  # DoubleLock
        ("ID_AA64MMFR4_EL1", 27, 24, True),  # E2H0
        ("ID_AA64PFR0_EL1", 19, 16, True),  # FP
        ("ID_AA64PFR0_EL1", 59, 56, False),  # CSV2
        ("ID_AA64PFR0_EL1", 58, 56, False),
    ],
)
def test_which_fields_are_signed(name: str, msb: int, lsb: int, signed: bool) -> None:
    assert by_id(IDS[name]).signed(msb, lsb) is signed


@given(words, words, places)
def test_a_field_is_known_only_when_all_its_bits_are(value: int, known: int, place: tuple[int, int]) -> None:
    msb, lsb = place
    partial = Partial(value & known, known)
    mask = bits.mask_of(msb, lsb)
    assert partial.field(msb, lsb) == (bits.extract(value, msb, lsb) if known & mask == mask else None)
    assert partial.forget(mask).part(msb, lsb) == Partial(0, 0)
    assert partial.set(mask, value).field(msb, lsb) == bits.extract(value, msb, lsb)


def test_unknown_bits_are_never_written_as_digits() -> None:
    assert Partial(0, 0).hex() == "0x????????????????"
    assert Partial(0x12, 0xFF).hex(4, grouped=True) == "0x??????12"
    assert Partial(0x1, 0x3).hex(1, blank="x") == "0xx?"
    assert Partial(0x1234).hex(grouped=True) == "0x0000_0000_0000_1234"
    assert Partial(0b10, 0b110).binary(4) == "?01?"
    assert Partial(0x12).complete and not Partial(0x12, 0xFF).complete


@given(words, words, words)
def test_two_values_differ_only_by_bits_known_of_both(value: int, mine: int, theirs: int) -> None:
    assert not Partial(value & mine, mine).differs(Partial(value & theirs, theirs))
    flipped = value ^ ALL
    assert Partial(value & mine, mine).differs(Partial(flipped & theirs, theirs)) is bool(mine & theirs)
