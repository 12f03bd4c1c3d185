"""lscpu's tables of CPUs (`lscpu -e=CPU,MODELNAME`, `-p`, and both as JSON), where they name the core of each CPU.

util-linux has the column MODELNAME from 2.38 on (sys-utils/lscpu.c, coldescs_cpu[]); without it a table says where each
CPU is, and nothing of what it is.
"""

from __future__ import annotations

import msgspec

from inspector.numbers import is_decimal


class CpuEntry(msgspec.Struct):
    """One CPU of `lscpu -J -e`."""

    cpu: int = 0
    modelname: str = ""


class CpuTable(msgspec.Struct):
    """`lscpu -J -e`."""

    cpus: list[CpuEntry]


def models_of(text: str) -> list[tuple[int, str]]:
    """(CPU, name of its core) for each row of a table with a column of names; empty without one.

    A row of another number of cells than the head is left out: it cannot be told which is which.
    """
    lines = text.splitlines()
    head = next((place for place, line in enumerate(lines) if "MODELNAME" in line.upper()), None)
    if head is None:
        return []
    split = (lambda line: line.split(",")) if "," in lines[head] else str.split
    names = [name.strip().upper() for name in split(lines[head].removeprefix("# "))]
    rows = [split(line.strip()) for line in lines[head + 1 :]]
    whole = [row for row in rows if len(row) == len(names)]
    column, cpu = names.index("MODELNAME"), names.index("CPU") if "CPU" in names else -1
    return [
        (int(number) if is_decimal(number) and len(number) < 9 else place, row[column].strip())
        for place, row in enumerate(whole)
        for number in (row[cpu].strip() if cpu >= 0 else "",)
    ]
