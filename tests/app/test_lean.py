"""A screen is styled, laid out and drawn once when it comes, with no style sheet parsed twice."""

from __future__ import annotations

import gc
import weakref
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from textual.app import App
from textual.css.stylesheet import Stylesheet
from textual.dom import DOMNode
from textual.widgets._toast import Toast, ToastRack

from inspector.app.dialogs.help import Help
from inspector.app.shell.drawing import Drawing, Written
from inspector.app.widgets.lines import Lines
from tests.app.driving import press, ready, settle, wait_for
from tests.app.material import NEOVERSE, app_on

SIZE = (120, 40)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often a sheet was parsed, by the file or widget that it is of, and how often all were."""
    found: Counter[str] = Counter()
    parse, reparse = Stylesheet._parse_rules, Stylesheet.reparse

    def parsed(self: Stylesheet, css: str, read_from: tuple[str, str], *rest: Any, **more: Any) -> Any:
        known = len(self._parse_cache)
        rules = parse(self, css, read_from, *rest, **more)
        found["/".join(read_from)] += len(self._parse_cache) > known
        return rules

    def again(self: Stylesheet) -> None:
        found["everything again"] += 1
        reparse(self)

    monkeypatch.setattr(Stylesheet, "_parse_rules", parsed)
    monkeypatch.setattr(Stylesheet, "reparse", again)
    return found


async def test_each_style_sheet_is_parsed_once_and_only_when_it_is_needed(counted: Counter[str]) -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        files = {Path(name).parent.name for name in counted if ".tcss" in name}
        assert files == {"shell", "browse"}
        for key in ("6", "o", "escape", "?", "escape", "1"):
            await press(pilot, key)
    assert counted["everything again"] == 0
    files_read = {Path(name).parent.name: count for name, count in counted.items() if ".tcss" in name}
    assert files_read == dict.fromkeys(("shell", "browse", "cache", "dialogs"), 1)


async def test_rules_have_the_ranks_that_a_sheet_parsed_anew_gives_them_though_no_text_is_parsed_twice(
    counted: Counter[str],
) -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        for key in ("?", "escape", "w", "escape", "p"):
            await press(pilot, key)
        assert {name: count for name, count in counted.items() if count > 1} == {}
        anew = Stylesheet(variables=app.stylesheet._variables)
        for read_from, source in app.stylesheet.source.items():
            anew.add_source(source.content, read_from, *source[1:])
        anew.parse()
        ranks = [[(one.selectors, one.tie_breaker) for one in sheet.rules] for sheet in (app.stylesheet, anew)]
        assert ranks[0] == ranks[1] and min(rank for _, rank in ranks[0]) < -1


async def test_what_a_closed_dialog_leaves_is_collected_before_a_key_has_to() -> None:
    before = gc.get_threshold()
    app = app_on(NEOVERSE)
    try:
        gc.set_threshold(10_000_000)
        async with app.run_test(size=SIZE) as pilot:
            await ready(pilot)
            await press(pilot, "?")
            closed = weakref.ref(app.screen)
            await press(pilot, "escape")
            await wait_for(pilot, lambda: closed() is None, "the dialog is gone")
    finally:
        gc.set_threshold(*before)


@pytest.mark.parametrize("key", ["6", "o"])
async def test_a_screen_is_drawn_whole_once_when_it_comes(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    shown = App._display

    def display(self: App[Any], screen: Any, update: Written | None) -> None:
        drawn.append(sum(strip.cell_length for *_, strip in update.pieces) if update is not None else 0)
        shown(self, screen, update)  # type: ignore[arg-type]  # Textual calls it a renderable

    app = app_on(NEOVERSE)
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        monkeypatch.setattr(App, "_display", display)
        await press(pilot, key)
    assert drawn.count(SIZE[0] * SIZE[1]) == 1


async def test_a_dialog_is_styled_once_for_who_has_the_keys_and_nothing_is_drawn_after_its_first_frame(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    styled, drawn = Counter[str](), list[str]()
    apply, shown = Stylesheet.apply, Drawing.render_update

    def applied(self: Stylesheet, node: DOMNode, **more: Any) -> None:
        styled[str(node.id)] += 1
        apply(self, node, **more)

    def update(self: Drawing, *rest: Any, **more: Any) -> Any:
        drawn.append(type(self.root).__name__)
        return shown(self, *rest, **more)

    app = app_on(NEOVERSE)
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        monkeypatch.setattr(Stylesheet, "apply", applied)
        monkeypatch.setattr(Drawing, "render_update", update)
        await press(pilot, "o")
        await settle(pilot)
        assert app.screen.query_one("#path").has_focus
        assert styled["path"] == styled["offers"] == 1
        assert drawn == ["Open"]


async def test_garbage_is_looked_for_again_once_a_new_mode_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    for name in ("disable", "enable"):
        monkeypatch.setattr(gc, name, lambda name=name: asked.append(name))
    app = app_on(NEOVERSE)
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        asked.clear()
        for key in ("2", "1", "2"):
            await press(pilot, key)
    assert asked == ["disable", "enable"]


async def test_another_theme_reaches_a_mode_that_was_not_in_front() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        await press(pilot, "6")
        await press(pilot, "1")
        app.theme = "paper"
        await settle(pilot)
        ground = app.screen.styles.background
        await press(pilot, "6")
        assert app.screen.styles.background == ground
        assert app.screen.query_one("#facts", Lines).styles.background == ground


async def test_another_size_reaches_a_mode_and_a_dialog_that_were_there_before() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        await press(pilot, "6")
        await press(pilot, "1", "?")
        assert isinstance(app.screen, Help) and app.screen.has_class("-wide")
        await pilot.resize_terminal(80, 24)
        await settle(pilot)
        assert app.screen.size == (80, 24) and app.screen.has_class("-narrow")
        await press(pilot, "escape", "6")
        assert app.screen.size == (80, 24) and app.screen.has_class("-narrow") and not app.screen.has_class("-wide")


async def test_a_notice_has_a_place_on_each_screen_and_none_is_kept_for_it() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await ready(pilot)
        assert not app.screen.query(ToastRack)
        app.notify("first", timeout=3600)
        await wait_for(pilot, lambda: len(app.screen.query(Toast)) == 1, "a notice over the mode")
        await pilot.press("question_mark")
        await wait_for(pilot, lambda: isinstance(app.screen, Help), "help")
        await wait_for(pilot, lambda: len(app.screen.query(Toast)) == 1, "the notice over the dialog")
        assert len(app.screen.query(ToastRack)) == 1


def test_one_theme_is_read_at_the_start_and_the_others_when_they_are_asked_for() -> None:
    app = app_on(NEOVERSE)
    assert set(app._unread_themes) == {"contrast", "lab-light", "paper"}
    assert app.get_theme("paper") is not None and "paper" not in app._unread_themes
    assert {"contrast", "lab-dark", "lab-light", "paper"} <= set(app.available_themes)
    assert not app._unread_themes


async def test_a_page_with_a_scroll_bar_has_it_in_the_first_frame() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=SIZE) as pilot:
        await ready(pilot)
        await pilot.press("question_mark")
        await wait_for(pilot, lambda: isinstance(app.screen, Help) and bool(app.screen.size), "help")
        page = app.screen.query_one("#page", Lines)
        assert page.show_vertical_scrollbar and page.scrollable_content_region.width == page.size.width - 1
