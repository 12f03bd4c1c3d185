"""The palette's providers: what they offer, and that what they offer works. Textual only logs their errors."""

from __future__ import annotations

from textual.command import DiscoveryHit, Hit
from textual.events import Key

from inspector.app.modes import browse
from inspector.app.shell.application import InspectorApp
from inspector.app.shell.commands import (
    Commands,
    DumpCommands,
    KeyCommands,
    PolicyCommands,
    RegisterCommands,
    ThemeCommands,
)
from inspector.app.shell.keys import keys_of
from tests.app.driving import enter_text, press, screen_text, settle, wait_for
from tests.app.material import NEOVERSE, PFR0, PFR1, VALUES, app_on
from tests.sources.material import dump_of


def source_of(app: InspectorApp) -> str:
    return app.session.view.source if app.session.view else ""


async def texts(provider: Commands, query: str = "") -> dict[str, Hit | DiscoveryHit]:
    hits = provider.search(query) if query else provider.discover()
    return {str(hit.text): hit async for hit in hits}


async def test_registers_by_every_spelling_and_field() -> None:
    app = app_on(dump_of(VALUES))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        provider = RegisterCommands(app.screen)
        for query in ("aa64pfr1", "S3_0_C0_C4_1", "0x603000000013c021", "ID_AA64PFR1_EL1"):
            found = await texts(provider, query)
            assert next(iter(found)).startswith("Go to: ID_AA64PFR1_EL1"), query
        found = await texts(provider, "ID_AA64PFR0_EL1.GIC")
        hit = found["Go to: ID_AA64PFR0_EL1.GIC"]
        hit.command()
        await settle(pilot)
        assert app.session.place.register == PFR0 and app.session.place.field == "GIC"
        assert not await texts(provider, "no such thing")


async def test_dumps_and_vcpus() -> None:
    app = app_on(dump_of(VALUES, VALUES, source="two.json"), dump_of(VALUES, source="one.json"))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        provider = DumpCommands(app.screen)
        found = await texts(provider)
        assert {"Look at: one.json", "vCPU: vcpu 1", "Open: a dump…"} <= set(found)
        found["vCPU: vcpu 1"].command()
        assert app.session.place.view == 1
        found["Look at: one.json"].command()
        assert source_of(app) == "one.json"
        opened = await texts(provider, "open neoverse-n2-linux-6.1")
        opened["Open: neoverse-n2-linux-6.1"].command()
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
        found = await texts(provider)
        assert {"Theme: lab-light", "Theme: contrast", "Theme: paper"} <= set(found)
        found["Theme: paper"].command()
        await settle(pilot)
        assert app.theme == "paper"
        assert "Theme: nord" in await texts(provider, "nord")


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
