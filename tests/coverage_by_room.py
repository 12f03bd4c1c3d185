"""Print the coverage of each room, lines and branches together: `python -m tests.coverage_by_room`.

Reads `.coverage` as `coverage combine` leaves it; CONTRIBUTING.md has the whole command.
"""

from __future__ import annotations

import io
from collections import defaultdict
from contextlib import redirect_stdout
from pathlib import Path
from typing import NamedTuple

import coverage
import msgspec


class Count(NamedTuple):
    """Lines and branches of a room: those that ran, and all."""

    ran: int = 0
    all: int = 0

    @property
    def share(self) -> float:
        """Percent."""
        return 100 * self.ran / self.all if self.all else 100.0


class _Summary(msgspec.Struct):
    covered_lines: int
    num_statements: int
    covered_branches: int = 0
    num_branches: int = 0


class _File(msgspec.Struct):
    summary: _Summary


class _Report(msgspec.Struct):
    files: dict[str, _File]


def by_room(report: bytes) -> dict[str, Count]:
    """Counts of each room of a JSON report of `coverage`; modules outside rooms come under the package's name."""
    rooms: dict[str, Count] = defaultdict(Count)
    for name, file in msgspec.json.decode(report, type=_Report).files.items():
        parts = Path(name).parts
        below = parts[parts.index("inspector") + 1 :]
        room = below[0] if len(below) > 1 else "inspector"
        found = file.summary
        rooms[room] = Count(
            rooms[room].ran + found.covered_lines + found.covered_branches,
            rooms[room].all + found.num_statements + found.num_branches,
        )
    return dict(rooms)


def main() -> None:
    """Print a line for each room, and one for all."""
    measured = coverage.Coverage()
    measured.load()
    with redirect_stdout(text := io.StringIO()):
        measured.json_report(outfile="-")
    rooms = by_room(text.getvalue().encode())
    rooms["all"] = Count(sum(c.ran for c in rooms.values()), sum(c.all for c in rooms.values()))
    for room, count in rooms.items():
        print(f"{room:<12}{count.share:6.1f} %  {count.ran:>6} of {count.all}")


if __name__ == "__main__":
    main()
