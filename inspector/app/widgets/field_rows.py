"""The fields of one register with their values on several sides, as panes beside a table list them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from inspector.app.widgets.ink import Ink, Row, clip, ink, row

MOST_DIGITS = 12
"""Cells of a field's value at most; few fields are longer."""


class FieldLine(msgspec.Struct, frozen=True):
    """One field."""

    name: str
    bits: str
    """`47:44`"""
    values: tuple[Ink, ...]
    """one for each side"""
    mark: Ink
    """a sign and a blank: how the sides differ"""
    meaning: Ink
    here: bool = False
    """the field is the one that everything is about"""


def field_rows(head: str, lines: Sequence[FieldLine], cells: int) -> list[Row]:
    """A heading and a line for each field; nothing without fields."""
    if not lines:
        return []
    name = max(len(one.name) for one in lines) + 1
    room = min(max(len(value.text) for one in lines for value in one.values), MOST_DIGITS)
    rows: list[Row] = [clip(row(ink(head, "heading")), cells)]
    for one in lines:
        values = [value._replace(text=f"{value.text:<{room}} ") for value in one.values]
        named = row(ink(f"{one.name:<{name}}", "title" if one.here else ""), Ink(f"{one.bits:<6}", "muted"))
        rows.append(clip((*named, *values, one.mark, one.meaning), cells))
    return rows
