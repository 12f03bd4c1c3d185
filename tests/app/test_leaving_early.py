"""Leaving while a screen is being made: nothing of it is there any more when it is told that it was mounted.

And what is taken down while keys wait for it."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from textual.css.query import NoMatches
from textual.events import Key

from inspector.app.modes.browse.register_list import RegisterList
from inspector.app.modes.browse.screen import Browse
from inspector.app.modes.table import MODES
from inspector.app.shell.numbers import BASES
from inspector.app.shell.typing_ahead import TypingAhead
from inspector.sources import load
from tests.app.driving import ready, settle, wait_for
from tests.app.material import NEOVERSE, app_on

OTHERS = [mode.id for mode in MODES if mode.id != "browse"]


@pytest.mark.parametrize("mode", OTHERS)
async def test_the_user_leaves_at_once_after_a_key_that_opens_something(mode: str) -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        app.action_mode(mode)
        app.exit()
        # What the end of the program does some turns of the loop later, at the worst moment.
        app._prune(app.screen_stack[-1])
    assert app._exception is None and app.return_code == 0


async def test_a_file_that_was_read_when_the_user_has_left_opens_no_mode() -> None:
    """The modes are taken down one by one then; the answer of a reading may come in between."""
    app = app_on()
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        app.exit()
        app.show_dump(load(NEOVERSE))
        assert "browse" not in app._screen_stacks
    assert app._exception is None and app.return_code == 0


async def test_a_part_that_comes_later_is_taken_down_before_it_has_its_own() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot, "AdvSIMD")
        front = app.screen
        assert isinstance(front, Browse)
        before = front.side
        assert before is None
        front._mount_side()
        assert isinstance(front.side, RegisterList)
        app.exit()
        app._prune(front)
    assert app._exception is None and app.return_code == 0


async def test_a_missing_part_is_a_fault_while_nobody_leaves() -> None:
    app = app_on(NEOVERSE)
    with pytest.raises(NoMatches):
        async with app.run_test(size=(80, 24)) as pilot:
            await settle(pilot)
            app.screen.call_later(lambda: app.screen.query_one("#no-such-part"))
            await wait_for(pilot, lambda: app._exception is not None, "the fault")


async def test_a_timer_is_not_lost_where_the_program_stands_as_it_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Textual takes its moment for one that was missed, and leaves it out."""
    app, fired = app_on(NEOVERSE), list[str]()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        for target in (app, app.screen):
            moments = itertools.chain([0.0], itertools.repeat(60.0))
            with monkeypatch.context() as stood:
                stood.setattr("textual.timer._time.get_time", lambda passing=moments: next(passing))
                target.set_timer(0.05, lambda: fired.append("once"))
                await asyncio.sleep(0.01)
        await wait_for(pilot, lambda: len(fired) == 2, "both timers")


async def test_what_is_taken_down_holds_up_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """It never says that it is done: the keys behind waited until another one was pressed."""
    monkeypatch.setattr(TypingAhead, "_when_done", lambda *_: None)
    monkeypatch.setattr("inspector.app.shell.typing_ahead.PATIENCE", 0.05)
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        before = BASES.index(app.session.base)
        app.post_message(Key("x", "x"))
        app.post_message(Key("x", "x"))
        await wait_for(pilot, lambda: app.session.base == BASES[before - 1], "both keys had their turn")
