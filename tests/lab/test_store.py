"""Saved machines are bounded, and running ones are known to other terminals."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import zstandard

from inspector.errors import SourceError
from inspector.lab import store
from inspector.lab.emulator import Emulator


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
    program, image = tmp_path / "qemu", tmp_path / "Image"
    program.write_text("#!/bin/sh\necho QEMU emulator version 10.0.2\n")
    program.chmod(0o755)
    image.write_bytes(b"one")
    emulator = Emulator(program, dict(os.environ))
    assert store.machine_type(emulator) == "virt-10.0"
    keys = {store.key(image, b"i", emulator, *rest) for rest in (("max",), ("max", "mte"), ("a72",))}
    keys.add(store.key(image, b"j", emulator, "max"))
    image.write_bytes(b"two!")
    keys.add(store.key(image, b"i", emulator, "max"))
    assert len(keys) == 5


def test_machines_that_run_are_listed_and_those_that_ended_are_forgotten() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        store.note_running(process.pid, "lab:6.12")
        assert store.running() == [store.Running(process.pid, os.getpid(), "lab:6.12")]
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
    note += "store.note_running(machine.pid, 'lab:6.12'); print(machine.pid, flush=True); os._exit(0)"
    pid = int(subprocess.run([sys.executable, "-c", note], capture_output=True, text=True, check=True).stdout)
    (found,) = store.running()
    assert found.pid == pid and found.left
    store.end_left()
    assert store.running() == []
