"""Patch: the same restore before and after a patch, write by write, and who sees what then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.binding import BindingType
from textual.widget import Widget

from inspector.app.modes import patch
from inspector.app.modes.patch.rows import (
    change_row,
    every_change,
    explain,
    fields_beside,
    overview,
    seen_rows,
    series_row,
    side_rows,
    strip,
    write_columns,
    write_items,
)
from inspector.app.shell import keys
from inspector.app.shell.background import PATIENCE, aside
from inspector.app.shell.frame import Frame
from inspector.app.shell.session import Change
from inspector.app.widgets.explained import SIDE_LEAST, SIDE_MOST, Beside
from inspector.app.widgets.ink import Ink, Row, clip, fit, ink, row, width, wrap
from inspector.app.widgets.lines import Lines
from inspector.app.widgets.listing import Listing
from inspector.checks.patch_effect import BEFORE, Effect, PatchStudy, Variant, differing, last_without, variants
from inspector.errors import InspectorError
from inspector.folders import cache_folder
from inspector.policies.series import numbers_of, series_of
from inspector.registers.catalog import by_id

if TYPE_CHECKING:
    # The lab and the story load when they are asked for: together a sixth of what this page loads.
    from inspector.app.modes.patch.real import RealPane
    from inspector.app.modes.patch.slide import Slide
    from inspector.reports.demo import Scene

HELP = (
    "The patch page restores this vCPU on its own host twice: before, on the base kernel, and after, on the same "
    "kernel with a patch. t chooses the form of the patch, S the next series, p or [ ] another base kernel, b the last "
    "kernel without the patch. space makes writes on both sides up to the next one that is answered differently, full "
    "stop makes one; escape shows the end. + is a page in big type for a projector, - the whole page again.\n"
    "An ignored write is accepted although the register then reads back as something else. A kept one makes the "
    "register read back as written although a fresh vCPU reads something else."
)
NEWEST = ("newest",)
"""Asked besides those that were fetched."""
MOST_KERNELS = 4
"""Fetched kernels that are asked side by side at first."""
TABLE_CELLS = 126
"""Cells in which what a form changes, and what it does to a saved VM, mostly stand whole."""
MOST_SEEN = 16
"""Lines of who sees what, where the explanation does not stand below."""
ROOM_FOR_TABLE = 30
"""Lines below which the forms of a series stand in one line."""


class Writes(Listing, inherit_bindings=False):
    """The writes; space belongs to the page, which steps even where no write is listed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *keys.bindings([key for key in keys.SHARED[keys.LISTS] if key.id != "fold"])
    ]


