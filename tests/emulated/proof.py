"""What one boot of a real kernel brings back, kept for all tests of a run: the collector's dump and a recording."""

from __future__ import annotations

import functools
import json
import os
import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest

from inspector.errors import SourceError
from inspector.lab.emulator import Emulator, find_emulator
from inspector.sources.live.programs import collector_program, recorder_program
from tests.emulated.fetch import cache
from tests.emulated.machine import Answer, Job, boot

HOW = "needs Debian's arm64 packages: python -m tests.emulated.fetch gets them"
FULL = os.environ.get("VCPU_INSPECTOR_FULL") == "1"
CPUS = ("neoverse-n2", "cortex-a72", "max")
KERNELS = ("5.10", "6.1", "6.12", "newest")
WHOLE = {("6.1", "neoverse-n2"), ("6.12", "neoverse-n2")}
"""Recorded with every configuration always; the others only in a full run."""
PART = "gicv3,ptrauth,el1_32bit,mte,el2"
"""Configurations of the bounded recordings: about a third of the time."""


class Proof(NamedTuple):
    """One boot's results; `whole` when the recording has all thirteen configurations."""

    dump: Path
    recording: Path
    whole: bool
    seconds: float


def fetched() -> dict[str, object]:
    """What `fetch` left in the cache; skips the calling test when it was not run."""
    stamp = cache() / "stamp.json"
    if not stamp.exists():
        pytest.skip(HOW)
    return dict(json.loads(stamp.read_text(encoding="utf-8")))


def kernel(series: str) -> Path:
    """The image of a series; skips the calling test when it was not fetched."""
    fetched()
    image = cache() / f"vmlinuz-{series}"
    if not image.exists():
        pytest.skip(f"{HOW} (kernel {series})")
    return image


def host_program(name: str) -> Path:
    """A fetched program of this machine's own architecture; skips the calling test without it."""
    fetched()
    for folder in ("usr/bin", "usr/sbin"):
        path = cache() / "host" / folder / name
        if path.exists():
            return path
    pytest.skip(f"{HOW} ({name})")


def emulator() -> Emulator:
    """qemu-system-aarch64: this machine's where it is new enough, else the fetched one."""
    fetched()
    try:
        return find_emulator(cache())
    except SourceError as error:
        pytest.skip(f"{HOW} ({error})")


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="vcpu-inspector-emulated-")


def run_job(series: str, cpu: str, *argv: str, append: str = "", program: str = "", cpus: int = 1) -> Answer:
    """Boot, run one Python program (the collector by default) with `argv`, and give what it printed."""
    files = {"program.py": (program or collector_program()).encode()}
    job = Job("job", ("/program.py", *argv))
    with tempfile.TemporaryDirectory() as folder:
        done = boot(
            emulator(), kernel(series), cache() / "guest", [job], folder=Path(folder), cpu=cpu, files=files,
            append=append, cpus=cpus, timeout=600,
        )  # fmt: skip
    assert "job" in done.answers, f"no answer came back: ...{done.console[-300:]}"
    return done.answers["job"]


@functools.cache
def prove(series: str, cpu: str) -> Proof:
    """Boot `series` on `cpu` once; dump and recording stay until the tests end."""
    whole = FULL or (series, cpu) in WHOLE
    folder = Path(_folder().name)
    files = {"collector.py": collector_program().encode(), "recorder.py": recorder_program().encode()}
    jobs = [
        Job("dump", ("/collector.py",)),
        Job("recording", ("/recorder.py", "--cpu", cpu, *(() if whole else ("--configs", PART)))),
    ]
    done = boot(emulator(), kernel(series), cache() / "guest", jobs, folder=folder, cpu=cpu, files=files, timeout=900)
    for name in ("dump", "recording"):
        assert name in done.answers, f"{name} did not come back: ...{done.console[-300:]}"
        assert done.answers[name].code == 0, done.answers[name].err
        (folder / f"{name}-{series}-{cpu}").write_bytes(done.answers[name].out)
    return Proof(folder / f"dump-{series}-{cpu}", folder / f"recording-{series}-{cpu}", whole, done.seconds)
