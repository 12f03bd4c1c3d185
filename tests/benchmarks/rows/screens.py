"""The screens in a real terminal: the first paint against an empty Textual app, and what a key costs.

A key's cost is the CPU time of all threads from the key until the last thing that it made the program draw: work that
is put off and then drawn counts. `first` says when the first frame came.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import statistics
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Sequence

from tests.benchmarks.bench import Bench, surroundings
from tests.benchmarks.rows.start import DUMP
from tests.benchmarks.table import Figure

EMPTY = """
from textual.app import App
from textual.widgets import Static

class Empty(App[None]):
    def compose(self):
        yield Static("first paint")

Empty().run()
"""
AFTER = 0.15
"""Seconds after the wanted text in which the rest of the first paint counts too."""
_OF_PROCESS = 2
"""CPUCLOCK_SCHED of the kernel's include/linux/posix-timers.h"""
QUIET = 0.12
"""Seconds without output and without work after which a key has had its effect."""
REGISTERS, ROUNDS = 60, 4
WORDS = ("sve2", "pauth", "mmfr2", "ccidx", "mte")
DIALOGS = {"help": b"?", "write": b"w", "palette": b"\x10", "policy": b"p", "open": b"o"}
SCREENS = {"Summary": b"0", "Compare": b"2", "Migrate": b"4", "Patch": b"5", "Cache": b"6", "Explain": b"7"}


class Running:
    """A program in a terminal of its own."""

    def __init__(self, command: Sequence[str], size: tuple[int, int]) -> None:
        self._parent, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        environment = surroundings(TERM="xterm-256color", COLORTERM="truecolor")
        self._process = subprocess.Popen(
            command, stdin=child, stdout=child, stderr=child, env=environment, start_new_session=True
        )
        os.close(child)
        self.seen = b""

    def read(self, seconds: float) -> bool:
        """Take what is drawn within some seconds; False where nothing was."""
        if not select.select([self._parent], [], [], seconds)[0]:
            return False
        try:
            self.seen += os.read(self._parent, 1 << 16)
        except OSError:
            return False
        return True

    def wait_for(self, wanted: bytes) -> None:
        """Read until a text was drawn.

        Raises SystemExit when it never is.
        """
        end = time.monotonic() + 60
        while wanted not in self.seen:
            self.read(0.1)
            if time.monotonic() > end:
                raise SystemExit(f"never drawn: {wanted!r}")

    def cpu(self) -> float:
        """Seconds of CPU that it has taken so far, threads that have ended meanwhile counted too."""
        # What clock_getcpuclockid(3) gives for a process: by its threads in /proc, an ended one is forgotten.
        return time.clock_gettime(~self._process.pid << 3 | _OF_PROCESS)

    def settle(self) -> tuple[float, float]:
        """Wait until nothing is drawn and nothing works any more: CPU seconds at the end of the first frame, and at the
        last thing drawn."""
        first, last, busy = 0.0, self.cpu(), self.cpu()
        while True:
            if self.read(0.02):
                while self.read(0.004):
                    pass
                last = busy = self.cpu()
                first = first or last
                quiet_since = time.monotonic()
                continue
            if first == 0.0 or self.cpu() - busy > 0.0005:
                busy, quiet_since = self.cpu(), time.monotonic()
            if time.monotonic() - quiet_since > QUIET:
                return first, last

    def press(self, key: bytes) -> tuple[float, float]:
        """What a key costs: CPU seconds until the first frame, and until the last."""
        before = self.cpu()
        os.write(self._parent, key)
        first, last = self.settle()
        return first - before, last - before

    def end(self) -> float:
        """Kill it; the CPU seconds of its whole life."""
        self._process.kill()
        _, _, used = os.wait4(self._process.pid, 0)
        self._process.returncode = -9
        os.close(self._parent)
        return used.ru_utime + used.ru_stime


def first_paint(command: Sequence[str], size: tuple[int, int], wanted: bytes) -> float:
    """CPU seconds of a program until a moment after a text is on its screen."""
    running = Running(command, size)
    running.wait_for(wanted)
    end = time.monotonic() + AFTER
    while (left := end - time.monotonic()) > 0:
        running.read(left)
    return running.end()


def figures(bench: Bench) -> Iterator[Figure]:
    """First paint, then keys at 120x40."""
    empty, ours = [bench.python, "-c", EMPTY], [*bench.program, DUMP]
    for size in ((120, 40), (80, 24)):
        yield bench.against(
            f"paint-{size[0]}x{size[1]}",
            lambda size=size: first_paint(ours, size, b"ID_AA64PFR0_EL1"),  # type: ignore[misc]
            lambda size=size: first_paint(empty, size, b"first paint"),  # type: ignore[misc]
        )
    yield from _keys(bench)


def _keys(bench: Bench) -> Iterator[Figure]:
    running = started(bench)
    yield from _figures("key-register", [running.press(b">") for _ in range(REGISTERS)])
    running.press(b"/")
    letters = []
    for word in WORDS:
        letters += [running.press(letter.encode()) for letter in word]
        for _ in word:
            running.press(b"\x7f")
    running.press(b"\x1b[27u")
    yield from _figures("key-search", letters)
    opened = {name: list[tuple[float, float]]() for name in DIALOGS}
    for _ in range(ROUNDS):
        for name, key in DIALOGS.items():
            opened[name].append(running.press(key))
            running.press(b"\x1b[27u")
    running.end()
    yield from _figures("key-dialog", [one for found in opened.values() for one in found], opened)
    shown = {name: list[tuple[float, float]]() for name in SCREENS}
    for _ in range(ROUNDS):
        for name, key in SCREENS.items():
            running = started(bench)
            shown[name].append(running.press(key))
            running.end()
    yield from _figures("key-screen", [one for found in shown.values() for one in found], shown)


def started(bench: Bench) -> Running:
    """The program on a dump, when it has nothing more to do."""
    running = Running([*bench.program, DUMP], (120, 40))
    running.wait_for(b"ID_AA64PFR0_EL1")
    running.settle()
    return running


def _figures(
    key: str, spent: Sequence[tuple[float, float]], parts: dict[str, list[tuple[float, float]]] | None = None
) -> Iterator[Figure]:
    """Median and 95th percentile in milliseconds."""
    lasts = sorted(last * 1000 for _, last in spent)
    firsts = statistics.median(first * 1000 for first, _ in spent)
    each = " ".join(
        f"{name} {statistics.median(last for _, last in one) * 1000:.0f}" for name, one in (parts or {}).items()
    )
    yield Figure(key, round(statistics.median(lasts), 1), each, f"first frame {firsts:.1f} ms")
    yield Figure(f"{key}-p95", round(lasts[int(len(lasts) * 0.95)], 1), f"worst {lasts[-1]:.0f} ms")
