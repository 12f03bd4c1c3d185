"""What reading one source may cost, for every loader: the only place where limits on work and memory stand.

A loader asks the budget of its source before it does work whose size the source chooses. Within the limits below any
input ends within about two seconds of CPU time and 200 MB; beyond one of them the answer is one line that names it.
`--limit TIMES` raises all of them. A saved guest of any size is read within them, because its memory is stepped over.
"""

from __future__ import annotations

from inspector.errors import SourceError


class Limit:
    """One of the limits: how much, and of what, as a sentence names it."""

    __slots__ = ("most", "what")

    def __init__(self, most: int, what: str) -> None:
        self.most, self.what = most, what


TEXT = Limit(32 << 20, "bytes of text, JSON or CBOR")
"""The whole of a source that is read in one piece."""
LINES = Limit(4 << 20, "bytes of plain text")
"""Text whose lines are looked at one by one, whatever they are."""
LINE = Limit(1 << 20, "bytes in one line")
UNPACKED = Limit(320 << 20, "bytes unpacked from a hundredth as many")
"""So much may come out of a compressed file, and a hundred times what went in: mostly empty small guests shrink a
thousandfold."""
RECORDS = Limit(60_000, "registers")
"""Registers with or without a value, of all vCPUs together; 96 vCPUs of 620 have so many. Saved QEMU guests are exempt:
what their streams hold is bounded by the format."""
VCPUS = Limit(2_048, "vCPUs")
"""KVM's own limit on arm64 is 512."""
MEMBERS = Limit(500_000, "texts, lists and objects in JSON or CBOR")
NUMBERS = Limit(3_000_000, "numbers in JSON or CBOR")
NESTING = Limit(100, "levels of nesting")
"""No known document has a tenth of them."""
STEPS = Limit(1_200_000, "steps of work")
"""A step is about a microsecond of CPU time on a machine of 2020."""
SEARCHED = Limit(1 << 30, "bytes that are searched for a vCPU")
"""Bytes that are no known part of a stream; holes of a file are not counted."""
PAGES = Limit(400_000, "pages of guest memory that are stepped over one by one")
"""Beyond it the device state is looked up by pattern; no error. In a file, eight pages in a row count as one."""

HELP = "let a source be TIMES as large, or as slow to read, as is usual"


class _Raised:
    """By how much `--limit` raises every limit of this process."""

    times = 1


def raise_limits(times: int) -> None:
    """Let every source that is read from now on cost `times` as much (`--limit`)."""
    _Raised.times = times


def raised_by() -> int:
    """What `raise_limits` was given, for another process that reads for this one."""
    return _Raised.times


def most(limit: Limit) -> int:
    """How much of it a source may have, with `--limit` counted in."""
    return limit.most * _Raised.times


def exceeded(limit: Limit, where: str) -> SourceError:
    """The one error for a limit that was met: what it is, and how to raise it."""
    return SourceError(
        f"has more than {most(limit):,} {limit.what}; it is not read any further",
        where,
        f"if the source can be trusted, raise this limit: --limit {2 * _Raised.times}",
    )


class Budget:
    """What one source has cost so far."""

    def __init__(self, where: str) -> None:
        self.where = where
        self._spent: dict[Limit, int] = {}

    def spend(self, limit: Limit, count: int = 1) -> None:
        """Count what is about to be done. Raises SourceError when the source asks for more than it may."""
        spent = self._spent.get(limit, 0) + count
        self._spent[limit] = spent
        if spent > limit.most * _Raised.times:
            raise exceeded(limit, self.where)

    def check(self, limit: Limit, size: int) -> None:
        """The same for a size that does not add up: a line's, a level of nesting."""
        if size > limit.most * _Raised.times:
            raise exceeded(limit, self.where)
