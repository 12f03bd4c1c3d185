"""Where figures come from: the installed wheel, CPU time and memory of whole processes, and instruction counts."""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.table import ROOT, Figure

OLDER = "vcpu-inspector-of-older-pip"
"""The start script as a pip before version 25 writes it."""
_COUNTED = re.compile(r"I\s+refs:\s+([\d,]+)")


class Cost(NamedTuple):
    """What one process took."""

    cpu: float
    """seconds, user and system, with its children"""
    wall: float
    memory: float
    """megabytes at its peak, of the largest process"""
    code: int
    output: bytes = b""


class Bench:
    """An environment with the wheel of this checkout, and a folder for what is measured on."""

    def __init__(self, folder: Path, pairs: int, python: str) -> None:
        self.folder = folder
        self.pairs = pairs
        self.python = python
        self.program = [str(Path(self.python).parent / "vcpu-inspector")]
        self.valgrind = shutil.which("valgrind")

    def cost(self, command: Sequence[str], *, given: Path | None = None, output: bool = False) -> Cost:
        """Run a command to its end. `given`: its standard input.

        Raises SystemExit when the command cannot be run, or refuses its arguments.
        """
        with (given or Path(os.devnull)).open("rb") as source:
            sink = subprocess.PIPE if output else subprocess.DEVNULL
            start = time.monotonic()
            process = subprocess.Popen(command, stdin=source, stdout=sink, stderr=subprocess.PIPE, env=surroundings())
            said = process.stdout.read() if process.stdout else b""
            wrong = process.stderr.read() if process.stderr else b""
            _, status, used = os.wait4(process.pid, 0)
            wall = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in (0, 1):
            raise SystemExit(f"{' '.join(command)}: exit code {process.returncode}: {wrong.decode()[-300:]}")
        return Cost(used.ru_utime + used.ru_stime, wall, used.ru_maxrss / 1024, process.returncode, said)

    def against(
        self, key: str, ours: Callable[[], float], peer: Callable[[], float], pairs: int = 0, more: str = ""
    ) -> Figure:
        """The median ratio of pairs that are measured in turn, so that a busy machine slows both."""
        found = [(ours(), peer()) for _ in range(pairs or self.pairs)]
        ratio = statistics.median(one / max(other, 1e-6) for one, other in found)
        mine, theirs = (statistics.median(side) for side in zip(*found, strict=True))
        return Figure(key, round(ratio, 3), f"{seconds(mine)} against {seconds(theirs)}", more)

    def commands(self, key: str, ours: Sequence[str], peer: Sequence[str], pairs: int = 0, more: str = "") -> Figure:
        """CPU of one command against another's."""
        return self.against(key, lambda: self.cost(ours).cpu, lambda: self.cost(peer).cpu, pairs, more)

    def instructions(self, command: Sequence[str]) -> int | None:
        """Instructions that a command takes by valgrind's cachegrind; None where that is not installed.

        They repeat to a tenth of a percent, whatever else the machine does.
        """
        if self.valgrind is None:
            return None
        counting = [self.valgrind, "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
        done = subprocess.run(
            [*counting, *command], capture_output=True, text=True, env=surroundings(PYTHONHASHSEED="0"), check=False
        )
        found = _COUNTED.search(done.stderr)
        return int(found.group(1).replace(",", "")) if found else None


def surroundings(**more: str) -> Mapping[str, str]:
    """The environment of what is measured: nothing of the checkout, nothing remembered."""
    left_out = ("PYTHON", "TEXTUAL", "COVERAGE")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(left_out)}
    nowhere = "/proc/nonexistent"
    return {**kept, "XDG_STATE_HOME": nowhere, "XDG_CONFIG_HOME": nowhere, **more}


def seconds(value: float) -> str:
    """A time in words."""
    return f"{value * 1000:.1f} ms" if value < 0.1 else f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"


def install(folder: Path) -> str:
    """Build the wheel, install it as a user does (compiled, with the extra `logs`), and give the path of its Python.

    The newest pip writes the start script, as pipx does; before version 25 pip's script loads `re`, as much work again
    as `--version` (pypa/pip#13165). A script of our own would not start in a folder with a space in its name: pip puts
    the path of Python into its first line as it is. The older script stays beside it, where Python's own pip is older.
    """
    home = folder / "installed"
    python = home / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    wheel = f"{ROOT}[logs]"
    _run([sys.executable, "-m", "venv", str(home)])
    _run([*pip, wheel])
    started = home / "bin" / "vcpu-inspector"
    if "import re\n" in started.read_text():
        shutil.copy(started, home / "bin" / OLDER)
    _run([*pip, "--upgrade", "pip"])
    _run([*pip, "--force-reinstall", "--no-deps", wheel])
    return str(python)


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=surroundings())
