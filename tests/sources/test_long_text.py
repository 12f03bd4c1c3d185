"""Long runs of one character in the text formats: time grows with the length, not with its square."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.fresh import ROOT

HEADS = {
    "idregs": "     ID_AA64PFR0_EL1:\t1101000021111112\n",
    "get-reg-list": "ARM64_SYS_REG(3, 0, 0, 4, 0),\n",
    "plain": "midr 0x1\n",
}
RUNS = {"blanks": " ", "zeros": "0", "letters": "a", "lines": " \n", "words": "a "}
CPU_SECONDS = 30
"""For each file. A pattern that tries every way of splitting takes minutes; the reader takes a tenth of a second for a
long run and a second for a megabyte of starts, or three on a slow machine. What is over is ended by the operating
system, which no machine that stands for some seconds makes it do."""
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
from inspector.errors import InspectorError
from inspector.sources import load
for path in sys.argv[2:]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime) + int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))
    print(path, flush=True)
    try:
        load(path)
    except InspectorError:
        pass
print("the end")
"""


def read(folder: Path, files: Mapping[str, str]) -> str:
    """The last file that was read, in a process of its own, or "the end"."""
    for name, text in files.items():
        (folder / name).write_text(text)
    command = [sys.executable, "-c", _READ, str(CPU_SECONDS), *files]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize("head", HEADS)
def test_long_runs(tmp_path: Path, head: str) -> None:
    """Each ends, in a dump or in one line."""
    files = {name: HEADS[head] + "a" + run * (200_000 // len(run)) + "b\n" for name, run in RUNS.items()}
    assert read(tmp_path, files) == "the end"


def test_a_megabyte_of_one_start(tmp_path: Path) -> None:
    """One line that begins a register's spelling again and again is refused soon; what begins a search anew at each
    takes minutes."""
    files = {f"{number} {start}": start * (1_000_000 // len(start)) for number, start in enumerate(REPEATED)}
    assert read(tmp_path, files) == "the end"
