"""Report of unlike CPUs of one host (big.LITTLE)."""

from __future__ import annotations

from inspector.errors import one_line
from inspector.registers.catalog import by_id
from inspector.reports.text import columns
from inspector.sources.dump import Dump
from inspector.sources.live.clusters import compare_cpus


def cluster_lines(dump: Dump) -> list[str]:
    """What the host's CPUs show side by side, and what that means for a vCPU; nothing where they are alike."""
    answer = compare_cpus(dump)
    if answer.alike:
        return []
    head = ["", *(f"CPU {','.join(map(str, cluster.cpus))}" for cluster in answer.clusters)]
    rows = [
        [by_id(row.id).name, *("not read" if value is None else f"0x{value:x}" for value in row.values)]
        for row in answer.registers
    ]
    rows += [[row.name, *(shape or "none" for shape in row.shapes)] for row in answer.caches]
    lines = ["CPUs that differ", *columns([head, *rows], indent="  ")]
    return [*lines, *(one_line(f"  {text}") for text in (*answer.refused, *answer.remarks))]
