"""The Write dialog: a verdict while typing, what is kept, history, the first run."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from inspector import sources
from inspector.app.modes.write.judged import pair_words
from inspector.app.modes.write.screen import Write
from inspector.app.shell.application import InspectorApp
from inspector.checks.writing.scratch import PairedWrite
from inspector.kvm.verdict import Verdict
from inspector.registers import catalog
from inspector.registers.ids import id_of
from inspector.sources.live.scratch import ActualWrite
from tests.app.driving import enter_text, press, screen_text, settle, wait_for
from tests.app.material import NEOVERSE, PFR0, app_on

MATERIAL = Path(__file__).parent.parent / "material"


async def typed(pilot: Pilot[None], text: str) -> str:
    """The screen after a text was typed."""
    return await press(pilot, *text)


def value(app: InspectorApp) -> str:
    """What stands in the line."""
    return app.screen.query_one("#value", Input).value


@pytest.mark.parametrize("key", ["w", "3"])
@pytest.mark.parametrize("size", [(120, 40), (80, 24), (60, 16)])
async def test_the_verdict_appears_while_typing(key: str, size: tuple[int, int]) -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await press(pilot, key)
        assert isinstance(app.screen, Write)
        text = await typed(pilot, "DIT=0")
        assert "✖ refused   EINVAL (22)" in text and "DIT [51:48]" in text
        assert "Why " in text and "Rule" in text and "Would pass  0x1101_0011_2111_0112" in text
        text = await typed(pilot, "x")
        assert "✖ ID_AA64PFR0_EL1" in text and "refused" not in text


@pytest.mark.parametrize("text", ["0x1101001121110112", "CSV3=1 CSV2=1", str(0x1101_0011_2111_0112)])
async def test_every_way_to_write_a_value(text: str) -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "w")
        assert "= accepted" in await typed(pilot, text)


@pytest.mark.parametrize("after", [0.01, 3600.0], ids=["ready", "not ready"])
async def test_the_first_value_is_judged_alike_whether_or_not_what_judges_was_loaded(
    after: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inspector.app.modes.write.screen.AFTER", after)
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        text = await press(pilot, "w")
        text = text.replace("as read   ", "now       ") if after < 1 else text
        word = "now    " if after < 1 else "as read"
        assert f"{word}   0x1101_0011_2111_0112" in text and "not run yet   policy Linux 6.1.176" in text
        if after < 1:
            await wait_for(pilot, lambda: app.session.tried.last is not None, "what judges is there")
            await settle(pilot)
            assert screen_text(app) == text
        assert (app.session.tried.last is None) == (after > 1)
        assert "✖ refused   EINVAL (22)" in await typed(pilot, "0") and app.session.tried.last is not None


@pytest.mark.parametrize(
    ("name", "now"), [("CNTVCT_EL0", "now       not known"), ("ID_AA64PFR1_EL1", "as read   0x0000_0000_0000_0021")]
)
async def test_what_runs_on_is_not_taken_for_what_was_saved(
    name: str, now: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inspector.app.modes.write.screen.AFTER", 3600.0)
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.session.show_register(catalog.find(name).register.id)
        text = await press(pilot, "w")
        assert now in text


async def test_enter_tries_and_another_key_takes_what_would_pass() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "w")
        await typed(pilot, "DIT=0")
        text = await press(pilot, "enter")
        assert value(app) == "DIT=0" and "step 1: refused EINVAL" in text and "1 write tried" in text
        text = await press(pilot, "f5")
        assert value(app) == "0x1101001121110112" and "= accepted" in text
        text = await press(pilot, "enter")
        assert "2 writes tried" in text and "step 2: accepted" in text


async def test_the_vcpu_keeps_writes_until_it_is_reset() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "p", *"6.12", "enter", "w")
        await typed(pilot, "DIT=0")
        assert "now       0x1100_0011_2111_0112" in await press(pilot, "enter")
        await press(pilot, "escape")
        assert "now       0x1100_0011_2111_0112" in await press(pilot, "w")
        assert "now       0x1101_0011_2111_0112" in await press(pilot, "f4")
        await press(pilot, "up")
        assert value(app) == "DIT=0"
        await press(pilot, "down")
        assert value(app) == ""


async def test_another_policy_is_another_vcpu() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "p", *"6.12", "enter", "w", *"DIT=0", "enter", "escape")
        await press(pilot, "p", *"none", "enter")
        text = await press(pilot, "w")
        assert "now       0x1101_0011_2111_0112" in text and "Linux 6.1.176" in text


async def test_before_and_after_the_first_run() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "p", *"6.12", "enter", "w")
        assert "= accepted" in await typed(pilot, "DIT=0")
        text = await press(pilot, "f2")
        assert "after its first run" in text and "EBUSY (16)" in text
        assert "has run already" in await press(pilot, "f2")
        text = await press(pilot, "f3")
        assert "not run yet" in text and "= accepted" in text


async def test_in_the_fields_single_letters_are_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "w", *"DIT=0", "tab")
        assert "0b0001" in await press(pilot, "x")
        copied: list[str] = []
        monkeypatch.setattr(app, "copy_to_clipboard", copied.append)
        await press(pilot, "y")
        assert "✖ refused   EINVAL (22)" in copied[0] and "Linux 6.1.176" in copied[0]
        assert "after its first run" in await press(pilot, "r")


async def test_nothing_is_really_written_without_the_flag() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        text = await press(pilot, "w", *"DIT=0", "f9")
        assert "nothing is written" in text and app.session.for_real is None


async def test_a_register_that_is_merely_stored() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "/", *"sctlr_el1", "enter", "w")
        text = await typed(pilot, "0x30d50838")
        assert "= accepted" in text and "plain storage" in text
        await press(pilot, "escape")
        assert not isinstance(app.screen, Write) and "SCTLR_EL1" in screen_text(app)


def test_predicted_and_actual_in_one_line() -> None:
    verdict = Verdict(id=PFR0, value=1, errno=22, before=5, after=5)
    actual = ActualWrite(id=PFR0, value=1, errno=22, before=5, after=5)
    assert pair_words(PairedWrite(verdict, actual)).startswith("predicted EINVAL, actual EINVAL: = as predicted")
    assert "✖ not as predicted" in pair_words(
        PairedWrite(verdict, ActualWrite(id=PFR0, value=1, errno=0, before=5, after=1))
    )


@pytest.mark.parametrize("typed", ["ID_AA64MMFR2_EL1.CCIDX=1", "id_aa64mmfr2_el1.ccidx = 0x1"])
async def test_a_register_can_be_named_as_on_the_command_line(typed: str) -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "p", *"6.12", "enter", "w")
        text = await enter_text(pilot, typed)
        assert "ID_AA64MMFR2_EL1" in text and "EINVAL" in text and "CCIDX" in text
        text = await enter_text(pilot, " nonsense")
        assert "✖" in text


async def test_what_is_not_known_of_the_present_value_is_a_question_mark() -> None:
    # Linux 6.12 hides CCIDX, so its vCPU does not show what 6.2 would make of the host's.
    app = app_on(msgspec.structs.replace(sources.load("builtin:neoverse-n2-linux-6.12"), host=None))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "p", *"6.2", "enter", "/", *"aa64mmfr2", "enter", "enter", "w")
        text = await typed(pilot, "0x1221")
        assert "now       0x1221_0111_12?0_1011" in text
        assert "refused   EINVAL (22)   reads back 0x1221_0111_12?0_1011" in text


async def test_writes_to_several_registers_mean_the_same_after_they_are_made() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        app.session.follow(PFR0)
        await press(pilot, "w")
        assert "2 writes" in await enter_text(pilot, "CSV2=0 VBAR_EL1=0x800")
        text = await press(pilot, "enter")
        assert app.session.register is not None and app.session.register.name == "VBAR_EL1"
        assert value(app) == "ID_AA64PFR0_EL1.CSV2=0 VBAR_EL1=0x800"
        assert "neither a field" not in text and "steps 1 to 2" in text


async def test_a_value_that_the_kernel_makes_another_is_not_called_the_present_one_before_it_has_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A recording of a patched kernel whose release does not name the patch: its kernel without it shows CCIDX."""
    monkeypatch.setattr("inspector.app.modes.write.screen.AFTER", 3600.0)
    app = app_on(str(MATERIAL / "recordings" / "patch-mode2-neoverse-n2.jsonl.xz"))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.session.show_register(id_of("ID_MMFR4_EL1"))
        text = await press(pilot, "w")
        assert "as read   0x0000_0000_0002_1110" in text and "now " not in text
        dialog = app.screen
        assert isinstance(dialog, Write)
        dialog._ready()
        text = await press(pilot)
        assert "now       0x0000_0000_0102_1110" in text and "as read" not in text


async def test_a_judgement_that_does_not_fit_beside_its_field_goes_on_below() -> None:
    """It was cut to `✖ more than the host's m…`; in 60 columns it still is, where the reason below has the words."""
    app, words = app_on(NEOVERSE), "more than the host's mitigation state allows"
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "w", *"CSV2=4")
        await wait_for(pilot, lambda: "✖ more than" in screen_text(app), "judged")
        table = screen_text(app).partition("judgement")[2].partition("other fields")[0]
        assert f"✖ {words}" in " ".join(" ".join(line[50:].strip(" │0") for line in table.splitlines()).split())
        await pilot.resize_terminal(60, 16)
        text = await press(pilot)
        assert words in " ".join(line.strip("│ ") for line in text.partition("Why")[2].splitlines())
