"""Compare ten thousand dumps of 250 registers: prints CPU, wall time and peak memory.

Run: python -m tests.benchmarks.compare_fleet [COUNT] [json|text]. Aim on two cores: 20 s and 500 MB, loading included.
"""

from __future__ import annotations

import json
import os
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

from inspector.checks.compare.compare import Comparison, compare_paths
from inspector.registers.encoding import bitmap_id, ccsidr_id, firmware_id, hex_id, sysreg_id

REGISTERS = 250
KINDS = 5
"""Kinds of hosts in the fleet."""


def fleet_ids() -> list[int]:
    """250 ids as a plain vCPU lists them: ID space, caches, firmware, and state."""
    ids = [sysreg_id(3, 0, 0, crm, op2) for crm in range(8) for op2 in range(8)]
    ids += [sysreg_id(3, 1, 0, 0, 1), sysreg_id(3, 3, 0, 0, 1)]
    ids += [ccsidr_id(n) for n in range(14)] + [firmware_id(n) for n in range(4)] + [bitmap_id(n) for n in range(4)]
    state = [sysreg_id(2, 0, 0, n, op2) for n in range(16) for op2 in range(4, 8)]
    state += [sysreg_id(3, 3, 14, crm, op2) for crm in range(8, 16) for op2 in range(8)]
    state += [sysreg_id(3, 0, crn, 0, op2) for crn in range(1, 15) for op2 in range(8)]
    return [*ids, *state][:REGISTERS]


def write_fleet(folder: Path, count: int, form: str) -> list[str]:
    """`count` dump files: KINDS kinds of hosts, and guest state that differs in every file."""
    dice = random.Random(1)
    ids = fleet_ids()
    kinds = [{i: dice.getrandbits(32 if i >> 52 & 15 == 2 else 64) for i in ids} for _ in range(KINDS)]
    paths = []
    for number in range(count):
        values = dict(kinds[number % KINDS])
        for reg_id in ids[90:]:
            values[reg_id] = dice.getrandbits(48)
        path = folder / f"host{number:05d}.{'json' if form == 'json' else 'txt'}"
        path.write_text(_json(values, number) if form == "json" else _text(values))
        paths.append(str(path))
    return paths


def _json(values: dict[int, int], number: int) -> str:
    registers = {hex_id(i): f"0x{v:x}" for i, v in values.items()}
    return json.dumps(
        {
            "format": "vcpu-inspector-dump",
            "version": 1,
            "provenance": {"host": f"host{number}", "kernel": "6.12.107"},
            "vcpus": [{"index": 0, "kind": "vcpu", "registers": registers}],
        },
        indent=1,
    )


def _text(values: dict[int, int]) -> str:
    return "".join(f"{hex_id(i)} 0x{v:x}\n" for i, v in values.items())


def measure(paths: list[str]) -> Comparison:
    """Compare and print what it cost."""
    wall, cpu = time.perf_counter(), _cpu()
    answer = compare_paths(paths)
    wall, cpu = time.perf_counter() - wall, _cpu() - cpu
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{len(paths)} dumps: wall {wall:.1f} s, CPU {cpu:.1f} s on {os.cpu_count()} cores")
    print(f"peak memory {own:.0f} MB + largest worker {child:.0f} MB")
    print(f"{len(answer.columns)} groups, {answer.distinct_states} distinct contents, {len(answer.registers)} differ")
    return answer


def _cpu() -> float:
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )


def main() -> None:
    """Make the fleet in a temporary folder and measure."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    form = sys.argv[2] if len(sys.argv) > 2 else "json"
    with tempfile.TemporaryDirectory() as folder:
        paths = write_fleet(Path(folder), count, form)
        measure(paths)


if __name__ == "__main__":
    main()
