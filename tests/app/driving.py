"""Drive the real program in tests: press keys, wait for a condition, read the screen as plain text."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Input

GOLDEN = Path(__file__).parent.parent / "golden"
REGENERATE = "REGENERATE_GOLDEN"
"""Environment variable that makes the tests write the expected texts instead of comparing with them."""
KEY_NAMES = {
    " ": "space",
    ".": "full_stop",
    "_": "underscore",
    "[": "left_square_bracket",
    "]": "right_square_bracket",
    ">": "greater_than_sign",
    "<": "less_than_sign",
    ":": "colon",
    "(": "left_parenthesis",
    ")": "right_parenthesis",
    ",": "comma",
    "/": "slash",
}
DEADLINE = 60.0
"""Seconds until a test fails that waits for something, or that a screen may still change after it seemed to stand."""
SIZES = ((120, 40), (80, 24), (60, 16), (200, 60))


async def wait_for(pilot: Pilot[None], condition: Callable[[], bool], describe: str) -> None:
    """Let the program run until a condition holds; fails with `describe` at the deadline."""
    end = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"never happened: {describe}\n{screen_text(pilot.app)}")
        await pilot.pause(0.01)


async def settle(pilot: Pilot[None]) -> None:
    """Wait until the screen has stopped changing."""
    await pilot.pause()
    before = ""
    end = time.monotonic() + DEADLINE
    while (now := screen_text(pilot.app)) != before and time.monotonic() < end:
        before = now
        await pilot.pause(0.01)


async def shown(pilot: Pilot[None], text: str) -> str:
    """Wait for a text that is worked out beside the screen, and until all is drawn; the screen."""
    await wait_for(pilot, lambda: text in screen_text(pilot.app), text)
    await settle(pilot)
    return screen_text(pilot.app)


async def ready(pilot: Pilot[None], text: str = "ID_AA64PFR0_EL1") -> None:
    """Wait until the first screen, of a dump, is complete; `text` stands in it."""
    await shown(pilot, text)


async def enter_text(pilot: Pilot[None], text: str) -> str:
    """Type into the focused input at once: a key press costs a tenth of a second of waiting."""
    await wait_for(pilot, lambda: isinstance(pilot.app.focused, Input), "an input has the keys")
    assert isinstance(pilot.app.focused, Input)
    pilot.app.focused.insert_text_at_cursor(text)
    await settle(pilot)
    return screen_text(pilot.app)


async def press(pilot: Pilot[None], *keys: str) -> str:
    """Press keys (characters or Textual's names) one after the other and give the text of the screen that results."""
    for key in keys:
        await pilot.press(KEY_NAMES.get(key, key))
    await settle(pilot)
    return screen_text(pilot.app)


def screen_text(app: App[None]) -> str:
    """The screen as plain text, a line per row, without blanks at the ends."""
    # The compositor is private to Textual; this is the one place that asks it.
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips) + "\n"


def styles_at(app: App[None], text: str) -> list[str]:
    """The styles of the segments that hold a text."""
    strips = app.screen._compositor.render_strips()
    return [str(segment.style) for strip in strips for segment in strip if text in segment.text]


async def screen_that_becomes(pilot: Pilot[None], expected: str) -> str:
    """The text of the screen once it is the expected one, which a busy machine draws late; else what it is at last."""
    end = time.monotonic() + DEADLINE
    while (text := screen_text(pilot.app)) != expected and time.monotonic() < end:
        await pilot.pause(0.01)
    return text


async def check_screen(pilot: Pilot[None], name: str) -> str:
    """Wait until the screen is `tests/golden/NAME.txt`, and give its text.

    With REGENERATE_GOLDEN=1 what it is when it stopped changing is written.
    """
    await settle(pilot)
    path, app = GOLDEN / f"{name}.txt", pilot.app
    if os.environ.get(REGENERATE) == "1":
        path.write_text(screen_text(app), encoding="utf-8")
    assert path.is_file(), f"no {path.name}; run with {REGENERATE}=1 and look at what it writes"
    text = await screen_that_becomes(pilot, expected := path.read_text(encoding="utf-8"))
    assert text == expected, f"differs from {path.name}; {REGENERATE}=1 writes the new text"
    lines = text.splitlines()
    assert len(lines) == app.size.height and max(map(len, lines)) <= app.size.width
    return text
