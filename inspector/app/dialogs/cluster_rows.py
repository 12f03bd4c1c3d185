"""The CPUs of a host side by side, where they are unlike (big.LITTLE), and what that means for a vCPU."""

from __future__ import annotations

from collections.abc import Sequence

from inspector.app.shell.numbers import value_text
from inspector.app.widgets.ink import Ink, Row, columns, ink, row, wrap
from inspector.policies.eras import era_of
from inspector.registers.catalog import by_id
from inspector.sources.dump import Dump
from inspector.sources.live.clusters import Cluster, RegisterRow, compare_cpus


def cluster_rows(dump: Dump, cells: int) -> list[Row]:
    """A column per kind of CPU; where all are alike, what each of them shows."""
    answer = compare_cpus(dump)
    if not answer.clusters:
        return wrap(row(Ink("This source does not distinguish the CPUs of its host.", "muted")), cells)
    clusters = answer.clusters
    registers = answer.registers if len(clusters) > 1 else _alone(clusters[0])
    first = 2 + max(len(by_id(one.id).name) for one in registers) if registers else 12
    each = max((cells - first) // len(clusters), 12)
    widths = [first, *(each for _ in clusters)]
    kinds = f"{len(clusters)} kinds of CPU" if len(clusters) > 1 else "one kind of CPU"
    rows = [row(Ink(f"{kinds}: what differs" if len(clusters) > 1 else kinds, "heading"))]
    rows.append(columns([row(), *(row(Ink(cpu_words(one.cpus), "title")) for one in clusters)], widths))
    for one in registers:
        rows += _lines(by_id(one.id).name, [_value(one.id, value) for value in one.values], widths)
    if answer.caches or len(clusters) == 1:
        shapes = [(one.name, one.shapes) for one in answer.caches] or _shapes(clusters[0])
        rows += [(), row(Ink("caches", "heading"))]
        for name, parts in shapes:
            rows += _lines(name, [part or "none" for part in parts], widths)
    for text in answer.refused:
        rows += [
            (),
            *wrap(
                row(Ink(f"✖ before Linux {era_of('cache-registers', 'fabricated').since}  ", "refused"), ink(text)),
                cells,
                2,
            ),
        ]
    for text in answer.remarks:
        rows += [(), *wrap(row(Ink("○ ", "muted"), ink(text)), cells, 2)]
    return rows


def _alone(cluster: Cluster) -> tuple[RegisterRow, ...]:
    """Every register of a host with one kind of CPU."""
    return tuple(RegisterRow(reg_id, (value,)) for reg_id, value in cluster.values.items())


def _shapes(cluster: Cluster) -> list[tuple[str, tuple[str, ...]]]:
    return [(name, (shape,)) for name, shape in cluster.caches.items()]


def _value(reg_id: int, value: int | None) -> str:
    return "not read" if value is None else value_text(value, by_id(reg_id).size)


def _lines(name: str, values: Sequence[str], widths: Sequence[int]) -> list[Row]:
    """One table row; what is wider than its column goes on below."""
    wrapped = [wrap(row(ink(value)), size - 1) for value, size in zip(values, widths[1:], strict=True)]
    height = max(map(len, wrapped))
    return [
        columns(
            [
                row(ink(name, "muted")) if line == 0 else row(),
                *(one[line] if line < len(one) else () for one in wrapped),
            ],
            widths,
        )
        for line in range(height)
    ]


def cpu_words(cpus: Sequence[int]) -> str:
    """`CPU 0-3, 6`."""
    runs: list[list[int]] = []
    for one in sorted(cpus):
        if runs and one == runs[-1][-1] + 1:
            runs[-1].append(one)
        else:
            runs.append([one])
    return "CPU " + ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
