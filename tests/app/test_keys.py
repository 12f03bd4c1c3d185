"""The table of keys: no place has a key twice, the footer fits, everything can be rebound."""

from __future__ import annotations

from collections import Counter

import pytest

from inspector.app.modes import browse
from inspector.app.modes.compare import BASELINE
from inspector.app.modes.table import MODES
from inspector.app.shell import keys
from inspector.app.widgets.bars import footer_row
from inspector.app.widgets.ink import plain, width

PLACES = (*MODES, BASELINE)
KEYS = (
    *keys.digits(MODES),
    *(key for mode in PLACES for key in mode.keys),
    *(key for kind in keys.SHARED.values() for key in kind),
)


def test_ids_are_unique_and_every_key_says_what_it_does() -> None:
    assert max(Counter(key.id for key in KEYS).values()) == 1
    for key in KEYS:
        assert key.tooltip and key.label and key.action, key.id


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.id)
def test_no_place_has_a_key_twice(place: keys.Mode) -> None:
    seen: Counter[str] = Counter()
    for key in (*keys.keys_of(place), *keys.digits(MODES), *keys.SHARED[keys.EVERYWHERE]):
        seen.update(key.keys.split(","))
    assert [name for name, count in seen.items() if count > 1] == []


@pytest.mark.parametrize("place", [place for place in PLACES if place.id != "cache"], ids=lambda place: place.id)
def test_lists_and_modes_share_no_letter_except_enter_and_space(place: keys.Mode) -> None:
    """A list has the focus first: a key of its own would hide the mode's. The cache page has no list."""
    lists = {name for key in keys.SHARED[keys.LISTS] for name in key.keys.split(",")}
    mode = {name for key in keys.keys_of(place) for name in key.keys.split(",")}
    assert lists & mode <= {"enter", "space", "k"}


def test_no_chords_that_terminals_and_multiplexers_take() -> None:
    chords = {name for key in KEYS for name in key.keys.split(",") if name.startswith("ctrl+")}
    assert chords <= {"ctrl+p", "ctrl+q", "ctrl+c", "ctrl+z"}


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.id)
@pytest.mark.parametrize(("narrow", "cells"), [(True, 80), (True, 60), (False, 100), (False, 120)])
def test_the_footer_fits_and_never_loses_help_and_palette(place: keys.Mode, narrow: bool, cells: int) -> None:
    line = footer_row(place, narrow, cells, {}, {})
    assert width(line) == cells
    text = plain(line)
    assert "? Help" in text and text.rstrip().endswith("^p palette")
    assert "…" not in text
    assert len(keys.footer(place, narrow)) <= keys.FOOTER_KEYS
    if cells >= 80:
        for key, label in keys.footer(place, narrow):
            assert f"{keys.shown(key)} {label}" in text


def test_the_footer_says_what_was_rebound() -> None:
    text = plain(footer_row(browse.MODE, False, 120, {"find": "f2"}, {"notable": "All"}))
    assert "F2 Find" in text and "m All" in text


def test_every_numbered_mode_has_its_digit_and_no_other() -> None:
    found = {key.id: key.keys for key in keys.digits(MODES)}
    assert found == {f"mode.{mode.id}": str(mode.number) for mode in MODES if mode.number is not None}
    assert keys.digits([browse.MODE])[0].id == "mode.browse" and len(set(found.values())) == len(found)
