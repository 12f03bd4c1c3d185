"""The palette: what it offers and finds, and that what it offers works."""

from __future__ import annotations

import subprocess
import sys

import pytest
from textual.events import Key

from inspector.app.modes import browse
from inspector.app.shell.application import InspectorApp
from inspector.app.shell.commands import (
    Command,
    Commands,
    DumpCommands,
    KeyCommands,
    PolicyCommands,
    RegisterCommands,
    Search,
    ThemeCommands,
    all_commands,
)
from inspector.app.shell.keys import keys_of
from tests.app.driving import enter_text, press, screen_text, settle, wait_for
from tests.app.material import NEOVERSE, PFR0, PFR1, VALUES, app_on
from tests.sources.material import dump_of


def source_of(app: InspectorApp) -> str:
    return app.session.view.source if app.session.view else ""


def texts(provider: Commands, query: str = "") -> dict[str, Command]:
    search = Search([provider])
    return {hit.command.text: hit.command for hit in (search.hits(query) if query else search.offered())}


async def test_registers_by_every_spelling_and_field() -> None:
    app = app_on(dump_of(VALUES))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        provider = RegisterCommands(app.screen)
        for query in ("aa64pfr1", "S3_0_C0_C4_1", "0x603000000013c021", "ID_AA64PFR1_EL1"):
            found = texts(provider, query)
            assert next(iter(found)).startswith("Go to: ID_AA64PFR1_EL1"), query
        found = texts(provider, "ID_AA64PFR0_EL1.GIC")
        hit = found["Go to: ID_AA64PFR0_EL1.GIC"]
        hit.run()
        await settle(pilot)
        assert app.session.place.register == PFR0 and app.session.place.field == "GIC"
        assert not texts(provider, "no such thing")


async def test_dumps_and_vcpus() -> None:
    app = app_on(dump_of(VALUES, VALUES, source="two.json"), dump_of(VALUES, source="one.json"))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        provider = DumpCommands(app.screen)
        found = texts(provider)
        assert {"Look at: one.json", "vCPU: vcpu 1", "Open: a dump…"} <= set(found)
        found["vCPU: vcpu 1"].run()
        assert app.session.place.view == 1
        found["Look at: one.json"].run()
        assert source_of(app) == "one.json"
        opened = texts(provider, "open neoverse-n2-linux-6.1")
        opened["Open: neoverse-n2-linux-6.1"].run()
        assert source_of(app) == NEOVERSE


async def test_every_key_of_the_mode_is_a_command() -> None:
    app = app_on(dump_of(VALUES))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        provider = KeyCommands(app.screen)
        offered = {entry.text for entry in provider.entries()}
        for key in keys_of(browse.MODE):
            assert any(key.tooltip in text for text in offered), key.id
        assert any("what a patch changes" in text for text in offered)
        base = next(entry for entry in provider.entries() if "binary or decimal" in entry.text)
        base.run()
        await settle(pilot)
        assert app.session.base == "binary"
        step = next(entry for entry in provider.entries() if "Next register of the list" in entry.text)
        step.run()
        await settle(pilot)
        assert app.session.place.register == PFR1


async def test_themes() -> None:
    app = app_on(dump_of(VALUES))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        provider = ThemeCommands(app.screen)
        found = texts(provider)
        assert {"Theme: lab-light", "Theme: contrast", "Theme: paper"} <= set(found)
        found["Theme: paper"].run()
        await settle(pilot)
        assert app.theme == "paper"
        assert "Theme: nord" in texts(provider, "nord")


async def test_a_policy_is_asked_by_name() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        provider = PolicyCommands(app.screen)
        texts = [entry.text for entry in provider.entries()]
        assert "Policy: choose…" in texts and "Policy: none" not in texts
        next(entry for entry in provider.entries() if entry.text == "Policy: Linux 6.2.0").run()
        assert app.session.question is not None and app.session.question.policy.point == "6.2.0"
        next(entry for entry in provider.entries() if entry.text == "Policy: 6.2.0+mask-ccidx").run()
        assert app.session.question.patches == ("mask-ccidx",)
        next(entry for entry in provider.entries() if entry.text == "Policy: none").run()
        assert app.session.question is None


async def test_a_key_behind_the_one_that_closes_the_palette_waits_for_what_that_brings() -> None:
    app = app_on("builtin:neoverse-n2-linux-6.1")
    async with app.run_test(size=(120, 40)) as pilot:
        await press(pilot, "ctrl+p")
        await enter_text(pilot, "Summary")
        await wait_for(pilot, lambda: "key 0" in screen_text(app), "the command is offered")
        app.post_message(Key("enter", "\r"))
        app.post_message(Key("question_mark", "?"))
        await wait_for(pilot, lambda: "Help: Summary" in screen_text(app), "the help of the mode that was chosen")


@pytest.mark.parametrize("words", ["summary", "theme p", "open 6.1", "mmfr2", "zzz"])
async def test_what_is_typed_letter_by_letter_finds_what_it_finds_at_once(words: str) -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        typed = Search(all_commands(app.screen))
        for end in range(1, len(words) + 1):
            once = Search(all_commands(app.screen)).hits(words[:end])
            assert [one[1:] for one in typed.hits(words[:end])] == [one[1:] for one in once]
        assert len(typed.hits(words[:1])) > len(once), "a letter was taken back"


async def test_a_click_runs_an_entry_and_one_beside_the_palette_closes_it() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await press(pilot, "ctrl+p")
        await enter_text(pilot, "paper")
        await wait_for(pilot, lambda: "▌ Theme: paper" in screen_text(app), "the entry")
        await press(pilot, "ctrl+p")
        assert len(app.screen_stack) == 2
        await pilot.click("#offers", offset=(5, 0))
        await wait_for(pilot, lambda: app.theme == "paper", "the theme of the entry")
        await press(pilot, "ctrl+p")
        await wait_for(pilot, lambda: len(app.screen_stack) == 2, "the palette")
        await pilot.click(offset=(1, 1))
        await wait_for(pilot, lambda: len(app.screen_stack) == 1, "the mode alone")
        assert app.theme == "paper"


LOADED = """
import sys
from inspector.app.shell.application import InspectorApp
from inspector.app.dialogs.palette import Palette
from inspector.sources import load
app = InspectorApp([load("builtin:neoverse-n2-linux-6.1")])
async def main():
    async with app.run_test() as pilot:
        await pilot.pause()
        Palette(app.screen)
import asyncio
asyncio.run(main())
model = ("inspector.policies.model", "inspector.kvm", "inspector.checks")
print(*(name for name in sys.modules if name.startswith(model)))
"""


def test_what_only_a_search_finds_is_not_loaded_while_the_palette_opens() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stdout.split()
