"""The bit ruler: where each field lies in a value, bit by bit, in nibbles of four."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from inspector.app.widgets.ink import Ink, Row
from inspector.app.widgets.lines import Lines

MIN_NAME = 3
"""Letters below which a cut name says nothing."""
NIBBLE_CELLS = 5
"""Four digits and the blank between nibbles."""


class Piece(NamedTuple):
    """One field on the ruler."""

    name: str
    msb: int
    lsb: int
    reserved: bool = False


class Scale(NamedTuple):
    """What a ruler shows: up to 64 bits of a register."""

    value: int = 0
    top: int = 63
    """number of the leftmost bit"""
    bits: int = 64
    pieces: Sequence[Piece] = ()
    chosen: int = -1
    """top bit of the highlighted field"""
    known: int = -1
    """mask of the bits that are given (a template leaves some open)"""
    blank: str = "x"
    """what stands for a bit that is not given"""
    marks: Collection[int] = ()
    """top bits of the fields that get a `▼`"""

    @property
    def bottom(self) -> int:
        """Number of the rightmost bit."""
        return self.top - self.bits + 1


def bits_per_row(bits: int, cells: int) -> int:
    """How many bits fit beside each other: as many whole nibbles as the width allows, in powers of two."""
    row = 64
    while row > 8 and (row > bits >= 8 or row // 4 * NIBBLE_CELLS - 1 > cells):
        row //= 2
    return row


def ruler_rows(scale: Scale, cells: int, numbers: bool = True, marks: bool = False) -> list[Row]:
    """The ruler's lines: bit numbers, digits, names, and marks where wanted, for each stretch that fits the width."""
    step = bits_per_row(scale.bits, cells)
    lines: list[Row] = []
    for top in range(scale.top, scale.bottom - 1, -step):
        bottom = max(top - step + 1, scale.bottom)
        if numbers:
            lines.append(_numbers(top, bottom))
        lines.append(_digits(scale, top, bottom))
        if scale.pieces:
            lines.append(_names(scale, top, bottom))
        if marks and scale.pieces:
            lines.append(_marks(scale, top, bottom))
    return lines


def _cell(top: int, bit: int) -> int:
    """The cell of one bit in a stretch that starts with bit `top`."""
    return (top - bit) + (top - bit) // 4


def _numbers(top: int, bottom: int) -> Row:
    text = "".join(f"{bit:<{NIBBLE_CELLS}}" for bit in range(top, bottom - 1, -4))
    return (Ink(text.rstrip(), "muted"),)


def _owner(scale: Scale, bit: int) -> Piece | None:
    return next((piece for piece in scale.pieces if piece.msb >= bit >= piece.lsb), None)


def _digits(scale: Scale, top: int, bottom: int) -> Row:
    line: list[Ink] = []
    for bit in range(top, bottom - 1, -1):
        piece = _owner(scale, bit)
        role = ""
        if piece is not None and piece.msb == scale.chosen:
            role = "chosen"
        elif piece is not None and piece.reserved:
            role = "reserved"
        digit = str(scale.value >> bit & 1) if scale.known >> bit & 1 else scale.blank
        if bit != top and (top - bit) % 4 == 0:
            joined = role if piece is not None and bit != piece.msb else ""
            line.append(Ink(" ", joined))
        line.append(Ink(digit, role))
    return _joined(line)


def _joined(line: Sequence[Ink]) -> Row:
    """Neighbours of the same role made one."""
    pieces: list[Ink] = []
    for piece in line:
        if pieces and pieces[-1].role == piece.role:
            pieces[-1] = Ink(pieces[-1].text + piece.text, piece.role)
        else:
            pieces.append(piece)
    return tuple(pieces)


def _names(scale: Scale, top: int, bottom: int) -> Row:
    """Names under the first bit of their field: cut to its width; left out where not even two letters fit.

    The highlighted field is always named in full, over its neighbours where it must be.
    """
    total = _cell(top, bottom) + 1
    cells: list[Ink] = [Ink(" ")] * total
    for piece in scale.pieces:
        if piece.reserved or piece.lsb > top or piece.msb < bottom:
            continue
        start = _cell(top, min(piece.msb, top))
        room = _cell(top, max(piece.lsb, bottom)) - start + 1
        if len(piece.name) <= room or room >= MIN_NAME:
            _write(cells, start, piece.name[:room], "muted")
    chosen = next((piece for piece in scale.pieces if piece.msb == scale.chosen and piece.name), None)
    if chosen is not None and chosen.lsb <= top and chosen.msb >= bottom:
        start = _cell(top, min(chosen.msb, top))
        room = _cell(top, max(chosen.lsb, bottom)) - start + 1
        if len(chosen.name) <= room or room >= MIN_NAME:
            _write(cells, start, chosen.name[:room], "chosen")
        else:
            start = min(start, max(total - len(chosen.name), 0))
            end = start + len(chosen.name)
            while start > 0 and cells[start - 1].text != " " and cells[start].text != " ":
                cells[start - 1] = Ink(" ")
                start -= 1
            start = end - len(chosen.name)
            _write(cells, start, chosen.name, "chosen")
            while end < total and cells[end].text != " ":
                cells[end] = Ink(" ")
                end += 1
    return _joined(cells)


def _write(cells: list[Ink], start: int, text: str, role: str) -> None:
    for offset, letter in enumerate(text):
        if start + offset < len(cells):
            cells[start + offset] = Ink(letter, role)


def _marks(scale: Scale, top: int, bottom: int) -> Row:
    cells: list[Ink] = [Ink(" ")] * (_cell(top, bottom) + 1)
    for piece in scale.pieces:
        if piece.msb in scale.marks and piece.lsb <= top and piece.msb >= bottom:
            _write(cells, _cell(top, min(piece.msb, top)), "▼", "masked")
    return _joined(cells)


class Ruler(Lines):
    """Draws a scale in as many lines as its width asks for."""

    def measure(self, scale: Scale, cells: int, numbers: bool = True, marks: bool = False) -> int:
        """Take a scale, laid out for a width; returns the lines it needs."""
        rows = ruler_rows(scale, cells, numbers, marks)
        indent = min(2, cells - bits_per_row(scale.bits, cells) // 4 * NIBBLE_CELLS + 1)
        self.show([(Ink(" " * indent), *one) for one in rows] if indent > 0 else rows)
        return len(self.rows)
