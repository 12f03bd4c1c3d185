"""Two numbers that have to be cut stay told apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.app.shell.numbers import BASES, short_pair, value_text
from tests.app.driving import press, settle
from tests.app.material import NEOVERSE, app_on

VALUES = st.integers(0, (1 << 64) - 1)


@given(VALUES, VALUES, st.integers(8, 24), st.sampled_from(BASES[:2]))
def test_fault_22_the_digit_that_differs_stays(one: int, other: int, cells: int, base: str) -> None:
    whole = [value_text(value, 8, base) for value in (one, other)]  # type: ignore[arg-type]
    left, right = short_pair(whole[0], whole[1], cells)
    assert len(left) <= cells and len(right) <= cells
    assert (left == right) == (one == other)
    assert ("…" in left) == (len(whole[0]) > cells), "what was cut says so"


@pytest.mark.parametrize("size", [(80, 24), (60, 16)])
async def test_fault_22_compare_shows_what_differs_in_its_first_line(size: tuple[int, int]) -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        text = await press(pilot, "2")
        left, right = next(line for line in text.splitlines() if "ID_AA64PFR0_EL1" in line).split()[2:4]
        assert left.startswith("0x1201") and right.startswith("0x1101") and left.endswith("…")


@pytest.mark.parametrize("size", [(100, 30), (120, 40), (200, 60)])
async def test_fault_23_compare_has_whole_values_and_the_rule_from_100_columns(size: tuple[int, int]) -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        text = await press(pilot, "2")
        assert "0x1201_0011_2111_0112" in text and "0x1101_0011_2111_0112" in text and "rule" in text.splitlines()[4]


async def test_fault_20_the_first_reason_is_about_the_field_it_stands_at() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        text = " ".join((await press(pilot, "2")).split())
        said = text.partition("Rule speculation-fields: ")[2].partition("Source")[0]
        assert "not affected by Spectre v2 (CSV2)" in said and "never more" in said
