"""The cache page: boxes, lost and made-up values, both sides."""

from __future__ import annotations

import pytest

from inspector.registers.encoding import ccsidr_id, sysreg_id
from tests.app.driving import press, screen_text, settle
from tests.app.material import NEOVERSE, VALUES, app_on
from tests.sources.material import dump_of


async def test_what_6_1_cut_off_is_told_beside_what_the_host_has() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        text = await press(pilot, "6")
        assert "number of sets lost" in text
        assert "L2 unified  512 KiB" in text and "1,024 sets x 8 ways" in text
        assert "? sets x 8 ways" in text
        assert "32-bit layout  1 set x 4 ways x 64 B = 256 B" in text
        text = await press(pilot, "c")
        assert "host, CCSIDR" in text and "sets lost ┃" not in text
        text = await press(pilot, "c")
        assert "host, CCSIDR" not in text


async def test_arrows_choose_and_enter_shows_the_register() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        text = await press(pilot, "6")
        assert "CCSIDR[1] L1 instruction" in text
        text = await press(pilot, "right", "right")
        assert "CCSIDR[2] L2 unified" in text
        await press(pilot, "enter")
        assert app.session.place.register == ccsidr_id(2)
        assert "CCSIDR[2]" in screen_text(app)


async def test_values_that_kvm_made_up() -> None:
    app = app_on("builtin:neoverse-n2-linux-6.12")
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        text = await press(pilot, "6")
        assert "made up by KVM" in text and "1 set x 1 way x 64 B" in text


async def test_a_dump_without_cache_registers_says_so() -> None:
    app = app_on(dump_of(VALUES))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        text = await press(pilot, "6")
        assert "neither CLIDR_EL1 nor CTR_EL0 is in this dump" in text and "no cache is described" in text


@pytest.mark.parametrize(("size", "side"), [((120, 40), 0), ((120, 40), 1), ((80, 24), 0)])
async def test_a_click_chooses_the_box_under_it(size: tuple[int, int], side: int) -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        lines = (await press(pilot, "6")).splitlines()
        for box, title in (("L2 unified", "CCSIDR[2] L2"), ("L1 data", "CCSIDR[0] L1"), ("L1 inst", "CCSIDR[1] L1")):
            rows = [number for number, line in enumerate(lines) if box in line and ("│" in line or "┃" in line)]
            columns = [at for at in range(size[0]) if lines[rows[0]].startswith(box, at)]
            await pilot.click(offset=(columns[min(side, len(columns) - 1)], rows[0]))
            await settle(pilot)
            assert title in screen_text(app)
        await pilot.click(offset=(1, 3))
        await settle(pilot)
        assert "CCSIDR[1] L1" in screen_text(app)


async def test_a_click_on_the_chosen_box_shows_its_register() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        lines = (await press(pilot, "6")).splitlines()
        row = next(number for number, line in enumerate(lines) if "L2 unified" in line and "│" in line)
        await pilot.click(offset=(10, row))
        await pilot.click(offset=(10, row))
        await settle(pilot)
        assert app.session.place.register == ccsidr_id(2) and app.current_mode == "browse"


async def test_a_host_without_cache_registers_says_so_and_leaves_no_empty_page() -> None:
    app = app_on(dump_of({sysreg_id(3, 3, 0, 0, 1): 0x9444C004}, kind="host"))
    async with app.run_test(size=(120, 40)) as pilot:
        text = await press(pilot, "6")
        assert "CTR_EL0 0x9444c004" in text
        assert "no cache is described" in text
