"""Reports are written in the form that the file's name says, without the folders of this machine."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from inspector import sources
from inspector.app.modes.migrate.screen import Migrate
from inspector.app.shell.application import InspectorApp
from inspector.app.shell.frame import Frame
from inspector.cli import main
from inspector.sources.dump import Dump
from tests.app.driving import enter_text, press, screen_text, settle, wait_for
from tests.app.material import NEOVERSE, app_on
from tests.hostile_text import EVIL, hidden_in


async def exported(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """What stands in the file afterwards, and the screen."""
    source = folder / "secret-customer [1] & <sons>" / "guest.json"
    source.parent.mkdir(exist_ok=True)
    if not source.exists():
        assert main(["convert", "builtin:neoverse-n2-linux-6.1", "-o", str(source)]) == 0
    monkeypatch.chdir(folder)
    app = app_on(str(source))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "e", "ctrl+u")
        await enter_text(pilot, name)
        await press(pilot, "enter")
        await settle(pilot)
        await settle(pilot)
        target = folder / name
        return (target.read_text() if target.exists() else ""), screen_text(app)


@pytest.mark.parametrize(
    ("name", "begins"), [("report.md", "#"), ("report.txt", ""), ("report.svg", "<svg"), ("REPORT.MD", "#")]
)
async def test_the_name_says_the_form(name: str, begins: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fault 38 of the review: it was Markdown whatever the name, with absolute paths."""
    text, _ = await exported(tmp_path, name, monkeypatch)
    assert text.lstrip().startswith(begins) and len(text) > 300
    assert "secret-customer" not in text
    assert ("|" in text) == name.lower().endswith(".md") or name.endswith(".svg")
    if name.endswith(".svg"):
        assert "ID_AA64PFR0_EL1" in text and "Write a new file" not in text


async def test_another_ending_is_refused_with_those_that_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, screen = await exported(tmp_path, "out.json", monkeypatch)
    assert text == "" and "a name that ends in" in screen


@pytest.mark.parametrize("name", ["report.md", "report.svg"])
async def test_nothing_is_overwritten(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / name).write_text("mine")
    text, screen = await exported(tmp_path, name, monkeypatch)
    assert text == "mine" and "exists already" in screen


def hostile(source: str) -> Dump:
    """A shipped dump in a file whose name is markup, escapes and a second line."""
    dump = sources.load(source)
    name = f"/vm/{EVIL.replace('/', '_')}](http:x)<img>\nrm -rf x.json"
    return msgspec.structs.replace(dump, provenance=dump.provenance.told(source=name))


@pytest.mark.parametrize("mode", InspectorApp.MODES)
async def test_no_name_of_a_file_acts_in_a_report(mode: str) -> None:
    app = app_on(hostile("builtin:neoverse-n2-linux-6.1"), hostile("builtin:cortex-a72-linux-6.12"))
    async with app.run_test(size=(120, 40)) as pilot:
        app.switch_mode(mode)
        await settle(pilot)
        page = app.screen
        assert isinstance(page, Frame)
        await wait_for(pilot, lambda: bool(getattr(page, "complete", True)), "the answer is there")
        text = page.report()
        assert not hidden_in(text)
        assert not re.search(r"(?<!\\)(<img|\]\(http)", "".join(text.split("```")[::2]))
        assert not any(line.startswith("rm ") for line in text.splitlines())


async def test_an_answer_that_has_not_come_is_no_empty_report(monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(pilot)
        await press(pilot, "4")
        monkeypatch.setattr(Migrate, "report", lambda page: "")
        monkeypatch.setattr(Migrate, "complete", property(lambda page: False))
        await press(pilot, "e")
        await wait_for(pilot, lambda: "still being worked out" in screen_text(app), "the reason")
