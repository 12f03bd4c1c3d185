"""A machine of the lab whose QEMU does not do what was asked: one line with what QEMU printed, and nothing is left."""

from __future__ import annotations

import errno
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from inspector.errors import SourceError
from inspector.lab import machine as machines
from inspector.lab import store
from inspector.lab.emulator import Emulator
from inspector.lab.machine import Machine, Spec, StoppedError, close_all, key_of
from tests.lab.packages import CONFIG, PL011, image
from tests.programs import program

PROGRAM = f"""
case $1 in --version) echo "QEMU emulator version 10.0.2"; exit;; esac
exec '{sys.executable}' '{Path(__file__).with_name("stand_in_qemu.py")}' "$@"
"""
ENDS = {"before the greeting": "", "behind it": '{"QMP": {}}\n', "in words of its own": "hello\n"}


def made_of(folder: Path, greeting: str, stays: str = "") -> tuple[Spec, Emulator]:
    """A machine whose QEMU is the program above."""
    qemu, kernel = program(folder, "qemu", PROGRAM), folder / "Image"
    kernel.write_bytes(image(CONFIG + PL011))
    (folder / "guest").mkdir()
    environment = {**os.environ, "STAND_IN_GREETING": greeting, "STAND_IN_STAYS": stays}
    return Spec(image=kernel, guest=folder / "guest"), Emulator(qemu, environment)


@pytest.mark.parametrize("name", ENDS)
def test_qemu_that_ends_as_it_is_greeted_is_quoted(name: str, tmp_path: Path) -> None:
    """QEMU that refuses its CPU model ends before its monitor says anything."""
    spec, emulator = made_of(tmp_path, ENDS[name])
    with pytest.raises(SourceError, match=r"monitor.*its last words: unable to find CPU model") as caught:
        Machine(spec, emulator, tmp_path / "cache", "lab:x", lambda _: None)
    assert "internal" not in str(caught.value) and caught.value.where == "lab:x"


def test_a_long_tmpdir_is_no_hindrance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address of a Unix socket holds 108 bytes (unix(7))."""
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    spec, emulator = made_of(tmp_path, "hello\n")
    with pytest.raises(SourceError, match="monitor does not talk QMP"):
        Machine(spec, emulator, tmp_path / "cache", "lab:x", lambda _: None)
    assert not list(folder.iterdir())


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where machines have their folders; a program that ends for good does so for one test."""
    folder = tmp_path / "files"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(machines, "_over", [])
    return folder


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The saved self of every machine."""
    saved = tmp_path / "saved.zst"
    saved.write_bytes(b"a machine")
    monkeypatch.setattr(store, "saved", lambda *given: saved)
    return saved


class Start(threading.Thread):
    """Starts a machine in a thread of its own, and keeps why that failed."""

    def __init__(self, folder: Path, say: Callable[[str], object] = lambda _: None, stays: str = "greeted") -> None:
        super().__init__(daemon=True)
        self._made_of, self._cache, self._say = made_of(folder, ENDS["behind it"], stays), folder / "cache", say
        self.problem: SourceError | None = None
        self.start()

    def run(self) -> None:
        """Start it: it waits for its monitor then, for a minute."""
        spec, emulator = self._made_of
        try:
            Machine(spec, emulator, self._cache, "lab:x", self._say)
        except SourceError as error:
            self.problem = error

    def started(self) -> Machine:
        """The machine, once its process runs."""
        while not (found := [one for one in machines._running if one.alive and one._guard is not None]):
            assert self.is_alive(), self.problem
            time.sleep(0.01)
        return found[0]


def test_the_end_of_the_program_takes_the_folder_of_a_machine_that_has_no_process_yet(
    tmp_path: Path, files: Path
) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def say(_: str) -> None:
        reached.set()
        go_on.wait(60)

    start = Start(tmp_path, say)
    assert reached.wait(60) and list(files.iterdir())
    close_all(for_good=True)
    assert not list(files.iterdir())
    go_on.set()
    start.join(60)
    assert start.problem is not None and not list(files.iterdir()) and not machines._running
    with pytest.raises(StoppedError):
        Machine(*start._made_of, tmp_path / "cache", "lab:x", say)
    assert not list(files.iterdir())


@pytest.mark.parametrize("stays", ["greeted", "restoring"])
def test_a_machine_that_is_ended_while_it_starts_again_keeps_its_file(
    stays: str, tmp_path: Path, files: Path, saved: Path
) -> None:
    """What failed because the program ended says nothing of the file."""
    start = Start(tmp_path, stays=stays)
    start.started()
    while stays == "restoring" and not any("restoring" in said.read_text() for said in files.glob("*/said")):
        assert start.is_alive(), start.problem
        time.sleep(0.01)
    close_all(for_good=True)
    start.join(60)
    assert isinstance(start.problem, StoppedError) and saved.exists() and not list(files.iterdir())


@pytest.mark.parametrize("problem", ["cannot be run: No such file or directory", "closed the connection"])
def test_qemu_that_does_not_run_says_nothing_of_the_saved_file(
    problem: str, tmp_path: Path, files: Path, saved: Path
) -> None:
    spec, emulator = made_of(tmp_path, "")
    if "run" in problem:
        emulator.program.unlink()
    with pytest.raises(SourceError, match=problem):
        Machine(spec, emulator, tmp_path / "cache", "lab:x", lambda _: None)
    assert saved.exists() and not list(files.iterdir())


def test_several_threads_may_end_a_machine(tmp_path: Path, files: Path) -> None:
    """The one that starts it meets its end, the program's end comes to it too."""
    start = Start(tmp_path)
    machine, problems = start.started(), list[Exception]()
    together = threading.Barrier(8)

    def end() -> None:
        together.wait(60)
        try:
            machine.close()
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=end) for _ in range(8)]
    for one in threads:
        one.start()
    for one in (*threads, start):
        one.join(60)
    assert not problems and isinstance(start.problem, StoppedError) and not machine.alive
    assert not list(files.iterdir()) and not store.running()


def test_a_full_disk_is_named_where_the_machines_files_lie(
    tmp_path: Path, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: object) -> bytes:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(machines, "root_file_system", full)
    start = Start(tmp_path)
    start.join(60)
    assert str(start.problem).startswith("lab:x: its files: No space left on device; TMPDIR names a folder")
    assert not list(files.iterdir())


def test_a_saved_machine_belongs_to_all_that_it_was_made_of(tmp_path: Path) -> None:
    """Another one would answer for a kernel, CPU or command line that nobody asked about."""
    spec, emulator = made_of(tmp_path, "")
    other, packages = tmp_path / "other", tmp_path / "packages"
    other.write_bytes(image(CONFIG))
    packages.mkdir()
    (packages / "python").touch()
    changes = {
        "image": other, "cpu": "max", "mte": True, "smp": 2, "append": "nokaslr", "guest": packages,
        "files": (("init", b"another"),),
    }  # fmt: skip
    assert set(changes) == set(Spec.__struct_fields__)
    made = [spec, *(msgspec.structs.replace(spec, **{name: value}) for name, value in changes.items())]
    keys = [key_of(one, emulator) for one in made]
    assert len(set(keys)) == len(made) and key_of(spec, emulator) == keys[0]
    newer = program(tmp_path, "newer", "echo QEMU emulator version 12.0.0")
    assert key_of(spec, Emulator(newer, {})) not in keys
