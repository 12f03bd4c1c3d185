"""Fuzz everything: `python -m tests.fuzz.run [--seconds S | --mutants N] [--seed X] [--only NAME,...] [--jobs 2]`.

Each fuzzer changes its inputs at random, in a process of its own, and keeps those that cost the most for each byte
among its inputs, so that slow ways are found as well as crashes. A mutant fails when the call ends in anything but an
answer or one short line, takes more than two CPU seconds, or grows the process beyond 300 MB. Failures are written to
tests/fuzz/corpus, where `test_corpus.py` finds them. The seed is printed: the same seed makes the same mutants.
`tests.fuzz.guided` is guided by coverage, where atheris is installed.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import random
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import NamedTuple, NoReturn

import msgspec

from tests.fuzz.mutate import several
from tests.fuzz.targets import TARGETS, Target

CORPUS = Path(__file__).with_name("corpus")
SECONDS, MEGABYTES = 2.0, 300
_GROWTH = 150
"""Megabytes that a process which is large already may grow by"""
_PATIENCE = 10.0
"""CPU seconds after which a call is broken off"""
_POOL = 60
"""Inputs that are kept: the first ones, and those that cost most"""


class Figures(NamedTuple):
    """What came of one fuzzer."""

    name: str
    mutants: int
    accepted: int
    crashes: tuple[str, ...]
    slowest: float
    """CPU seconds"""
    dearest: float
    """CPU microseconds for each byte, of inputs of more than 4 KiB"""
    megabytes: int


class _HangsError(Exception):
    """A call took longer than anybody waits."""


def _break_off(number: int, frame: FrameType | None) -> NoReturn:
    raise _HangsError(f"still at work after {_PATIENCE} CPU seconds")


def _megabytes(what: str) -> int:
    """A line of this process's status in /proc: VmRSS, what it holds now, or VmHWM, the most it held."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{what}:")[2].split()[0]) >> 10


def peak_begins() -> int:
    """Count the peak of memory from here, where the kernel lets us (proc(5), clear_refs 5); megabytes held now."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _megabytes("VmHWM")


def attempt(target: Target, data: bytes) -> tuple[bool, str, float]:
    """Whether the input was accepted, what went wrong ("" for nothing), and CPU seconds.

    What is too slow is so three times: a machine that stands for some seconds counts them as ours.
    """
    for _ in range(3):
        accepted, problem, spent = _once(target, data)
        if problem or spent <= SECONDS:
            return accepted, problem, spent
    return accepted, f"slow: {spent:.1f} CPU seconds for {len(data)} bytes", spent


def _once(target: Target, data: bytes) -> tuple[bool, str, float]:
    signal.signal(signal.SIGVTALRM, _break_off)
    signal.setitimer(signal.ITIMER_VIRTUAL, _PATIENCE)
    started, accepted, problem = time.process_time(), False, ""
    try:
        accepted = target.call(data)
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        problem = f"{type(error).__name__}: {str(error)[:100]} ({Path(place.filename).name}:{place.lineno})"
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return accepted, problem, time.process_time() - started


def fuzz(target: Target, seed: str, seconds: float, mutants: int) -> Figures:
    """Try mutants of one target until either runs out."""
    chance = random.Random(f"{seed} {target.name}")
    first = list(target.seeds())
    pool: list[tuple[float, bytes]] = [(0.0, data) for data in first]
    crashes: dict[str, None] = {}
    count = taken = 0
    slowest = dearest = 0.0
    for data in first:
        attempt(target, data)
    # A process that did other work before, as one of the tests, has a peak of its own.
    at_first = peak_begins()
    end = time.monotonic() + seconds
    while count < mutants and time.monotonic() < end:
        base = chance.choice(pool)[1] if chance.randrange(3) else chance.choice(first)
        data = several(target.mutator, base, chance, first)
        accepted, problem, spent = attempt(target, data)
        count, taken, slowest = count + 1, taken + accepted, max(slowest, spent)
        if len(data) >= 4096:
            dearest = max(dearest, spent / len(data) * 1e6)
        if problem and problem.partition("(")[2] not in [known.partition("(")[2] for known in crashes]:
            crashes[problem] = None
            _keep(target, data)
        cost = spent / (len(data) + 2000)
        if cost > min(pool)[0] or len(pool) < _POOL:
            pool = sorted([*pool, (cost, data)], reverse=True)[:_POOL]
    megabytes = _megabytes("VmHWM")
    if megabytes > max(MEGABYTES, at_first + _GROWTH):
        crashes[f"{megabytes} MB of memory"] = None
    return Figures(target.name, count, taken, tuple(crashes), slowest, dearest, megabytes)


def _keep(target: Target, data: bytes) -> None:
    CORPUS.mkdir(exist_ok=True)
    (CORPUS / f"{target.name}-{hashlib.sha256(data).hexdigest()[:12]}").write_bytes(data)


def _in_own_process(name: str, seed: str, seconds: float, mutants: int) -> Figures:
    command = [sys.executable, "-m", "tests.fuzz.run", "--only", name, "--seed", seed, "--jobs", "0"]
    command += ["--seconds", str(seconds), "--mutants", str(mutants)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        crash = f"ended with {done.returncode}: {done.stderr.strip()[-200:]}"
        return Figures(name, 0, 0, (crash,), 0.0, 0.0, 0)
    return msgspec.json.decode(done.stdout, type=Figures)


def table(figures: Sequence[Figures]) -> str:
    """The figures, a line for each fuzzer."""
    head = f"{'fuzzer':20} {'mutants':>9} {'accepted':>9} {'crashes':>7} {'worst CPU s':>11} {'us/byte':>8} {'MB':>5}"
    rows = [
        f"{f.name:20} {f.mutants:>9,} {f.accepted:>9,} {len(f.crashes):>7} {f.slowest:>11.3f} {f.dearest:>8.2f}"
        f" {f.megabytes:>5}"
        for f in figures
    ]
    return "\n".join([head, *rows, f"{'all':20} {sum(f.mutants for f in figures):>9,}"])


def main() -> int:
    """Fuzz, print the figures, and end with 1 when something failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=0.0, help="for each fuzzer")
    parser.add_argument("--mutants", type=int, default=0, help="for each fuzzer")
    parser.add_argument("--seed", default="")
    parser.add_argument("--only", default="", help="names of fuzzers, commas between")
    parser.add_argument("--jobs", type=int, default=2, help="fuzzers at one time; 0: one, in this process, as JSON")
    options = parser.parse_args()
    seed = options.seed or os.urandom(6).hex()
    seconds = options.seconds or (1e9 if options.mutants else 10.0)
    mutants = options.mutants or 1 << 62
    wanted = options.only.split(",") if options.only else [target.name for target in TARGETS]
    if not options.jobs:
        target = next(target for target in TARGETS if target.name == wanted[0])
        print(msgspec.json.encode(fuzz(target, seed, seconds, mutants)).decode())
        return 0
    print(f"seed {seed}", flush=True)
    with ThreadPoolExecutor(options.jobs) as threads:
        figures = list(threads.map(lambda name: _in_own_process(name, seed, seconds, mutants), wanted))
    print(table(figures))
    failed = [(f.name, crash) for f in figures for crash in f.crashes]
    for name, crash in failed:
        print(f"{name}: {crash}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
