"""The patch page: variants, steps, differences, the report."""

from __future__ import annotations

import re

import pytest

from inspector.app.modes.patch.slide import big_figure
from inspector.app.widgets.listing import Listing
from tests.app.driving import press, screen_text, settle, wait_for
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


async def test_space_goes_on_to_what_is_answered_differently_and_full_stop_makes_one_write() -> None:
    """Fault 11: 88 presses of space made writes before anything happened."""
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "5")
        text = await press(pilot, ".")
        assert text.count("1 of 252 made: every write so far accepted") == 2
        text = await press(pilot, ".")
        assert text.count("2 of 252 made") == 2
        text = await press(pilot, "space")
        assert "made: 1 of 89 refused, EINVAL" in text and "▌ ID_MMFR4_EL1" in text
        text = await press(pilot, "space")
        assert "refused, EINVAL" in text and "▌ ID_AA64MMFR2_EL1" in text
        await press(pilot, "space")
        await wait_for(pilot, lambda: " made: " not in screen_text(app), "the end is shown")
        assert "✖ 2 of 252" in screen_text(app)
        await press(pilot, "space", "n")
        text = await press(pilot, "escape")
        assert " made: " not in text


async def test_the_series_has_its_title_and_who_sees_what() -> None:
    """Fault 9 of the review: nothing said what patch this is, and every row spoke of CCIDX."""
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "5")
        await wait_for(pilot, lambda: bool(getattr(app.screen, "complete", False)), "every form worked out")
        text = await press(pilot, "x")
        assert "KVM: arm64: Normalize cache configuration, v5, 30 Dec 2022" in text
        seen = next(line for line in text.splitlines() if line.startswith(" ID_AA64MMFR2_EL1.CCIDX"))
        assert seen.split()[1:8] == ["0x1", "0x1", "→", "0x0", "0x1", "→", "0x0"]
        assert seen.endswith("0x1: = accepted → ✖ EINVAL")
        text = await press(pilot, "S")
        assert "KVM: arm64: Disable MPAM visibility" in text and "CCIDX" not in text
        assert "the host has ID_AA64PFR0_EL1.MPAM 0x0" in text


async def test_a_patch_that_the_kernel_has_says_so_and_b_goes_back_to_the_last_without() -> None:
    """Fault 10: everything was red after a newer kernel was chosen, and nothing said why."""
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        text = await press(pilot, "p", *"6.12", "enter", "5")
        assert "already in Linux 6.3 (bf48040cd9b0)" in text
        text = await press(pilot, "b")
        assert "before  Linux 6.2" in text and "already in" not in text
        assert "= every write accepted" in text and "✖ 2 of 252 refused" in text
        text = await press(pilot, "b")
        assert "already in Linux 6.3" in text


@pytest.mark.parametrize("size", (*WHOLE, (200, 60)))
async def test_big_type_shows_few_lines_with_figures_and_words(size: tuple[int, int]) -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        text = await press(pilot, "5", "plus")
        assert "of 252 writes REFUSED" in text and "the saved VM does not load" in text
        lines = text.splitlines()
        place = {60: 1, 80: 2, 120: 3, 200: 7}[size[0]]
        for drawn in big_figure("2", place):
            assert any(line.endswith(drawn) for line in lines)
        assert sum(bool(line.strip()) for line in lines) > size[1] // 2
        text = await press(pilot, "space")
        assert "step 1 of 2   ID_MMFR4_EL1.CCIDX" in text and "= accepted" in text and "✖ EINVAL" in text
        text = await press(pilot, "minus")
        assert "▌ ID_MMFR4_EL1" in text


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
        assert "before  Linux 5.15" in text and "[6/7, kept if set]" in text


async def test_the_report_has_every_variant(monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "5")
        copied: list[str] = []
        monkeypatch.setattr(app, "copy_to_clipboard", copied.append)
        await press(pilot, "Y")
        assert "| ID_MMFR4_EL1 |" in copied[0] and "6/7, kept if set" in copied[0] and "▼ ignored" in copied[0]


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
        text = await press(pilot, "escape", "full_stop", "w")
        assert "register  CCSIDR[0]" in text


async def test_fault_11_the_footer_names_the_way_out_of_the_steps() -> None:
    async with app_on(NEOVERSE).run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "5")
        text = await press(pilot, "space")
        assert "esc The end" in text.splitlines()[-1] and "space Step" in text.splitlines()[-1]
        assert "esc " not in (await press(pilot, "escape")).splitlines()[-1]


async def test_the_report_says_of_a_refused_restore_what_a_guest_would_read() -> None:
    async with (app := app_on(NEOVERSE)).run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "5")
        text = app.screen.report()  # type: ignore[attr-defined]
        posted = text.partition("as posted: Linux")[2]
        assert "went on past the refused writes, the guest would read: " in posted.partition("####")[0]
        assert "the restored VM's guest reads: " in text.partition("old value ignored: Linux")[2].partition("####")[0]


def test_big_figures_are_told_apart_and_grow_with_the_room() -> None:
    digits = "0123456789ABCDEF"
    for size, (wide, high) in {0: (3, 3), 1: (6, 5), 3: (18, 15)}.items():
        drawn = [big_figure(digit, size) for digit in digits]
        assert len(set(map(tuple, drawn))) == len(digits)
        assert all(len(one) == high and max(map(len, one)) <= wide for one in drawn)
    assert big_figure("17", 0) == ["▄█  ▀▀█", " █    █", "▀▀▀   ▀"]
    assert big_figure("1", 1) == ["  ██", "████", "  ██", "  ██", "██████"]
    assert not "".join(big_figure(" ", 1))


async def test_where_there_is_room_the_explanation_stands_beside_with_every_field_and_every_change() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(200, 60)) as pilot:
        await settle(pilot)
        await press(pilot, "5")
        await wait_for(pilot, lambda: bool(getattr(app.screen, "complete", False)), "every form worked out")
        text = await press(pilot, "t", "t", "t")
        assert "7/7 as posted" in text and re.search("What it changes, [0-9]{2} in all", text)
        assert all(f"CCSIDR[{number}] " in text.partition("What it changes, ")[2] for number in range(14))
        head = "ID_MMFR4_EL1: saved, read back before, and after"
        for size in ((200, 60), (80, 24), (180, 40), (120, 40), (200, 60)):
            await pilot.resize_terminal(*size)
            await settle(pilot)
            text = await press(pilot, "T", "T", "T")
            assert "6/7 as posted" in text and (head in text) == (size[0] >= 180)
            assert re.search(r"│ CCIDX +27:24 0x1 0x1 0x0 ≠", text) if size[0] >= 180 else "Rule    mask" in text
            text = await press(pilot, "+")
            assert head not in text and max(map(len, text.splitlines())) <= size[0]
            assert (head in await press(pilot, "-")) == (size[0] >= 180)
            await press(pilot, "t", "t", "t")


async def test_numbers_of_the_explained_write_follow_the_base() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert "ID_MMFR4_EL1  0x0000_0000_0102_1110  CCIDX [27:24] 0x1" in await press(pilot, "5")
        assert "_0001_0000_0010_0001_0001_0001_0000" in await press(pilot, "x")
        assert "ID_MMFR4_EL1  16_912_656  CCIDX [27:24] 1" in await press(pilot, "x")
