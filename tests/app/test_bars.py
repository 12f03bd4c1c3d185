"""The header keeps the modes' digits and the score however long a dump's name is."""

from __future__ import annotations

import pytest

from inspector.app.modes import compare
from inspector.app.modes.table import MODES
from inspector.app.widgets.bars import header_row
from inspector.app.widgets.ink import Ink, plain, width

NUMBERED = [mode for mode in MODES if mode.number]
SCORE = (Ink("▼ 7  ▲ 1"),)


def header(cells: int, *where: str) -> str:
    """The wide header of Compare as text."""
    line = header_row(cells, False, compare.MODE, NUMBERED, where, SCORE)
    assert width(line) == cells
    return plain(line)


def test_modes_are_named_where_they_fit() -> None:
    text = header(120, "n2", "vcpu 0")
    assert text.startswith(" 1 Browse  2 Compare  3 Write  4 Migrate  5 Patch  6 Cache ")
    assert text.endswith("n2 ▸ vcpu 0   ▼ 7  ▲ 1 ")


@pytest.mark.parametrize("cells", [100, 120, 200])
def test_a_long_name_takes_neither_digits_nor_vcpu_nor_score(cells: int) -> None:
    text = header(cells, "a" * 300, "vcpu 0", "Linux 6.1")
    assert text.startswith(" 1  2 Compare  3  4  5  6  a")
    assert text.endswith("a… ▸ vcpu 0 ▸ Linux 6.1   ▼ 7  ▲ 1 ")
