"""Settings, and what is remembered from one start to the next."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from inspector.app.modes.table import MODES
from inspector.app.shell import keys
from inspector.app.shell.remembered import MOST_RECENT, Memory, Recent
from inspector.app.shell.settings import load_settings
from inspector.cli import main
from tests.app.driving import press, screen_text, settle
from tests.app.material import VALUES, app_on
from tests.sources.material import dump_of
from tests.terminal.terminal import Terminal

PLACES = keys.places(MODES)
DUMP = "builtin:neoverse-n2-linux-6.1"


def settings(folder: Path, text: str) -> tuple[str, ...]:
    """The problems of a settings file."""
    (folder / "settings.toml").write_text(text)
    return load_settings(folder, PLACES).problems


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('[keys]\nquit = "w"', "`quit = 'w'` is refused: that key is `write`"),
        ('[keys]\nopen = "slash"', "is refused: that key is"),
        ('[keys]\nopen = "f11"\nhelp = "f11"', "is refused: that key is"),
        ('[keys]\nnothing = "f11"', "no binding is called `nothing`"),
        ('base = "octal"', "`base` must be one of hex, binary, decimal"),
        ("theme = 3", "`theme` must be a text"),
        ('colour = "red"', "unknown key `colour`; allowed: theme, base, kernel, vmm, keys"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(text: str, wanted: str, tmp_path: Path) -> None:
    (problem,) = settings(tmp_path, text)
    assert wanted in problem


def test_a_key_may_move_to_one_that_nothing_has_and_to_one_that_moved_away(tmp_path: Path) -> None:
    assert settings(tmp_path, '[keys]\nopen = "f11"') == ()
    assert settings(tmp_path, '[keys]\nsecrets = "f11"\nquit = "$"') == ()


def test_no_key_of_the_program_clashes_with_another_where_a_user_would_be_told_so() -> None:
    """Fault 36 of the review: a key moved onto a used one, silently."""
    for place in PLACES:
        for key in place:
            if key not in keys.SHARED[keys.EVERYWHERE]:
                continue
            others = {one for other in place if other is not key for one in other.keys.split(",")}
            assert not others.intersection(key.keys.split(",")), key.id


async def test_kernel_base_and_vmm_begin_as_they_are_set(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text('kernel = "6.12"\nbase = "binary"\nvmm = "crosvm"\n')
    app = app_on(dump_of(VALUES), config=tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert "Linux 6.12" in screen_text(app)
        assert app.session.base == "binary" and app.settings.vmm == "crosvm"


async def test_a_kernel_or_vmm_that_there_is_not_costs_one_line_each(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text('kernel = "banana"\nvmm = "vmware"\n')
    app = app_on(dump_of(VALUES), config=tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert app.session.question is None and app.settings.vmm == ""
        assert len(app.problems) == 2 and all("\n" not in one for one in app.problems)


def test_what_is_remembered_is_written_through_no_link(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("kept")
    (tmp_path / f"remembered.{os.getpid()}").symlink_to(victim)
    Memory(tmp_path).opened(Recent("vm.mig"))
    assert victim.read_text() == "kept" and not (tmp_path / "remembered.json").exists()


async def test_theme_and_base_come_back_and_settings_come_before_them(tmp_path: Path) -> None:
    config, state = tmp_path / "config", tmp_path / "state"
    config.mkdir()
    app = app_on(dump_of(VALUES), config=config, state=state)
    async with app.run_test(size=(80, 24)) as pilot:
        app.theme = "paper"
        await press(pilot, "x")
    assert stat.S_IMODE((state / "remembered.json").stat().st_mode) == 0o600
    app = app_on(dump_of(VALUES), config=config, state=state)
    assert (app.theme, app.session.base) == ("paper", "binary")
    (config / "settings.toml").write_text('theme = "contrast"\nbase = "hex"\n')
    app = app_on(dump_of(VALUES), config=config, state=state)
    assert (app.theme, app.session.base) == ("contrast", "hex")


def test_the_newest_of_the_recent_sources_comes_first_and_once(tmp_path: Path) -> None:
    memory, other = Memory(tmp_path), Memory(tmp_path)
    for number in range(MOST_RECENT + 3):
        (memory, other)[number % 2].opened(Recent(f"/{number}", "qemu-stream", float(number)))
    memory.opened(Recent("/9", "qemu-stream", 99.0))
    recent = Memory(tmp_path).now.recent
    assert [one.source for one in recent][:3] == ["/9", f"/{MOST_RECENT + 2}", f"/{MOST_RECENT + 1}"]
    assert len(recent) == MOST_RECENT


@pytest.mark.parametrize("text", ["", "[]", "{", '{"theme": 3}', '{"recent": [1]}', "[" * 100_000, '{"theme": "\xf7"}'])
def test_a_file_of_remembered_things_that_is_damaged_costs_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "remembered.json").write_bytes(text.encode("latin-1"))
    memory = Memory(tmp_path)
    assert memory.now.theme == ""
    memory.opened(Recent("/a"))
    assert Memory(tmp_path).now.recent == (Recent("/a"),)


def test_a_real_start_finds_what_the_one_before_left(tmp_path: Path) -> None:
    """Fault 36 of the review: nothing was remembered."""
    source = tmp_path / "guest.json"
    assert main(["convert", DUMP, "-o", str(source)]) == 0
    environment = {"XDG_STATE_HOME": str(tmp_path / "state")}
    with Terminal(str(source), size=(120, 40), environment=environment) as terminal:
        terminal.wait_for("ID_AA64PFR0_EL1")
        terminal.press("x")
        terminal.wait_for("0b")
        terminal.press("q")
        assert terminal.wait_for_end() == 0
    kept = json.loads((tmp_path / "state/vcpu-inspector/remembered.json").read_text())
    assert kept["base"] == "binary" and kept["recent"][0]["source"] == str(source)
    with Terminal(str(source), size=(120, 40), environment=environment) as terminal:
        terminal.wait_for("0b")


def test_locate_names_every_place(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/somewhere")
    monkeypatch.setenv("XDG_STATE_HOME", "not/absolute")
    assert main(["locate", "--json"]) == 0
    places = json.loads(capsys.readouterr().out)
    assert places["settings"] == {"path": "/somewhere/vcpu-inspector/settings.toml", "exists": False}
    assert places["remembered"]["path"].startswith(str(Path.home()))
    assert places["dumps"]["exists"] and places["kernels"]["exists"]
