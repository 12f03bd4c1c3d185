"""A process that ends a machine when the program is killed before it could: SIGKILL leaves no time for that."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

_WAITS = 'read -r _ || { kill -9 "$1"; rm -rf -- "$2"; }'
"""Its standard input ends without a line only when the program has ended."""


class Guard:
    """Ends process `pid` and removes `folder` when this program dies; `dismiss` it before the process is ended."""

    def __init__(self, pid: int, folder: Path) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        with contextlib.suppress(OSError):  # without a shell the next start finds what was left
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _WAITS, "sh", str(pid), str(folder)], stdin=subprocess.PIPE,
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