class Patch(Frame):
    """Series, forms, both sides, who sees what, the writes, the explanation; or all of it in big type."""

    MODE = patch.MODE
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings(keys.keys_of(patch.MODE))]

    def __init__(self) -> None:
        super().__init__()
        self._study: PatchStudy | None = None
        self._problem = ""
        self._variants: tuple[Variant, ...] = variants()
        self._chosen: Variant = self._variants[0]
        self._every = False
        self._made: int | None = None
        self._asked: object = None
        self._big = False
        self._effects: dict[Variant, Effect] = {}
        self._scenes: tuple[Scene, ...] = ()
        """the story that is played; empty for none"""
        self._scene = 0
        self._own_base = ""
        """the base kernel that was chosen by `b`; empty: as the session says"""

    def body(self) -> Iterable[Widget]:
        """From the question down to the reason."""
        yield Lines(id="story")
        yield Lines(id="question")
        yield Lines(id="sides")
        yield Lines(id="rule-top")
        writes = Writes(id="writes", empty="No write is answered differently (m shows every write)")
        writes.help_text = HELP
        yield writes
        yield Lines(id="rule-bottom")
        yield Beside(id="explanation")

    @property
    def real(self) -> RealPane | None:
        """The pane of real kernels, where it is open."""
        return cast("RealPane | None", next(iter(self.query("#real")), None))

    def on_mount(self) -> None:
        """The writes have the keys."""
        self.set_focus(self.query_one("#writes", Listing))

    @property
    def complete(self) -> bool:
        """Every form of the series on screen has been worked out."""
        return self._study is None or all(one in self._effects for one in self._of_series())

    def refresh_from(self, change: Change) -> None:
        """Another vCPU or policy asks another question."""
        session, view = self.session, self.session.read_view
        if view is None:
            return
        asked = (session.place.source, session.place.view, view.dump, session.question)
        if asked != self._asked:
            self._asked, self._made, self._own_base = asked, None, ""
            self._ask()
            if session.story and self._study is not None:
                from inspector.reports.demo import scenes

                self._scenes, session.story = scenes(self._study), False
                self._play(0)
            elif change != "live":
                self._scenes = ()  # it told of another vCPU or kernel
        self.lay_out()

    def _ask(self) -> None:
        """A new study; the patches that the user chose come first."""
        question, view = self.session.question, self.session.read_view
        self._study, self._problem, self._effects = None, "", {}
        self._variants = variants(question.patches if question else ())
        if question and question.patches:
            self._chosen = next(one for one in self._variants if one.patches == question.patches)
        elif self._chosen not in (BEFORE, *self._variants):
            self._chosen = self._variants[0]
        if view is None or view.one_vcpu is None:
            another = "v chooses another view, " if len(self.session.views()) > 1 else ""
            self._problem = f"this is not a saved vCPU, so there is nothing to restore: {another}o opens a dump"
            return
        base, setup, host = (question.base, question.setup, question.host) if question else ("", None, "")
        try:
            study = PatchStudy(view.dump, view.one_vcpu, self._own_base or base, setup, host)
            study.effect()
            self._study = study
        except InspectorError as error:
            self._problem = str(error)
            return
        self._work_out()

    def _work_out(self) -> None:
        """Every form of the series on screen, beside the screens; what the others come to is not on it. Who asks lays
        out what comes at once."""
        study, wanted = self._study, [one for one in self._of_series() if one not in self._effects]
        if study is None or not wanted:
            return

        def work() -> dict[Variant, Effect]:
            found = {}
            for one in wanted:
                found[one] = study.effect(one)
            return found

        def done(found: dict[Variant, Effect]) -> None:
            if study is self._study:
                self._effects |= found
                tell()

        def failed(error: InspectorError) -> None:
            self._problem = str(error)
            tell()

        def tell() -> None:
            if not waits:
                self.lay_out()

        waits = True
        aside(self.app, work, done, failed, patience=PATIENCE)
        waits = False

    @property
    def _series(self) -> list[str]:
        return list(dict.fromkeys(one.series for one in self._variants))

    @property
    def _title(self) -> Variant:
        """The variant whose series is on screen: `before` belongs to the one that was shown last."""
        return self._chosen if self._chosen is not BEFORE else self._shown_series

    def _of_series(self) -> list[Variant]:
        """The forms of the series on screen, `before` first."""
        return [BEFORE, *(one for one in self._variants if one.series == self._title.series)]

    _shown_series: Variant = variants()[0]

    def _sides(self) -> tuple[Effect, Effect] | None:
        """Before and after; None when one of them has no answer."""
        if self._study is None:
            return None
        try:
            sides = self._study.effect(), self._study.effect(self._chosen)
        except InspectorError as error:
            self._problem = str(error)
            return None
        self._effects |= {BEFORE: sides[0], self._chosen: sides[1]}
        return sides

    def lay_out(self) -> None:
        """Draw for the present size."""
        if self._asked is None or self.tiny:
            return
        sides = self._sides()
        big = self._big and sides is not None
        side = self.side_cells
        cells = self.app.size.width - side
        story = self._story_rows(cells)
        self.fill("#story", story, len(story))
        height = self.body_height - len(story)
        for name in ("#question", "#sides", "#rule-top", "#writes", "#rule-bottom", "#explanation"):
            self.query_one(name).display = not big
        if not side and not big:
            self.query_one("#explanation", Beside).below()
        self.query("#slide").set(display=big)
        if big and sides is not None:
            self._slide().tell(*sides, self._made, self._place(*sides), (cells, height))
            return
        self.query_one("#writes").display = sides is not None
        question = self._question_rows(cells, height)
        self.fill("#question", question, len(question))
        line = [(Ink("─" * cells, "reserved"),)]
        self.fill("#rule-top", line, 1)
        self.fill("#rule-bottom", line, 1)
        if sides is None:
            said = wrap(row(Ink("✖ ", "refused"), ink(self._problem)), cells - 2)
            self.fill("#sides", [], 0)
            self.fill("#explanation", [(Ink(" "), *one) for one in said], height - len(question) - 2)
            return
        rows = side_rows(*sides, self._made, cells)
        real = self.real
        self.query_one("#explanation").display = real is None or bool(side)
        self.query_one("#rule-bottom").display = real is not None or not side
        if real is not None:
            height -= real.height()
        room = MOST_SEEN if side else 6 if height >= ROOM_FOR_TABLE else 4 if height >= 20 else 0
        rows += seen_rows(*sides, cells, room)
        if height >= 20:
            rows.append(change_row(*sides, cells))
        self.fill("#sides", rows, len(rows))
        self._fill(*sides)
        if real is not None:
            real.styles.height = real.height()
        if real is not None or side:
            self._explain()
            return
        room = height - 2 - len(question) - len(rows)
        table = min(len(self.query_one("#writes", Listing).items) + 1, max(room - 7, 4))
        self.fill("#explanation", (), max(min(room - table, 10), 1))
        self._explain()

    @property
    def side_cells(self) -> int:
        """The explanation stands beside the writes where there is room; not in big type."""
        room = self.app.size.width - TABLE_CELLS
        return 0 if self._big or self._study is None or room < SIDE_LEAST else min(room, SIDE_MOST)

    def _slide(self) -> Slide:
        """The page in big type, made when it is first shown."""
        from inspector.app.modes.patch.slide import Slide

        found = next(iter(self.query(Slide)), None)
        if found is None:
            found = Slide(id="slide")
            self.mount(found, after="#story")
            found.display = True
        return found

    def _story_rows(self, cells: int) -> list[Row]:
        """What is told of this step of the story."""
        if not self._scenes:
            return []
        scene = self._scenes[self._scene]
        head = row(Ink(f" {self._scene + 1}/{len(self._scenes)} ", "muted"), ink(scene.title, "title"))
        on = "screen.step"
        keys = row(Ink(" "), Ink("space", "key", on), Ink(" goes on ", "muted", on))
        told = wrap(row(Ink(" "), ink(scene.told)), cells - 1, 1)
        most = max(self.app.size.height // 2, 2)
        if len(told) > most:
            told = [*told[: most - 1], clip((*told[most - 1], Ink(" " * cells)), cells - 1)]
        line = [(Ink("━" * cells, "link"),)] if self.app.size.height >= 20 else []
        return [(*fit(head, cells - width(keys)), *keys), *told, *line]

    def _play(self, place: int) -> None:
        """A step of the story."""
        self._scene = place
        scene = self._scenes[place]
        self._choose(scene.variant)
        if scene.write and (sides := self._sides()) is not None:
            self._made = self._stops(*sides)[scene.write - 1]
            self.lay_out()
            self.draw_footer()

    def _question_rows(self, cells: int, height: int) -> list[Row]:
        """Series and question, and its forms: one line each where there is room."""
        series = self._series
        title = series_row(self._title, series.index(self._title.series) + 1, len(series), cells)
        rows = [title, strip(self._of_series(), self._chosen, cells)]
        study = self._study
        if height < 20 or study is None:
            return rows[study is not None :]
        asked = clip(row(Ink(" question ", "muted"), ink(study.question)), cells)
        if not self.narrow and height >= ROOM_FOR_TABLE:
            rows = [title, asked, *overview(self._of_series(), self._effects, study.effect(), self._chosen, cells)]
            return [*rows, (Ink("─" * cells, "reserved"),)]
        return rows

    def _ids(self, before: Effect, after: Effect) -> list[int]:
        """The writes on screen: every one while stepping, else as `m` says."""
        if self._every or self._made is not None:
            return [one.id for one in before.writes]
        return list(differing(before, after))

    def _fill(self, before: Effect, after: Effect) -> None:
        writes = self.query_one("#writes", Listing)
        columns = write_columns(self.app.size.width - self.side_cells)
        cursor = self._made - 1 if self._made is not None else None
        writes.fill(
            write_items(before, after, self._ids(before, after), self._made, columns), cursor=cursor, cols=columns
        )
        writes.mark({str(one) for one in self.session.step.by_id} if self.session.step is not None else ())

    def _explain(self) -> None:
        sides = self._sides()
        if sides is None:
            return
        item = self.query_one("#writes", Listing).current
        pane = self.query_one("#explanation", Beside)
        side = self.side_cells
        cells = side - 3 if side else self.app.size.width - 2
        if item is not None:
            # The register under the cursor is the one that w tries and that Browse comes back to.
            self.session.follow(int(item.key))
            if (real := self.real) is not None and real.is_mounted:
                finding = next((one for one in sides[0].writes if one.id == int(item.key)), None)
                real.look_at(by_id(int(item.key)), finding.value if finding is not None else None)
            if self.session.beside is not None:
                self.draw_slider()
        rows = explain(*sides, int(item.key) if item else None, cells, self.session.base)
        if side:
            beside = fields_beside(*sides, int(item.key), cells, self.session.base) if item else []
            pane.beside([*rows, *beside, *every_change(*sides, cells)], side, self.app.size.height - 2)
            return
        height = int(pane.styles.height.value) if pane.styles.height else 1
        if len(rows) > height:
            rows = [*rows[: height - 1], row(Ink("… Y copies the whole", "muted"))]
        pane.show([(Ink(" "), *one) for one in rows])

    @on(Listing.Moved, "#writes")
    def _moved(self) -> None:
        self._explain()

    def where(self) -> Sequence[str]:
        """The base kernel instead of the chosen policy, which may have patches."""
        name, title, _ = super().where()
        return (name, title, f"base {self._study.effect().title}" if self._study else "")

    def footer_words(self) -> Mapping[str, str]:
        """What the keys would do now."""
        stepping = self._made is not None
        words = {
            "patch.every": "" if self._big else "Diff" if self._every else "All",
            "patch.bigger": "" if self._big else "Bigger",
            "patch.smaller": "Smaller" if self._big else "",
            "patch.real": "" if self._big else "Lab",
            "write": "",
            "vcpu.next": self.session.next_view,
        }
        left_out = ("patch.every", "patch.real", "vcpu.next", "copy.line", "open", "quit") if stepping else ()
        return {**words, **dict.fromkeys(left_out, ""), "back": "The end" if stepping else ""}

    def help_text(self) -> str:
        """What the page shows."""
        return HELP

    def action_variant(self, step: int) -> None:
        """Another form of the patch on the right; after the last one of a series, the next series."""
        order = [BEFORE, *self._variants]
        self._choose(order[(order.index(self._chosen) + step) % len(order)])

    def action_form(self, place: int) -> None:
        """The form of the series on screen that was clicked."""
        forms = self._of_series()
        if place < len(forms):
            self._choose(forms[place])

    def action_series(self) -> None:
        """The first form of the next series."""
        series = self._series
        wanted = series[(series.index(self._title.series) + 1) % len(series)]
        self._choose(next(one for one in self._variants if one.series == wanted))

    def _choose(self, variant: Variant) -> None:
        self._chosen = variant
        if variant is not BEFORE:
            self._shown_series = variant
        if self._made is not None:
            self._made = None
        self._work_out()
        self.lay_out()
        self.draw_bars()

    def action_base(self) -> None:
        """The last kernel without the patch on screen, or the chosen one again."""
        wanted = "" if self._own_base else last_without(self._title)
        if not wanted and not self._own_base:
            self.notify("No release has this patch, so that every kernel is one without it", markup=False)
            return
        self._own_base, self._made = wanted, None
        self._ask()
        self.lay_out()
        self.draw_bars()

    def action_big(self, big: bool) -> None:
        """Big type, or the whole page."""
        self._big = big
        self.lay_out()
        self.draw_bars()

    async def action_real(self) -> None:
        """Real kernels of the lab beside the predicted answers, or the page without them."""
        if (real := self.real) is not None:
            real.stop()
            await real.remove()
            self.query_one("#writes").focus()
        elif self._sides() is not None:
            from inspector.app.modes.patch.real import RealPane

            self._big = False
            await self.mount(RealPane(self._real_kernels(), self._real_cpu()), after="#rule-bottom")
            self.program.ask_real_kernels(self._real_cpu())
        self.lay_out()
        self.draw_footer()

    def _real_kernels(self) -> str:
        """The fetched kernels, oldest first; where there is none, the dump's own series and the newest."""
        from inspector.lab.doctor import kernels

        fetched = [series for series in kernels(cache_folder()) if series[:1].isdecimal()]
        ordered = sorted(fetched, key=numbers_of)
        own = series_of(self._study.dump.provenance.kernel.shown) if self._study is not None else ""
        return " ".join([*(ordered or [own])[: MOST_KERNELS - len(NEWEST)], *NEWEST]).strip()

    def _real_cpu(self) -> str:
        """The CPU model of the machine behind the dump, where QEMU emulates it."""
        from inspector.lab.doctor import TRIED

        given = self._study.dump.provenance.host.shown.split(" ")[0] if self._study is not None else ""
        return given if given in TRIED else ""

    def action_every(self) -> None:
        """Every write, or those that differ."""
        self._every = not self._every
        self._made = None
        self.lay_out()
        self.draw_footer()

    def _stops(self, before: Effect, after: Effect) -> list[int]:
        """After how many writes each thing that differs has happened."""
        wanted = set(differing(before, after))
        return [place + 1 for place, one in enumerate(before.writes) if one.id in wanted]

    def _place(self, before: Effect, after: Effect) -> tuple[int, int]:
        """Which of how many things that differ was reached."""
        stops = self._stops(before, after)
        return sum(one <= (self._made or 0) for one in stops), len(stops)

    def action_step(self) -> None:
        """Make writes on both sides, up to the next one that is answered differently; after the last, show the end."""
        sides = self._sides()
        if sides is None:
            return
        if self._scenes:
            self._go_on(1)
            return
        stops = self._stops(*sides)
        after = next((one for one in stops if one > (self._made or 0)), None)
        if not stops:
            self.notify("No write is answered differently (. makes one after the other)", markup=False)
            return
        if after is None:
            rest = len(sides[0].writes) - len(stops)
            self.notify(f"The other {rest} writes are answered alike: this is the end", markup=False)
        self._made = after
        self.lay_out()
        self.draw_bars()

    def _go_on(self, step: int) -> None:
        """The next step of the story, or the one before."""
        if 0 <= self._scene + step < len(self._scenes):
            self._play(self._scene + step)
        else:
            self.notify("That was the story: escape leaves it, the page stays" if step > 0 else "The story begins here")

    def action_step_back(self) -> None:
        """Back to the last write that was answered differently, or to the step of the story before."""
        if self._scenes:
            self._go_on(-1)
        elif (sides := self._sides()) is not None:
            before = [one for one in self._stops(*sides) if self._made is None or one < self._made]
            self._made = before[-1] if before else None
            self.lay_out()
            self.draw_bars()

    def action_one(self) -> None:
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
        self.draw_footer()

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
        """Close the lab, leave the story, stepping, or big type, or give a maximised pane back."""
        if self.real is not None:
            self.call_later(self.action_real)
        elif self._scenes:
            self._scenes = ()
            self.lay_out()
        elif self._made is not None:
            self._made = None
            self.lay_out()
            self.draw_bars()
        elif self._big:
            self.action_big(False)
        else:
            super().action_back()

    def report(self) -> str:
        """Every form of the series on screen in Markdown."""
        if self._study is None:
            return ""
        from inspector.reports.patch_effect import study_markdown

        return "\n".join(study_markdown(self._study, self._of_series()[1:])).rstrip()

    def report_name(self) -> str:
        """Stem of the exported file."""
        return "patch"
