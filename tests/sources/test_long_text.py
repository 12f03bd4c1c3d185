"""Long runs of one character in the text formats: time grows with the length, not with its square."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEADS = {
    "idregs": "     ID_AA64PFR0_EL1:\t1101000021111112\n",
    "get-reg-list": "ARM64_SYS_REG(3, 0, 0, 4, 0),\n",
    "plain": "midr 0x1\n",
}
RUNS = {"blanks": " ", "zeros": "0", "letters": "a", "lines": " \n", "words": "a "}
CPU_SECONDS = 5
"""A pattern that tries every way of splitting takes minutes on such a file; the reader takes a tenth of a second."""
REPEATED = (
    "op0=",
    "op0=3,op1=0,",
    "S3_",
    "cp15 ",
    "MIDR",
    "MIDR_EL1 ",
    "0x6030",
    "sys_reg(",
    "HWCAP ",
    "AES 7:4 ",
    "[",
)
_READ = """
import resource, sys
resource.setrlimit(resource.RLIMIT_CPU, (int(sys.argv[2]), int(sys.argv[2])))
from inspector.errors import InspectorError
from inspector.sources import load
try:
    load(sys.argv[1])
except InspectorError:
    pass
"""


@pytest.mark.parametrize("head", HEADS)
def test_long_runs(tmp_path: Path, head: str) -> None:
    """Each ends, in a dump or in one line."""
    for name, run in RUNS.items():
        path = tmp_path / name
        path.write_text(HEADS[head] + "a" + run * (60_000 // len(run)) + "b\n")
        done = subprocess.run([sys.executable, "-c", _READ, str(path), str(CPU_SECONDS)], check=False)
        assert done.returncode == 0, f"{head} and {name}"


@pytest.mark.parametrize("start", REPEATED)
def test_a_megabyte_of_one_start(tmp_path: Path, start: str) -> None:
    """One line that begins a register's spelling again and again is refused: in a second, or three on a slow machine;
    what begins a search anew at each takes minutes."""
    path = tmp_path / "repeated"
    path.write_text(start * (1_000_000 // len(start)))
    done = subprocess.run([sys.executable, "-c", _READ, str(path), str(2 * CPU_SECONDS)], check=False)
    assert done.returncode == 0
