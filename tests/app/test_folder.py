"""Every dialog that chooses a dump offers those of the folder that the program was started in."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector import shipped, sources
from inspector.app.dialogs import choosing
from inspector.app.dialogs.choosing import Choosing
from inspector.app.dialogs.here import Here, dumps_in, here_items
from inspector.sources.dump import Dump
from tests.app.driving import press, screen_text, settle, wait_for
from tests.app.material import NEOVERSE, app_on

HOST = "# host\nMIDR_EL1 0x410fd490\nID_AA64PFR0_EL1 0x1201001121110112\nID_AA64MMFR2_EL1 0x1221011112101011\n"
SAVED = "a saved one.json"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a saved VM, a host, a file that the dialogs take for a kernel when typed, and what is no dump."""
    (tmp_path / SAVED).write_bytes((shipped.folder("snapshots") / "cortex-a72-linux-6.1.json").read_bytes())
    (tmp_path / "6.12").write_text(HOST)
    (tmp_path / "notes.txt").write_text("nothing here\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "keys", ["o", "0 d", "2 s", "2 d", "2 a", "4 s", "4 d", "7 f2", "7 f3"], ids=lambda keys: keys.replace(" ", "-")
)
async def test_a_dialog_offers_the_dumps_of_the_folder_and_reads_the_chosen_one(keys: str, folder: Path) -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, *keys.split())
        await wait_for(pilot, lambda: SAVED in screen_text(app), "the folder's dumps are offered")
        text = screen_text(app)
        assert "Here" in text and "6.12  " in text and "notes.txt" not in text
        dialog = app.screen
        assert isinstance(dialog, Choosing)
        place = dialog.offers.index_of(f"source {SAVED}")
        assert place is not None
        for _ in range(len(dialog.offers.items)):
            if dialog.offers.cursor == place:
                break
            await pilot.press("down" if dialog.offers.cursor < place else "up")
        await pilot.press("enter")
        await wait_for(
            pilot,
            lambda: app.screen is not dialog or "● a saved one" in screen_text(app),
            "the chosen dump was read",
        )


async def test_the_highlight_goes_to_the_folders_own_dumps_when_they_are_found(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They stand above the first shipped dump, which is highlighted before; one that was moved to stays."""
    found = Here([], 0)
    monkeypatch.setattr(choosing, "dumps_in", lambda folder: found)
    for moved, wanted in (([], "source 6.12"), (["down"], "builtin cortex-a72-linux-5.15")):
        app = app_on()
        async with app.run_test(size=(120, 40)) as pilot:
            await settle(pilot)
            await press(pilot, "f2", *moved)
            dialog = app.screen
            assert isinstance(dialog, Choosing) and dialog.offers.current
            assert dialog.offers.current.key.startswith("builtin ")
            dialog._found_here(dumps_in(folder))
            assert dialog.offers.current.key == wanted


def test_what_is_loaded_is_offered_once(folder: Path) -> None:
    found = dumps_in(folder)
    assert [one.key for one in here_items(found)] == ["source 6.12", f"source {SAVED}"]
    for name in (SAVED, f"./{SAVED}", str(folder / SAVED)):
        assert [one.key for one in here_items(found, [name])] == ["source 6.12"]


def test_a_file_is_read_once_until_it_changes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    load = sources.load

    def loaded(name: str) -> Dump:
        read.append(Path(name).name)
        return load(name)

    monkeypatch.setattr(sources, "load", loaded)
    found = dumps_in(folder)
    assert sorted(read) == ["6.12", SAVED]
    assert dumps_in(folder) == found and len(read) == 2
    (folder / "6.12").write_text("no longer a host\n")
    assert [name for name, _ in dumps_in(folder).dumps] == [SAVED] and len(read) == 2
    (folder / "6.12").write_text(HOST.replace("d490", "d493"))
    assert dumps_in(folder) == found and len(read) == 3


def test_prose_that_speaks_of_registers_is_not_offered(folder: Path) -> None:
    """It can be opened by its name, but a few values in a text are not what somebody saved."""
    told = "KVM shows ID_AA64PFR0_EL1.CSV2 = 1 there.\nIt says more of this, at length.\n" * 4
    (folder / "CHANGELOG.md").write_text("What changed in this release is told here.\n" * 40 + told)
    assert "CHANGELOG.md" not in [name for name, _ in dumps_in(folder).dumps]
