"""Explain: paste an error text into the program, with the dumps that are loaded."""

from __future__ import annotations

import pytest
from textual.events import Paste
from textual.pilot import Pilot
from textual.widgets import TextArea

from inspector.app.dialogs.line import cleaned
from inspector.app.modes.explain.screen import Explain
from inspector.app.shell.application import InspectorApp
from inspector.app.shell.commands import PageCommands
from inspector.app.shell.wording import on_screen
from inspector.app.widgets.ink import plain
from inspector.app.widgets.lines import Lines
from tests.app.driving import SIZES, check_screen, press, screen_text, settle, wait_for
from tests.app.material import NEOVERSE, app_on

REFUSED = """\
Nov 20 11:02:07 host qemu-system-aarch64[812]: \x1b[31mkvm_failed_reg_set Warning: Unable to set ONEREG \
6931039826524487702 to KVM: Invalid argument\x1b[0m\r
Nov 20 11:02:07 host qemu-system-aarch64[812]: Failed to put registers after init: Invalid argument\r
"""
AGREED = "builtin:neoverse-n2-linux-6.12"


async def explained(app: InspectorApp, pilot: Pilot[None], text: str = REFUSED) -> Explain:
    """The page with a text pasted into it, and its answer."""
    await settle(pilot)
    page = Explain()
    app.push_screen(page)
    await settle(pilot)
    page.query_one("#pasted", TextArea).post_message(Paste(text))
    await wait_for(pilot, lambda: page.answer is not None and page.complete, "the answer")
    await settle(pilot)
    return page


async def test_a_pasted_log_is_explained_below_it() -> None:
    async with (app := app_on(NEOVERSE)).run_test(size=(120, 40)) as pilot:
        page = await explained(app, pilot)
        text = screen_text(app)
        assert "\x1b" not in page.query_one("#pasted", TextArea).text
        assert "refused 1 register: ID_MMFR4_EL1" in text
        assert "since Linux 6.18 (and stable" in text and "bf48040cd9b0" in text
        assert "What to do" in text


async def test_loaded_dumps_stand_for_both_sides() -> None:
    async with (app := app_on(NEOVERSE, AGREED)).run_test(size=(120, 40)) as pilot:
        page = await explained(app, pilot)
        text = screen_text(app)
        assert "F2 source: neoverse-n2-linux-6.1 " in text and "0x0000_0000_0102_1110  from the dump" in text
        await press(pilot, "f3", "down", "enter")
        await wait_for(pilot, lambda: page.complete, "the answer with both")
        assert page.answer is not None and page.answer.simulation is not None
        assert "F3 destination: neoverse-n2-linux-6.12" in screen_text(app)


async def test_the_palette_opens_it_and_the_answer_scrolls_and_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[str] = []
    async with (app := app_on(NEOVERSE)).run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        monkeypatch.setattr(app, "copy_to_clipboard", copied.append)
        entry = next(one for one in PageCommands(app.screen).entries() if "error" in one.text)
        entry.run()
        await settle(pilot)
        page = app.screen
        assert isinstance(page, Explain)
        page.query_one("#pasted", TextArea).post_message(Paste(REFUSED))
        await wait_for(pilot, lambda: page.answer is not None, "the answer")
        before = await press(pilot, "tab")
        assert await press(pilot, "G") != before
        await press(pilot, "Y")
        assert copied and copied[0].startswith("## The destination's KVM refused")
        await press(pilot, "escape")
        assert app.screen is not page


async def test_a_text_that_says_nothing_is_told_so() -> None:
    async with (app := app_on(NEOVERSE)).run_test(size=(80, 24)) as pilot:
        page = await explained(app, pilot, "hello world")
        assert page.answer is not None and not page.answer.recognised
        assert "looks like an error of a VM restore" in " ".join(map(plain, page.query_one("#answer", Lines).rows))


async def test_it_opens_without_any_dump() -> None:
    async with (app := app_on()).run_test(size=(80, 24)) as pilot:
        await explained(app, pilot)
        assert "ID_MMFR4_EL1" in await press(pilot, "f2", "escape")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_page_is_as_expected(size: tuple[int, int]) -> None:
    async with (app := app_on(NEOVERSE)).run_test(size=size) as pilot:
        await settle(pilot)
        app.push_screen(Explain())
        await check_screen(pilot, f"explain-empty-{size[0]}x{size[1]}")
        app.pop_screen()
        await explained(app, pilot)
        await check_screen(pilot, f"explain-{size[0]}x{size[1]}")


def test_what_is_pasted_loses_its_escape_sequences() -> None:
    assert cleaned("\x1b]0;title\x07\x1b[1;31mred\x1b[0m\r\nnext\x07\x9b") == "red\nnext  "
    assert len(cleaned("x" * (3 << 20))) == 1 << 20


async def test_what_to_do_names_the_keys_beside_the_command() -> None:
    app = app_on()
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        app.open_dialog(Explain("cacheinfo: Unable to detect cache hierarchy for CPU 0"))
        await wait_for(pilot, lambda: "What to do" in screen_text(app), "the answer")
        assert "`vcpu-inspector caches DUMP` (on screen: 6)" in " ".join(screen_text(app).split())


def test_options_are_said_as_keys() -> None:
    assert on_screen("pi.txt: does not name its kernel; choose one (--kernel K)") == (
        "pi.txt: does not name its kernel; p chooses one"
    )
    assert on_screen("no command, no option: as it is") == "no command, no option: as it is"
    assert on_screen("run `vcpu-inspector verify FILE`") == "run `vcpu-inspector verify FILE`"
