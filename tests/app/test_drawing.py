"""What is said to stand on the terminal is what Textual would draw of every widget anew, after whatever key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from textual._compositor import Compositor
from textual._context import visible_screen_stack
from textual.app import App
from textual.containers import Vertical
from textual.geometry import Region
from textual.scrollbar import ScrollBar
from textual.strip import Strip

from inspector.app.shell.application import InspectorApp
from inspector.app.shell.drawing import _shown
from inspector.app.widgets.lines import Lines
from inspector.app.widgets.unmarked import Box
from tests.app.driving import press, screen_text, settle, wait_for
from tests.app.material import NEOVERSE, app_on

KEYS = {
    "browse": [*">>>>>>nnmvvxx", "enter", *">>>>", "escape", "tab", "down", "pagedown", "end", *"<<m"],
    "search": ["/", *"mmfr", "backspace", *"r2", "down", "escape", "/", *"zzzz", "escape"],
    "dialogs": ["?", "pagedown", "escape", "p", "down", "tab", "down", "escape", "o", "down", "escape", "w", "escape"],
    "modes": ["2", "down", "6", "down", "1", "2", "0", "1", ">", "]", "]", "["],
}


def cells(strips: Iterable[Strip]) -> list[tuple[str, str]]:
    """The characters of a line, each with how it is drawn."""
    segments = [segment for strip in strips for segment in strip]
    return [(letter, str(style and style.clear_meta_and_links())) for text, style, _ in segments for letter in text]


def stale(app: InspectorApp) -> list[int]:
    """Lines of the terminal that are not what the screen in front would draw."""
    screen, shown = app.screen, _shown[app]
    for widget in screen.walk_children(Lines):
        widget._strips.clear()
        widget._styles_cache.clear()
    visible_screen_stack.set(app._background_screens)
    drawn = Compositor.render_strips(screen._compositor)
    return [y for y, strip in enumerate(drawn) if cells([strip]) != cells(one for _, one in sorted(shown[y].items()))]


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (200, 60)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("keys", KEYS.values(), ids=KEYS)
async def test_the_terminal_shows_what_there_is_to_see(keys: list[str], size: tuple[int, int]) -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=size) as pilot:
        await wait_for(pilot, lambda: "ID_AA64PFR0_EL1" in screen_text(app), "a register")
        for key in keys:
            await press(pilot, key)
            await settle(pilot)
            await wait_for(pilot, lambda: not stale(app), f"everything drawn after {key}")


def seen(strip: Strip) -> list[tuple[str, str]]:
    """What can be seen of a line: the ink of a blank, and the ground of a full block, cannot."""
    found = []
    for text, style, _ in strip:
        assert style is not None
        ink, ground = (style.bgcolor, style.color) if style.reverse else (style.color, style.bgcolor)
        found += [(letter, f"{ground}" if letter == " " else f"{ink} on {ground}") for letter in text]
    return found


@pytest.mark.parametrize("environment", ["", "NO_COLOR"])
async def test_scroll_bars_and_frames_look_as_textual_draws_them(
    environment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if environment:
        monkeypatch.setenv(environment, "1")
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_for(pilot, lambda: "ID_AA64PFR0_EL1" in screen_text(app), "a register")
        for key in ("?", "down", "down", "pagedown", "end"):
            await press(pilot, key)
            page, box = app.screen.query_one("#page", Lines), app.screen.query_one(Box)
            for one, textual in ((page.vertical_scrollbar, ScrollBar), (box, Vertical)):
                region = Region(0, 0, *one.outer_size)
                lines = zip(one.render_lines(region), textual.render_lines(one, region), strict=True)
                assert all(seen(ours) == seen(theirs) for ours, theirs in lines), key
                assert len({id(line) for line in one.render_lines(region)}) <= 5 < region.height


async def test_a_letter_of_the_search_is_drawn_together_with_what_it_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    app, frames, show = app_on(NEOVERSE), list[object](), App._display

    def display(self: App[Any], screen: Any, update: Any) -> None:
        frames.extend([update] * (update is not None))
        show(self, screen, update)

    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for(pilot, lambda: "ID_AA64PFR0_EL1" in screen_text(app), "a register")
        await press(pilot, "/", "m")
        await settle(pilot)
        monkeypatch.setattr(App, "_display", display)
        await press(pilot, "m")
        await wait_for(pilot, lambda: "ID_AA64MMFR0_EL1  " in screen_text(app), "what the letters find")
        await settle(pilot)
    assert len(frames) == 1


async def test_what_was_taken_off_since_the_last_layout_is_not_drawn() -> None:
    """Random keys (seed 31) came upon it: a widget without a screen was asked for its lines."""
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for(pilot, lambda: "ID_AA64PFR0_EL1" in screen_text(app), "a register")
        hint, compositor = app.screen.query_one("#find-hint", Lines), app.screen._compositor
        before = [dict(line) for line in _shown[app]]
        await hint.remove()
        hint._strips.clear()
        assert hint in compositor.visible_widgets, "no layout yet"
        compositor._dirty_regions.add(app.screen.size.region)
        app.screen._compositor_refresh()
        assert [{at: one.text for at, one in line.items()} for line in _shown[app]] == [
            {at: one.text for at, one in line.items()} for line in before
        ]
        assert all(strip.cell_length == 120 for strip in compositor.render_strips())
        await settle(pilot)
        assert not stale(app) and hint not in compositor.visible_widgets
