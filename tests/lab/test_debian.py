"""What the lab keeps of packages, and which of a series it takes."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from inspector.errors import SourceError
from inspector.lab import doctor
from inspector.lab.debian import ROOM, Apt, FetchError, Stamp, alone, numbers, on_path, version_of
from inspector.lab.emulator import find_emulator
from inspector.lab.kernels import image_of
from inspector.lab.store import saved
from tests.programs import program

DAMAGED = ("", "{", "[]", "3", '"x"', '{"kernels": 3}', '{"kernels": {"6.1": 5}}', '{"kernels": {"6.1": []}}')


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_note_of_what_was_fetched_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "stamp.json").write_text(text)
    (tmp_path / "vmlinuz-6.1").touch()
    stamp = Stamp(tmp_path)
    assert stamp.kernels == {}
    stamp.done("kernels", {"6.1": ["linux-image", "6.1.176-1"]})
    assert Stamp(tmp_path).kernels == {"6.1": ["linux-image", "6.1.176-1"]}


def test_package_versions_are_ordered_as_releases_are() -> None:
    """A candidate comes before its release, and a rebuild for an older Debian does not count."""
    ordered = ["6.1.9-1", "6.1.176-1", "6.12~rc3-1", "6.12.4-1~bpo12+1", "7.3~rc7-1", "7.3-1", "7.3.4-1~bpo13+1"]
    turned = ordered[::-1]
    turned.sort(key=numbers)
    assert turned == ordered


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The first folder of PATH."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return tmp_path / "bin"


SILENT = """
case "$*" in
    *indextargets*) echo "bookworm http://deb.example/debian";;
    *update*Error-Mode=any*) echo "E: Failed to fetch http://deb.example/debian  Temporary failure resolving" >&2
              echo "E: Some index files failed to download." >&2; exit 100;;
    *update*) echo "W: Some index files failed to download." >&2;;
    *) echo "E: Unable to locate package" >&2; exit 100;;
esac
"""
"""apt without a network: what it does not find may well be there"""


def test_what_is_not_found_without_a_network_is_not_said_to_be_missing_for_sure(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(path, "apt-get", SILENT)
    program(path, "apt-cache", "")
    monkeypatch.setattr("inspector.lab.debian.mirrors", lambda: ("bookworm", "http://deb.example/debian", ""))
    said: list[str] = []
    with pytest.raises(SourceError, match=r"6\.6: no such package; lists of packages are missing: .*resolving"):
        image_of("6.6", tmp_path / "cache", said.append)
    assert said == ["fetching lists of packages"]
    apt = Apt(tmp_path / "apt", (), "arm64", None, said.append)
    with pytest.raises(FetchError, match=r"Unable to locate package$"):
        apt.download("libc6")
    apt.update()
    with pytest.raises(FetchError, match=r"Unable to locate package; lists of packages are missing"):
        apt.download("libc6", "zlib1g")
    assert said[-1] == "fetching libc6 and 1 more packages"


def test_apts_own_files_lie_in_its_folder(path: Path, tmp_path: Path) -> None:
    program(path, "apt-get", 'echo left > "$TMPDIR/apt.sig.1"')
    folder = tmp_path / "apt"
    Apt(folder, (), "arm64", None, lambda _: None)("apt-get", "update")
    assert [one.name for one in (folder / "tmp").iterdir()] == ["apt.sig.1"]
    Apt(folder, (), "arm64", None, lambda _: None)
    assert not list((folder / "tmp").iterdir())


def test_one_program_fetches_at_a_time(tmp_path: Path) -> None:
    said, order, asked = list[str](), list[str](), threading.Event()

    def second() -> None:
        def say(text: str) -> None:
            said.append(text)
            asked.set()

        with alone(tmp_path, say) as stamp:
            order.append("second")
            order.extend(stamp.have)

    thread = threading.Thread(target=second)
    with alone(tmp_path, said.append) as stamp:
        thread.start()
        assert asked.wait(60)
        order.append("first")
        stamp.done("guest", "bookworm")
    thread.join(60)
    assert order == ["first", "second", "guest"] and said == ["another program fetches: it is waited for"]


def test_nothing_is_fetched_to_a_full_disk_or_where_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(FetchError, match="/proc/none cannot be written"), alone(Path("/proc/none"), print):
        pass
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=ROOM - 1))
    with pytest.raises(FetchError, match="has 511 MiB of room, 512 are needed"), alone(tmp_path, print):
        pass
    assert not doctor._room(tmp_path).good
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=ROOM))
    assert doctor._room(tmp_path).good
    monkeypatch.setattr(os, "access", lambda *given: False)
    assert not doctor._room(tmp_path).good and "cannot be written" in doctor._room(tmp_path).said


def test_a_saved_machine_is_found_where_nothing_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "machines").mkdir()
    (tmp_path / "machines/key.zst").touch()

    def refused(*given: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "utime", refused)
    assert saved(tmp_path, "key") == tmp_path / "machines/key.zst" and saved(tmp_path, "other") is None


PROGRAMS = {
    "newer": ('echo "QEMU emulator version 11.1.0"', ""),
    "older": ('echo "QEMU emulator version 7.2.22"', "this one is older"),
    "broken": ("echo boom >&2; exit 3", "this one does not run"),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_an_emulator_that_is_old_or_does_not_run_is_none(name: str, path: Path, tmp_path: Path) -> None:
    """And one that was fetched takes its place."""
    script, problem = PROGRAMS[name]
    program(path, "qemu-system-aarch64", script)
    version_of.cache_clear()
    assert (on_path("qemu-system-aarch64", 9) is None) == bool(problem)
    if not problem:
        assert find_emulator(tmp_path).program == path / "qemu-system-aarch64"
        return
    with pytest.raises(SourceError, match=f"9 or newer, {problem}"):
        find_emulator(tmp_path)
    fetched = tmp_path / "host/usr/bin/qemu-system-aarch64"
    fetched.parent.mkdir(parents=True)
    fetched.touch()
    assert find_emulator(tmp_path).program == fetched


def test_apt_is_asked_once_for_lists_in_a_while(path: Path, tmp_path: Path) -> None:
    program(path, "apt-get", "")
    said: list[str] = []
    for _ in range(2):
        Apt(tmp_path, (), "arm64", None, said.append).update()
    assert said == ["fetching lists of packages"]
    os.utime(tmp_path / "fetched", (0, 0))
    Apt(tmp_path, (), "arm64", None, said.append).update()
    assert len(said) == 2
