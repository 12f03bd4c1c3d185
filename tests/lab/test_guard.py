"""A machine ends with its program, however that ends."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from pathlib import Path

from inspector.lab.guard import Guard

PROGRAM = """
import os, signal, subprocess, sys, time
from pathlib import Path
from inspector.lab.guard import Guard
machine = subprocess.Popen(["sleep", "600"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, start_new_session=True)
guard = Guard(machine.pid, Path(sys.argv[1]))
print(machine.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def ended(pid: int) -> bool:
    """Wait until a process has ended; False when it goes on."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], 60)[0])
    finally:
        os.close(handle)


def test_a_machine_and_its_files_are_gone_when_its_program_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    (folder / "initramfs").write_bytes(b"x")
    program = [sys.executable, "-c", PROGRAM, str(folder)]
    with subprocess.Popen(program, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert process.wait() < 0
    assert ended(pid)
    end = time.monotonic() + 60
    while folder.exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert not folder.exists()


def test_a_guard_that_is_dismissed_does_nothing(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "600"]) as machine:
        guard = Guard(machine.pid, tmp_path)
        guard.dismiss()
        guard.dismiss()
        assert machine.poll() is None and tmp_path.exists()
        machine.kill()
