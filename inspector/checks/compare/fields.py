"""The fields in which several values of one register differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from inspector.checks.compare.sets import is_feature_register
from inspector.checks.history import field_history
from inspector.registers.bits import ALL, Partial, mask_of
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
    """for each column; None where the register or one of these bits is not known"""
    parts: tuple[Partial, ...]
    """for each column what is known of it, moved down to bit 0"""
    meanings: tuple[tuple[int, str], ...]
    """(value, meaning) of the values that occur"""
    history: str = ""
    """what kernels do to the field, where one of the values is theirs: `hidden since Linux 6.3`"""


def field_differences(
    reg_id: int, values: Sequence[int | None], known: Sequence[int], maps: Sequence[Mapping[int, int]]
) -> tuple[FieldValues, ...]:
    """The fields in which `values` (one for each column) differ; each distinct value is decoded once.

    `known`: the bits that are known; `maps`: the column's other registers, as far as they are wholly known: they choose
    the layout of CCSIDR_EL1.
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
        parts = tuple(
            _part(v, k, place) if v is not None and place in decoded[v] else Partial.nothing()
            for v, k in zip(values, known, strict=True)
        )
        if contradict(parts):
            found.append(_field_values(reg_id, place, row, parts))
    whole = all(k & ALL == ALL for k in known)
    return tuple(found) if found or not whole else _by_name(reg_id, values, decoded)


def contradict(parts: Sequence[Partial]) -> bool:
    """True when a bit is known as 1 of one of them and as 0 of another."""
    set_bits = clear_bits = 0
    for value, known in parts:
        set_bits |= value & known
        clear_bits |= ~value & known
    return bool(set_bits & clear_bits)


def _part(value: int, known: int, place: _Place) -> Partial:
    """What is known of a field."""
    msb, lsb, _ = place
    return Partial(value & known, known).part(msb, lsb)


def _by_name(
    reg_id: int, values: Sequence[int | None], decoded: Mapping[int, Mapping[_Place, _Cell]]
) -> tuple[FieldValues, ...]:
    """For a register of several layouts (CCSIDR_EL1): fields matched by name; the place given is the first one's."""
    named = {v: {place[2]: (place, cell) for place, cell in fields.items()} for v, fields in decoded.items()}
    found = []
    for name in dict.fromkeys(name for fields in named.values() for name in fields):
        cells = [named[v].get(name) if v is not None else None for v in values]
        row = tuple(cell[1] if cell else None for cell in cells)
        if len({cell[0] for cell in row if cell}) > 1:
            place = next(fields[name][0] for fields in named.values() if name in fields)
            parts = tuple(Partial(cell[0], -1) if cell else Partial.nothing() for cell in row)
            found.append(_field_values(reg_id, place, row, parts))
    return tuple(found)


def _field_values(reg_id: int, place: _Place, row: Sequence[_Cell | None], parts: tuple[Partial, ...]) -> FieldValues:
    msb, lsb, name = place
    cells = {cell for cell in row if cell}
    return FieldValues(
        name=name,
        msb=msb,
        lsb=lsb,
        values=tuple(cell[0] if cell else None for cell in row),
        parts=parts,
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
