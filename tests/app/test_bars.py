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


@pytest.mark.parametrize("cells", [60, 80, 99])
@pytest.mark.parametrize("rest", [("same host 6.18.15",), ("vcpu 0 qemu", "Linux 6.1.176")])
def test_a_long_name_does_not_take_what_follows_it_from_a_narrow_header(cells: int, rest: tuple[str, ...]) -> None:
    """At 80 columns Migrate says nowhere else where the VM goes."""
    text = plain(header_row(cells, True, compare.MODE, NUMBERED, ("a" * 300, *rest), SCORE))
    assert len(text) == cells and text.startswith(" Compare ▸ aaaaa") and text.endswith("  ▼ 7  ▲ 1 ")
    assert rest[-1] in text and "a… ▸ " in text


def test_the_sources_own_name_of_a_vcpu_goes_before_the_dumps_name_is_cut() -> None:
    """Compare of 60 columns said `Linux 6.1.… ▸ vcpu 0 qemu`."""
    where = ("host ◂▸ Linux 6.1.176", "vcpu 0 qemu")
    assert plain(header_row(60, True, compare.MODE, NUMBERED, where, SCORE)).startswith(
        " Compare ▸ host ◂▸ Linux 6.1.176 ▸ vcpu 0 qemu "
    )
    assert plain(header_row(54, True, compare.MODE, NUMBERED, where, SCORE)).startswith(
        " Compare ▸ host ◂▸ Linux 6.1.176 ▸ vcpu 0  "
    )
