"""Live sources on screen: read again without blocking, what changed is marked, what fails leaves the old values."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from textual.app import App

from inspector import app as screens
from inspector import leaving, sources
from inspector.app.dialogs.help import Help
from inspector.app.shell import live
from inspector.app.shell.application import InspectorApp, StartApp
from inspector.app.shell.background import aside
from inspector.app.shell.live import LiveReading
from inspector.cli import main
from inspector.errors import SourceError
from inspector.lab.machine import StoppedError
from inspector.registers import encoding as enc
from inspector.sources.dump import Dump
from inspector.sources.live.laboratory import Lab
from inspector.sources.live.source import LiveOptions
from tests.app.driving import check_screen, press, screen_text, settle, wait_for
from tests.app.material import NEOVERSE, PFR0, SCTLR, VALUES
from tests.sources.material import dump_of

ADDRESS = "qmp:/run/vm.sock"
PFR1 = enc.sysreg_id(3, 0, 0, 4, 1)
MMFR4 = enc.sysreg_id(3, 0, 0, 2, 6)


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "now", lambda: "12:00:00")


class FakeLive:
    """Answers what the test says, when the test says so."""

    def __init__(self, *answers: Mapping[int, int] | SourceError, caution: str = "") -> None:
        self.address, self.timeout, self.caution = ADDRESS, 60.0, caution
        self.answers = list(answers)
        self.go = threading.Event()
        self.go.set()
        self.reads = 0

    def read(self) -> Dump:
        self.reads += 1
        assert self.go.wait(self.timeout)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, SourceError):
            raise answer
        return live_dump(answer)


def live_dump(values: Mapping[int, int]) -> Dump:
    return dump_of(values, source=ADDRESS)


def app_live(source: FakeLive, watch: float | None = None) -> InspectorApp:
    dump = live_dump(VALUES)
    readings = {dump.provenance.source: LiveReading(source, live.now())}
    return InspectorApp([dump], readings=readings, watch=watch, config=Path("/nonexistent"))


async def test_what_changed_is_marked_and_the_place_stays() -> None:
    app = app_live(FakeLive({**VALUES, PFR0: VALUES[PFR0] ^ 0x100, PFR1: 0x121}))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert "live read 12:00:00" in screen_text(app) and "~" not in screen_text(app)
        app.go_to(PFR0)
        text = await press(pilot, "r")
        await wait_for(pilot, lambda: "2 registers changed" in screen_text(app), "the second reading")
        await settle(pilot)
        text = screen_text(app)
        assert app.session.place.register == PFR0
        assert "~ was 0x1101_0011_2111_0112" in text
        assert "~ 2" in text.splitlines()[0]
        assert [line for line in text.splitlines() if "ID_AA64PFR1_EL1" in line and "~" in line]
        assert not [line for line in text.splitlines() if "MIDR_EL1" in line and "~" in line.partition("│")[0]]


async def test_a_slow_reading_blocks_nothing_and_is_not_started_twice() -> None:
    source = FakeLive(VALUES, caution="the guest pauses for the moment of reading")
    source.go.clear()
    app = app_live(source)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        text = await press(pilot, "r")
        assert f"reading {ADDRESS}: the guest pauses for the moment of reading" in text
        text = await press(pilot, "r", "6")
        await wait_for(pilot, lambda: source.reads > 0, "it is being read")
        assert "CLIDR_EL1" in text or "cache" in text.lower()
        source.go.set()
        await wait_for(pilot, lambda: "no change" in screen_text(app), "the answer")
        assert source.reads == 1


async def test_a_source_that_goes_away_leaves_the_values_and_says_so() -> None:
    app = app_live(FakeLive(SourceError("went away: connection refused", ADDRESS), {**VALUES, SCTLR: 1}))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        before = app.session.view
        await press(pilot, "r")
        await wait_for(pilot, lambda: "went away" in screen_text(app), "the error")
        text = screen_text(app)
        assert "the values are those of 12:00:00" in text and "r tries again" in text
        assert app.session.view is before
        assert "ID_AA64PFR0_EL1" in await press(pilot, "right_square_bracket")
        await press(pilot, "r")
        await wait_for(pilot, lambda: "1 register changed" in screen_text(app), "the source is back")
        assert "went away" not in screen_text(app)


async def test_migrate_keeps_its_answer_until_the_newer_one_has_come() -> None:
    values = dict(sources.load(NEOVERSE).vcpus[0].values)
    first, second = dump_of(values, source=ADDRESS), {**values, MMFR4: values[MMFR4] & ~0xF000000}
    source = FakeLive(second)
    readings = {ADDRESS: LiveReading(source, live.now())}
    app = InspectorApp([first], readings=readings, config=Path("/nonexistent"))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "4")
        await wait_for(pilot, lambda: bool(getattr(app.screen, "complete", False)), "the answer")
        assert "first ID_MMFR4_EL1" in await press(pilot)
        await press(pilot, "down", "r")
        await wait_for(pilot, lambda: "first ID_AA64MMFR2_EL1" in screen_text(app), "the newer answer")
        assert "checking" not in screen_text(app)


async def test_watch_reads_again_by_itself() -> None:
    source = FakeLive(VALUES, {**VALUES, SCTLR: 1}, VALUES)
    app = app_live(source, watch=0.05)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await wait_for(pilot, lambda: source.reads >= 3, "three readings")
        await wait_for(pilot, lambda: "every 0.05 s" in screen_text(app), "how often it reads, between two readings")


async def test_a_reading_that_ends_while_the_screens_are_taken_down_draws_nothing() -> None:
    app = app_live(FakeLive(VALUES))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        front = app.screen
        front._pruning = True
        await front.query_one("#live").remove()
        app._tell("live")
        front._pruning = False


async def test_asked_to_end_again_while_the_last_work_is_waited_for() -> None:
    """The screens and their loop have ended then."""
    app = app_live(FakeLive(VALUES))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
    closed = asyncio.new_event_loop()
    closed.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leaving, "_asked", [])
        patch.setattr(leaving, "_listeners", [])
        patch.setattr(asyncio, "get_running_loop", lambda: closed)
        with contextlib.suppress(Exception):
            app.on_mount()
        leaving.ask(signal.SIGTERM)
        assert leaving._listeners and leaving._asked


async def test_a_live_address_opens_beside_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    source = FakeLive(SourceError("connection refused", ADDRESS), VALUES, caution="the guest pauses")
    monkeypatch.setattr("inspector.sources.live.open_live", lambda address: source)
    app = InspectorApp([dump_of(VALUES)], config=Path("/nonexistent"))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "o", *ADDRESS, "enter")
        await wait_for(pilot, lambda: "connection refused" in screen_text(app), "the error in its place")
        await press(pilot, "enter")
        await wait_for(pilot, lambda: app.session.reading is not None, "the source is open")
        await settle(pilot)
        assert "live read 12:00:00" in screen_text(app)


@pytest.mark.parametrize("how", ["start", "dialog"])
async def test_escape_gives_up_a_reading_and_ends_a_machine_that_starts(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Lab("lab:6.12", LiveOptions())
    ended = threading.Event()

    def read() -> Dump:
        machine.say(machine.address, "booting, 5 s")
        machine.stopped.wait(60)
        machine.say(machine.address, "booting, 6 s")
        ended.set()
        raise StoppedError("was stopped", machine.address)

    monkeypatch.setattr(machine, "read", read)
    monkeypatch.setattr("inspector.sources.live.open_live", lambda address: machine)
    app = StartApp(config=Path("/nonexistent"))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, *(["f2"] if how == "dialog" else []), *"lab:6.12", "enter")
        await wait_for(pilot, lambda: "booting, 5 s" in screen_text(app), "what the machine does")
        assert ("esc Give up" in screen_text(app)) == (how == "start")
        await press(pilot, "escape")
        await wait_for(pilot, ended.is_set, "the start has ended")
        text = await press(pilot)
        assert "booting" not in text and "stopped" not in text and "Give up" not in text
        assert ("given up" in text and "lab:6.12" in text) == (how == "start")


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (60, 16), (200, 60)])
async def test_a_source_without_registers_says_so_and_why_on_every_screen(size: tuple[int, int]) -> None:
    note = "this is x86_64: ID registers exist only on 64-bit arm64"
    nothing = msgspec.structs.replace(live_dump({}), vcpus=(), notes=(note,))
    readings = {nothing.provenance.source: LiveReading(FakeLive({}), live.now())}
    app = InspectorApp([nothing], readings=readings, config=Path("/nonexistent"))
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        words = screen_text(app).split()
        assert "vm.sock holds no register" in " ".join(words) and "x86_64:" in words and words.count("arm64") == 1
        assert "stands out" not in screen_text(app)
        for mode, told in (("2", "holds neither"), ("4", "no loaded dump is a saved VM"), ("5", "not a saved vCPU")):
            await press(pilot, mode)
            await wait_for(pilot, lambda told=told: told in screen_text(app), told)  # type: ignore[misc]


async def test_what_was_read_late_takes_nobody_away_from_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    source = FakeLive(VALUES)
    source.go.clear()
    monkeypatch.setattr("inspector.sources.live.open_live", lambda address: source)
    app = StartApp(config=Path("/nonexistent"))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, *ADDRESS, "enter")
        await press(pilot, "f1")
        source.go.set()
        await wait_for(pilot, lambda: ADDRESS in app.session.readings, "it was read")
        text = await press(pilot)
        assert "has been read (F2 shows it)" in text and isinstance(app.screen, Help)
        await press(pilot, "escape", "f2", "up", "home")
        text = await press(pilot, *(["down"] * 0), "enter")
        await wait_for(pilot, lambda: "live read 12:00:00" in screen_text(app), "the dump")


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (60, 16)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_live_screen_is_as_expected(size: tuple[int, int]) -> None:
    app = app_live(FakeLive({**VALUES, PFR0: VALUES[PFR0] ^ 0x100}, caution="the guest pauses"))
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        app.go_to(PFR0)
        await press(pilot, "r")
        await wait_for(pilot, lambda: "1 register changed" in screen_text(app), "the second reading")
        await check_screen(pilot, f"browse-live-{size[0]}x{size[1]}")


def test_a_live_source_that_fails_at_start_is_one_line_and_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SourceError) as error:
        screens.run(["qmp:/nonexistent/vm.sock"])
    assert "\n" not in str(error.value) and "qmp:/nonexistent/vm.sock" in str(error.value)
    assert "the guest pauses" in capsys.readouterr().err


def test_options_of_the_live_command_reach_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def run(sources: list[str], watch: float | None, options: LiveOptions, **others: object) -> int:
        seen.update(s=sources, w=watch, o=options)
        return 0

    # pytest's own output has no buffer: the program would put another in its place, which says that it is no terminal.
    monkeypatch.setattr("inspector.cli._whole", lambda stream: stream)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(screens, "run", run)
    assert main(["live", "ssh://host", "--timeout", "3", "--watch", "2"]) == 0
    assert seen["s"] == ["ssh://host"] and seen["w"] == 2 and seen["o"].timeout == 3


def test_changes_belong_to_their_vcpu() -> None:
    reading = LiveReading(FakeLive(VALUES), "11:00:00")
    before, after = dump_of(VALUES, VALUES), dump_of(VALUES, {**VALUES, PFR0: 1})
    found = reading.took(before, msgspec.structs.replace(after))
    assert list(found) == [(1, "")] and reading.changed == 1 and reading.when == "12:00:00"


def test_what_comes_at_once_is_told_behind_what_asked_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless that waits: an error would be told before `reading ...`, which stood there from then on."""
    later: list[Callable[[], object]] = []
    came: list[int] = []

    class Loop:
        def call_later(self, call: Callable[[], object]) -> None:
            later.append(call)

    monkeypatch.setattr(threading.Thread, "start", lambda self: self.run())
    monkeypatch.setattr(threading.Thread, "join", lambda self, seconds: None)
    app = cast(App[None], Loop())
    aside(app, lambda: 1, came.append, lambda error: None)
    assert came == [] and len(later) == 1
    aside(app, lambda: 2, came.append, lambda error: None, patience=0.1)
    assert came == [2] and len(later) == 1
