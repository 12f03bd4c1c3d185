"""Patch: the same restore before and after a patch, write by write, and what the guest sees then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.widget import Widget

from inspector.app.modes import patch
from inspector.app.modes.patch.rows import change_rows, explain, overview, side_rows, strip, write_columns, write_items
from inspector.app.shell import keys
from inspector.app.shell.frame import Frame
from inspector.app.shell.session import Change
from inspector.app.widgets.ink import Ink, Row, clip, ink, row, wrap
from inspector.app.widgets.lines import Lines
from inspector.app.widgets.listing import Listing
from inspector.checks.patch_effect import BEFORE, Effect, PatchStudy, Variant, differing, variants
from inspector.errors import InspectorError

HELP = (
    "The patch page restores this vCPU on its own host twice: before, on the base kernel, and after, on the same "
    "kernel with a patch. t chooses the patch, p another base kernel or other vCPU features. space makes one write "
    "after the other, on both sides; n goes on to the next one that is answered differently, escape shows the end.\n"
    "An ignored write is accepted although the register then reads back as something else. A kept one makes the "
    "register read back as written although a fresh vCPU reads something else."
)


class Patch(Frame):
    """Question, variants, both sides, the writes, the explanation."""

    MODE = patch.MODE
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings(keys.keys_of(patch.MODE))]

    def __init__(self) -> None:
        super().__init__()
        self._study: PatchStudy | None = None
        self._problem = ""
        self._variants: tuple[Variant, ...] = (BEFORE, *variants())
        self._chosen = 1
        self._every = False
        self._made: int | None = None
        self._asked: object = None

    def body(self) -> Iterable[Widget]:
        """From the question down to the reason."""
        yield Lines(id="question")
        yield Lines(id="sides")
        yield Lines(id="rule-top")
        writes = Listing(id="writes", empty="No write is answered differently (m shows every write)")
        writes.help_text = HELP
        yield writes
        yield Lines(id="rule-bottom")
        yield Lines(id="explanation")

    def on_mount(self) -> None:
        """The writes have the keys."""
        self.query_one("#writes", Listing).focus()

    def refresh_from(self, change: Change) -> None:
        """Another vCPU or policy asks another question."""
        session, view = self.session, self.session.view
        if view is None:
            return
        asked = (session.place.source, session.place.view, view.dump, session.question)
        if asked != self._asked:
            self._asked, self._made = asked, None
            self._ask()
        self.lay_out()

    def _ask(self) -> None:
        """A new study; the patches that the user chose come first."""
        question, view = self.session.question, self.session.view
        self._study, self._problem = None, ""
        self._variants = (BEFORE, *variants(question.patches if question else ()))
        if question and question.patches:
            self._chosen = next(i for i, one in enumerate(self._variants) if one.patches == question.patches)
        self._chosen = min(self._chosen, len(self._variants) - 1)
        if view is None or view.one_vcpu is None:
            another = "v chooses another view, " if len(self.session.views()) > 1 else ""
            self._problem = f"this is not a saved vCPU, so there is nothing to restore: {another}o opens a dump"
            return
        base, setup, host = (question.base, question.setup, question.host) if question else ("", None, "")
        try:
            study = PatchStudy(view.dump, view.one_vcpu, base, setup, host)
            study.effect()
            self._study = study
        except InspectorError as error:
            self._problem = str(error)

    def _sides(self) -> tuple[Effect, Effect] | None:
        """Before and after; None when one of them has no answer."""
        if self._study is None:
            return None
        try:
            return self._study.effect(), self._study.effect(self._variants[self._chosen])
        except InspectorError as error:
            self._problem = str(error)
            return None

    def lay_out(self) -> None:
        """Draw for the present size."""
        if self._asked is None or self.tiny:
            return
        cells, height = self.app.size.width, self.body_height + 2
        sides = self._sides()
        self.query_one("#writes").display = sides is not None
        question = self._question_rows(cells, height)
        self.fill("#question", question, len(question))
        line = [(Ink("─" * cells, "reserved"),)]
        self.fill("#rule-top", line, 1)
        self.fill("#rule-bottom", line, 1)
        if sides is None:
            said = wrap(row(Ink("✖ ", "refused"), ink(self._problem)), cells - 2)
            self.fill("#sides", [], 0)
            self.fill("#explanation", [(Ink(" "), *one) for one in said], height - len(question) - 4)
            return
        before, after = sides
        rows = side_rows(before, after, self._made, cells, 4 if height >= 20 else 2)
        if height >= 22:
            rows += change_rows(before, after, cells)
        self.fill("#sides", rows, len(rows))
        self._fill(before, after)
        room = height - 4 - len(question) - len(rows)
        table = min(len(self.query_one("#writes", Listing).items) + 1, max(room - 7, 4))
        self.fill("#explanation", (), max(min(room - table, 10), 1))
        self._explain()

    def _question_rows(self, cells: int, height: int) -> list[Row]:
        """The question, and the variants: one line each where there is room."""
        rows = [strip(self._variants, self._chosen, cells)]
        study = self._study
        if height < 20 or study is None:
            return rows
        if not self.narrow and height >= 24 + len(self._variants):
            effects = [study.effect(one) for one in self._variants]
            rows = [*overview(effects, self._variants[self._chosen]), (Ink("─" * cells, "reserved"),)]
        return [clip(row(Ink(" question ", "muted"), ink(study.question)), cells), *rows]

    def _ids(self, before: Effect, after: Effect) -> list[int]:
        """The writes on screen: every one while stepping, else as `m` says."""
        if self._every or self._made is not None:
            return [one.id for one in before.writes]
        return list(differing(before, after))

    def _fill(self, before: Effect, after: Effect) -> None:
        writes = self.query_one("#writes", Listing)
        columns = write_columns(self.app.size.width)
        cursor = self._made - 1 if self._made is not None else None
        writes.fill(
            write_items(before, after, self._ids(before, after), self._made, columns), cursor=cursor, cols=columns
        )

    def _explain(self) -> None:
        sides = self._sides()
        if sides is None:
            return
        item = self.query_one("#writes", Listing).current
        pane = self.query_one("#explanation", Lines)
        cells = self.app.size.width - 2
        if item is not None:
            # The register under the cursor is the one that w tries and that Browse comes back to.
            self.session.follow(int(item.key))
        rows = explain(*sides, int(item.key) if item else None, cells)
        height = int(pane.styles.height.value) if pane.styles.height else 1
        if len(rows) > height:
            rows = [*rows[: height - 1], row(Ink("… Y copies the whole", "muted"))]
        pane.show([(Ink(" "), *one) for one in rows])

    @on(Listing.Moved, "#writes")
    def _moved(self) -> None:
        self._explain()

    @on(Listing.Folded, "#writes")
    def _stepped(self) -> None:
        self.action_step()

    def where(self) -> Sequence[str]:
        """The base kernel instead of the chosen policy, which may have patches."""
        name, title, _ = super().where()
        return (name, title, f"base {self._study.effect().title}" if self._study else "")

    def footer_words(self) -> Mapping[str, str]:
        """What the keys would do now."""
        several = bool(self.session.dumps) and len(self.session.views()) > 1
        return {
            "patch.every": "Diff" if self._every else "All",
            "write": "",
            "vcpu.next": "vCPU" if several else "",
        }

    def help_text(self) -> str:
        """What the page shows."""
        return HELP

    def action_variant(self, step: int) -> None:
        """Another variant on the right."""
        self._chosen = (self._chosen + step) % len(self._variants)
        self.lay_out()
        self.draw_bars()

    def action_every(self) -> None:
        """Every write, or those that differ."""
        self._every = not self._every
        self._made = None
        self.lay_out()
        self.draw_footer()

    def action_step(self) -> None:
        """Make the next write on both sides."""
        sides = self._sides()
        if sides is None:
            return
        total = len(sides[0].writes)
        if self._made == total:
            self.notify("Every write was made (escape shows the end)", markup=False)
            return
        self._made = 1 if self._made is None else self._made + 1
        self.lay_out()

    def action_difference(self, step: int) -> None:
        """The next or previous write that is answered differently; while stepping, make writes up to it."""
        sides = self._sides()
        if sides is None:
            return
        writes = self.query_one("#writes", Listing)
        wanted = {str(one) for one in differing(*sides)}
        found = range(writes.cursor + step, len(writes.items) if step > 0 else -1, step)
        index = next((i for i in found if writes.items[i].key in wanted), None)
        if index is None:
            self.notify("No other write is answered differently", markup=False)
        elif self._made is not None:
            self._made = index + 1
            self.lay_out()
        else:
            writes.go(index)

    def action_back(self) -> None:
        """Leave stepping, or give a maximised pane back."""
        if self._made is not None:
            self._made = None
            self.lay_out()
        else:
            super().action_back()

    def report(self) -> str:
        """Every variant in Markdown."""
        from inspector.reports.patch_effect import study_markdown

        if self._study is None:
            return ""
        return "\n".join(study_markdown(self._study, self._variants[1:])).rstrip()

    def report_name(self) -> str:
        """Stem of the exported file."""
        return "patch"
