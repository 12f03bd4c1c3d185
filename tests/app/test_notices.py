"""Notices on a machine that draws them late."""

from __future__ import annotations

import time

from textual.widgets._toast import Toast

from inspector.app.shell.notices import LEAST, Notice
from tests.app.driving import press, screen_text, settle
from tests.app.material import NEOVERSE, app_on
from tests.hostile_text import EVIL, hidden_in


def test_no_time_of_a_notice_is_below_zero_and_its_end_is_its_end() -> None:
    """Textual's timer of a negative time counts backwards for ever; random keys found it on a busy machine."""
    late = Notice("x", timeout=5, raised_at=time.time() - 5.004)
    assert late.time_left == LEAST and late.has_expired
    fresh = Notice("x", timeout=5000)
    assert 4000 < fresh.time_left <= 5000 and not fresh.has_expired


async def test_every_notice_of_the_program_is_one_of_these() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "}")
        app.screen.notify("of a screen")
        await settle(pilot)
        shown = list(app._notifications)
        assert len(shown) == 2 and all(isinstance(one, Notice) for one in shown)
        assert len(app.screen.query(Toast)) == 2


async def test_a_notice_shows_hostile_text_as_the_characters_that_it_has() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 40)) as pilot:
        await settle(pilot)
        app.notify(EVIL, title=EVIL)
        await settle(pilot)
        (notice,) = app._notifications
        assert not hidden_in(notice.message) and not hidden_in(notice.title) and notice.markup is False
        assert "[@click=app.quit]QUIT" in notice.message and "[@click=app.quit]QUIT" in notice.title


async def test_two_notices_leave_the_lines_of_a_dialog_to_be_read() -> None:
    """They lay over eight lines of Write's 22."""
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "w")
        for text in ("Copied one line", "Copied another line"):
            app.notify(text)
        await settle(pilot)
        assert [one.outer_size.height for one in app.screen.query(Toast)] == [1, 1]
        first, second = (one.region.y for one in app.screen.query(Toast))
        assert second == first + 1 and "Copied one line" in screen_text(app)
