"""Reports of a cache hierarchy: `caches`."""

from __future__ import annotations

from inspector.errors import one_line
from inspector.registers.caches import Cache, CacheReading, CacheTopology
from inspector.registers.encoding import grouped_hex, hex_id
from inspector.reports.json import Json
from inspector.reports.text import columns, markdown_table, markdown_text
from inspector.reports.values import hex_json


def reading_json(reading: CacheReading | None) -> Json | None:
    """One reading of a CCSIDR; `sets` and `size` are null when the number of sets is lost."""
    if reading is None:
        return None
    return {
        "layout": reading.layout,
        "sets": reading.sets,
        "ways": reading.ways,
        "line": reading.line,
        "size": reading.size,
    }


def cache_json(cache: Cache) -> Json:
    """One cache: the reading that applies, then both."""
    return {
        "level": cache.level,
        "type": cache.kind,
        "csselr": cache.csselr,
        "id": hex_id(cache.id),
        "value": hex_json(cache.value, 8 if (cache.value or 0) >> 32 else 4),
        **{
            name: None if cache.chosen is None else getattr(cache.chosen, name)
            for name in ("layout", "sets", "ways", "line", "size")
        },
        "lost": cache.lost,
        "fabricated": cache.fabricated,
        "readings": {"32-bit": reading_json(cache.narrow), "64-bit": reading_json(cache.wide)},
        "host": reading_json(cache.host),
    }


def topology_json(topology: CacheTopology) -> Json:
    """A whole hierarchy; sizes in bytes."""
    return {
        "clidr": hex_json(topology.clidr),
        "ctr": hex_json(topology.ctr),
        "loc": topology.loc,
        "louu": topology.louu,
        "louis": topology.louis,
        "instruction_line": topology.instruction_line,
        "data_line": topology.data_line,
        "idc": topology.idc,
        "dic": topology.dic,
        "ccidx": topology.ccidx,
        "layout": topology.layout,
        "reason": topology.reason,
        "lost": topology.lost,
        "fabricated": topology.fabricated,
        "clidr_fabricated": topology.clidr_fabricated,
        "levels": [
            {"level": level.level, "type": level.kind, "tags": level.tags, "caches": [c.name for c in level.caches]}
            for level in topology.levels
        ],
        "caches": [cache_json(cache) for cache in topology.caches],
        "notes": list(topology.notes),
    }


def _levels(topology: CacheTopology) -> list[str]:
    if topology.clidr is None:
        return ["CLIDR_EL1 not in the dump"]
    return [
        f"CLIDR_EL1 {grouped_hex(topology.clidr)}",
        f"LoC {topology.loc}  LoUU {topology.louu}  LoUIS {topology.louis}",
    ]


def _registers_line(topology: CacheTopology) -> str:
    parts = [
        *_levels(topology),
        "CTR_EL0 not in the dump" if topology.ctr is None else f"CTR_EL0 {grouped_hex(topology.ctr)}",
    ]
    if topology.ctr is not None:
        parts.append(f"I line {topology.instruction_line} B  D line {topology.data_line} B")
        parts.append(f"IDC {int(bool(topology.idc))}  DIC {int(bool(topology.dic))}")
    return "   ".join(parts)


def _value(cache: Cache) -> str:
    if cache.value is None:
        return "no CCSIDR"
    return f"0x{cache.value:x}"


def _badge(cache: Cache) -> str:
    if cache.lost:
        return "number of sets lost"
    return "made up by KVM" if cache.fabricated else ""


def _rows(topology: CacheTopology) -> list[list[str]]:
    return [
        [
            cache.name,
            f"CCSIDR[{cache.csselr}]",
            _value(cache),
            cache.chosen.text if cache.chosen else "",
            _badge(cache),
        ]
        for cache in topology.caches
    ]


def _reading_rows(topology: CacheTopology) -> list[list[str]]:
    rows = []
    for cache in topology.caches:
        narrow = cache.narrow.text if cache.narrow else ""
        wide = cache.wide.text if cache.wide else ""
        rows.append([cache.name, narrow, wide, cache.host.text if cache.host and cache.raw != cache.value else ""])
    return rows


def _applies(right: bool) -> str:
    return "which applies" if right else "does not apply"


def topology_lines(title: str, topology: CacheTopology) -> list[str]:
    """One hierarchy as text: what applies, why, and both readings side by side."""
    lines = [title, f"  {_registers_line(topology)}"]
    lines += columns(_rows(topology), indent="  ")
    if topology.caches and any(cache.value is not None for cache in topology.caches):
        lines += [f"  {topology.reason}", "  both readings"]
        layouts = (("32-bit", "as 32-bit"), ("64-bit", "as 64-bit (FEAT_CCIDX)"))
        head = ["", *(f"{words}, {_applies(name == topology.layout)}" for name, words in layouts)]
        rows = _reading_rows(topology)
        with_host = any(row[3] for row in rows)
        lines += columns(
            [[*head, "the host's own"][: 4 if with_host else 3], *[row[: 4 if with_host else 3] for row in rows]],
            indent="    ",
        )
    lines += [f"  {note}" for note in topology.notes]
    return [one_line(line) for line in lines]


def topology_markdown(title: str, topology: CacheTopology) -> list[str]:
    """One hierarchy as Markdown."""
    rows = [[*row, *readings[1:3]] for row, readings in zip(_rows(topology), _reading_rows(topology), strict=True)]
    head = ["cache", "register", "value", "reading that applies", "", "as 32-bit", "as 64-bit"]
    lines = [
        f"### {markdown_text(title)}",
        "",
        markdown_text(_registers_line(topology)),
        "",
        *markdown_table(head, rows),
        "",
    ]
    lines += [f"{topology.reason}", ""] if topology.caches else []
    return [*lines, *(f"- {markdown_text(note)}" for note in topology.notes)]
