"""Lines of ink: exact widths, breaking at blanks, and nothing from a file is ever more than characters."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inspector.app.widgets.ink import clip, columns, ends, fit, ink, plain, row, width, wrap, wrap_at_most

TEXT = st.text(alphabet=st.sampled_from("ab [/]\x1b\n日é"), max_size=60)


@given(st.lists(TEXT, max_size=4), st.integers(1, 50))
def test_fitting_gives_exactly_the_cells(texts: list[str], cells: int) -> None:
    line = row(*texts)
    assert width(fit(line, cells)) == cells
    assert width(clip(line, cells)) <= cells


@given(st.lists(TEXT, max_size=4), st.integers(20, 60), st.integers(0, 8))
def test_wrapping_loses_no_word_and_no_line_is_too_wide(texts: list[str], cells: int, indent: int) -> None:
    line = row(*texts)
    lines = wrap(line, cells, indent)
    assert "".join("".join(map(plain, lines)).split()) == "".join(plain(line).split())
    assert all(width(tuple(one)) - (len(plain(one)) - len(plain(one).rstrip())) <= cells for one in lines)


def test_control_characters_are_made_visible() -> None:
    assert ink("a\x1b[31mb\nc").text == "a\\x1b[31mb c"


def test_markup_is_just_characters() -> None:
    assert plain(row("[b]x[/b]", ink("[/]"))) == "[b]x[/b][/]"


def test_a_cut_line_says_so() -> None:
    assert plain(clip(row("abcdefgh"), 5)) == "abcd…"
    assert plain(ends(row("left"), row("right"), 12)) == "left   right"
    assert plain(columns((row("a"), row("12")), (3, 4), (False, True))) == "a    12"


def test_a_cut_cell_stands_apart_from_the_next() -> None:
    assert plain(columns((row("abcdef"), row("abcd")), (4, 4))) == "ab… abcd"
    assert plain(columns((row("abcd"), row("abcde")), (4, 4))) == "ab… abc…"
    assert plain(columns((row("abcd"), row("  ab")), (4, 4))) == "abcd  ab"
    assert plain(columns((row("abc "), row("abcd")), (4, 4))) == "abc abcd"


def test_a_wide_character_that_straddles_the_edge_goes_to_the_next_line() -> None:
    lines = wrap(row("a" * 19 + "日日"), 20)
    assert list(map(plain, lines)) == ["a" * 19, "日日"]


def test_what_is_left_out_behind_the_last_line_is_told() -> None:
    line = row(ink("one two three four five"))
    assert ["".join(one.text for one in part) for part in wrap_at_most(line, 9, 2)] == ["one two ", "three …"]
    assert wrap_at_most(line, 9, 3) == wrap(line, 9)
    (cut,) = wrap_at_most(row(ink("a" * 30)), 10, 1)
    assert "".join(one.text for one in cut) == "aaaaaaaaa…"
