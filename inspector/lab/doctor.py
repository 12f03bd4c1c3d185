"""What the lab finds on this machine, and what is missing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from inspector.errors import SourceError
from inspector.lab import store
from inspector.lab.debian import ROOM, FetchError, Stamp, mirrors, version_of
from inspector.lab.emulator import find_emulator, no_nested_kvm

TRIED = (
    "cortex-a53", "cortex-a55", "cortex-a57", "cortex-a72", "cortex-a76", "cortex-a710", "a64fx", "neoverse-n1",
    "neoverse-n2", "neoverse-v1", "max",
)  # fmt: skip
"""64-bit CPU models whose EL2 QEMU emulates; the answers of each were recorded or compared by this project's tests."""


class Finding(NamedTuple):
    """One thing that was looked for."""

    what: str
    good: bool
    said: str
    needed: bool = True


def examine(folder: Path) -> list[Finding]:
    """Everything that the lab needs or can use, in the order in which it is needed."""
    found = [_emulator(folder), _guest(folder), _kernels(folder), _apt(), _room(folder), _kvm()]
    running = store.running()
    return [*found, Finding("running machines", True, f"{len(running)}", needed=False)]


def _emulator(folder: Path) -> Finding:
    try:
        emulator = find_emulator(folder)
    except SourceError as error:
        return Finding("emulator", False, f"{error.what}; {error.hint}")
    return Finding("emulator", True, f"{emulator.program}: {version_of(emulator.program)}")


def _guest(folder: Path) -> Finding:
    there = "guest" in Stamp(folder).have
    return Finding(
        "Python for guests", there, str(folder / "guest") if there else "`vcpu-inspector lab fetch newest` gets it"
    )


def kernels(folder: Path) -> dict[str, list[str]]:
    """Series -> [package, version] of the fetched kernels."""
    return Stamp(folder).kernels


def _kernels(folder: Path) -> Finding:
    have = kernels(folder)
    said = ", ".join(f"{series} ({about[1]})" for series, about in have.items())
    return Finding("fetched kernels", bool(have), said or "none yet; any Image can be given by its path", needed=False)


def _apt() -> Finding:
    try:
        codename, archive, _ = mirrors()
    except FetchError as error:
        return Finding("Debian's mirror", False, f"{error.what}; without it, give kernels by path", needed=False)
    return Finding("Debian's mirror", True, f"{archive} ({codename})", needed=False)


def _room(folder: Path) -> Finding:
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free >> 20
    used = sum(size for _, size, _ in (*store.machines(folder), *store.kernels(folder))) >> 20
    most = store.most_bytes() >> 20
    said = f"{free} MiB free; saved machines and unpacked kernels take {used} of at most {most} MiB ({store.MOST})"
    writable = os.access(there, os.W_OK | os.X_OK)
    reason = "" if writable else "cannot be written: nothing is fetched or saved; "
    return Finding("room", writable and free >= ROOM >> 20, f"{folder}: {reason}{said}")


def _kvm() -> Finding:
    """Nested virtualisation of an arm64 host, which is used instead of emulation."""
    why = no_nested_kvm()
    said = f"{why}: arm64 is emulated" if why else "machines without cpu= use it"
    return Finding("nested KVM", not why, said, needed=False)


def cpu_models(folder: Path) -> list[str]:
    """The CPU models of TRIED that this emulator has."""
    try:
        emulator = find_emulator(folder)
    except SourceError:
        return []
    done = subprocess.run(
        emulator.command("-machine", "virt", "-cpu", "help"), env=dict(emulator.environment), capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    known = set(re.findall(r"^\s+(\S+)", done.stdout, re.M))
    return [name for name in TRIED if name in known]
