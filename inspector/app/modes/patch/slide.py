"""The page in its big type, for a projector: few lines, much room, and figures of three lines.

A terminal has one size of letters; who presents makes its font larger, so that few cells are left. All of this fits
60 cells by 14 lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Digits

from inspector.app.modes.patch.rows import ROLE_OF, counts, sign_of
from inspector.app.widgets.ink import Ink, Row, clip, ink, row, wrap
from inspector.app.widgets.lines import Lines
from inspector.checks.patch_effect import Effect, already_in
from inspector.checks.patch_subjects import Subject, subjects
from inspector.reports.patch_effect import change_words, restored_words
from inspector.reports.values import number_text


class Slide(Vertical):
    """Title, a figure for each side, the words below it, and what follows for those who look on."""

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield Lines(id="slide-title")
        with Horizontal(id="slide-figures"):
            for side in ("before", "after"):
                with Vertical(classes="slide-side"):
                    yield Lines(id=f"slide-{side}-head")
                    yield Digits("", id=f"slide-{side}")
                    yield Lines(id=f"slide-{side}-words")
        yield Lines(id="slide-rest")

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
        title = [*wrap(row(Ink(" "), ink(after.variant.title or after.title, "title")), cells - 2, 1)[:2]]
        if not at_end and one is not None:
            step = f" step {place[0]} of {place[1]}   "
            title.append(
                clip(row(Ink(step, "muted"), ink(one.name, "title"), ink(f"   saved {number_text(one.saved)}")), cells)
            )
        elif not at_end:
            title.append(row(Ink(f" {made} of {len(before.writes)} writes made", "muted")))
        self.query_one("#slide-title", Lines).fit([*blank, *title, *blank])
        for word, side in (("before", before), ("after", after)):
            self._side(word, side, one if not at_end else None, at_end, cells // 2 - 2)
        rest = _rest(before, after, shown, cells)
        self.query_one("#slide-rest", Lines).fit([*blank, *rest])

    def _side(self, word: str, effect: Effect, one: Subject | None, at_end: bool, cells: int) -> None:
        head = row(
            Ink(f"{word.upper()}  ", "heading"), ink(already_in(effect) or effect.title.split(" + ")[0], "muted")
        )
        if word == "after" and not already_in(effect) and effect.variant.patches:
            head = row(Ink("AFTER  ", "heading"), ink(f"+ {effect.variant.label}", "muted"))
        figure, words, role = _figure(effect, one, word)
        self.query_one(f"#slide-{word}-head", Lines).fit([clip(head, cells)])
        digits = self.query_one(f"#slide-{word}", Digits)
        digits.update(figure)
        digits.set_classes([f"-{role}"])
        self.query_one(f"#slide-{word}-words", Lines).fit([clip(line, cells) for line in words])


def _figure(effect: Effect, one: Subject | None, word: str) -> tuple[str, Sequence[Row], str]:
    """The big figure of one side, the words below it, and their role."""
    if one is None:
        refused, ignored = counts(effect.writes)
        sign, role = sign_of(effect.writes)
        total = len(effect.writes)
        if refused:
            return (
                str(refused),
                [row(Ink(f"✖ of {total} writes REFUSED", role)), row("the saved VM does not load")],
                role,
            )
        if ignored:
            return (
                str(ignored),
                [row(Ink(f"▼ of {total} writes IGNORED", role)), row("it loads; its guest may notice")],
                role,
            )
        return "0", [row(Ink(f"{sign} of {total} writes refused", role)), row("the saved VM loads")], role
    sight = one.before if word == "before" else one.after
    words = restored_words(one, sight)
    role = ROLE_OF.get(words[0], "muted")
    rows = [row(Ink(words, role))]
    refused_here = sight.write is not None and sight.write.errno
    value = one.saved if refused_here else sight.restored
    return f"{value:X}" if value is not None and value < 1 << 24 else " ", rows, role


def _rest(before: Effect, after: Effect, shown: Sequence[Subject], cells: int) -> Iterable[Row]:
    said = change_words(before, after)
    if not said:
        return []
    return [(Ink(" "), *line) for line in wrap(row(Ink("changes  ", "muted"), ink(said)), cells - 2, 9)][:3]
