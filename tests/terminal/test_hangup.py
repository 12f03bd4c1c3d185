"""A terminal that goes away without a SIGHUP ends the program: it never runs on with nobody there."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
import time

import pytest

from tests.fresh import ROOT
from tests.terminal.terminal import Terminal

_PATIENCE = 60.0


def _until_drawn(terminal: int, wanted: bytes) -> None:
    end, seen = time.monotonic() + _PATIENCE, b""
    while wanted not in seen:
        assert time.monotonic() < end, seen[-500:]
        seen += os.read(terminal, 1 << 16)


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "drawing"])
@pytest.mark.parametrize("arguments", [[], ["builtin:neoverse-n2-linux-6.1"]], ids=["start", "browse"])
def test_a_terminal_that_goes_away_silently(arguments: list[str], busy: bool) -> None:
    """No controlling terminal, and SIGHUP ignored, as under nohup; with drawing under way, which then has no reader."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color"}

    with subprocess.Popen(
        ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", sys.executable, "-m", "inspector", *arguments],
        stdin=theirs, stdout=theirs, stderr=theirs, env=environment,
    ) as process:  # fmt: skip
        os.close(theirs)
        try:
            _until_drawn(ours, b"\x1b[?1049h")
            _until_drawn(ours, b"palette")
            if busy:
                with contextlib.suppress(OSError):
                    os.write(ours, b"\x1b[B" * 300)
            os.close(ours)
            assert process.wait(_PATIENCE) == 128 + signal.SIGHUP
        finally:
            process.kill()


@pytest.mark.parametrize("wait", [0.0, 0.02, 0.05, 0.1])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda one: one.name)
def test_what_is_sent_behind_the_end_does_not_take_the_terminal_again(number: signal.Signals, wait: float) -> None:
    """systemd and a closed terminal send SIGCONT behind: a thread of the ended program read keys for ever then."""
    with Terminal("builtin:neoverse-n2-linux-6.1") as terminal:
        terminal.wait_for("Help")
        with contextlib.suppress(ProcessLookupError):
            os.kill(terminal._process.pid, number)
            time.sleep(wait)
            os.kill(terminal._process.pid, signal.SIGCONT)
        assert terminal.wait_for_end() == 128 + number and terminal.restored()
