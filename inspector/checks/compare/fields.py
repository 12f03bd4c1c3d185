"""The fields in which several values of one register differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from inspector.checks.compare.sets import is_feature_register
from inspector.checks.history import field_history
from inspector.registers.bits import mask_of
from inspector.registers.reading import read

MANY_VALUES = 8
"""Beyond so many different values a field's history says nothing any more."""

_Place = tuple[int, int, str]
"""(msb, lsb, name)"""
_Cell = tuple[int, str]
"""(value, meaning)"""


class FieldValues(msgspec.Struct, frozen=True, kw_only=True):
    """One field that differs between columns."""

    name: str
    msb: int
    lsb: int
    values: tuple[int | None, ...]
    """for each column; None where the register or these bits are not known"""
    meanings: tuple[tuple[int, str], ...]
    """(value, meaning) of the values that occur"""
    history: str = ""
    """what kernels do to the field, where one of the values is theirs: `hidden since Linux 6.3`"""


def field_differences(
    reg_id: int, values: Sequence[int | None], known: Sequence[int], maps: Sequence[Mapping[int, int]]
) -> tuple[FieldValues, ...]:
    """The fields in which `values` (one for each column) differ; each distinct value is decoded once.

    `known`: the bits that are given; `maps`: the column's other registers, which choose the layout of CCSIDR_EL1.
    """
    decoded: dict[int, dict[_Place, _Cell]] = {}
    for value, registers in zip(values, maps, strict=True):
        if value is not None and value not in decoded:
            fields = read(reg_id, value, registers, include_reserved=True).fields
            decoded[value] = {(f.msb, f.lsb, f.name): (f.value, f.meaning) for f in fields}
    places = dict.fromkeys(place for fields in decoded.values() for place in fields)
    found = []
    for place in sorted(places, key=lambda p: (-p[0], p[2])):
        mask = mask_of(place[0], place[1])
        row = tuple(
            decoded[v].get(place) if v is not None and mask & k == mask else None
            for v, k in zip(values, known, strict=True)
        )
        if len({cell[0] for cell in row if cell}) > 1:
            found.append(_field_values(reg_id, place, row))
    return tuple(found) or _by_name(reg_id, values, decoded)


def _by_name(
    reg_id: int, values: Sequence[int | None], decoded: Mapping[int, Mapping[_Place, _Cell]]
) -> tuple[FieldValues, ...]:
    """For a register of several layouts (CCSIDR_EL1): fields matched by name; the place told is the first one's."""
    named = {v: {place[2]: (place, cell) for place, cell in fields.items()} for v, fields in decoded.items()}
    found = []
    for name in dict.fromkeys(name for fields in named.values() for name in fields):
        row = tuple(named[v][name][1] if v is not None and name in named[v] else None for v in values)
        if len({cell[0] for cell in row if cell}) > 1:
            place = next(fields[name][0] for fields in named.values() if name in fields)
            found.append(_field_values(reg_id, place, row))
    return tuple(found)


def _field_values(reg_id: int, place: _Place, row: Sequence[_Cell | None]) -> FieldValues:
    msb, lsb, name = place
    cells = {cell for cell in row if cell}
    return FieldValues(
        name=name,
        msb=msb,
        lsb=lsb,
        values=tuple(cell[0] if cell else None for cell in row),
        meanings=tuple(sorted(cells)),
        history=_history(reg_id, msb, lsb, {cell[0] for cell in cells}),
    )


def _history(reg_id: int, msb: int, lsb: int, values: set[int]) -> str:
    """Since when KVM shows one of these values by itself; empty where it leaves the field to the host."""
    if not is_feature_register(reg_id) or len(values) > MANY_VALUES:
        return ""
    told = []
    for change in field_history(reg_id, msb, lsb).changes:
        shaped = change.what in ("hidden", "forced", "capped") and change.value in values and not change.from_start
        appears = change.what == "known" and not change.from_start and 0 in values
        if (shaped and not change.conditions) or appears:
            told.append(f"{'shown' if appears else change.what} {change.since_words}: {change.reference}")
    return "; ".join(told)
