"""The README's pictures show what the program shows."""

from __future__ import annotations

import time

import pytest

from tests.app.driving import LATE, screen_text
from tests.make_picture import FOLDER, PICTURES, screen_of, text_of, with_text

DRAW = "`python -m tests.make_picture` draws the pictures anew: look at them"


@pytest.mark.parametrize("name", PICTURES)
async def test_a_picture_shows_the_screen_as_it_is(name: str) -> None:
    drawn = text_of((FOLDER / f"{name}.png").read_bytes())
    async with screen_of(name) as pilot:
        end = time.monotonic() + LATE
        while (text := screen_text(pilot.app)) != drawn and time.monotonic() < end:
            await pilot.pause(0.01)
        assert text.splitlines() == drawn.splitlines(), DRAW


def test_a_picture_without_a_text_is_old() -> None:
    picture = (FOLDER / "readme.png").read_bytes()
    assert text_of(with_text(picture, "another\n")) == "another\n"
    plain = picture.replace(b"iTXt", b"tEXt", 1)
    assert text_of(plain) == ""
