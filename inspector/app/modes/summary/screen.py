"""Summary: one line for each subject, what the host is and what the guest gets, and why it is less."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from inspector.app.modes import summary
from inspector.app.modes.summary.beside import Beside, beside
from inspector.app.modes.summary.rows import blank_items, columns_of, explained, line_items
from inspector.app.shell import keys
from inspector.app.shell.listed import Listed
from inspector.app.shell.session import Change
from inspector.app.widgets.explained import Explained
from inspector.app.widgets.ink import Ink, Row, clip, ink, row
from inspector.app.widgets.lines import Lines
from inspector.app.widgets.listing import Listing
from inspector.checks.features.presence import states_of
from inspector.checks.features.sides import Sides
from inspector.checks.features.summary import SummaryLine, lines_of, summarise
from inspector.errors import InspectorError
from inspector.registers.features import feature
from inspector.reports.summary import summary_markdown
from inspector.sources.dump import Dump

HELP = (
    "The summary says what a CPU is, a line for each subject, the host beside what the guest gets: the saved vCPU, or "
    "with p what a kernel shows of the host. = is the same, ▼ less, ▲ more or made up, ? not known.\n"
    "The pane below names the fields that a line is read from, and for each lost feature the rule that hides it, since "
    "which release, and the option that would bring it. enter goes to the register, f to every feature by name. "
    "d puts another dump beside host and vCPU; a second loaded one stands there of itself."
)


class Summary(Listed):
    """Lines and an explanation."""

    MODE = summary.MODE
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings(keys.keys_of(summary.MODE))]

    def __init__(self) -> None:
        super().__init__()
        self._sides: Sides | None = None
        self._other: Beside | None = None
        self._left_out = False
        """the user wants no second dump, though one is loaded"""
        self._lines: tuple[SummaryLine, ...] = ()
        self._blank: tuple[str, ...] = ()
        """titles of lines about which the source shows nothing"""
        self._written: frozenset[str] = frozenset()
        """lines that simulated writes changed"""

    def body(self) -> Iterable[Widget]:
        """State, lines, explanation."""
        lines = Listing(id="lines")
        lines.help_text = HELP
        yield Lines(id="said")
        yield lines
        yield Lines(id="rule")
        yield Explained("space")

    def on_mount(self) -> None:
        """The lines have the keys."""
        self.set_focus(self.table)

    def refresh_from(self, change: Change) -> None:
        """Ask both sides again."""
        if not self.session.dumps:
            return
        sides = self.session.sides()
        if sides is not self._sides:
            self._sides = sides
            every = lines_of(sides)
            self._lines = tuple(one for one in every if one.host is not None or one.vcpu is not None)
            before = {one.key: one for one in lines_of(self.session.sides(written=False))} if self._writes() else {}
            self._written = frozenset(one.key for one in self._lines if before and before.get(one.key) != one)
            self._blank = tuple(one.title for one in every if one not in self._lines)
            # Read ahead for the explanations, once this can be seen: beside it, it would slow down the drawing.
            self.call_after_refresh(self._read_ahead, sides)
        self._keep_other()
        self.fill_list()
        self.lay_out()

    def _keep_other(self) -> None:
        """The dump that was chosen, else the first other one that is loaded; never the one on screen."""
        here = self.session.dumps[self.session.place.source].provenance.source
        if self._other is not None and self._other.source == here:
            self._other = None
        if self._other is None and not self._left_out:
            found = next((one for one in self.session.dumps if one.provenance.source != here), None)
            with suppress(InspectorError):
                self._other = beside(found) if found is not None else None

    def action_beside(self) -> None:
        """Choose a dump to stand beside host and vCPU."""
        from inspector.app.modes.summary.choose_beside import ChooseBeside

        self.program.open_dialog(ChooseBeside(self._other.source if self._other else "", self._put_beside))

    def _put_beside(self, dump: Dump | None) -> None:
        """Show it; None leaves the column out."""
        self._other = beside(dump) if dump is not None else None
        self._left_out = dump is None
        if self.is_current or self in self.app.screen_stack:
            self._keep_other()
            self.fill_list()
            self.lay_out()

    def _writes(self) -> bool:
        return self.session.view is not None and bool(self.session.view.written)

    def _read_ahead(self, sides: Sides) -> None:
        """Look things up beside the screen."""
        from inspector.app.shell.background import aside

        aside(self.app, lambda: self._look_up(sides), lambda done: None, lambda error: None)

    def _look_up(self, sides: Sides) -> None:
        """What the kernels of all releases do with the lost features: read before it is asked for."""
        states_of(sides, [feature(name) for one in self._lines for name in one.lost])

    def fill_list(self) -> None:
        """Put the lines into the list."""
        if self._sides is None:
            return
        cells = self.app.size.width - 1
        columns = columns_of(self._sides, self._other, cells, self.narrow)
        before = self.table.current.key if self.table.current else None
        items = line_items(self._lines, self._sides, self._other, cells, self.narrow, self._written)
        items += blank_items(self._blank, cells)
        self.table.fill(items, cursor=before or 0, cols=columns)
        self.mark_stepped({one.key: one for one in self._lines})
        self.query_one("#said", Lines).show([self._said(cells)])

    def _said(self, cells: int) -> Row:
        """Under which kernel the guest is shown."""
        assert self._sides is not None
        found = self._sides.machine
        kernel = f"{found.question.title} ({found.policy.evidence})" if found is not None else "not known"
        line = row(Ink(" "), Ink("Kernel ", "muted"), ink(kernel))
        if self.narrow and self._other is not None:
            line = (*line, Ink("   other: ", "muted"), ink(self._other.title))
        return clip(line, cells)

    def chosen(self) -> SummaryLine | None:
        """What the highlighted line stands for."""
        item = self.table.current
        return next((one for one in self._lines if item is not None and one.key == item.key), None)

    def lay_out(self) -> None:
        """Share the height between lines and explanation."""
        if self._sides is None or self.tiny:
            return
        chosen = self.chosen()
        self.explain(explained(chosen, self._sides, self.app.size.width - 2) if chosen is not None else [])

    def action_find(self) -> None:
        """Filter the features."""
        self.program.action_mode("features")
        from inspector.app.modes.features.screen import Features

        if isinstance(self.app.screen, Features):
            self.app.screen.ask()

    def action_lost(self, step: int) -> None:
        """The next or previous line that the guest gets less of."""
        items, start = self.table.items, self.table.cursor
        lost = {one.key for one in self._lines if one.state in ("masked", "lowered")}
        order = [*range(start + step, len(items) if step > 0 else -1, step)]
        order += [*range(0 if step > 0 else len(items) - 1, start, step)]
        place = next((at for at in order if items[at].key in lost), None)
        if place is None:
            self.notify("Nothing is lost between host and guest", markup=False)
        else:
            self.table.go(place)

    def score(self) -> Row:
        """How many lines are less, more, unknown."""
        less, more, open_ = (
            sum(one.state in states for one in self._lines)
            for states in (("masked", "lowered"), ("raised", "rebuilt"), ("unknown",))
        )
        return row(Ink(f"▼ {less} ", "masked"), Ink(f"▲ {more} ", "raised"), Ink(f"? {open_}", "unknown"))

    def footer_words(self) -> Mapping[str, str]:
        """What the keys would do now."""
        return {"vcpu.next": self.session.next_view, "write": ""}

    def report(self) -> str:
        """The summary in Markdown."""
        return summary_markdown(summarise(self._sides)) if self._sides is not None else ""

    def report_name(self) -> str:
        """Stem of the exported file."""
        return "summary"
