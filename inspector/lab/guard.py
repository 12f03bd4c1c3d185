"""A process that puts away what the program would have put away when it is killed: SIGKILL leaves no time for that."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

_WAITS = """
read -r _ && exit
[ -z "$1" ] || kill -9 "$1"
while rm -rf -- "$2"; [ "$3" -gt 0 ]; do set -- "$1" "$2" $(($3 - 1)); sleep 1; done
"""
"""Its standard input ends without a line only when the program has ended."""


class Guard:
    """Ends process `pid`, where there is one, and removes `folder` when this program dies; `dismiss` it before the
    process is ended. `others`: seconds in which processes that end by themselves may still write there."""

    def __init__(self, pid: int | None, folder: Path, others: int = 0) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        with contextlib.suppress(OSError):  # without a shell the next start finds what was left
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _WAITS, "sh", str(pid or ""), str(folder), str(others)], stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, cwd="/",
            )  # fmt: skip

    def dismiss(self) -> None:
        """It is not needed any more."""
        if self._process is not None:
            assert self._process.stdin is not None
            with contextlib.suppress(OSError):
                self._process.stdin.write(b"\n")
                self._process.stdin.close()
            self._process.wait()
            self._process = None
