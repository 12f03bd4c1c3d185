"""The page in its big type, for a projector: few lines, and figures as large as the terminal has room for.

A terminal has one size of letters; who presents makes its font larger, so that few cells are left. All of this fits
60 cells by 14 lines; a large terminal gets larger figures, who sees what, and the explanation of the write as well.
"""

from __future__ import annotations

from collections.abc import Sequence

from inspector.app.modes.patch.rows import ROLE_OF, counts, explain, seen_rows, sign_of
from inspector.app.widgets.ink import Ink, Row, clip, fit, ink, row, wrap, wrap_at_most
from inspector.app.widgets.lines import Lines
from inspector.checks.patch_effect import Effect, already_in
from inspector.checks.patch_subjects import Subject, subjects
from inspector.reports.patch_effect import change_words, restored_words
from inspector.reports.values import number_text

_DOTS = {
    "0": 0o75557, "1": 0o26227, "2": 0o71747, "3": 0o71717, "4": 0o55711, "5": 0o74717, "6": 0o74757, "7": 0o71111,
    "8": 0o75757, "9": 0o75717, "A": 0o75755, "B": 0o65656, "C": 0o74447, "D": 0o65556, "E": 0o74747, "F": 0o74744,
}  # fmt: skip
"""Hexadecimal digits, three dots wide and five high: an octal digit is a line, its highest bit on the left."""
_HALVES = " ▄▀█"
LARGEST = 7
"""Lines of one dot, at most."""
TALL = 34
"""Lines from which there is room for the explanation."""


class Slide(Lines):
    """Title, a figure for each side, the words below it, and what follows for those who look on."""

    def tell(
        self, before: Effect, after: Effect, made: int | None, place: tuple[int, int], size: tuple[int, int]
    ) -> None:
        """Show the outcome, or the write that was made last; `place`: which of how many things that
        change it is; `size`: cells and lines."""
        cells, height = size
        at_end = made is None
        blank: list[Row] = [()] * (2 if height >= 18 else 1 if height >= 14 else 0)
        shown = subjects(before, after)
        last = before.writes[made - 1].id if made else None
        one = next((subject for subject in shown if subject.id == last), None)
        title = wrap_at_most(row(Ink(" "), ink(after.variant.title or after.title, "title")), cells - 2, 2, 1)
        if not at_end and one is not None:
            step = f" step {place[0]} of {place[1]}   "
            title.append(
                clip(row(Ink(step, "muted"), ink(one.name, "title"), ink(f"   saved {number_text(one.saved)}")), cells)
            )
        elif not at_end:
            title.append(row(Ink(f" {made} of {len(before.writes)} writes made", "muted")))
        rest = _rest(before, after, cells)
        left = height - 3 * len(blank) - len(title) - len(rest) - 3 - (8 if height >= TALL else 0)
        figures = _sides(before, after, one if not at_end else None, cells, left)
        rows = [*blank, *title, *blank, *figures, *blank, *rest]
        self.show([*rows, *_more(before, after, last, cells, height - len(rows))][:height])


def _sides(before: Effect, after: Effect, one: Subject | None, cells: int, lines: int) -> list[Row]:
    """Head, figure and words of both sides, beside each other; `lines` are left for the figures."""
    half = cells // 2 - 1
    told = [_figure(before, one, "before"), _figure(after, one, "after")]
    digits = max(len(figure) for figure, _, _ in told)
    size = max(min(lines // 5, (half - 2) // (8 * digits), LARGEST), 0)
    columns = []
    for head, (figure, words, role) in zip((_head(before, "before"), _head(after, "after")), told, strict=True):
        columns.append([head, *(row(Ink(line, role)) for line in big_figure(figure, size)), *words])
    return [(Ink(" "), *fit(left, half), *clip(right, half)) for left, right in zip(*_even(columns), strict=True)]


def _even(columns: Sequence[Sequence[Row]]) -> list[list[Row]]:
    most = max(map(len, columns))
    return [[*column, *[()] * (most - len(column))] for column in columns]


def _head(effect: Effect, word: str) -> Row:
    """Which side this is."""
    if word == "after" and not already_in(effect) and effect.variant.patches:
        return row(Ink("AFTER  ", "heading"), ink(f"+ {effect.variant.label}", "muted"))
    return row(Ink(f"{word.upper()}  ", "heading"), ink(already_in(effect) or effect.title.split(" + ")[0], "muted"))


def big_figure(text: str, size: int) -> list[str]:
    """The lines of a hexadecimal number whose dots are `size` lines high; 0: two dots in one line. A blank stands for
    a value that is not known."""
    dots = [[_DOTS.get(digit, 0) >> 3 * (4 - line) & 7 for digit in text] for line in range(5)]
    marks = [[[value >> 2 - bit & 1 for bit in range(3)] for value in line] for line in dots]
    if size:
        rows = [
            "  ".join("".join("█" * 2 * size if on else " " * 2 * size for on in one) for one in line) for line in marks
        ]
        return [line.rstrip() for line in rows for _ in range(size)]
    pairs = [(marks[0], marks[1]), (marks[2], marks[3]), (marks[4], [[0] * 3] * len(text))]
    return [
        " ".join(
            "".join(_HALVES[2 * up + down] for up, down in zip(*both, strict=True)) for both in zip(*pair, strict=True)
        ).rstrip()
        for pair in pairs
    ]


def _figure(effect: Effect, one: Subject | None, word: str) -> tuple[str, Sequence[Row], str]:
    """The big figure of one side, the words below it, and their role."""
    if one is None:
        refused, ignored = counts(effect.writes)
        sign, role = sign_of(effect.writes)
        total = len(effect.writes)
        if refused:
            return (
                str(refused),
                [row(Ink(f"of {total} writes REFUSED", role)), row(Ink("✖ ", role), "the saved VM does not load")],
                role,
            )
        if ignored:
            return (
                str(ignored),
                [row(Ink(f"of {total} writes IGNORED", role)), row(Ink("▼ ", role), "it loads; its guest may notice")],
                role,
            )
        return (
            "0",
            [row(Ink(f"of {total} writes refused", role)), row(Ink(f"{sign} ", role), "the saved VM loads")],
            role,
        )
    sight = one.before if word == "before" else one.after
    words = restored_words(one, sight)
    role = ROLE_OF.get(words[0], "muted")
    rows = [row(Ink(words, role))]
    refused_here = sight.write is not None and sight.write.errno
    value = one.saved if refused_here else sight.restored
    return f"{value:X}" if value is not None and value < 1 << 24 else " ", rows, role


def _rest(before: Effect, after: Effect, cells: int) -> list[Row]:
    said = change_words(before, after)
    if not said:
        return []
    return [(Ink(" "), *line) for line in wrap(row(Ink("changes  ", "muted"), ink(said)), cells - 2, 9)][:3]


def _more(before: Effect, after: Effect, reg_id: int | None, cells: int, lines: int) -> list[Row]:
    """What a large terminal has room for: who sees what, and why the write is answered so."""
    rows: list[Row] = []
    for part in (
        [(Ink(" "), *one) for one in explain(before, after, reg_id, cells - 2)] if reg_id is not None else [],
        seen_rows(before, after, cells, 6),
    ):
        if part and len(rows) + len(part) < lines:
            rows += [(), *part]
    return rows
