"""A screen that is opened for the first time loads what its first drawing needs, and is drawn for one change."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from textual.pilot import Pilot

from inspector import sources
from inspector.app.modes.migrate import check
from inspector.app.modes.migrate.screen import Migrate
from inspector.app.modes.patch.screen import Patch
from inspector.app.modes.start.anything import PASTED
from inspector.app.shell.frame import Frame
from inspector.app.shell.session import Change
from inspector.checks.restore.result import MigrationReport
from inspector.checks.restore.withheld import told
from inspector.progress import work
from inspector.sources.dump import Dump, View
from tests.app.driving import DEADLINE, enter_text, press, screen_text, settle, shown, wait_for
from tests.app.material import MIDR, NEOVERSE, app_on
from tests.fresh import modules_after

OPENED = """
import asyncio
from inspector.app.shell.application import InspectorApp
if KEY in ("w", "p"):
    from inspector.app.dialogs import dialog
    dialog.AFTER = 3600.0  # what is loaded beside a dialog has not begun
from inspector.sources import load
from tests.app.driving import settle
app = InspectorApp([load("builtin:neoverse-n2-linux-6.1")])
async def main():
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press(KEY)
        await settle(pilot)
asyncio.run(main())
"""
DIALOGS = ("inspector.app.dialogs.",)
MODEL = ("inspector.kvm.", "inspector.checks.")
POLICIES = ("inspector.policies.model", "inspector.policies.loader", "inspector.policies.rulebook")
NOT_ASKED = {
    "0": (*DIALOGS, "tomllib", "inspector.app.modes.features.screen"),
    "2": (
        *DIALOGS, "inspector.kvm.vm", "inspector.kvm.cores", "inspector.checks.vmms.table", "inspector.checks.fleet",
        "inspector.checks.compare.compare", "inspector.checks.remedies", "inspector.policies.changes",
    ),
    "4": (
        *DIALOGS, "inspector.checks.compat", "inspector.checks.restore.stepping", "inspector.policies.changes",
        "inspector.app.modes.migrate.step_log", "inspector.app.modes.migrate.kernel_rows",
        "inspector.app.modes.migrate.pair_rows", "inspector.app.shell.slider", "inspector.app.shell.modelled",
        "inspector.checks.compare", "inspector.kvm.words.showing", "inspector.reports.kernel_step",
    ),
    "5": (
        *DIALOGS, "inspector.lab", "inspector.reports.demo", "inspector.checks.remedies", "inspector.policies.changes",
    ),
    "6": (*DIALOGS, *MODEL),
    "w": (*POLICIES, "inspector.kvm.", "inspector.checks.machine.question", "inspector.checks.writing.bench"),
    "p": (*POLICIES, "inspector.kvm.", "inspector.checks.machine.question"),
    "7": (*MODEL, "inspector.policies.model", "inspector.reports.migration", "inspector.app.modes.migrate.question"),
}  # fmt: skip
"""By the key of a mode, what a further key would ask for."""


@pytest.mark.parametrize("key", NOT_ASKED)
def test_a_new_screen_loads_nothing_that_a_further_key_would_ask_for(key: str) -> None:
    loaded = modules_after(f"KEY = {key!r}\n{OPENED}")
    assert "inspector.app.shell.application" in loaded
    assert not [name for name in sorted(loaded) if name.startswith(NOT_ASKED[key])]


async def test_what_is_shown_of_an_answer_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[MigrationReport] = []

    def counted(report: MigrationReport) -> MigrationReport:
        made.append(report)
        return told(report)

    monkeypatch.setattr(check, "told", counted)
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "4")
        await wait_for(pilot, lambda: isinstance(app.screen, Migrate) and app.screen.complete, "the ways out")
        await settle(pilot)
        # Where the ways out come while the screen waits, the answer without them is never drawn.
        assert [bool(one.ways_out) for one in made] in ([True], [False, True])


async def test_a_mode_that_moves_the_session_is_asked_once_when_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The patch page looks at the register of its first line; that is its own doing, nothing to catch up with."""
    asked: list[type[Frame]] = []
    drawn = Patch.refresh_from

    def counted(self: Patch, change: Change) -> None:
        asked.append(type(self))
        drawn(self, change)

    monkeypatch.setattr(Patch, "refresh_from", counted)
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        before = app.session.place
        await press(pilot, "5")
        await wait_for(pilot, lambda: isinstance(app.screen, Patch) and app.screen.complete, "every form")
        await settle(pilot)
        assert app.session.place != before
        assert asked == [Patch]
        await press(pilot, "1", "5")
        await settle(pilot)
        assert asked == [Patch]


async def test_a_file_that_changed_or_vanished_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "host.txt"
    file.write_text("MIDR_EL1 = 0x410fd490\nCTR_EL0 = 0x9444c004\nREVIDR_EL1 = 0\nID_AA64PFR0_EL1 = 0x11\n")
    app = app_on(str(file))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        file.write_text("MIDR_EL1 = 0x410fd493\nCTR_EL0 = 0x9444c004\nREVIDR_EL1 = 0\nID_AA64PFR0_EL1 = 0x11\n")
        await press(pilot, "r")
        await wait_for(pilot, lambda: "Read again: host.txt, 1 value changed" in screen_text(app), "the new value")
        assert app.session.loaded[0].vcpus[0].values[MIDR] == 0x410FD493
        file.unlink()
        await press(pilot, "r")
        await wait_for(pilot, lambda: "What was read before stays" in screen_text(app), "why not")
        assert app.session.loaded[0].vcpus[0].values[MIDR] == 0x410FD493


