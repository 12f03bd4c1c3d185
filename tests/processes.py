"""What runs on this machine, as proc(5) has it."""

from __future__ import annotations

import time
from pathlib import Path

_PATIENCE = 120.0


def living(session: int) -> list[str]:
    """The processes of a session that have not ended."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended
        if fields[0] not in "ZX" and int(fields[3]) == session:
            found.append(path.parent.name)
    return found


def wait_until_none_lives(session: int) -> None:
    """Wait until every process of a session has ended; fails with those that go on."""
    end = time.monotonic() + _PATIENCE
    while found := living(session):
        assert time.monotonic() < end, f"these go on: {found}"
        time.sleep(0.02)


def wait_until_empty(folder: Path) -> None:
    """Wait until nothing lies in a folder; fails with what stays."""
    end = time.monotonic() + _PATIENCE
    while found := list(folder.iterdir()):
        assert time.monotonic() < end, f"these stay: {found}"
        time.sleep(0.02)
