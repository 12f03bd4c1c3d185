"""The cache page: blocks to scale, lost and made-up values, both sides."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from inspector import sources
from inspector.app.modes.cache.diagram import drawn
from inspector.app.modes.cache.screen import sides_of
from inspector.app.shell.view import views_of
from inspector.app.widgets.ink import plain
from inspector.registers.caches import CacheTopology, read_caches
from inspector.registers.encoding import ccsidr_id, sysreg_id
from inspector.registers.ids import CLIDR_EL1, id_of
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
        assert "32-bit layout  would be 1 set x 4 ways x 64 B = 256 B, does not apply" in text
        text = await press(pilot, "c")
        assert "host, CCSIDR" in text and "number of sets lost" not in text
        text = await press(pilot, "c")
        assert "host, CCSIDR" not in text


def blocks(text: str) -> list[tuple[int, int]]:
    """(ways, cells) of every closed block on a screen, in reading order of their upper left corners."""
    lines = text.splitlines()
    found = []
    for at, line in enumerate(lines):
        for corner in re.finditer("[┌┏]([─━]+)[┐┓]", line):
            left, across = corner.start(), len(corner.group(1))
            down = 0
            while lines[at + 1 + down][left : left + 1] in ("│", "┃"):
                assert lines[at + 1 + down][left + 1 : left + 1 + across] in ("▒" * across, "▏")
                down += 1
            found.append((down, across))
    return found


@pytest.mark.parametrize("size", [(120, 40), (160, 45), (200, 60)])
async def test_fault_21_and_33_caches_are_drawn_to_one_scale(size: tuple[int, int]) -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        text = await press(pilot, "6")
    first, data, second = blocks(text)
    assert first == data and first[0] == 4 and second[0] == 8, "a row is a way"
    assert first[1] * 4 == second[1], "a way of L2 has four times the bytes of one of L1"
    a_cell = re.search(r"a ▒ (\d+) KiB", text)
    assert a_cell and first[0] * first[1] * int(a_cell.group(1)) == 64
    assert second[0] * second[1] * int(a_cell.group(1)) == 512
    assert "? sets x 8 ways x 64 B" in text and len(re.findall(r"[┌┏][─━]{3}(?:\s|$)", text, re.M)) == 3, (
        "open to the right"
    )
    assert "would be 1 set x 4 ways x 64 B = 256 B, does not apply" in text
    assert ("NumSets [55:32] 0xff" in text and "NumSets [27:13] 0x0" in text) == (size[0] >= 150)
    # Bits that were not saved are no zero.
    assert ("NumSets [55:32] ? " in text) == (size[0] >= 150) and "NumSets [55:32] 0x0" not in text


async def test_what_kvm_made_up_is_drawn_as_small_as_it_is() -> None:
    app = app_on("builtin:neoverse-n2-linux-6.12")
    async with app.run_test(size=(160, 45)) as pilot:
        await settle(pilot)
        assert (1, 1) in blocks(await press(pilot, "6"))


def wanted(sets: int, ways: int) -> CacheTopology:
    """A topology of one cache of 64-byte lines, in the 64-bit layout."""
    return read_caches({id_of("CLIDR_EL1"): 0x1000004}, {0: sets - 1 << 32 | ways - 1 << 3 | 2})


@pytest.mark.parametrize(
    ("sets", "ways", "room", "rows"), [(16384, 16, 30, 16), (16384, 16, 15, 8), (16384, 12, 12, 6)]
)
def test_a_high_cache_is_folded_until_it_fits(sets: int, ways: int, room: int, rows: int) -> None:
    drawing = drawn({"host": wanted(sets, ways)}, ["host"], 0, 100, room)
    assert drawing is not None and len(drawing.rows) <= room
    assert sum("▒" in plain(line) for line in drawing.rows) == rows
    assert ("one way" in drawing.legend) == (rows == ways)


@pytest.mark.parametrize(("cells", "room"), [(100, 5), (20, 40)])
def test_without_room_there_is_no_drawing(cells: int, room: int) -> None:
    assert drawn({"host": wanted(1024, 16)}, ["host"], 0, cells, room) is None


async def test_at_60_columns_a_list_says_what_the_drawing_shows() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(60, 16)) as pilot:
        await settle(pilot)
        text = await press(pilot, "6", "right", "right")
        assert "▌ L2 unified      host  512 KiB 1,024 sets x 8 ways x 64 B" in text
        assert "vCPU  ? KiB   ? sets x 8 ways x 64 B" in text and "…" not in text


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
            rows = [number for number, line in enumerate(lines) if box in line]
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
        row = next(number for number, line in enumerate(lines) if "L2 unified" in line)
        await pilot.click(offset=(10, row))
        await pilot.click(offset=(10, row))
        await settle(pilot)
        assert app.session.place.register == ccsidr_id(2) and app.current_mode == "browse"


async def test_a_host_without_cache_registers_says_so_and_leaves_no_empty_page() -> None:
    app = app_on(dump_of({sysreg_id(3, 3, 0, 0, 1): 0x9444C004}, kind="host"))
    async with app.run_test(size=(120, 40)) as pilot:
        text = await press(pilot, "6")
        assert "CTR_EL0 0x0000_0000_9444_c004" in text
        assert "no cache is described" in text


async def test_a_cache_register_in_which_the_vcpus_differ_is_told_with_its_cause() -> None:
    values = sources.load("builtin:neoverse-n2-linux-6.12").vcpus[0].values
    app = app_on(dump_of(values, {**values, CLIDR_EL1: 0x3000123}))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        text = await press(pilot, "6")
        assert "CLIDR_EL1 differs between the vCPUs (v steps through them): vCPU 0: 0x" in text
        assert "vCPU 1: 0x3000123; Linux 6.3 to 6.9" in " ".join(text.split())
        text = await press(pilot, "1")
        assert text.splitlines()[1].count("CLIDR_EL1") == 1 and "PSCI CPU_ON" in text


@pytest.mark.parametrize(
    ("size", "tables"), [((200, 60), 2), ((120, 60), 1), ((160, 45), 0), ((80, 24), 0), ((80, 50), 2)]
)
async def test_room_that_is_left_shows_the_fields_behind_the_drawing(size: tuple[int, int], tables: int) -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        lines = (await press(pilot, "6")).splitlines()
        text = "\n".join(lines)
        found = [name for name in ("CLIDR_EL1, host and vCPU", "CTR_EL0, host and vCPU") if name in text]
        assert len(found) == tables
        if not found:
            return
        assert re.search(r"LoC +26:24 0x2 0x2   level 2", text)
        assert size[0] < 160 or found[0] in next(line for line in lines if found[1] in line)
        text = await press(pilot, "c")
        assert re.search(r"CLIDR_EL1, host\b(?! and)", text) and re.search(r"LoC +26:24 0x2   level 2", text)


async def test_numbers_of_the_readings_follow_the_base_and_a_page_without_panes_says_so() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(200, 60)) as pilot:
        await settle(pilot)
        assert "NumSets [55:32] 0xff " in await press(pilot, "6")
        text = await press(pilot, "x")
        assert "NumSets [55:32] 0b11111111 " in text and re.search(r"LoC +26:24 0b010 +0b010", text)
        text = await press(pilot, "x")
        assert "CCSIDR[1] L1 instruction, vCPU  26" in text and re.search(r"LoC +26:24 2 +2", text)
        assert "no pane to maximise" in await press(pilot, "z")


async def test_each_kind_of_cpu_has_its_own_caches(tmp_path: Path) -> None:
    """big.LITTLE: of the machine nothing holds for all, and no page is empty."""
    text = "CPU {}:\nMIDR_EL1={}\nCLIDR_EL1=0xa000023\nCSSELR_EL1=0\nCCSIDR_EL1={}\n"
    file = tmp_path / "two.txt"
    file.write_text(
        "# host\n" + text.format(0, "0x410fd034", "0x700fe01a") + text.format(1, "0x410fd083", "0x701fe00a")
    )
    views = views_of(sources.load(str(file)))
    assert [[(c.csselr, c.host and c.host.sets) for c in sides_of(view)["host"].caches] for view in views] == [
        [(1, None), (0, 128), (2, None)], [(1, None), (0, 256), (2, None)],
    ]  # fmt: skip
    app = app_on(str(file))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert "128 sets x 4 ways" in await press(pilot, "6")
