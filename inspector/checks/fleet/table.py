"""A fleet as a table for other programs: a row for each vCPU or host, a column for each register and each field.

Registers are texts (`0x...` in full width), fields are integers; what is not known or not listed is empty. Registers of
a guest's own state and its secrets are columns only where they are asked for.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from inspector.checks.compare.sets import is_feature_register, subjects_of
from inspector.checks.fleet.packing import shape_of
from inspector.checks.fleet.part import Part
from inspector.checks.fleet.stores import EXTRA
from inspector.errors import InspectorError, one_line
from inspector.registers.bits import ALL, mask_of
from inspector.registers.catalog import by_id, sort_key
from inspector.registers.encoding import hex_value, is_demux
from inspector.registers.reading import read
from inspector.registers.secrets import is_secret
from inspector.sources.dump import Dump, Vcpu

TEXTS = ("dump", "vcpu", "kind", "host", "kernel")
"""Columns that say which vCPU or host a row is."""
_BATCH = 500
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")
"""A cell of CSV that begins so is a formula, or its quoting, to spreadsheets."""
Cell = str | int | None


class _Field(NamedTuple):
    column: str
    mask: int
    lsb: int


class Columns:
    """The columns of a table: of which registers, and of which of their fields."""

    def __init__(self, ids: Iterable[int], every: bool = False, secrets: bool = False) -> None:
        wanted = [i for i in ids if (every or is_feature_register(i)) and (secrets or not is_secret(i))]
        self.registers = sorted(map(by_id, set(wanted)), key=sort_key)
        self._fields = {register.id: _fields(register.id, register.name) for register in self.registers}

    @property
    def names(self) -> list[str]:
        """All names, in their order."""
        found = list(TEXTS)
        for register in self.registers:
            found += [register.name, *(field.column for field in self._fields[register.id])]
        return found

    @property
    def numbers(self) -> frozenset[str]:
        """Those that hold integers."""
        return frozenset(field.column for fields in self._fields.values() for field in fields)

    def row(self, dump: Dump, vcpu: Vcpu, label: str) -> list[Cell]:
        """The cells of one vCPU."""
        given = dump.provenance
        cells: list[Cell] = [label, str(vcpu.index), vcpu.kind, given.host.shown, given.kernel.shown]
        for register in self.registers:
            value, known = _known(vcpu, register.id)
            whole = value is not None and not ~known & mask_of(register.size * 8 - 1, 0)
            cells.append(hex_value(value, register.size) if whole and value is not None else None)
            for field in self._fields[register.id]:
                told = value is not None and not field.mask & ~known
                cells.append((value & field.mask) >> field.lsb if told and value is not None else None)
        return cells


def _known(vcpu: Vcpu, reg_id: int) -> tuple[int | None, int]:
    """(value, which of its bits are known)."""
    part = vcpu.constraints.get(reg_id)
    if part is not None:
        return part.value, part.mask
    return vcpu.values.get(reg_id), -1


def _fields(reg_id: int, name: str) -> tuple[_Field, ...]:
    """The fields of a register that has one layout and 64 bits; CCSIDR_EL1 has two."""
    if is_demux(reg_id):
        return ()
    found = read(reg_id, 0).fields
    return tuple(_Field(f"{name}.{f.name}", mask_of(f.msb, f.lsb), f.lsb) for f in found if mask_of(f.msb, 0) <= ALL)


def columns_of(part: Part, every: bool = False, secrets: bool = False) -> Columns:
    """The columns that the dumps of `part` need."""
    ids: set[int] = set()
    for shape in {group.shape for group in part.groups.values()}:
        ids.update(shape_of(part.pieces[shape])[0])
    return Columns(ids, every, secrets)


def rows_of(dumps: Iterable[Dump], columns: Columns, done: Callable[[int], object]) -> Iterator[list[Cell]]:
    """A row for each vCPU of the dumps that is worth one; `done` is told how many dumps were read."""
    for number, dump in enumerate(dumps):
        for vcpu, label in subjects_of(dump)[0]:
            yield columns.row(dump, vcpu, one_line(label))
        done(number + 1)


def writer_of(target: str) -> Callable[[Path, Columns, Iterator[list[Cell]]], None]:
    """How a file of this name is written. Raises InspectorError for one that is neither, or lacks its library."""
    if target.endswith(".csv"):
        return write_csv
    if not target.endswith(".parquet"):
        raise InspectorError("is no kind of table", target, "name it .parquet or .csv")
    try:
        import pyarrow.parquet  # noqa: F401  # asked for before the work, not after it
    except ImportError:
        raise InspectorError("needs pyarrow", target, f"{EXTRA}, or name it .csv") from None
    return write_parquet


def write_csv(path: Path, columns: Columns, rows: Iterator[list[Cell]]) -> None:
    """The table as CSV (RFC 4180, UTF-8). A text that a spreadsheet would run as a formula gets a `'` before it."""
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(columns.names)
        writer.writerows([harmless(cell) for cell in row] for row in rows)


def harmless(cell: Cell) -> Cell:
    """A cell that is no formula in any spreadsheet."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def write_parquet(path: Path, columns: Columns, rows: Iterator[list[Cell]]) -> None:
    """The table as Parquet: texts, and unsigned 64-bit integers for fields."""
    import pyarrow
    from pyarrow import parquet

    numbers = columns.numbers
    schema = pyarrow.schema(
        [(name, pyarrow.uint64() if name in numbers else pyarrow.string()) for name in columns.names]
    )
    with parquet.ParquetWriter(str(path), schema) as writer:
        batch: list[list[Cell]] = []
        for row in rows:
            batch.append(row)
            if len(batch) == _BATCH:
                writer.write_table(_table(pyarrow, batch, schema))
                batch = []
        if batch:
            writer.write_table(_table(pyarrow, batch, schema))


def _table(pyarrow: Any, batch: Sequence[Sequence[Cell]], schema: Any) -> Any:
    arrays = [
        pyarrow.array([_encodable(cell) for cell in column], field.type)
        for column, field in zip(zip(*batch, strict=True), schema, strict=True)
    ]
    return pyarrow.Table.from_arrays(arrays, schema=schema)


def _encodable(cell: Cell) -> Cell:
    return cell.encode("utf-8", "backslashreplace").decode() if isinstance(cell, str) else cell
