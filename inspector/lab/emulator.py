"""qemu-system-aarch64: where it is, and what of a CPU model it can emulate."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from inspector.errors import SourceError
from inspector.lab.debian import EMULATOR, EMULATOR_PACKAGE, EMULATOR_VERSION, on_path

WITH_MTE = ("neoverse-n2", "cortex-a710", "max")
"""CPU models whose memory tags QEMU can emulate; with any other it refuses the machine's option mte=on."""


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
    old = on_path(EMULATOR, 0)
    raise SourceError(
        f"needs {EMULATOR} {EMULATOR_VERSION} or newer" + (", this one is older" if old else ""),
        str(old) if old else "lab",
        f"Debian and Ubuntu: package {EMULATOR_PACKAGE}, in Debian 12 from bookworm-backports",
    )
