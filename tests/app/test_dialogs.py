"""Start page, opening, exporting, help, copying, modes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from textual.events import Key

from inspector import app as program
from inspector.app.dialogs.choosing import complete_path
from inspector.app.dialogs.export import free_name, write_new
from inspector.app.modes.browse.screen import Browse
from inspector.app.modes.features.screen import Features
from inspector.app.modes.start.screen import Start
from inspector.app.shell.escapes import AltKey
from inspector.app.widgets.ink import Row
from inspector.app.widgets.lines import Lines
from inspector.errors import SourceError
from tests.app.driving import enter_text, press, screen_text, settle, shown, wait_for
from tests.app.material import NEOVERSE, VALUES, app_on
from tests.sources.material import dump_of


async def test_the_start_page_opens_a_shipped_dump() -> None:
    app = app_on()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert isinstance(app.screen, Start)
        text = screen_text(app)
        assert "cortex-a72-linux-5.10" in text and "what is in it" in text
        await press(pilot, "enter")
        await wait_for(pilot, lambda: isinstance(app.screen, Browse), "Browse is in front")
        assert app.session.view is not None and app.session.view.source.startswith("builtin:")


async def test_modes_need_a_dump() -> None:
    app = app_on()
    async with app.run_test(size=(80, 24)) as pilot:
        await press(pilot, "1")
        assert isinstance(app.screen, Start)


async def test_digits_switch_modes_and_only_existing_ones() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        text = await press(pilot, "6")
        assert "LoC" in text and "CLIDR_EL1" in text
        text = await press(pilot, "1")
        assert "ID_AA64PFR0_EL1" in text
        present = [mode.title for mode in app.modes_present if mode.needs_dump]
        for title in present:
            assert title in text.splitlines()[0]
        for title in {"Browse", "Compare", "Write", "Migrate", "Patch", "Cache"} - set(present):
            assert title not in text.splitlines()[0]


async def test_a_file_that_cannot_be_opened_says_so_in_place(tmp_path: Path) -> None:
    bad = tmp_path / "bad.bin"
    bad.write_bytes(b"\x00\x01nothing")
    app = app_on(dump_of(VALUES))
    async with app.run_test(size=(80, 24)) as pilot:
        await press(pilot, "o")
        app.screen.query_one("#path").value = str(bad)  # type: ignore[attr-defined]
        await press(pilot, "enter")
        await shown(pilot, "✖")
        assert len(app.session.dumps) == 1
        text = await press(pilot, "escape")
        assert "ID_AA64PFR0_EL1" in text


async def test_several_dumps_are_loaded_and_stepped_through() -> None:
    app = app_on(dump_of(VALUES, source="one.json"), dump_of(VALUES, source="two.json"))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert "one.json" in screen_text(app).splitlines()[0]
        text = await press(pilot, "right_curly_bracket")
        assert "two.json" in text.splitlines()[0]
        text = await press(pilot, "o")
        assert "Loaded" in text and "one.json" in text
        await press(pilot, "escape", "left_curly_bracket")
        assert "one.json" in screen_text(app).splitlines()[0]


def test_an_unreadable_source_ends_before_the_screen_opens(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        program.run([str(tmp_path / "missing")])


async def test_help_is_for_the_focused_pane() -> None:
    app = app_on(dump_of(VALUES))
    async with app.run_test(size=(120, 40)) as pilot:
        assert "register list shows" in await press(pilot, "?".replace("?", "question_mark"))
        assert "register list shows" not in await press(pilot, "escape")
        await press(pilot, "tab")
        assert "field table shows" in await press(pilot, "f1")
        await press(pilot, "f1")
        assert isinstance(app.screen, Browse)


async def test_copying_a_line_and_the_report() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "y")
        assert "CSV2" in app.clipboard and "59:56" in app.clipboard
        await press(pilot, "Y")
        assert app.clipboard.startswith("## ") and "| 59:56 | CSV2" in app.clipboard
        await press(pilot, "6", "y")
        assert app.clipboard.startswith("L1 ")


async def test_exporting_never_overwrites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "e", "enter")
        written = tmp_path / "ID_AA64PFR0_EL1.md"
        assert written.read_text().startswith("## ")
        await press(pilot, "e")
        assert "ID_AA64PFR0_EL1-2.md" in screen_text(app)
        app.screen.query_one("#name").value = "ID_AA64PFR0_EL1.md"  # type: ignore[attr-defined]
        assert "exists already" in await press(pilot, "enter")


def test_names_of_exported_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert free_name("CCSIDR[0]") == "CCSIDR-0.md"
    assert free_name("../x") == "x.md"
    assert write_new("no/such/folder.md", "text").startswith("no/such/folder.md: ")


def test_paths_are_completed_as_far_as_certain(tmp_path: Path) -> None:
    (tmp_path / "dump-one.json").touch()
    (tmp_path / "dump-two.json").touch()
    (tmp_path / "folder").mkdir()
    assert complete_path(f"{tmp_path}/du") == (f"{tmp_path}/dump-", ["dump-one.json", "dump-two.json"])
    assert complete_path(f"{tmp_path}/fo")[0] == f"{tmp_path}/folder/"
    assert complete_path(f"{tmp_path}/none/x") == (f"{tmp_path}/none/x", [])


@pytest.mark.parametrize(("mode", "key"), [("4", "d"), ("2", "d")])
async def test_what_is_typed_over_a_list_of_dumps_goes_into_the_line(mode: str, key: str) -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, mode)
        await press(pilot, key)
        await press(pilot, *"/tmp/none", "enter")
        await shown(pilot, "✖ /tmp/none: cannot be opened")


async def test_alt_and_a_letter_go_by_words_in_a_text_and_are_escape_and_that_letter_elsewhere() -> None:
    """A terminal sends the same bytes for both."""
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "0", "o")
        await enter_text(pilot, "one two")
        app.post_message(AltKey("b"))
        app.post_message(Key("x", "x"))
        await wait_for(pilot, lambda: "one xtwo" in screen_text(app), "a word back")
        app.post_message(AltKey("\x7f"))
        await wait_for(pilot, lambda: "one two" in screen_text(app), "a word less")
        await press(pilot, "ctrl+u", "delete", "delete", "delete")
        app.post_message(AltKey("f"))
        await wait_for(pilot, lambda: "Open a dump" not in screen_text(app), "escape")
        await wait_for(pilot, lambda: isinstance(app.screen, Features), "then f")


def test_an_escape_waits_no_longer_than_the_rest_of_a_sequence_takes() -> None:
    code = (
        "import os, sys; os.environ.pop('ESCDELAY', None); import inspector.app, inspector.app.shell as s, types\n"
        "found = types.ModuleType('inspector.app.shell.application')\n"
        "found.run_app = lambda *a, **k: print(__import__('textual.constants').constants.ESCAPE_DELAY)\n"
        "sys.modules['inspector.app.shell.application'] = found; inspector.app.run([])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 0.02 <= float(told.stdout) <= 0.06


@pytest.mark.parametrize(("size", "end"), [((80, 24), "debugfs:  "), ((60, 16), "…")])
async def test_what_can_be_typed_is_whole_or_says_that_it_is_cut(size: tuple[int, int], end: str) -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        line = next(one for one in (await press(pilot, "o")).splitlines() if " file, builtin:NAME" in one)
        assert end in line


@pytest.mark.parametrize(("keys", "lines"), [("2?", "#page"), ("4f", "#page"), ("e", "#said"), ("o", "#said")])
async def test_what_a_dialog_says_is_wrapped_anew_in_a_terminal_of_another_size(keys: str, lines: str) -> None:
    """A page opened on a large terminal lost the ends of its lines on a small one, and one opened on a tiny one was
    a column of first letters for good."""

    async def said(size: tuple[int, int], later: tuple[int, int]) -> tuple[Row, ...]:
        app = app_on(NEOVERSE)
        async with app.run_test(size=size) as pilot:
            await settle(pilot)
            await press(pilot, *keys)
            if keys == "o":
                await enter_text(pilot, "/none/of/these/folders/holds/a/file/of/that/name")
                await press(pilot, "enter")
                await wait_for(pilot, lambda: "cannot be opened" in screen_text(app), "what was wrong")
            if later != size:
                await pilot.resize_terminal(*later)
                await settle(pilot)
            return app.screen.query_one(lines, Lines).rows

    small = await said((60, 16), (60, 16))
    assert await said((120, 40), (60, 16)) == small
    wide = await said((120, 40), (120, 40))
    assert wide != small and await said((60, 16), (120, 40)) == wide