async def enter_name(pilot: Pilot[None], where: str, file: Path) -> None:
    """Give a file's name on the start page, or in Open."""
    await settle(pilot)
    if where == "open":
        await press(pilot, "o")
    await enter_text(pilot, str(file))
    await pilot.press("enter")


@pytest.mark.parametrize("where", ["start", "open"])
async def test_a_file_that_takes_long_tells_how_far_it_is(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it was said that it is read; the answer comes in its place."""
    file = tmp_path / "guest.txt"
    file.write_text("MIDR_EL1 = 0x410fd490\n")
    seen, read = threading.Event(), sources.load

    def slowly(source: str, declared: View | None = None, snapshot: str = "") -> Dump:
        with work(f"reading {source}") as told:
            told.say(f"reading {source}: 12 of 48 MB (25 %)")
            assert seen.wait(DEADLINE)
        return read(source, declared, snapshot)

    app = app_on() if where == "start" else app_on(NEOVERSE)
    monkeypatch.setattr(sources, "load", slowly)
    async with app.run_test(size=(200, 60)) as pilot:
        await enter_name(pilot, where, file)
        try:
            await shown(pilot, "12 of 48 MB (25 %)")
        finally:
            seen.set()
        await wait_for(pilot, lambda: str(file) in [one.provenance.source for one in app.session.loaded], "it is there")
        await wait_for(pilot, lambda: app.current_mode == "browse" and not app.screen_stack[1:], "it is shown")
        assert "48 MB" not in screen_text(app)


@pytest.mark.parametrize("where", ["start", "open"])
async def test_what_is_read_when_the_user_gives_it_up_ends(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A packed file of a terabyte would take the processor for hours."""
    file = tmp_path / "guest.txt"
    file.write_text("MIDR_EL1 = 0x410fd490\n")
    ended, given_up = threading.Event(), threading.Event()

    def for_ever(source: str, declared: View | None = None, snapshot: str = "") -> Dump:
        try:
            with work(f"reading {source}") as told:
                while True:
                    told.say(f"reading {source}: 12 of 48 MB (25 %)")
                    given_up.wait(0.01)
        finally:
            ended.set()

    app = app_on() if where == "start" else app_on(NEOVERSE)
    monkeypatch.setattr(sources, "load", for_ever)
    async with app.run_test(size=(200, 60)) as pilot:
        await enter_name(pilot, where, file)
        await wait_for(pilot, lambda: "12 of 48 MB (25 %)" in screen_text(app), "how far it is")
        assert not ended.is_set()
        await pilot.press("escape")
        await wait_for(pilot, ended.is_set, "it ends")
        given_up.set()
        await settle(pilot)
        assert "48 MB" not in screen_text(app)


@pytest.mark.parametrize(("key", "asks"), [("k", "ask_all_kernels"), ("K", "ask_pairs")])
async def test_a_table_that_takes_long_tells_how_far_it_is(
    key: str, asks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And ends where another question is asked meanwhile."""
    ended = threading.Event()

    def for_ever(question: object) -> None:
        try:
            with work("restoring") as told:
                while not ended.wait(0.01):
                    told.say("restoring: 12 of 48 (25 %)")
        finally:
            ended.set()

    app = app_on(NEOVERSE)
    monkeypatch.setattr(check, asks, for_ever)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "4")
        await pilot.press(key)
        await wait_for(pilot, lambda: "restoring: 12 of 48 (25 %)" in screen_text(app), "how far it is")
        await pilot.press("h")
        await wait_for(pilot, ended.is_set, "it ends")


async def test_a_large_file_that_is_read_again_says_so_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "host.txt"
    file.write_text("MIDR_EL1 = 0x410fd490\nCTR_EL0 = 0x9444c004\n")
    app = app_on(str(file))
    read, seen = sources.load, threading.Event()

    def slowly(source: str, declared: View | None = None, snapshot: str = "") -> Dump:
        with work(f"reading {source}") as told:
            for share in (12, 24):
                told.say(f"reading {source}: {share} of 48 MB")
            assert seen.wait(DEADLINE)
        return read(source, declared, snapshot)

    monkeypatch.setattr(sources, "load", slowly)
    async with app.run_test(size=(200, 60)) as pilot:
        await settle(pilot)
        await pilot.press("r")
        try:
            assert "24 of 48 MB" not in await shown(pilot, "12 of 48 MB")
        finally:
            seen.set()
        await shown(pilot, "nothing changed")


async def test_what_was_pasted_cannot_be_read_again() -> None:
    app = app_on(sources.load_text("MIDR_EL1 = 0x410fd490", PASTED))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "r")
        await wait_for(pilot, lambda: "nothing can be read again" in screen_text(app), "why not")
