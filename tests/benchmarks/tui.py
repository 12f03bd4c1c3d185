"""Measure the screens: CPU to first paint against an empty Textual app, and CPU from one register to the next.

    python -m tests.benchmarks.tui [--pairs 9] [--size 120x40]

First paint is measured in a pseudo-terminal, in pairs (the empty app, then the program, so that a busy machine slows
both), until the wanted text is on screen. Limits of the project: 2.0 times the empty app, 30 ms per register. Exit code
1 when one is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import os
import pty
import resource
import select
import statistics
import struct
import subprocess
import sys
import termios
import time

EMPTY = "from textual.app import App\nfrom textual.widgets import Static\n\nclass Empty(App[None]):\n"
EMPTY += "    def compose(self):\n        yield Static('first paint')\n\nEmpty().run()\n"
DUMP = "builtin:neoverse-n2-linux-6.1"
PAINT_LIMIT, SWITCH_LIMIT = 2.0, 0.030


def first_paint(command: list[str], size: tuple[int, int], wanted: bytes) -> float:
    """CPU seconds of a program until a text is on its screen."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(
        command, stdin=child, stdout=child, stderr=child, env=environment, start_new_session=True
    )
    os.close(child)
    seen, end = b"", time.monotonic() + 30
    while wanted not in seen and time.monotonic() < end:
        if select.select([parent], [], [], 0.1)[0]:
            try:
                seen += os.read(parent, 65536)
            except OSError:
                break
    process.kill()
    process.wait()
    os.close(parent)
    if wanted not in seen:
        raise SystemExit(f"{command} never showed {wanted!r}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


async def register_switch(size: tuple[int, int], steps: int = 60) -> list[float]:
    """CPU seconds of each step from a register to the next, drawing included."""
    from inspector import sources
    from inspector.app.shell.application import InspectorApp

    app = InspectorApp([sources.load(DUMP)])
    spent = []
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        for _ in range(steps):
            before = time.process_time()
            await pilot.press("right_square_bracket")
            await pilot.pause()
            spent.append(time.process_time() - before)
    return spent


def main() -> int:
    """Measure and print; 1 when a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--size", default="", help="WxH; default: 120x40 and 80x24")
    options = parser.parse_args()
    failed = False
    for text in [options.size] if options.size else ["120x40", "80x24"]:
        width, height = map(int, text.split("x"))
        size = (width, height)
        pairs = []
        for _ in range(options.pairs):
            empty = first_paint([sys.executable, "-c", EMPTY], size, b"first paint")
            full = first_paint([sys.executable, "-m", "inspector", DUMP], size, b"palette")
            pairs.append((empty, full))
        ratio = statistics.median(full / empty for empty, full in pairs)
        empty, full = (statistics.median(side) for side in zip(*pairs, strict=True))
        print(
            f"{text}  first paint {full:.3f} s, empty app {empty:.3f} s, median ratio {ratio:.2f} (limit {PAINT_LIMIT})"
        )
        spent = asyncio.run(register_switch(size))
        middle, worst = statistics.median(spent), max(spent[1:])
        print(f"{text}  register to register {middle * 1000:.1f} ms median, {worst * 1000:.1f} ms worst (limit 30)")
        failed |= ratio > PAINT_LIMIT or middle > SWITCH_LIMIT
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
