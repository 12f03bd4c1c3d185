"""The bit ruler: every digit where it belongs, names under the first bit of their field."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inspector.app.widgets.ink import plain
from inspector.app.widgets.ruler import Piece, Scale, bits_per_row, ruler_rows

NIBBLES = tuple(Piece(f"F{n}", n * 4 + 3, n * 4) for n in range(15, -1, -1))


@given(st.integers(0, (1 << 64) - 1), st.sampled_from([79, 80, 60, 39, 20]))
def test_the_digits_are_the_value(value: int, cells: int) -> None:
    rows = [plain(row) for row in ruler_rows(Scale(value=value, pieces=NIBBLES), cells)]
    assert all(len(row) <= cells for row in rows)
    assert int("".join(rows[1::3]).replace(" ", ""), 2) == value


def test_a_whole_register_fits_eighty_columns_in_three_lines() -> None:
    numbers, digits, names = (plain(row) for row in ruler_rows(Scale(value=0x1101, pieces=NIBBLES), 80))
    assert len(digits) == 79
    assert numbers.startswith("63   59   55") and numbers.endswith("7    3")
    for piece in NIBBLES:
        start = digits.index("0") + (63 - piece.msb) // 4 * 5
        assert names[start:].startswith(piece.name)


def test_widths_that_do_not_fit_are_broken_at_nibbles() -> None:
    assert [bits_per_row(64, cells) for cells in (120, 79, 78, 39, 38, 19)] == [64, 64, 32, 32, 16, 16]
    assert bits_per_row(32, 120) == 32
    assert bits_per_row(8, 120) == 8


def test_names_are_cut_but_the_highlighted_one_is_whole() -> None:
    pieces = (Piece("AdvSIMD", 7, 4), Piece("A", 3, 3), Piece("Long", 2, 2), Piece("", 1, 0, True))
    quiet = plain(ruler_rows(Scale(value=0, top=7, bits=8, pieces=pieces), 80)[2])
    assert quiet.startswith("AdvS A")
    assert "Long" not in quiet
    loud = plain(ruler_rows(Scale(value=0, top=7, bits=8, pieces=pieces, chosen=2), 80)[2])
    assert "Long" in loud and len(loud) <= 9


def test_bits_that_a_template_leaves_open_are_x() -> None:
    digits = plain(ruler_rows(Scale(value=0xF0, top=7, bits=8, known=0xF0), 80)[1])
    assert digits == "1111 xxxx"


def test_marks_stand_under_the_fields_that_changed() -> None:
    rows = ruler_rows(Scale(value=0, pieces=NIBBLES, marks=(63, 3)), 80, marks=True)
    assert plain(rows[3]).rstrip() == "▼" + " " * 74 + "▼"
