"""The mouse: what is shown as a key, a form or a choice is what a click on it does."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from textual.app import App
from textual.pilot import Pilot

from inspector.app.dialogs.choosing import Choosing
from inspector.app.dialogs.dialog import Dialog
from inspector.app.modes.write.screen import Write
from tests.app.driving import press, screen_text, settle, shown, wait_for
from tests.app.material import NEOVERSE, app_on


async def click(pilot: Pilot[None], words: str, line: Callable[[str], bool] = lambda line: True) -> str:
    """Click on the first place that has these words, in a line that a condition holds for; the screen then."""
    lines = screen_text(pilot.app).splitlines()
    y = next((at for at, one in enumerate(lines) if words in one and line(one)), None)
    assert y is not None, f"no {words!r}\n" + "\n".join(lines)
    return await click_at(pilot, lines[y].index(words) + len(words) // 2, y)


async def click_at(pilot: Pilot[None], x: int, y: int) -> str:
    """Click where something is; the screen then. The pilot takes what it is told was clicked for the event's widget."""
    widget, region = pilot.app.screen.get_widget_at(x, y)
    await pilot.click(widget, offset=(x - region.x, y - region.y))
    await settle(pilot)
    return screen_text(pilot.app)


def dialog(app: App[None]) -> str:
    """The name of the dialog on top; empty for none."""
    return type(app.screen).__name__ if isinstance(app.screen, Dialog) else ""


@pytest.mark.parametrize("size", ((120, 40), (80, 24), (60, 16)))
async def test_a_form_of_a_patch_is_chosen_by_a_click(size: tuple[int, int]) -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await press(pilot, "5")
        await wait_for(pilot, lambda: bool(getattr(app.screen, "complete", False)), "every form worked out")
        assert "▼ 2 accepted and ignored" not in screen_text(app).partition(" after ")[2]
        text = await click(pilot, "old value ignored")
        assert "▼ 2 accepted and ignored" in text.partition(" after ")[2]
        text = await click(pilot, "before", lambda line: "saved" not in line)
        assert "[before]" in text or "▌ before" in text


async def test_the_next_series_and_the_next_form_are_a_click_away() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "5")
        assert " 1 of " in screen_text(app)
        assert " 2 of " in await click(pilot, "S next")
        assert "▌ as merged" in await click(pilot, " t ", lambda line: line.startswith(" t  form"))


@pytest.mark.parametrize(
    ("key", "words", "after"),
    [("4", "d change", "ChooseDestination"), ("4", "s change", "ChooseSource"), ("4", "p kernel", "PolicyChooser")],
)
async def test_what_stands_beside_a_key_does_what_the_key_does(key: str, words: str, after: str) -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, key)
        await shown(pilot, words)
        await click(pilot, words)
        await wait_for(pilot, lambda: dialog(app) == after, f"{after} is open")
        await click(pilot, "esc closes")
        await wait_for(pilot, lambda: dialog(app) == "", "the dialog is closed")


async def test_compare_is_switched_by_a_click_on_what_it_lists() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "2")
        assert "● all" in await click(pilot, "all 345")
        assert "● differences only" in await click(pilot, "differences only")
        assert "by rule (R by register)" in await click(pilot, "R by rule")


async def test_a_click_beside_a_dialog_closes_it_and_one_in_it_does_not() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "o")
        assert isinstance(app.screen, Choosing)
        await click_at(pilot, 60, 7)
        assert dialog(app) == "Open"
        await click_at(pilot, 2, 20)
        assert dialog(app) == ""


async def test_a_hint_of_a_dialog_presses_its_key_in_what_has_the_keys() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "o", *"builtin:cort")
        assert "builtin:cortex-a72-linux-" in await click(pilot, "tab completes")


@pytest.mark.parametrize("size", ((120, 40), (80, 24)))
async def test_write_takes_values_and_keys_by_the_mouse(size: tuple[int, int]) -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await press(pilot, "2", "w")
        assert isinstance(app.screen, Write) and app.screen.line.value == "CSV2="
        await click(pilot, "0x0 not stated")
        assert app.screen.line.value == "CSV2=0x0"
        await press(pilot, "backspace", "4")
        await wait_for(pilot, lambda: "F5 Take" in screen_text(app), "a value that would pass is offered")
        await click(pilot, "F5 Take")
        assert app.screen.line.value == "CSV2=0x1" or app.screen.line.value.startswith("0x1101")
        await click(pilot, "enter Try")
        await wait_for(pilot, lambda: "1 write tried" in screen_text(app), "the write was made")
        await click(pilot, "F3 Undo")
        await wait_for(pilot, lambda: "write tried" not in screen_text(app), "it was taken back")


async def test_the_kernel_slider_is_moved_by_clicks_on_its_keys() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "]")
        await wait_for(pilot, lambda: " [ ] kernel" in screen_text(app), "the slider is shown")
        await wait_for(pilot, lambda: "→" in screen_text(app).splitlines()[1], "a step was made")
        there = screen_text(app).splitlines()[1]
        await click(pilot, "]", lambda line: line.startswith(" [ ]"))
        await wait_for(pilot, lambda: screen_text(app).splitlines()[1] != there, "another kernel")
