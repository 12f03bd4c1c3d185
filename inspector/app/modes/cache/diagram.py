"""The caches drawn to one scale: a block per cache whose rows are its ways and whose width is the bytes of a way.

Areas compare: every cell of every block, host's and vCPU's, stands for as many bytes. Where a drawing has no room,
`listed` says the same in a line per cache and side. Every number comes from `registers/caches.py`; here blocks are only
placed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from inspector.app.widgets.ink import Ink, Row, fit, row, width, wrap
from inspector.registers.caches import Cache, CacheLevel, CacheReading, CacheTopology
from inspector.registers.meanings import counted, size_text

Side = Literal["host", "vcpu"]
GAP = 2
"""Cells left of each side's column, and between caches of one level."""
UNKNOWN = 3
"""Cells of a way whose number of sets is lost."""
_FRAMES = {False: ("┌", "─", "┐", "│", "└", "┘"), True: ("┏", "━", "┓", "┃", "┗", "┛")}
_NAME, _SIDE = 16, 6
"""Cells of the first columns of the list."""


class Scale(NamedTuple):
    """What a cell of a block stands for."""

    size: int
    """bytes across"""
    ways: int
    """ways down"""


class Block(NamedTuple):
    """Where a cache stands, so that a click finds it."""

    side: Side
    csselr: int
    left: int
    top: int
    width: int
    height: int


class Drawing(NamedTuple):
    """Rows, and what stands where in them."""

    rows: list[Row]
    blocks: tuple[Block, ...]
    legend: str = ""
    """what a cell of it stands for"""

    def at(self, x: int, y: int) -> Block | None:
        """The cache under a cell."""
        inside = (one for one in self.blocks if 0 <= x - one.left < one.width and 0 <= y - one.top < one.height)
        return next(inside, None)


def reading_of(cache: Cache, side: Side) -> CacheReading | None:
    """The reading that holds on a side."""
    return cache.host if side == "host" else cache.chosen


def drawn(
    sides: Mapping[Side, CacheTopology], captions: Sequence[str], chosen: int, cells: int, room: int
) -> Drawing | None:
    """The topologies beside each other to one scale; None where `cells` by `room` is too little for a drawing."""
    each = cells // len(sides) - GAP
    caches = [(cache, each_of(level, each)) for one in sides.values() for level in one.levels for cache in level.caches]
    if not caches or each < 30:
        return None
    size = 64
    while any(_across(cache, side, size) > wide - 2 for side in sides for cache, wide in caches):
        size *= 2
    for ways in (1, 2, 4, 8):
        drawing = _place(sides, captions, chosen, each, Scale(size, ways))
        if len(drawing.rows) <= room:
            return drawing
    return None


def each_of(level: CacheLevel, cells: int) -> int:
    """Cells that each cache of a level may take."""
    count = max(len(level.caches), 1)
    return (cells - GAP * (count - 1)) // count


