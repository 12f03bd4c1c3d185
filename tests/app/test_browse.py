"""Browse, driven by keys: search, steps, vCPUs, bases, odd registers, sizes."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from textual.pilot import Pilot

from inspector import sources
from inspector.app.modes.browse.screen import Browse
from inspector.app.shell.application import InspectorApp
from inspector.app.widgets.listing import Listing
from inspector.registers import catalog
from inspector.registers.encoding import POISON
from inspector.registers.ids import id_of
from inspector.sources.dump import Constraint
from tests import material
from tests.app.driving import enter_text, press, ready, screen_text, settle, styles_at, wait_for
from tests.app.material import NEOVERSE, PFR0, PFR1, SCTLR, SVE_Z0, TPIDR, UNALLOCATED, V0, VALUES, app_on, template_of
from tests.sources.material import dump_of


async def whole(pilot: Pilot[None]) -> str:
    """The screen when nothing of it changes any more."""
    await settle(pilot)
    return screen_text(pilot.app)


async def focused(pilot: Pilot[None], pane: str) -> None:
    """Wait until a pane has the keys."""
    await wait_for(pilot, lambda: getattr(pilot.app.focused, "id", "") == pane, f"{pane} has the keys")


async def test_an_id_register_fits_eighty_by_twenty_four_whole() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        text = await whole(pilot)
        lines = text.splitlines()
        assert len(lines) == 24
        assert lines[1].startswith(" ID_AA64PFR0_EL1  S3_0_C0_C4_0  0x")
        fields = ["CSV3", "CSV2", "RME", "DIT", "AMU", "MPAM", "SEL2", "SVE", "RAS", "GIC", "AdvSIMD", "FP"]
        for name in [*fields, "EL3", "EL2", "EL1", "EL0"]:
            assert any(f" {name} " in line for line in lines[6:22]), name
        assert "63   59   55" in lines[2] and lines[3].count("0") + lines[3].count("1") == 64
        assert lines[23].rstrip().endswith("^p palette") and "? Help" in lines[23]


@pytest.mark.parametrize(
    ("typed", "register"),
    [
        ("ID_AA64PFR1_EL1", "ID_AA64PFR1_EL1"),
        ("aa64pfr1", "ID_AA64PFR1_EL1"),
        ("S3_0_C0_C4_1", "ID_AA64PFR1_EL1"),
        ("0x603000000013c021", "ID_AA64PFR1_EL1"),
        (str(0x603000000013C021), "ID_AA64PFR1_EL1"),
        ("op0:3 op1:0 crn:0 crm:4 op2:1", "ID_AA64PFR1_EL1"),
        ("ARM64_SYS_REG(3, 0, 0, 4, 1)", "ID_AA64PFR1_EL1"),
        ("CCSIDR[2]", "CCSIDR[2]"),
    ],
)
@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_search_takes_every_spelling(typed: str, register: str, size: tuple[int, int]) -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=size) as pilot:
        await press(pilot, "slash")
        await enter_text(pilot, typed)
        await press(pilot, "enter")
        await focused(pilot, "fields")
        assert app.session.register is not None and app.session.register.name == register


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_search_for_a_field_puts_the_cursor_on_it(size: tuple[int, int]) -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=size) as pilot:
        await press(pilot, "slash")
        await focused(pilot, "find")
        await enter_text(pilot, "aa64pfr0.gic")
        text = await press(pilot, "enter")
        assert any("▌ 27:24" in line and "GIC" in line for line in text.splitlines())


@pytest.mark.parametrize("size", [(120, 40), (200, 60)])
async def test_escape_leaves_the_search_line_however_it_was_gone_to(size: tuple[int, int]) -> None:
    """By tab the line has the keys with nothing to clear in it: escape did nothing, and letters went on into it."""
    app = app_on(NEOVERSE)
    async with app.run_test(size=size) as pilot:
        await ready(pilot)
        await press(pilot, "/")
        await focused(pilot, "find")
        await press(pilot, "escape")
        await wait_for(pilot, lambda: getattr(app.focused, "id", "") != "find", "the line is left")
        for _ in range(4):
            if getattr(app.focused, "id", "") != "find":
                await press(pilot, "tab")
        await focused(pilot, "find")
        await press(pilot, "escape")
        await focused(pilot, "registers")
        assert "Help: " in await press(pilot, "?")


async def test_a_search_without_an_answer_says_why() -> None:
    app = app_on(dump_of(VALUES))
    async with app.run_test(size=(120, 40)) as pilot:
        await press(pilot, "slash")
        await focused(pilot, "find")
        text = await enter_text(pilot, "ccsidr[1]")
        assert "CCSIDR[1] is not in this vCPU" in " ".join(text.replace("┃", "").split())
        text = await enter_text(pilot, "zzz")
        assert "✖" in text
        text = await press(pilot, "escape")
        assert "✖" not in text


async def test_brackets_walk_through_the_registers() -> None:
    app = app_on(dump_of(VALUES))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        seen = []
        for _ in range(4):
            assert app.session.register is not None
            seen.append(app.session.register.name)
            await press(pilot, "greater_than_sign")
        assert sorted(seen) == sorted(["MIDR_EL1", "ID_AA64PFR0_EL1", "ID_AA64PFR1_EL1", "SCTLR_EL1"])
        before = app.session.register
        await press(pilot, "greater_than_sign", "less_than_sign")
        assert app.session.register == before


async def test_vcpus_whose_id_registers_differ_are_flagged() -> None:
    app = app_on(dump_of(VALUES, {**VALUES, PFR0: VALUES[PFR0] & ~(0xF << 32)}))
    async with app.run_test(size=(120, 40)) as pilot:
        text = await whole(pilot)
        assert "≠ 1" in text.splitlines()[0]
        assert "the vCPUs do not agree" in text
        assert "vcpu 0" in text.splitlines()[0]
        text = await press(pilot, "v")
        assert "vcpu 1" in text.splitlines()[0]
        assert app.session.register is not None and app.session.register.id == PFR0
        text = await press(pilot, "V")
        assert "vcpu 0" in text.splitlines()[0]


async def test_numbers_in_three_bases() -> None:
    app = app_on(dump_of(VALUES))
    async with app.run_test(size=(120, 40)) as pilot:
        assert "0x1101_0011_2111_0112" in await whole(pilot)
        assert "0b0001_0001_0000_0001" in await press(pilot, "x")
        assert f"{VALUES[PFR0]:,}".replace(",", "_") in await press(pilot, "x")
        assert "0x1101_0011_2111_0112" in await press(pilot, "x")


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (60, 16)])
@pytest.mark.parametrize(
    ("reg_id", "value", "told"),
    [
        (SVE_Z0, 0xABCD << 1984 | 7, "word 31"),
        (V0, 0x1234_0000_0000_0000_0000_0000_0000_5678, "word 1"),
        (TPIDR, 0xDEAD_BEEF, "0x0000_0000_dead_beef"),
        (TPIDR, POISON, "poison"),
        (UNALLOCATED, 0, "unallocated"),
        (SCTLR, 0x30D50838, "SCTLR_EL1"),
    ],
)
async def test_odd_registers_are_shown(size: tuple[int, int], reg_id: int, value: int, told: str) -> None:
    app = app_on(dump_of({reg_id: value}))
    app.session.show_secrets(True)
    async with app.run_test(size=size) as pilot:
        text = await whole(pilot)
        assert told.lower() in " ".join(text.split()).lower()
        await press(pilot, "G", "enter", "g")


async def test_a_wide_register_shows_the_word_under_the_cursor_on_the_ruler() -> None:
    app = app_on(dump_of({SVE_Z0: 0xABCD << 1984 | 7}))
    app.session.show_secrets(True)
    async with app.run_test(size=(80, 24)) as pilot:
        text = await whole(pilot)
        assert "2047" in text
        text = await press(pilot, "G")
        assert "63   59   55" in text and "0111" in text


async def test_a_template_leaves_bits_open() -> None:
    app = app_on(template_of({PFR0: Constraint(0xF << 32, 0)}))
    async with app.run_test(size=(80, 24)) as pilot:
        text = await whole(pilot)
        assert "xxxx xxxx" in text
        assert "0xxxxx_xxx0_xxxx_xxxx" in text
        assert "left open" in text


async def test_only_what_stands_out() -> None:
    timer = catalog.find("CNTKCTL_EL1").register.id
    app = app_on(dump_of({**VALUES, TPIDR: POISON, timer: 1 << 63}))
    app.session.show_secrets(True)
    async with app.run_test(size=(120, 40)) as pilot:
        await whole(pilot)
        text = await press(pilot, "m")
        assert "CNTKCTL_EL1" in text and "TPIDR_EL0" not in text and "1 stands out" in text and "m All" in text
        text = await press(pilot, "m")
        assert f"{len(VALUES) + 2} registers" in text
        await press(pilot, "n")
        assert app.session.register is not None and app.session.register.id == timer


async def test_nothing_stands_out_is_said() -> None:
    app = app_on(dump_of({PFR1: 0x21}))
    async with app.run_test(size=(120, 40)) as pilot:
        await whole(pilot)
        assert "No register stands out" in await press(pilot, "m")


async def test_the_list_opens_over_the_narrow_form_and_closes_on_choice() -> None:
    app = app_on(dump_of(VALUES))
    async with app.run_test(size=(80, 24)) as pilot:
        await whole(pilot)
        text = await press(pilot, "l")
        assert "registers" in text and "SCTLR_EL1" in text
        await focused(pilot, "registers")
        text = await press(pilot, "G", "enter")
        assert app.session.register is not None
        assert app.session.register.name in text.splitlines()[1]
        text = await press(pilot, "l", "escape")
        assert "bits" in text


async def test_resizing_keeps_the_register_and_changes_the_form() -> None:
    app = app_on(dump_of(VALUES))
    async with app.run_test(size=(120, 40)) as pilot:
        await whole(pilot)
        await press(pilot, "greater_than_sign")
        name = app.session.register.name if app.session.register else ""
        for size in ((80, 24), (60, 16), (100, 30), (120, 40)):
            await pilot.resize_terminal(*size)
            await settle(pilot)
            text = screen_text(app)
            assert name in text
            assert len(text.splitlines()) == size[1]
            assert max(map(len, text.splitlines())) <= size[0]


@pytest.mark.parametrize("size", [(59, 24), (80, 15), (20, 5)])
async def test_a_terminal_too_small_says_so_in_one_line(size: tuple[int, int]) -> None:
    app = app_on(dump_of(VALUES))
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        text = screen_text(app)
        assert ("too small" if size[0] > 20 else "needs 60x16") in text and "ID_AA64PFR0" not in text
        await pilot.resize_terminal(80, 24)
        await settle(pilot)
        assert "ID_AA64PFR0_EL1" in screen_text(app)


async def test_without_colour_the_cursor_is_a_mark_and_bold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        text = await whole(pilot)
        marked = [line for line in text.splitlines() if line.startswith("▌")]
        assert len(marked) == 1
        assert app.no_color
        assert any("bold" in style for style in styles_at(app, "▌"))
        assert not any("reverse" in style for style in styles_at(app, "▌") + styles_at(app, "lowered"))


async def test_an_ansi_theme_without_colour_is_not_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    (tmp_path / "settings.toml").write_text('theme = "ansi-dark"\n')
    app = app_on(dump_of(VALUES), config=tmp_path)
    assert not app.available_themes[app.theme].ansi


async def test_text_from_a_file_is_never_markup() -> None:
    hostile = "[bold red]x [$error] \x1b[31m[1:2]"
    app = app_on(dump_of(VALUES, source=hostile))
    async with app.run_test(size=(120, 40)) as pilot:
        text = await whole(pilot)
        assert "[bold red]x [$error] \\x1b[31m[1:2]" in text
        assert "\x1b" not in text
        await press(pilot, "o", "escape")
        await press(pilot, "ctrl+p", "escape")
        assert isinstance(app.screen, Browse)


async def test_the_mouse_chooses_and_the_footer_can_be_clicked() -> None:
    app = app_on(dump_of(VALUES))
    async with app.run_test(size=(80, 24)) as pilot:
        await whole(pilot)
        await pilot.click("#fields", offset=(10, 4))
        await settle(pilot)
        assert any(line.startswith("▌ 51:48") for line in screen_text(app).splitlines())
        await pilot.click("#footer", offset=(2, 0))
        await settle(pilot)
        assert "SCTLR_EL1" in screen_text(app)


async def test_every_builtin_theme_can_be_chosen() -> None:
    app = app_on(dump_of(VALUES))
    async with app.run_test(size=(80, 24)) as pilot:
        for theme in ("nord", "dracula", "textual-light", "paper", "contrast"):
            app.theme = theme
            await settle(pilot)
            assert "ID_AA64PFR0_EL1" in screen_text(app)


async def test_a_rebound_key_works_and_is_shown(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text('theme = "paper"\n[keys]\nlist = "f2"\n')
    app = app_on(dump_of(VALUES), config=tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        text = await whole(pilot)
        assert "F2 List" in text and app.theme == "paper"
        assert "SCTLR_EL1" in await press(pilot, "f2")


async def test_maximise_and_back() -> None:
    app = app_on(dump_of(VALUES))
    async with app.run_test(size=(120, 40)) as pilot:
        await whole(pilot)
        await press(pilot, "tab", "z")
        assert app.screen.maximized is not None
        await press(pilot, "z")
        assert app.screen.maximized is None


def highlighted(app: InspectorApp) -> str:
    """Key of the highlighted line of the register list."""
    item = app.screen.query_one("#registers", Listing).current
    return item.key if item else ""


@pytest.mark.parametrize("text", ["sctlr", "tpidr_el0"])
@pytest.mark.parametrize(
    "away", [("enter", "escape"), ("enter", "5", "1"), ("enter", "escape", "2", "1")], ids=" ".join
)
async def test_the_list_highlights_the_register_that_is_shown(text: str, away: tuple[str, ...]) -> None:
    """Fault 5 of the review: list and detail showed two registers."""
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await whole(pilot)
        await press(pilot, "/")
        await enter_text(pilot, text)
        await press(pilot, *away)
        assert highlighted(app) == str(app.session.place.register)
        before = app.session.place.register
        await press(pilot, "m", "m")
        assert app.session.place.register == before and highlighted(app) == str(before)


async def test_a_group_that_the_user_folds_stays_folded() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await whole(pilot)
        group = f"group {catalog.by_id(app.session.place.register or 0).group}"
        await press(pilot, "space")
        assert highlighted(app) == group
        await press(pilot, "x")
        assert highlighted(app) == group
        await press(pilot, ">")
        assert highlighted(app) == str(app.session.place.register)


async def test_the_field_that_was_looked_at_stays_highlighted() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await whole(pilot)
        await press(pilot, "/")
        await enter_text(pilot, "id_aa64pfr0_el1.sve")
        await press(pilot, "enter", "j", "x")
        assert app.session.place.field == "RAS"
        text = await press(pilot, "2", "1")
        assert "▌ 31:28" in text


async def test_what_a_paste_leaves_unknown_is_a_question_mark_not_a_templates_choice() -> None:
    app = app_on(str(material.HERE / "pasted" / "33-cpuinfo.txt"))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        text = await press(pilot, "/", *"aa64isar0.atomic", "enter")
        assert "template" not in text and "0x????_1000_1??1_?12?" in text and "???? ???? ???? ???? 0001" in text
        row = next(line for line in text.splitlines() if "23:20" in line and "ATOMIC" in line)
        assert "0b001?" in row and "not known" in row
        assert isinstance(app.screen, Browse)
        assert app.screen.line_to_copy() == "ID_AA64ISAR0_EL1 0x????10001??1?12?"


async def test_the_list_shows_no_zero_for_what_a_kernel_hid() -> None:
    app = app_on(msgspec.structs.replace(sources.load("builtin:neoverse-n2-linux-6.12"), host=None))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        text = await press(pilot, "p", *"6.2", "enter", "l", "/", *"aa64mmfr2")
        assert "0x1221_0111_12?0_1011" in next(line for line in text.splitlines() if "ID_AA64MMFR2_EL1" in line)


@pytest.mark.parametrize("width", [160, 200])
async def test_fault_21_list_with_values_fields_and_explanation_stand_side_by_side(width: int) -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(width, 45)) as pilot:
        await settle(pilot)
        lines = screen_text(app).splitlines()
        sides = [re.split("[┃│]", line) for line in lines[1:-1]]
        assert {len(one) for one in sides} == {3}
        listed, fields, why = ("\n".join(one[at] for one in sides) for at in range(3))
        assert re.search(r"▌ +ID_AA64PFR0_EL1 +0x1101_0011_2111_0112 +▼", listed)
        assert re.search(r"▌ 59:56 +CSV2 +0x2 +0x1 +▼ lowered", fields)
        assert "CSV2 [59:56]" in why and "trained by others" in " ".join(why.split())
        await pilot.resize_terminal(120, 40)
        await settle(pilot)
        below = [at for at, line in enumerate(screen_text(app).splitlines()) if "┃ CSV2 [59:56]" in line]
        assert "│" not in screen_text(app) and below and below[0] > 20
        await pilot.resize_terminal(width, 45)
        await settle(pilot)
        assert screen_text(app).splitlines() == lines


@pytest.mark.parametrize("size", [(160, 45), (200, 60)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_fault_21_no_meaning_is_cut_while_room_is_left(size: tuple[int, int]) -> None:
    """A meaning goes on in further lines, over which the cursor steps."""
    app = app_on(NEOVERSE)
    async with app.run_test(size=size) as pilot:
        text = await whole(pilot)
        fields = [line.split("┃")[1].split("│")[0] for line in text.splitlines() if line.count("┃") == 1]
        table = fields[next(at for at, line in enumerate(fields) if "verdict" in line) :]
        assert "…" not in "".join(table) and "1 of 16 fields differ" in text
        told = " ".join(" ".join(table).split())
        assert "(host: isolated, with SCXTNUM_ELx contexts)" in told
        app.screen.query_one("#fields").focus()
        await press(pilot, "j")
        assert app.session.place.field == "RME"
        await press(pilot, "k")
        assert app.session.place.field == "CSV2"


@pytest.mark.parametrize("size", [(100, 30), (120, 40), (160, 45)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_fault_23_no_heading_of_a_group_is_cut(size: tuple[int, int]) -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=size) as pilot:
        await whole(pilot)
        await press(pilot, "home", "end")
        text = screen_text(app)
        heads = [line.split("┃")[0] for line in text.splitlines() if line[:4].strip(" ▌~") in ("▾", "▸")]
        assert len(heads) > 10 and not any("…" in head for head in heads)


@pytest.mark.parametrize("size", [(200, 60), (200, 30), (160, 24), (120, 40)])
async def test_the_sizes_of_groups_stand_whole_beside_a_scroll_bar(size: tuple[int, int]) -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        app.session.show_register(id_of("ID_MMFR4_EL1"))
        text = await press(pilot)
        heads = [line.split("┃")[0] for line in text.splitlines() if re.match(r"[▌ ] [▾▸]", line)]
        assert len(heads) > 3 and all(re.search(r"[0-9]+[ ▁-█]*$", line) and "…" not in line for line in heads)


async def test_another_register_while_the_list_is_being_made() -> None:
    """A terminal that became wide, and a key at the same moment: random keys met it."""
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot, "AdvSIMD")
        front = app.screen
        assert isinstance(front, Browse)
        front._mount_side()
        front.action_next_register()
        chosen = app.session.place.register
        await settle(pilot)
        side = front.side
        assert side is not None and side.listing.current is not None and side.listing.current.key == str(chosen)
