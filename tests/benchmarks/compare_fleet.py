"""Compare a fleet made of the shipped dumps: prints CPU, wall time and the peak memory of all processes together.

Run: python -m tests.benchmarks.compare_fleet COUNT [PROFILES] [-- MORE ARGUMENTS OF compare]. PROFILES hosts (default
100) differ in their ID registers, and every guest differs in its own state; as many profiles as dumps is a fleet of
unlike hosts. The files (20 kB each) are made once below $TMPDIR, or /tmp, and stay there.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from inspector.checks.fleet.tally import is_kept
from inspector.registers.encoding import size_of
from inspector.registers.ids import ID_SPACE
from tests.fresh import ROOT

_SECONDS = 0.2
"""Between two looks at the memory."""


def shipped() -> list[dict[str, Any]]:
    """The shipped dumps of vCPUs, as JSON."""
    return [json.loads(path.read_text()) for path in sorted((ROOT / "snapshots").glob("*-linux-*.json"))]


def write_fleet(folder: Path, count: int, profiles: int) -> Path:
    """`count` dumps in `folder`, of `profiles` kinds of host; gives the list of their names."""
    names = folder / "list"
    if names.exists():
        return names
    folder.mkdir(parents=True, exist_ok=True)
    dice, bases = random.Random(1), shipped()
    paths = []
    kinds: dict[int, tuple[dict[str, Any], dict[str, str]]] = {}
    for number in range(count):
        kind = number % profiles
        if kind not in kinds:
            kinds[kind] = _kind(bases[kind % len(bases)], kind, random.Random(kind))
        base, registers = kinds[kind] if profiles < count else kinds.pop(kind)
        path = folder / f"host{number:06d}.json"
        path.write_text(json.dumps(_guest(base, registers, number, dice), indent=1))
        paths.append(str(path))
    names.write_text("\n".join(paths))
    return names


def _kind(base: dict[str, Any], kind: int, dice: random.Random) -> tuple[dict[str, Any], dict[str, str]]:
    """A host as the shipped one, but that about a third of its ID registers have one field lowered by one."""
    registers = dict(base["vcpus"][0]["registers"])
    for text in registers if kind else ():
        if int(text, 0) in ID_SPACE and dice.random() < 0.3:
            value, lsb = int(registers[text], 0), 4 * dice.randrange(16)
            if 0 < value >> lsb & 15 < 15:
                registers[text] = hex(value - (1 << lsb))
    return base, registers


def _guest(base: dict[str, Any], registers: dict[str, str], number: int, dice: random.Random) -> dict[str, Any]:
    ids = {text: int(text, 0) for text in registers}
    state = {
        text: value if is_kept(ids[text], "baseline") else hex(dice.getrandbits(min(48, 8 * size_of(ids[text]))))
        for text, value in registers.items()
    }
    vcpu = base["vcpus"][0] | {"registers": state}
    return base | {"provenance": base["provenance"] | {"host": f"host{number}"}, "vcpus": [vcpu]}


def measure(words: list[str]) -> tuple[float, float, float, float, str]:
    """(wall s, CPU s, peak MB of all processes together, peak MB of the first one, first line) of a command."""
    begin = time.monotonic()
    before = os.times()
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    peaks = {"all": 0.0, "first": 0.0}

    def watch() -> None:
        while process.poll() is None:
            sizes = [_resident(pid) for pid in (process.pid, *_below(process.pid))]
            peaks["all"], peaks["first"] = max(peaks["all"], sum(sizes)), max(peaks["first"], sizes[0])
            time.sleep(_SECONDS)

    watcher = threading.Thread(target=watch)
    watcher.start()
    told, _ = process.communicate()
    watcher.join()
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return time.monotonic() - begin, cpu, peaks["all"], peaks["first"], told.partition("\n")[0]


def _below(pid: int) -> list[int]:
    try:
        found = [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
    return [one for child in found for one in (child, *_below(child))]


def _resident(pid: int) -> float:
    """Megabytes that are the process's own: pages that several share count in parts."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("Pss:")), 0.0)


def main() -> None:
    """Make the fleet and measure."""
    words = sys.argv[1:]
    more = words[words.index("--") + 1 :] if "--" in words else []
    given = words[: words.index("--")] if "--" in words else words
    count = int(given[0]) if given else 10_000
    profiles = int(given[1]) if len(given) > 1 else 100
    folder = Path(tempfile.gettempdir()) / f"vcpu-inspector-fleet-{count}-{profiles}"
    names = write_fleet(folder, count, profiles)
    command = [sys.executable, "-m", "inspector", "compare", "--files-from", str(names), *more]
    wall, cpu, whole, first, line = measure(command)
    print(f"{count} dumps, {profiles} profiles, {' '.join(more)}: wall {wall:.1f} s, CPU {cpu:.1f} s")
    print(f"peak memory {whole:.0f} MB of all processes, {first:.0f} MB of the first; {line}")


if __name__ == "__main__":
    main()