def _across(cache: Cache, side: Side, size: int) -> int:
    """Cells of a way."""
    reading = reading_of(cache, side)
    if reading is None or reading.sets is None:
        return UNKNOWN
    return max(-(-reading.sets * reading.line // size), 1)


def _down(cache: Cache, side: Side, scale: Scale) -> int:
    reading = reading_of(cache, side)
    return 1 if reading is None else -(-reading.ways // scale.ways)


def _place(
    sides: Mapping[Side, CacheTopology], captions: Sequence[str], chosen: int, each: int, scale: Scale
) -> Drawing:
    """Level under level, each as high on both sides."""
    rows: list[Row] = [_beside([row(Ink(one, "heading")) for one in captions], each)]
    blocks: list[Block] = []
    told = any(remark(cache, side) for side, one in sides.items() for cache in one.caches)
    for number in range(max(len(one.levels) for one in sides.values())):
        parts = []
        for place, (side, topology) in enumerate(sides.items()):
            level = topology.levels[number] if number < len(topology.levels) else None
            parts.append(_level(topology, level, side, chosen, each, scale, told))
            left, wide = place * (each + GAP) + GAP, each_of(level, each) if level else 0
            for at, cache in enumerate(level.caches if level else ()):
                blocks.append(Block(side, cache.csselr, left + at * (wide + GAP), len(rows), wide, len(parts[-1])))
        high = max(map(len, parts))
        rows += [_beside([one[at] if at < len(one) else () for one in parts], each) for at in range(high)]
    known = any(
        (reading := reading_of(cache, side)) is not None and reading.sets is not None
        for side, one in sides.items()
        for cache in one.caches
    )
    return Drawing(rows, tuple(blocks), _legend(scale) if known else "")


def _legend(scale: Scale) -> str:
    ways = "a row is one way" if scale.ways == 1 else f"a row is {scale.ways} ways"
    return f" to scale: {ways}, a ▒ {size_text(scale.size * scale.ways)} "


def _beside(lines: Sequence[Row], each: int) -> Row:
    return tuple(piece for one in lines for piece in (Ink(" " * GAP), *fit(one, each)))


def _level(
    topology: CacheTopology, level: CacheLevel | None, side: Side, chosen: int, each: int, scale: Scale, told: bool
) -> list[Row]:
    """One level of a side: what each cache is, its block, and the points of coherency below."""
    if level is None:
        return []
    wide = each_of(level, each)
    columns = [_cache(cache, side, cache.csselr == chosen, scale, told) for cache in level.caches]
    high = max(map(len, columns), default=0)
    rows: list[Row] = []
    for at in range(high):
        line: list[Ink] = []
        for column in columns:
            line += [*([Ink(" " * GAP)] if line else []), *fit(column[at] if at < len(column) else (), wide)]
        rows.append(tuple(line))
    return [*rows, *boundary(topology, level.level, each)]


def _cache(cache: Cache, side: Side, chosen: bool, scale: Scale, told: bool) -> list[Row]:
    """Name and size, shape, where something is told of any cache what is wrong with it, and the block."""
    reading = reading_of(cache, side)
    mark = Ink("▌", "link") if chosen else Ink(" ")
    title = (mark, Ink(cache.name, "chosen" if chosen else "title"), Ink("  "))
    if reading is None:
        return [title, row(Ink(" no CCSIDR in the dump", "muted"))]
    size = Ink("? KiB", "unknown") if reading.size is None else Ink(size_text(reading.size))
    rows: list[Row] = [(*title, size)]
    shape, fault = row(Ink(f" {_shape(reading)}")), remark(cache, side)
    across, down = _across(cache, side, scale.size), _down(cache, side, scale)
    rows += [shape, (Ink(" "), *fault)] if told else [shape]
    left_top, flat, right_top, upright, left_low, right_low = _FRAMES[chosen]
    role = "link" if chosen else "muted"
    lost = reading.sets is None
    # A way of unknown length has no right end.
    ends = (" ", " ", " ") if lost else (right_top, upright, right_low)
    inside = Ink("? " * (UNKNOWN // 2) + "?", "unknown") if lost else Ink(_filled(reading, across, scale.size))
    rows.append(row(Ink(left_top + flat * across + ends[0], role)))
    rows += [row(Ink(upright, role), inside, Ink(ends[1], role))] * down
    rows.append(row(Ink(left_low + flat * across + ends[2], role)))
    return rows


def _filled(reading: CacheReading, across: int, size: int) -> str:
    """A way; a sliver where all of it is less than half a cell."""
    return "▏" if (reading.sets or 0) * reading.line * 2 < size else "▒" * across


def boundary(topology: CacheTopology, level: int, cells: int) -> list[Row]:
    """A dashed line below the level at which a point of coherency or unification lies."""
    points = (("LoC", topology.loc), ("LoUIS", topology.louis), ("LoUU", topology.louu))
    names = [name for name, at in points if at == level]
    if not names:
        return []
    label = f" {', '.join(names)} "
    dashes = "─ " * (cells // 2)
    start = max((cells - len(label)) // 2, 0) // 2 * 2
    return [row(Ink(dashes[:start], "muted"), Ink(label, "title"), Ink(dashes[start + len(label) : cells], "muted"))]


def listed(sides: Mapping[Side, CacheTopology], captions: Sequence[str], chosen: int, cells: int) -> Drawing:
    """A line per cache and side, in words."""
    rows: list[Row] = []
    names = {"host": "host", "vcpu": "vCPU"}
    for caption in captions:
        rows += [(Ink(" " * GAP), *one) for one in wrap(row(Ink(caption, "heading")), cells - GAP, GAP)]
    blocks: list[Block] = []
    found = {cache.csselr: cache for one in sides.values() for cache in one.caches}
    for csselr in sorted(found, key=lambda number: (number >> 1, -(number & 1))):
        top, name = len(rows), found[csselr].name
        for side, topology in sides.items():
            cache = next((one for one in topology.caches if one.csselr == csselr), None)
            mark = Ink("▌ " if csselr == chosen else "  ", "link")
            head = row(mark, Ink(f"{name:<{_NAME}}", "chosen" if csselr == chosen and name else "title"))
            told = row(Ink(f"{names[side]:<{_SIDE}}", "muted"), *_told(cache, side))
            indent = GAP + _NAME + _SIDE
            fault = remark(cache, side) if cache is not None else ()
            if width(head) + width(told) + 2 + width(fault) <= cells:
                rows.append((*head, *told, *((Ink("  "), *fault) if fault else ())))
            else:
                rows += wrap((*head, *told), cells, indent)
                rows += [(Ink(" " * indent), *fault)] if fault else []
            blocks.append(Block(side, csselr, 0, top, cells, len(rows) - top))
            top, name = len(rows), ""
    if not found:
        rows.append(row(Ink("  no cache is described", "muted")))
    return Drawing(rows, tuple(blocks))


def _told(cache: Cache | None, side: Side) -> Row:
    """Size and shape of one cache."""
    reading = reading_of(cache, side) if cache is not None else None
    if cache is None or reading is None:
        return row(Ink("not described" if cache is None else "no CCSIDR in the dump", "muted"))
    size = Ink("? KiB   ", "unknown") if reading.size is None else Ink(f"{size_text(reading.size):<8}")
    return row(size, _shape(reading))


def _shape(reading: CacheReading) -> str:
    """Sets, ways and line."""
    sets = "? sets" if reading.sets is None else counted(reading.sets, "set")
    return f"{sets} x {counted(reading.ways, 'way')} x {reading.line} B"


def remark(cache: Cache, side: Side) -> Row:
    """What is wrong with a vCPU's value."""
    if side == "host":
        return ()
    if cache.lost:
        return row(Ink("▼ number of sets lost", "masked"))
    if cache.fabricated:
        return row(Ink("▲ made up by KVM", "raised"))
    return ()
