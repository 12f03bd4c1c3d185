"""Boot a real arm64 kernel under qemu-system-aarch64, run Python programs there, and bring back what they printed."""

from __future__ import annotations

import base64
import json
import lzma
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from inspector.lab.emulator import WITH_MTE, Emulator
from inspector.lab.initramfs import root_file_system

APPEND = "console=ttyAMA0 rdinit=/init quiet loglevel=0 panic=-1"
_MARK = re.compile(rb"@@(begin|end) (\S+)(?: (-?\d+) (\d+))?\s")

INIT = b"""#!/usr/bin/python3.11 -SB
import base64, ctypes, json, lzma, os, subprocess, sys, termios, time
libc = ctypes.CDLL(None)
for kind, where in (("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev"), ("tmpfs", "/tmp"),
                    ("debugfs", "/sys/kernel/debug")):
    libc.mount(kind.encode(), where.encode(), kind.encode(), 0, None)
console = open("/dev/ttyAMA0", "wb", buffering=0)
def say(name, code, data, spent):
    console.write(b"\\r\\n@@begin %s \\r\\n" % name)
    text = base64.b64encode(lzma.compress(data, preset=1))
    for start in range(0, len(text), 4096):
        console.write(text[start : start + 4096] + b"\\r\\n")
    console.write(b"\\r\\n@@end %s %d %d \\r\\n" % (name, code, spent))
for name, argv in json.load(open("/jobs.json")):
    begin = time.monotonic()
    try:
        done = subprocess.run([sys.executable, *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/tmp")
        out, err, code = done.stdout, done.stderr, done.returncode
    except BaseException as error:
        out, err, code = b"", repr(error).encode(), 255
    say(name.encode(), code, json.dumps([len(out), err.decode(errors="replace")[-4000:]]).encode() + b"\\n" + out,
        int(1000 * (time.monotonic() - begin)))
termios.tcdrain(console)
libc.reboot(0x4321FEDC)
"""


class Job(NamedTuple):
    """One run of the guest's Python: `argv` are its arguments."""

    name: str
    argv: tuple[str, ...]


class Answer(NamedTuple):
    """What one job printed."""

    code: int
    out: bytes
    err: str
    seconds: float


class Boot(NamedTuple):
    """One boot: the answers by job name, and how long the machine ran."""

    answers: dict[str, Answer]
    seconds: float
    console: str


def initramfs(roots: Sequence[Path], files: Mapping[str, bytes], jobs: Sequence[Job]) -> bytes:
    """The guest's whole file system: the packages below `roots`, `files`, and an init that runs `jobs`."""
    own = {"init": INIT, "jobs.json": json.dumps([[job.name, job.argv] for job in jobs]).encode(), **files}
    return root_file_system(roots, own)


def answers_of(console: bytes) -> dict[str, Answer]:
    """Take the jobs' output out of what the serial line carried."""
    found: dict[str, Answer] = {}
    start: dict[bytes, int] = {}
    for mark in _MARK.finditer(console):
        if mark[1] == b"begin":
            start[mark[2]] = mark.end()
        elif mark[2] in start:
            data = lzma.decompress(base64.b64decode(b"".join(console[start[mark[2]] : mark.start()].split())))
            head, _, out = data.partition(b"\n")
            size, err = json.loads(head)
            assert size == len(out), "the serial line lost something"
            found[mark[2].decode()] = Answer(int(mark[3]), out, err, int(mark[4]) / 1000)
    return found


def boot(
    emulator: Emulator,
    kernel: Path,
    root: Path,
    jobs: Sequence[Job],
    *,
    folder: Path,
    cpu: str = "neoverse-n2",
    files: Mapping[str, bytes] = {},
    append: str = "",
    cpus: int = 1,
    timeout: float = 600,
    also: Sequence[Path] = (),
) -> Boot:
    """Run `jobs` on `kernel` on an emulated `cpu` that has EL2; `folder` takes the initramfs (removed afterwards).

    `also` are more unpacked packages beside those below `root`.
    """
    image = folder / "initramfs"
    image.write_bytes(initramfs((root, *also), files, jobs))
    board = "virt,virtualization=on,gic-version=3" + ",mte=on" * (cpu in WITH_MTE)
    command = emulator.command(
        "-M", board, "-cpu", cpu, "-m", "1024", "-smp", str(cpus), "-no-reboot",
        "-kernel", str(kernel), "-initrd", str(image), "-append", f"{APPEND} {append}".strip(),
        "-nodefaults", "-display", "none", "-serial", "stdio",
    )  # fmt: skip
    begin = time.monotonic()
    try:
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(emulator.environment),
        ) as process:
            try:
                console, _ = process.communicate(timeout=timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                console, _ = process.communicate()
    finally:
        image.unlink(missing_ok=True)
    return Boot(answers_of(console), time.monotonic() - begin, console.decode(errors="replace"))
