"""The header keeps the modes' names, and while it can the score, however long a dump's name is."""

from __future__ import annotations

import pytest

from inspector.app.modes import compare
from inspector.app.modes.table import MODES
from inspector.app.widgets.bars import header_row
from inspector.app.widgets.ink import Ink, plain, width

NUMBERED = [mode for mode in MODES if mode.number is not None and mode.needs_dump]
SCORE = (Ink("▼ 7  ▲ 1"),)


def header(cells: int, *where: str) -> str:
    """The wide header of Compare as text."""
    line = header_row(cells, False, compare.MODE, NUMBERED, where, SCORE)
    assert width(line) == cells
    return plain(line)


NAMES = [f"{mode.number} {mode.title}" for mode in NUMBERED]


def test_modes_are_named_where_they_fit() -> None:
    text = header(130, "n2", "vcpu 0")
    assert text.startswith(" " + "  ".join(NAMES))
    assert text.endswith("n2 ▸ vcpu 0   ▼ 7  ▲ 1 ")


@pytest.mark.parametrize("cells", [120, 160, 200])
def test_a_long_name_takes_neither_modes_nor_vcpu_nor_score(cells: int) -> None:
    """Fault 24 of the review."""
    text = header(cells, "a" * 300, "vcpu 0", "Linux 6.1")
    assert text.startswith(" " + " ".join(NAMES) + " a")
    assert text.endswith("a… ▸ vcpu 0 ▸ Linux 6.1  ▼ 7  ▲ 1 ")


@pytest.mark.parametrize("name", ["n2", "a" * 300])
def test_at_100_columns_every_mode_still_has_its_name(name: str) -> None:
    assert header(100, name, "vcpu 0", "Linux 6.1").startswith(" " + " ".join(NAMES) + " ")
