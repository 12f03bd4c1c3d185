"""Verify and predict a recording in fresh processes: prints CPU and peak memory, and their share of what is allowed.

Run: python -m tests.benchmarks.verify_recording [RECORDING ...]. Allowed for 90,000 lines: 5 s of CPU and 300 MB.
Without arguments the longest recording beside the checkout is taken, or a part of one that ships with the tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SECONDS, MEGABYTES, LINES = 5.0, 300.0, 90_000
_ROOT = Path(__file__).resolve().parent.parent.parent


def longest() -> Path:
    """The largest recording beside the checkout, else the largest part that ships with the tests."""
    for folder in (_ROOT.parent / "shared" / "recordings", _ROOT / "tests" / "material" / "answers"):
        found = sorted(folder.glob("*.jsonl.xz"), key=lambda path: path.stat().st_size)
        if found:
            return found[-1]
    raise SystemExit("no recording found; name one")


def measure(command: list[str]) -> tuple[float, float, int]:
    """(CPU seconds, peak megabytes, exit code) of one process."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, process.returncode


def main(arguments: list[str]) -> int:
    """Print one line for each command and recording; 1 when something takes more than is allowed."""
    worst = 0.0
    for path in arguments or [str(longest())]:
        for name in ("verify", "predict"):
            seconds, megabytes, code = measure([sys.executable, "-m", "inspector", name, path])
            shares = seconds / SECONDS, megabytes / MEGABYTES
            worst = max(worst, *shares)
            taken = f"{seconds:6.2f} s ({shares[0]:5.1%})  {megabytes:6.1f} MB ({shares[1]:5.1%})"
            print(f"{name:8} {Path(path).name:40} {taken}  exit {code}")
    print(f"allowed for {LINES:,} lines: {SECONDS:.0f} s, {MEGABYTES:.0f} MB")
    return int(worst > 1)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
