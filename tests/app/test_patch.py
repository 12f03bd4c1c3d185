"""The patch page: variants, steps, differences, the report."""

from __future__ import annotations

import pytest

from inspector.app.widgets.listing import Listing
from tests.app.driving import press, settle
from tests.app.material import NEOVERSE, app_on

WHOLE = ((120, 40), (80, 24), (60, 16))


@pytest.mark.parametrize("size", WHOLE)
async def test_the_whole_story_with_no_setting(size: tuple[int, int]) -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        text = await press(pilot, "5")
        rows = [line for line in text.splitlines() if line[2:].startswith(("ID_MMFR4_EL1 ", "ID_AA64MMFR2_EL1 "))]
        assert len(rows) == 2 and all("= accepted" in row and "✖ EINVAL" in row for row in rows)
        assert "= every write accepted" in text and "✖ 2 of 252 refused, EINVAL" in text
        text = await press(pilot, "t")
        assert text.count("▼ ignored") >= 2 and "EINVAL" not in text.split("register")[1]
        text = await press(pilot, "t")
        assert text.count("= kept") >= 2
        text = await press(pilot, "T", "T", "T")
        assert "[before]" in text or "▌ before" in text


async def test_space_makes_one_write_at_a_time_on_both_sides() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "5")
        text = await press(pilot, "space")
        assert text.count("1 of 252 made: all accepted") == 2
        text = await press(pilot, "space")
        assert text.count("2 of 252 made") == 2
        text = await press(pilot, "n")
        assert "made: 1 refused" in text and "▌ ID_MMFR4_EL1" in text
        text = await press(pilot, "n")
        assert "made: 2 refused" in text and "▌ ID_AA64MMFR2_EL1" in text
        text = await press(pilot, "escape")
        assert "made" not in text and "✖ 2 of 252" in text


async def test_all_writes_or_those_that_differ() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "5")
        writes = app.screen.query_one("#writes", Listing)
        assert len(writes.items) == 2
        await press(pilot, "m")
        assert len(writes.items) == 252
        await press(pilot, "m")
        assert len(writes.items) == 2


async def test_the_chosen_policy_is_the_base_and_its_patches_the_variant() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        text = await press(pilot, "p", *"5.15+mask-ccidx-keep", "enter", "5")
        assert "before: Linux 5.15" in text and "[+ keep if set]" in text


async def test_the_report_has_every_variant(monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "5")
        copied: list[str] = []
        monkeypatch.setattr(app, "copy_to_clipboard", copied.append)
        await press(pilot, "Y")
        assert "| ID_MMFR4_EL1 |" in copied[0] and "+ keep if set" in copied[0] and "▼ ignored" in copied[0]


async def test_the_host_view_cannot_be_restored() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        text = await press(pilot, "V", "5")
        assert "nothing to restore" in " ".join(text.split())
        text = await press(pilot, "v")
        assert "✖ 2 of 252" in text


async def test_the_register_under_the_cursor_can_be_written() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        text = await press(pilot, "5", "j", "w")
        assert "register  ID_AA64MMFR2_EL1" in text
        text = await press(pilot, "escape", "space", "w")
        assert "register  CCSIDR[0]" in text
