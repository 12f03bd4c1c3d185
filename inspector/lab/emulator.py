"""qemu-system-aarch64: where it is, and what of a CPU model it can emulate."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from inspector.errors import SourceError
from inspector.lab.debian import EMULATOR, EMULATOR_PACKAGE, EMULATOR_VERSION, on_path, version_of

WITH_MTE = ("neoverse-n2", "cortex-a710", "max")
"""CPU models whose memory tags QEMU can emulate; with any other it refuses the machine's option mte=on."""


HOST = "host"
"""The CPU model that stands for this machine's own CPU under its own KVM."""
_KVM_CHECK_EXTENSION, _KVM_CAP_ARM_EL2 = 0xAE03, 240


def no_nested_kvm(device: str = "/dev/kvm") -> str:
    """Why this machine's own KVM runs no kernel that has a KVM of its own; empty where it does.

    include/uapi/linux/kvm.h: KVM_CAP_ARM_EL2, which KVM offers on a CPU with FEAT_NV2 when booted with
    kvm-arm.mode=nested.
    """
    if os.uname().machine not in ("aarch64", "arm64"):
        return f"this machine is {os.uname().machine}"
    try:
        kvm = os.open(device, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        return f"{device}: {error.strerror}"
    try:
        offered = fcntl.ioctl(kvm, _KVM_CHECK_EXTENSION, _KVM_CAP_ARM_EL2)
    except OSError as error:
        return f"{device}: {error.strerror}"
    finally:
        os.close(kvm)
    return "" if offered else f"{device} offers guests no EL2: it needs kvm-arm.mode=nested, and a CPU with FEAT_NV2"


def own_cpus() -> str:
    """What tells this machine's CPUs from another's, as /proc/cpuinfo has it."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return " ".join(sorted(set(re.findall(r"^CPU (?:implementer|variant|part|revision)\s*:.*$", text, re.M))))


class Emulator(NamedTuple):
    """qemu-system-aarch64 and where its libraries and firmware lie."""

    program: Path
    environment: Mapping[str, str]
    data: Path | None = None

    def command(self, *arguments: str) -> list[str]:
        """The command line with `arguments`."""
        data = ["-L", str(self.data)] if self.data else []
        return [str(self.program), *data, *arguments]


def libraries(folder: Path) -> dict[str, str]:
    """The environment in which programs that were fetched for this machine find their libraries."""
    host = folder / "host"
    found = [path for base in ("usr/lib", "lib") for path in sorted((host / base).glob("*-linux-gnu")) if path.is_dir()]
    return {**os.environ, "LD_LIBRARY_PATH": ":".join(map(str, found))}


def find_emulator(folder: Path) -> Emulator:
    """This machine's emulator where it is new enough, else one that was fetched below `folder`.

    Raises SourceError, with the package's name, when there is none.
    """
    installed = on_path(EMULATOR, EMULATOR_VERSION)
    if installed:
        return Emulator(installed, dict(os.environ))
    fetched = folder / "host/usr/bin" / EMULATOR
    if fetched.exists():
        return Emulator(fetched, libraries(folder), folder / "host/usr/share/qemu")
    there = shutil.which(EMULATOR)
    known = there and ("this one is older" if version_of(Path(there)) else "this one does not run")
    raise SourceError(
        f"needs {EMULATOR} {EMULATOR_VERSION} or newer" + (f", {known}" if known else ""),
        there or "lab",
        f"Debian and Ubuntu: package {EMULATOR_PACKAGE}, in Debian 12 from bookworm-backports",
    )
