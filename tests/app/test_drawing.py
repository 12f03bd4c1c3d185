"""What is said to stand on the terminal is what Textual would draw of every widget anew, after whatever key."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from textual._compositor import Compositor
from textual._context import visible_screen_stack
from textual.strip import Strip

from inspector.app.shell.application import InspectorApp
from inspector.app.shell.drawing import _shown
from inspector.app.widgets.lines import Lines
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
