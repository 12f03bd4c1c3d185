"""A fleet as a table for other programs. Of a comparison: a row for each vCPU or host, a column for each register and
each field.

Registers are texts (`0x...` in full width), fields are integers; what is not known or not listed is empty. Registers of
a guest's own state and its secrets are columns only where they are asked for.
"""

from __future__ import annotations

import csv
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from inspector.checks.compare.sets import is_feature_register, subjects_of
from inspector.checks.fleet.packing import shape_of
from inspector.checks.fleet.part import Part, Skipped, skipped
from inspector.checks.fleet.stores import EXTRA, Waiting, expect_room_for_arrow
from inspector.checks.fleet.summarise import Asked, advised
from inspector.errors import InspectorError, encodable, one_line
from inspector.registers.bits import ALL, mask_of
from inspector.registers.catalog import by_id, sort_key
from inspector.registers.encoding import hex_value, is_demux
from inspector.registers.reading import read
from inspector.registers.secrets import is_secret
from inspector.sources.dump import Dump, Vcpu

TEXTS = ("dump", "vcpu", "kind", "host", "kernel")
"""Columns that say which vCPU or host a row is."""
UNREAD = "unread"
"""Column that says why a source could not be read; there where such are passed over."""
_BATCH = 500
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\t", "\r", "\n", "'")
"""A cell of CSV that begins so is a formula, or its quoting, to spreadsheets; some take the wide forms of the signs."""
Cell = str | int | None


class _Field(NamedTuple):
    column: str
    mask: int
    lsb: int


class Table(ABC):
    """The columns of a table, and its rows."""

    @property
    @abstractmethod
    def names(self) -> list[str]:
        """The columns in their order: the first says which source a row is about; UNREAD is there where sources that
        cannot be read get a row too."""

    @property
    @abstractmethod
    def numbers(self) -> frozenset[str]:
        """Those that hold integers."""

    @abstractmethod
    def rows(self, dump: Dump, position: int) -> list[list[Cell]]:
        """The rows of a dump, which is number `position` of those that were given. Raises InspectorError for one that
        has nothing of what is asked."""

    def unread(self, one: Skipped) -> list[Cell]:
        """The row of a source that cannot be read."""
        cells: list[Cell] = [None] * len(self.names)
        cells[0], cells[self.names.index(UNREAD)] = one_line(one.source), one.reason
        return cells


class Columns(Table):
    """The columns of a comparison: of which registers, and of which of their fields."""

    def __init__(self, ids: Iterable[int], every: bool = False, secrets: bool = False, unread: bool = False) -> None:
        wanted = [i for i in ids if (every or is_feature_register(i)) and (secrets or not is_secret(i))]
        self.registers = sorted(map(by_id, set(wanted)), key=sort_key)
        self._texts = (*TEXTS, UNREAD) if unread else TEXTS
        self._fields = {register.id: _fields(register.id, register.name) for register in self.registers}

    @property
    def names(self) -> list[str]:
        found = list(self._texts)
        for register in self.registers:
            found += [register.name, *(field.column for field in self._fields[register.id])]
        return found

    @property
    def numbers(self) -> frozenset[str]:
        return frozenset(field.column for fields in self._fields.values() for field in fields)

    def rows(self, dump: Dump, position: int) -> list[list[Cell]]:
        return [self._row(dump, vcpu, one_line(label)) for vcpu, label in subjects_of(dump)[0]]

    def _row(self, dump: Dump, vcpu: Vcpu, label: str) -> list[Cell]:
        given = dump.provenance
        cells: list[Cell] = [label, str(vcpu.index), vcpu.kind, given.host.shown, given.kernel.shown]
        cells += [None] * (len(self._texts) - len(cells))
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


def columns_of(part: Part, every: bool = False, secrets: bool = False, unread: bool = False) -> Columns:
    """The columns that the dumps of `part` need. `unread`: sources that cannot be read get a row too."""
    ids: set[int] = set()
    for shape in {group.shape for group in part.groups.values()}:
        ids.update(shape_of(part.pieces[shape])[0])
    return Columns(ids, every, secrets, unread)


def rows_of(dumps: Iterable[Waiting], table: Table, asked: Asked) -> Iterator[list[Cell]]:
    """The rows of all dumps. Raises InspectorError for a dump that cannot be read; where such are skipped, that is a
    row."""
    for position, source, read_dump in dumps:
        try:
            rows = table.rows(read_dump(), position)
        except InspectorError as error:
            if not asked.skip:
                raise advised(error, asked.advice) from None
            rows = [table.unread(skipped(position, source, error))]
        yield from rows


def writer_of(target: str) -> Callable[[Path, Table, Iterable[list[Cell]]], None]:
    """How a file of this name is written. Raises InspectorError for one that is neither, or lacks its library."""
    if target.endswith(".csv"):
        return write_csv
    if not target.endswith(".parquet"):
        raise InspectorError("is no kind of table", target, "name it .parquet or .csv")
    # It loads a library of algebra, which is not asked for anything, starts threads, and ends the program with exit
    # code 1 or SIGINT where there is no memory for them.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    expect_room_for_arrow(target)
    try:
        import pyarrow.parquet  # noqa: F401  # asked for before the work, not after it
    except ModuleNotFoundError:
        raise InspectorError("needs pyarrow", target, f"{EXTRA}, or name it .csv") from None
    except ImportError as error:
        raise InspectorError(f"pyarrow cannot be loaded ({error})", target, "name it .csv") from None
    return write_parquet


def write_csv(path: Path, table: Table, rows: Iterable[list[Cell]]) -> None:
    """The table as CSV (RFC 4180, UTF-8). A text that a spreadsheet would run as a formula gets a `'` before it."""
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(table.names)
        writer.writerows([harmless(cell) for cell in row] for row in rows)


def harmless(cell: Cell) -> Cell:
    """A cell that is no formula in any spreadsheet."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def write_parquet(path: Path, table: Table, rows: Iterable[list[Cell]]) -> None:
    """The table as Parquet: texts, and unsigned 64-bit integers for numbers."""
    import pyarrow
    from pyarrow import parquet

    numbers = table.numbers
    schema = pyarrow.schema([(name, pyarrow.uint64() if name in numbers else pyarrow.string()) for name in table.names])
    with parquet.ParquetWriter(str(path), schema) as writer:
        batch: list[list[Cell]] = []
        for row in rows:
            batch.append(row)
            if len(batch) == _BATCH:
                writer.write_table(_arrow_table(pyarrow, batch, schema))
                batch = []
        if batch:
            writer.write_table(_arrow_table(pyarrow, batch, schema))


def _arrow_table(pyarrow: Any, batch: Sequence[Sequence[Cell]], schema: Any) -> Any:
    arrays = [
        pyarrow.array([encodable(cell) if isinstance(cell, str) else cell for cell in column], field.type)
        for column, field in zip(zip(*batch, strict=True), schema, strict=True)
    ]
    return pyarrow.Table.from_arrays(arrays, schema=schema)
