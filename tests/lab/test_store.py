"""Saved machines are bounded, and running ones are known to other terminals."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import zstandard

from inspector.errors import SourceError
from inspector.lab import store
from inspector.lab.emulator import Emulator
from inspector.lab.kernels import image_of
from tests.fresh import ROOT
from tests.lab.packages import deb, image
from tests.programs import program


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def keep(folder: Path, name: str, size: int, when: float) -> None:
    """Keep a machine of incompressible content that was used at `when`."""
    raw = folder / "raw"
    raw.write_bytes(os.urandom(size))
    store.keep(folder, name, raw)
    path = folder / "machines" / f"{name}.zst"
    if path.exists():
        os.utime(path, (when, when))


def test_the_machine_that_was_not_used_for_longest_makes_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(store.MOST, "3")
    for place, name in enumerate("abc"):
        keep(tmp_path, name, 900_000, 1000.0 + place)
    assert store.saved(tmp_path, "a") is not None  # used now: b is the oldest from here on
    keep(tmp_path, "d", 900_000, 2000.0)
    assert {name for name, _, _ in store.machines(tmp_path)} == {"a", "c", "d"}
    assert store.saved(tmp_path, "b") is None
    store.clear(tmp_path)
    assert store.machines(tmp_path) == []


def unpack(folder: Path, name: str, when: float, size: int = 900_000) -> Path:
    """A package of a kernel that was unpacked, and last used at `when`."""
    package = folder / f"{name}.deb"
    package.write_bytes(deb("./boot/vmlinuz-6.99", image() + os.urandom(size), "gz"))
    found = image_of(str(package), folder)
    os.utime(found, (when, when))
    return found


def test_kernels_make_room_for_each_other_and_for_machines_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(store.MOST, "3")
    first, second = unpack(tmp_path, "first", 1000.0), unpack(tmp_path, "second", 1001.0)
    keep(tmp_path, "machine", 900_000, 1002.0)
    assert image_of(str(tmp_path / "first.deb"), tmp_path) == first  # used now: the second is the oldest from here on
    (tmp_path / "third.deb").write_bytes(deb("./boot/vmlinuz-6.99", image() + os.urandom(900_000), "gz"))
    said: list[str] = []
    third = image_of(str(tmp_path / "third.deb"), tmp_path, said.append)
    assert said == [f"made room: kernel {second.stem[:40]}, 0 MiB"]
    assert first.exists() and third.exists() and not second.exists() and store.saved(tmp_path, "machine")
    assert {name for name, _, _ in store.kernels(tmp_path)} == {first.stem, third.stem}
    # A package whose kernel was removed is unpacked again; what is oldest then goes, be it a machine.
    os.utime(tmp_path / "machines/machine.zst", (900.0, 900.0))
    assert image_of(str(tmp_path / "second.deb"), tmp_path).exists()
    assert store.saved(tmp_path, "machine") is None and first.exists()


def test_no_kernel_is_removed_that_a_machine_runs_or_is_about_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, idle = unpack(tmp_path, "runs", 1000.0), unpack(tmp_path, "idle", 1001.0)
    monkeypatch.setenv(store.MOST, "1")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        store.note_running(process.pid, "lab:runs.deb", runs)
        new = unpack(tmp_path, "new", time.time())
        assert runs.exists() and new.exists() and not idle.exists()
        store.clear(tmp_path)
        assert runs.exists() and not new.exists()
        process.communicate(b"\n")
    store.clear(tmp_path)
    assert store.kernels(tmp_path) == []


def test_what_a_killed_program_had_half_written_is_swept_and_nothing_of_one_that_lives(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    with subprocess.Popen(["true"]) as process:
        pass
    for owner in (process.pid, os.getpid()):
        (tmp_path / f"images/.kernel-6.1.{owner}.part").touch()
    (tmp_path / "images/.other").touch()
    store.make_room(tmp_path)
    assert {path.name for path in (tmp_path / "images").iterdir()} == {f".kernel-6.1.{os.getpid()}.part", ".other"}


def test_two_programs_that_unpack_and_make_room_at_once_disturb_each_other_in_nothing(tmp_path: Path) -> None:
    """Each unpacks the same packages over and over, with room for one of them."""
    for name in "ab":
        unpack(tmp_path, name, 1000.0, 300_000)
    code = (
        "import sys; from pathlib import Path\n"
        "from inspector.lab import store; from inspector.lab.kernels import image_of\n"
        "store._JUST_USED = 0\n"
        "for turn in range(40):\n"
        "    found = image_of(f'{sys.argv[1]}/{\"ab\"[turn % 2]}.deb', Path(sys.argv[1]))\n"
    )
    environment = {**os.environ, store.MOST: "0", "PYTHONPATH": str(ROOT)}
    both = [subprocess.Popen([sys.executable, "-c", code, tmp_path], env=environment) for _ in range(2)]
    assert [one.wait() for one in both] == [0, 0]
    assert {path.name[0] for path in (tmp_path / "images").iterdir()} <= {"a", "b"}


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    package = tmp_path / "linux.deb"
    package.write_bytes(deb("./boot/vmlinuz-6.99", image(), "xz"))
    with pytest.raises(SourceError, match=r"images: cannot be made: .* XDG_CACHE_HOME names a folder"):
        image_of(str(package), Path("/proc/nonexistent"))


def test_a_kept_machine_is_what_was_saved_and_nothing_is_kept_where_nothing_may_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "raw").write_bytes(b"state" * 1000)
    store.keep(tmp_path, "x", tmp_path / "raw")
    found = store.saved(tmp_path, "x")
    assert found is not None
    assert zstandard.ZstdDecompressor().decompressobj().decompress(found.read_bytes()) == b"state" * 1000
    monkeypatch.setenv(store.MOST, "0")
    store.keep(tmp_path, "y", tmp_path / "raw")
    assert store.saved(tmp_path, "y") is None
    monkeypatch.setenv(store.MOST, "much")
    with pytest.raises(SourceError, match="not a number of MiB"):
        store.most_bytes()


def test_the_key_depends_on_everything_that_the_machine_is_made_of(tmp_path: Path) -> None:
    qemu, image = program(tmp_path, "qemu", "echo QEMU emulator version 10.0.2"), tmp_path / "Image"
    image.write_bytes(b"one")
    emulator = Emulator(qemu, dict(os.environ))
    assert store.machine_type(emulator) == "virt-10.0"
    keys = {store.key(image, b"i", emulator, *rest) for rest in (("max",), ("max", "mte"), ("a72",))}
    keys.add(store.key(image, b"j", emulator, "max"))
    image.write_bytes(b"two!")
    keys.add(store.key(image, b"i", emulator, "max"))
    assert len(keys) == 5


def test_machines_that_run_are_listed_and_those_that_ended_are_forgotten() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        store.note_running(process.pid, "lab:6.12", Path("vmlinuz"))
        assert store.running() == [store.Running(process.pid, os.getpid(), "lab:6.12", "vmlinuz")]
    finally:
        process.kill()
        process.wait()
        assert process.stdin is not None
        process.stdin.close()
    assert store.running() == []


def test_a_machine_whose_program_was_killed_is_ended_by_the_next(tmp_path: Path) -> None:
    note = "import os, subprocess, sys; from inspector.lab import store; "
    note += "machine = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], "
    note += "stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL); "
    note += "store.note_running(machine.pid, 'lab:6.12', 'vmlinuz'); print(machine.pid, flush=True); os._exit(0)"
    pid = int(subprocess.run([sys.executable, "-c", note], capture_output=True, text=True, check=True).stdout)
    (found,) = store.running()
    assert found.pid == pid and found.left
    store.end_left()
    assert store.running() == []


def test_room_for_nothing_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "raw").write_bytes(b"a machine")
    monkeypatch.setenv(store.MOST, "0")
    assert store.keep(tmp_path, "key", tmp_path / "raw") == [] and not (tmp_path / "machines").exists()
    monkeypatch.setenv(store.MOST, "1")
    assert store.keep(tmp_path, "key", tmp_path / "raw") == [] and store.saved(tmp_path, "key")
