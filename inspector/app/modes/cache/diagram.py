"""The cache diagram: one box per cache, level under level, with the point of coherency drawn in.

Every number comes from `registers/caches.py`; here boxes are only placed.
"""

from __future__ import annotations

from inspector.app.shell.numbers import field_text
from inspector.app.widgets.ink import Ink, Row, fit, plain, row, width
from inspector.registers.caches import Cache, CacheTopology
from inspector.registers.meanings import size_text


def diagram(topology: CacheTopology, chosen: int, cells: int, side: str) -> list[Row]:
    """The boxes of one topology; `chosen` is the CSSELR of the highlighted cache, `side` is `host` or `vcpu`."""
    rows: list[Row] = []
    for level in topology.levels:
        if len(level.caches) == 2:
            gap, half = 1, (cells - 1) // 2
            boxes = [box(cache, cache.csselr == chosen, half, side, tall=True) for cache in level.caches]
            rows += [(*fit(left, half), Ink(" " * gap), *fit(right, half)) for left, right in zip(*boxes, strict=True)]
        else:
            rows += [line for cache in level.caches for line in box(cache, cache.csselr == chosen, cells, side)]
        rows += boundary(topology, level.level, cells)
    return rows or [row(Ink("no cache is described", "muted"))]


def cache_at(topology: CacheTopology, cells: int, side: str, x: int, y: int) -> int | None:
    """CSSELR of the cache whose box holds a cell of the diagram; None between and below the boxes."""
    top = 0
    for level in topology.levels:
        pair = len(level.caches) == 2
        half = (cells - 1) // 2
        for place, cache in enumerate(level.caches):
            height = len(box(cache, False, half if pair else cells, side, tall=pair))
            left = place * (half + 1) if pair else 0
            if top <= y < top + height and left <= x < left + (half if pair else cells):
                return cache.csselr
            top += 0 if pair and place == 0 else height
        top += len(boundary(topology, level.level, cells))
    return None


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


def box(cache: Cache, chosen: bool, cells: int, side: str, tall: bool = False) -> list[Row]:
    """One cache: name, size, shape, value; a heavy frame when highlighted."""
    role = "link" if chosen else "muted"
    corners = "┏━┓┃┗┛" if chosen else "┌─┐│└┘"
    inner = max(cells - 4, 8)
    lines = _tall(cache, side) if tall else _flat(cache, side, inner)
    top = row(Ink(corners[0] + corners[1] * (inner + 2) + corners[2], role))
    bottom = row(Ink(corners[4] + corners[1] * (inner + 2) + corners[5], role))
    edge = Ink(corners[3], role)
    return [top, *((edge, Ink(" "), *fit(line, inner), Ink(" "), edge) for line in lines), bottom]


def _tall(cache: Cache, side: str) -> list[Row]:
    """Four lines for a box beside another."""
    reading = cache.host if side == "host" else cache.chosen
    title = row(Ink(cache.name, "title"))
    if reading is None:
        return [title, row(Ink("no CCSIDR in the dump", "muted")), (), ()]
    size = row(Ink("? KiB", "unknown")) if reading.size is None else row(size_text(reading.size))
    ways = f"{reading.ways:,} way" + "s" * (reading.ways != 1)
    shape = f"{_sets(cache, side)} x {ways} x {reading.line} B"
    return [(*title, Ink("  "), *size), row(shape), (*_value(cache, side),), _remark(cache, side)]


def _flat(cache: Cache, side: str, inner: int) -> list[Row]:
    """Two lines for a box of its own."""
    name, shape, value, remark = _tall(cache, side)
    first = (*name, Ink("   "), *shape) if shape else name
    if width(first) > inner:
        return [name, shape, value, remark] if plain(remark) else [name, shape, value]
    return [first, (*value, Ink("   "), *remark) if remark else value]


def _sets(cache: Cache, side: str) -> str:
    reading = cache.host if side == "host" else cache.chosen
    if reading is None or reading.sets is None:
        return "? sets"
    return f"{reading.sets:,} set" + "s" * (reading.sets != 1)


def _value(cache: Cache, side: str) -> Row:
    value = cache.raw if side == "host" else cache.value
    return row(Ink("" if value is None else field_text(value, 64), "muted"))


def _remark(cache: Cache, side: str) -> Row:
    if side == "host":
        return ()
    if cache.lost:
        return row(Ink("▼ number of sets lost", "masked"))
    if cache.fabricated:
        return row(Ink("▲ made up by KVM", "raised"))
    return ()
