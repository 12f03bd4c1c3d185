"""Long texts: a log that `explain` reads, and a recording that `verify` judges."""

from __future__ import annotations

import lzma
import statistics
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.bench import Bench, seconds
from tests.benchmarks.table import ROOT, Figure

MEGABYTES = 1024
LINE = b'Nov 26 07:00:00 host kernel: [  123.456789] audit: type=1400 audit(1700000000.000:1): apparmor="ALLOWED"\n'
ERROR = b"qemu-system-aarch64: error while loading state for instance 0x0 of device 'cpu'\n"


def longest_recording() -> Path:
    """The largest recording beside the checkout, else the largest part that ships with the tests."""
    for folder in (ROOT.parent / "shared" / "recordings", ROOT / "tests" / "material" / "answers"):
        found = sorted(folder.glob("*.jsonl.xz"), key=lambda path: path.stat().st_size)
        if found:
            return found[-1]
    raise SystemExit("no recording found")


def figures(bench: Bench) -> Iterator[Figure]:
    """Against grep, which reads every line too."""
    log = bench.folder / "long.log"
    piece = LINE * ((1 << 20) // len(LINE))
    with log.open("wb") as file:
        for _ in range(MEGABYTES):
            file.write(piece)
        file.write(ERROR)
    ours, peer = [*bench.program, "explain", str(log)], ["grep", "-c", "error while loading", str(log)]
    yield bench.commands("explain", ours, peer, 3, "with the extra `logs`")
    yield Figure("explain-memory", round(bench.cost(ours).memory, 1))
    log.unlink()
    recording = longest_recording()
    with lzma.open(recording) as file:
        lines = sum(1 for _ in file)
    costs = [bench.cost([*bench.program, "verify", str(recording)]) for _ in range(3)]
    spent = statistics.median(one.cpu for one in costs)
    yield Figure("verify", round(spent, 3), f"{lines:,} lines, {costs[0].memory:.0f} MB", f"{seconds(spent)} CPU")
