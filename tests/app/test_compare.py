"""The Compare screen: its keys, its dialogs, the baseline, and the screen as text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from textual.pilot import Pilot

from inspector import sources
from inspector.app.dialogs.dialog import DIALOG_CELLS
from inspector.app.modes.compare.baseline import BaselinePage
from inspector.app.modes.compare.commands import CompareCommands
from inspector.app.modes.compare.screen import Compare
from inspector.app.shell.application import InspectorApp
from inspector.app.widgets.ink import width
from inspector.app.widgets.lines import Lines
from inspector.checks.baseline.baseline import part_of_hosts
from inspector.checks.baseline.cases import baseline_under_each
from inspector.checks.machine.question import ask
from inspector.registers.catalog import find
from inspector.registers.encoding import sysreg_id
from inspector.sources.dump import Constraint
from tests.app.driving import SIZES, check_screen, enter_text, press, screen_text, settle, styles_at, wait_for
from tests.app.material import MIDR, NEOVERSE, PFR0, PFR1, VALUES, app_on, template_of
from tests.sources.material import dump_of

STREAM = Path(__file__).parent.parent / "material" / "qemu" / "kvm-6.1_neoverse-n2_q100.mig.xz"

TWELVE = "builtin:neoverse-n2-linux-6.12"
MMFR2 = sysreg_id(3, 0, 0, 7, 2)


def page(app: InspectorApp) -> Compare:
    front = app.screen_stack[0]
    assert isinstance(front, Compare)
    return front


def highlighted(app: InspectorApp) -> str:
    return page(app).table.line_text()


async def compare(pilot: Pilot[None], *others: str) -> str:
    """Mode 2, with other dumps on the right."""
    await settle(pilot)
    await press(pilot, "2")
    if others:
        from inspector.app.modes.compare.sides import all_sides

        assert isinstance(pilot.app, InspectorApp)
        page(pilot.app).compare_with(*all_sides(map(sources.load, others)))
        await settle(pilot)
    return screen_text(pilot.app)


async def test_host_against_exposed_is_what_opens() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        text = await compare(pilot)
        assert "left   host values" in text and "what Linux 6.1.176, the dump's own kernel" in text
        assert "CSV2" in highlighted(app) and "▼ lowered" in highlighted(app)
        assert "Source   arch/arm64/kvm/sys_regs.c" in text and "Guest    finds less" in text
        assert "= same" not in text


async def test_n_steps_through_differences_and_m_shows_the_rest() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await compare(pilot)
        await press(pilot, "n")
        assert highlighted(app).startswith("MTE")
        await press(pilot, "N", "N")
        assert highlighted(app).startswith("PMCR_EL0")
        text = await press(pilot, "m")
        assert highlighted(app).startswith("PMCR_EL0") and "  all" in text and "m Differences" in text
        text = await press(pilot, "g")
        assert "CSV3" in text and "= same" in text
        await press(pilot, "n")
        assert highlighted(app).startswith("CSV2")
        assert "= same" not in await press(pilot, "m")


async def test_folding_and_the_taller_explanation() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        text = await compare(pilot)
        assert "CSV2    [59:56]" in text and "enter: more" in text
        text = await press(pilot, "enter")
        assert "Guest    finds less than the host has" in text
        await press(pilot, "escape", "space")
        assert highlighted(app).startswith("▸ ID_AA64PFR0_EL1")
        assert "CSV2    [59:56]" not in screen_text(app)
        assert "CSV2    [59:56]" in await press(pilot, "enter")


async def test_by_rule_and_back() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await compare(pilot)
        text = await press(pilot, "R")
        assert "▾ feature table  3 fields" in text and "ID_ISAR5_EL1.VCMA" in text and "R By register" in text
        await press(pilot, "n")
        assert app.session.place.register == PFR1 and app.session.place.field == "MTE"
        assert "▾ feature table" not in await press(pilot, "R")


async def test_the_filter_narrows_and_escape_clears_it() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await compare(pilot)
        await press(pilot, "/")
        text = await enter_text(pilot, "pmu")
        assert "PMUVer" in text and "CSV2" not in text
        await press(pilot, "enter")
        assert app.focused is page(app).table
        await press(pilot, "/")
        assert "Nothing here matches; m looks" in await enter_text(pilot, "xyz")
        text = await press(pilot, "escape")
        assert "CSV2" in text and not page(app).query("#find")


async def test_the_policy_that_is_chosen_is_the_one_that_is_compared() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await compare(pilot)
        app.session.ask(ask("6.2+mask-ccidx"))
        await settle(pilot)
        text = screen_text(app)
        assert "Linux 6.2+mask-ccidx would expose" in text and "CCIDX" in text


async def test_c_puts_the_saved_vcpu_on_the_left() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await compare(pilot)
        text = await press(pilot, "c")
        assert "saved ◂▸ Linux 6.1.176" in text and "Nothing differs: 345 registers are equal" in text
        assert "host ◂▸" in await press(pilot, "c")


async def test_a_dump_of_the_list_goes_right_and_capital_d_swaps() -> None:
    app = app_on(NEOVERSE, TWELVE)
    async with app.run_test(size=(120, 40)) as pilot:
        await compare(pilot)
        text = await press(pilot, "d")
        assert "● what a kernel would expose" in text and "neoverse-n2-linux-6.12 vcpu 0" in text
        await press(pilot, "down", "down", "down", "down", "enter")
        text = screen_text(app)
        assert "right  neoverse-n2-linux-6.12" in text and "≠ 10" in text
        text = await press(pilot, "D")
        assert "left   neoverse-n2-linux-6.12" in text and app.session.place.source == 1
        assert "only left: FEAT_TCR2" in text
        await press(pilot, "d", "pageup", "enter")
        assert "would expose" in screen_text(app)


async def test_a_path_that_cannot_be_read_is_told_in_its_place(tmp_path: Path) -> None:
    app = app_on(dump_of(VALUES))
    async with app.run_test(size=(80, 24)) as pilot:
        await compare(pilot)
        await press(pilot, "d")
        await enter_text(pilot, str(tmp_path / "missing"))
        await press(pilot, "enter")
        await wait_for(pilot, lambda: "✖" in screen_text(app), "the error")
        await press(pilot, "escape")
        assert page(app).board.others == ()


async def test_s_looks_at_another_dump_everywhere() -> None:
    app = app_on(NEOVERSE, TWELVE)
    async with app.run_test(size=(80, 24)) as pilot:
        await compare(pilot)
        await press(pilot, "s")
        await press(pilot, "down", "down", "enter")
        assert app.session.place.source == 1
        assert "Linux 6.12.107" in screen_text(app)


async def test_browse_opens_on_the_highlighted_register() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await compare(pilot)
        await press(pilot, "n")
        text = await press(pilot, "1")
        assert text.splitlines()[1].startswith(" ID_AA64PFR1_EL1") and "▌ 11:8" in text


async def test_many_dumps_are_a_matrix_of_groups() -> None:
    app = app_on(NEOVERSE, TWELVE, "builtin:neoverse-n2-linux-6.18")
    async with app.run_test(size=(120, 40)) as pilot:
        await compare(pilot)
        await press(pilot, "a", "enter")
        text = screen_text(app)
        assert "3 dumps in 3 groups" in text and "A  neoverse-n2-linux-6.1," in text
        assert app.session.place.source == 0
        await press(pilot, "/")
        text = await enter_text(pilot, "ccidx")
        line = next(line for line in text.splitlines() if "CCIDX   [23:20]" in line)
        assert line.split()[-6:] == ["=", "0x1", "≠", "0x0", "≠", "0x0"]
        await press(pilot, "escape", "d", "pageup", "enter")
        assert page(app).board.others == ()


async def test_the_matrix_has_at_most_seven_columns_and_tells_the_rest() -> None:
    dumps = [dump_of({MIDR: 0x410FD490 + number, PFR1: number}, source=f"{number}.json") for number in range(10)]
    app = app_on(*dumps)
    async with app.run_test(size=(120, 40)) as pilot:
        await compare(pilot)
        text = await press(pilot, "a", "enter")
        assert len(page(app).table.columns) == 1 + 7 + 1
        assert "10 dumps in 10 groups" in text and "H 7.json   I 8.json   J 9.json" in text
        assert "10 values in 10 groups" in text
        text = await press(pilot, "enter")
        assert "J        0x9" in text


@pytest.mark.parametrize(("form", "start"), [("f", "{"), ("d", "{"), ("e", "## Baseline")])
async def test_the_baseline_and_its_exports(form: str, start: str, tmp_path: Path) -> None:
    a, b = (sources.load(f"builtin:neoverse-n2-linux-6.{minor}") for minor in (12, 18))
    app = app_on(a, b)
    async with app.run_test(size=(80, 24)) as pilot:
        await compare(pilot, TWELVE.replace("6.12", "6.18"))
        await press(pilot, "b")
        dialog = app.screen
        assert isinstance(dialog, BaselinePage)
        await wait_for(pilot, lambda: dialog.answer is not None, "the baseline")
        await press(pilot, form)
        out = tmp_path / "out"
        await press(pilot, "ctrl+u")
        await enter_text(pilot, str(out))
        await press(pilot, "enter")
        text = out.read_text(encoding="utf-8")
        assert text.startswith(start)
        if start == "{":
            json.loads(text)


async def test_the_baseline_is_wrapped_anew_in_a_terminal_of_another_size() -> None:
    app = app_on(*(sources.load(f"builtin:neoverse-n2-linux-6.{minor}") for minor in (12, 18)))
    async with app.run_test(size=(120, 40)) as pilot:
        await compare(pilot, TWELVE.replace("6.12", "6.18"))
        await press(pilot, "b")
        dialog = app.screen
        assert isinstance(dialog, BaselinePage)
        await wait_for(pilot, lambda: dialog.answer is not None, "the baseline")
        page, keys = (dialog.query_one(name, Lines) for name in ("#page", "#said"))
        for columns in (60, 120):
            await pilot.resize_terminal(columns, 40)
            await settle(pilot)
            room = min(columns, DIALOG_CELLS) - 4
            assert room - 20 < max(width(one) for one in page.rows) <= room
            assert max(width(one) for one in keys.rows) <= room


async def test_the_baseline_of_a_kernel_that_may_be_several_has_the_cases_of_the_command() -> None:
    dumps = [sources.load(f"builtin:{name}-linux-6.12") for name in ("neoverse-n2", "cortex-a72")]
    question = ask("5.14.0-427.13.1.el9_4.aarch64")
    app = app_on(*dumps)
    async with app.run_test(size=(80, 24)) as pilot:
        app.session.ask(question)
        await compare(pilot)
        await press(pilot, "b")
        dialog = app.screen
        assert isinstance(dialog, BaselinePage)
        await wait_for(pilot, lambda: dialog.answer is not None, "the baseline")
        shown = dialog.answer
    told = baseline_under_each(part_of_hosts(dumps), question.policy, question.candidates)
    assert shown is not None and len(told.cases) > 1
    assert shown.cases == told.cases


async def test_hosts_that_name_no_kernel_get_one_in_the_baseline() -> None:
    told = "processor : 0\nFeatures : fp asimd crc32\nCPU implementer : 0x41\nCPU part : {}\nCPU revision : 3\n"
    app = app_on(*(sources.load_text(told.format(part), f"{part}.txt") for part in ("0xd08", "0xd0b")))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "2", "b")
        await wait_for(pilot, lambda: "✖" in screen_text(app), "the refusal")
        said = " ".join(screen_text(app).replace("│", "").split())
        assert "does not name its kernel; p chooses one" in said and "--kernel" not in said
        await press(pilot, "p")
        await enter_text(pilot, "6.12")
        await press(pilot, "enter")
        dialog = app.screen
        assert isinstance(dialog, BaselinePage)
        await wait_for(pilot, lambda: dialog.answer is not None, "the baseline")
        assert "✖" not in screen_text(app) and app.session.question is not None


async def test_a_baseline_needs_two_hosts() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await compare(pilot)
        await press(pilot, "b")
        assert isinstance(app.screen, Compare)


async def test_copies_and_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(NEOVERSE)
    copied: list[str] = []
    monkeypatch.setattr(app, "copy_to_clipboard", copied.append)
    async with app.run_test(size=(120, 40)) as pilot:
        await compare(pilot)
        await press(pilot, "y", "Y")
        assert copied[0].startswith("CSV2    [59:56]  0x2  0x1  ▼ lowered")
        assert copied[1].startswith("## Host against exposed") and "ID_AA64PFR0_EL1.CSV2" in copied[1]
        await compare(pilot, TWELVE)
        await press(pilot, "Y")
        assert copied[2].startswith("## Comparison")


async def test_the_palette_compares_with_any_dump() -> None:
    app = app_on(NEOVERSE, TWELVE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        offered = {entry.text: entry for entry in CompareCommands(app.screen).entries()}
        assert {"Compare: with what a kernel exposes", "Compare: all loaded dumps", "Compare: baseline"} <= set(offered)
        offered["Compare: with cortex-a72-linux-6.1"].run()
        await wait_for(pilot, lambda: "cortex-a72" in screen_text(app), "the comparison")
        assert app.current_mode == "compare" and len(app.session.dumps) == 3
        offered["Compare: all loaded dumps"].run()
        await wait_for(pilot, lambda: "3 dumps in 3 groups" in screen_text(app), "the matrix")


async def test_a_dump_that_says_nothing_of_a_machine_is_told_so() -> None:
    app = app_on(template_of({PFR0: Constraint(0xF, 1)}))
    async with app.run_test(size=(80, 24)) as pilot:
        text = await compare(pilot)
        assert "✖ template.json: " in text and "p chooses a kernel" in text


async def test_text_of_a_file_is_never_markup() -> None:
    hostile = dump_of(VALUES | {PFR1: 0x21}, source="[red]x \x1b[31m.json")
    app = app_on(dump_of(VALUES | {PFR1: 0x22}), hostile)
    async with app.run_test(size=(120, 40)) as pilot:
        await compare(pilot)
        text = await press(pilot, "a", "enter")
        assert "[red]x \\x1b[31m.json" in text


async def test_without_colour_signs_and_words_remain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await compare(pilot)
        await check_screen(pilot, "compare-80x24")
        assert all("reverse" not in style for style in styles_at(app, "CSV2"))
        assert any("bold" in style for style in styles_at(app, "▼ lowered"))


async def test_two_kernels_on_one_host_values_first_then_rules_the_older_left() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await compare(pilot)
        text = await press(pilot, "K")
        assert "to compare with" in text
        await enter_text(pilot, "6.12")
        text = await press(pilot, "enter")
        assert "left   what Linux 6.1.176, the dump's own kernel, shows" in text and "right  what Linux 6.12" in text
        assert highlighted(app).startswith("CCIDX   [23:20]  0x1  0x0  ▼ masked  mask CCIDX")
        assert "Source   arch/arm64/kvm/sys_regs.c, read_id_reg(), bf48040cd9b0, v6.3" in text
        lines = [line.node for line in page(app).board.shown if not line.depth]
        ranks = [{"rules": 2, "unknown": 3}.get(one.state, 1 if one.only else 0) for one in lines]
        assert ranks == sorted(ranks) and set(ranks) >= {0, 1, 2}
        assert any(one.title.startswith("11 only right: cache normalisation") for one in lines)
        text = await press(pilot, "D")
        assert "left   what Linux 6.12" in text and "▲ raised" in highlighted(app)
        assert "On the left: CCSIDR_EL1 is made up in the 32-bit layout" in text
        await press(pilot, "D", "j")
        assert highlighted(app).startswith("writable  E0PD, BBM") and "≠ rule" in highlighted(app)
        assert "may be lowered" in highlighted(app) and "userspace" not in screen_text(app)
        await press(pilot, "/")
        await enter_text(pilot, "SSBS")
        assert "tolerated" not in screen_text(app) and "ID_AA64PFR1_EL1" in screen_text(app)
        await press(pilot, "escape", "K")
        text = await press(pilot, "ctrl+u", "enter")
        assert "left   host values" in text


async def test_kernels_are_named_in_the_dialogs_of_both_sides() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await compare(pilot)
        await press(pilot, "d")
        await enter_text(pilot, "6.12")
        text = await press(pilot, "enter")
        assert "left   host values" in text and "right  what Linux 6.12" in text
        await press(pilot, "s")
        await enter_text(pilot, "6.2+mask-ccidx")
        text = await press(pilot, "enter")
        assert "left   what Linux 6.2+mask-ccidx shows" in text and "K Kernels" in text
        text = await press(pilot, "d")
        assert "● two kernels on this host" in text
        await enter_text(pilot, "cortex-a72-linux-6.1")
        await press(pilot, "enter")
        await wait_for(
            pilot, lambda: "right  cortex-a72-linux-6.1" in screen_text(app), "a shipped dump by its bare name"
        )
        assert page(app).board.kernel is None
        await press(pilot, "a")
        await enter_text(pilot, "6.12")
        assert "✖ 6.12: a kernel is no dump; K compares two" in await press(pilot, "enter")


async def test_no_rule_of_a_kernel_that_is_not_modelled_is_compared() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await compare(pilot)
        page(app).compare_kernel(ask("99.5.1"))
        await settle(pilot)
        shown = page(app).board.shown
        assert shown and not [one for one in shown if one.node.kind == "change" or one.node.state == "rules"]
        ids = [one.node for one in shown if one.node.kind == "register" and one.node.title.startswith("ID_AA64")]
        assert {one.state for one in ids} == {"unknown"}
        assert "99.5.1 is not modelled" in await press(pilot, "enter")


async def test_two_kernels_export_values_lists_and_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(NEOVERSE)
    copied: list[str] = []
    monkeypatch.setattr(app, "copy_to_clipboard", copied.append)
    async with app.run_test(size=(120, 40)) as pilot:
        await compare(pilot)
        page(app).compare_kernel(ask("6.12"))
        await settle(pilot)
        await press(pilot, "Y")
        assert "| ID_AA64MMFR2_EL1.CCIDX | 0x1 | 0x0 | masked | mask CCIDX |" in copied[0]
        assert "11 only right: cache normalisation" in copied[0]
        assert "| ID_AA64PFR0_EL1 | CSV3 | writable | only as shown | may be lowered |" in copied[0]
        assert page(app).report_name().startswith("kernels-6.1.176-6.12")


SCREENS = {
    "compare-kernels": (NEOVERSE, (), ("K", "text:6.12", "enter")),
    "compare-kernels-rules": (NEOVERSE, (), ("K", "text:6.12", "enter", "R", "n", "n")),
    "compare": (NEOVERSE, (), ()),
    "compare-all": (NEOVERSE, (), ("m",)),
    "compare-rules": (NEOVERSE, (), ("R",)),
    "compare-unknown": ("saved", (), ("n",)),
    "compare-filter": (NEOVERSE, (), ("/", "text:pmu")),
    "compare-dumps": (NEOVERSE, (TWELVE,), ()),
    "compare-dumps-list": (NEOVERSE, (TWELVE,), ("G", "k", "enter", "n")),
    "compare-matrix": (NEOVERSE, (TWELVE, "builtin:cortex-a72-linux-6.1", "builtin:max-linux-7.3"), ()),
    "compare-matrix-rules": (NEOVERSE, (TWELVE, "builtin:neoverse-n2-linux-7.3"), ("R",)),
    "compare-choose": (NEOVERSE, (), ("d",)),
    "compare-baseline": (NEOVERSE, (TWELVE,), ("b",)),
}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", SCREENS)
async def test_the_screen_is_as_expected(name: str, size: tuple[int, int]) -> None:
    source, others, keys = SCREENS[name]
    saved = sources.load(NEOVERSE)
    app = app_on(dump_of(saved.vcpus[0].values, source="saved.json") if source == "saved" else source)
    async with app.run_test(size=size) as pilot:
        await compare(pilot, *others)
        for key in keys:
            kind, _, text = key.partition("text:")
            await (press(pilot, kind) if kind else enter_text(pilot, text))
        await wait_for(
            pilot, lambda: getattr(app.screen, "answer", True) is not None, "what was asked beside the screen"
        )
        await check_screen(pilot, f"{name}-{size[0]}x{size[1]}")


async def test_write_opens_on_the_highlighted_line_not_on_a_register_that_has_none_here() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        app.session.show_register(find("ID_MMFR4_EL1").register.id, "CCIDX")
        text = await press(pilot, "2")
        assert "▌     CSV2    [59:56]" in text
        text = await press(pilot, "w")
        assert "register  ID_AA64PFR0_EL1" in text and "CSV2=" in text


async def test_a_name_that_is_longer_than_its_lines_ends_with_a_sign(tmp_path: Path) -> None:
    """It was cut as if it ended there, and of a note that begins with it nothing was shown."""
    path = tmp_path / f"{'a' * 210}.mig.xz"
    path.write_bytes(STREAM.read_bytes())
    app = app_on(str(path))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "2")
        await wait_for(pilot, lambda: " note   aaa" in screen_text(app), "the legend")
        shown = [line for line in screen_text(app).splitlines()[1:8] if "aaaa" in line]
        assert len(shown) == 2 and all(line.rstrip().endswith("a…") for line in shown)
