"""The README's pictures show what the program shows."""

from __future__ import annotations

import pytest

from tests.app.driving import screen_that_becomes
from tests.make_picture import FOLDER, PICTURES, screen_of, text_of, with_text

DRAW = "`python -m tests.make_picture` draws the pictures anew: look at them"


@pytest.mark.parametrize("name", PICTURES)
async def test_a_picture_shows_the_screen_as_it_is(name: str) -> None:
    drawn = text_of((FOLDER / f"{name}.png").read_bytes())
    async with screen_of(name) as pilot:
        text = await screen_that_becomes(pilot, drawn)
    assert text.splitlines() == drawn.splitlines(), DRAW


def test_a_picture_without_a_text_is_old() -> None:
    picture = (FOLDER / "readme.png").read_bytes()
    assert text_of(with_text(picture, "another\n")) == "another\n"
    plain = picture.replace(b"iTXt", b"tEXt", 1)
    assert text_of(plain) == ""
