"""The frame that every mode shares: header line, footer, size forms, and how it hears that the session changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, cast

from textual.app import ComposeResult
from textual.events import Resize, ScreenResume
from textual.geometry import Size
from textual.screen import Screen
from textual.widget import Widget

from inspector.app.shell.keys import Mode
from inspector.app.shell.lean import Lean
from inspector.app.shell.program import Program
from inspector.app.shell.session import Change, Session
from inspector.app.shell.view import source_name
from inspector.app.widgets.bars import Bar, footer_row, header_row
from inspector.app.widgets.ink import WRITTEN, Ink, Row, ink, row
from inspector.app.widgets.lines import Lines
from inspector.app.widgets.listing import Listing
from inspector.numbers import count_of

Seldom = Literal["live", "slider", "tiny"]
WIDE = 100
"""Columns from which list and detail stand side by side."""
MODES = Path(__file__).parent.parent / "modes"
LEAST_WIDTH, LEAST_HEIGHT = 60, 16


def is_tiny(size: Size) -> bool:
    """True where nothing useful fits."""
    return size.width < LEAST_WIDTH or size.height < LEAST_HEIGHT


class Frame(Lean, Screen[None]):
    """A mode: header, body, footer. Subclasses compose `body` and draw in `refresh_from`."""

    MODE: ClassVar[Mode]
    AUTO_FOCUS = ""

    def __init__(self) -> None:
        super().__init__()
        style = MODES / self.MODE.id / "style.tcss"
        self.css_path = [style] if style.exists() else []
        self._seen: tuple[Any, ...] | None = None
        self._seldom_shown: dict[Seldom, Bar] = {}
        self._fitted: Size | None = None
        """the terminal size that panes and bars were made for last"""

    def set_focus(self, widget: Widget | None, scroll_visible: bool = True, from_app_focus: bool = False) -> None:
        """Another pane has the keys. Where a mode has more to say than the terminal has lines, it stays at its top."""
        super().set_focus(widget, False, from_app_focus)

    @property
    def program(self) -> Program:
        """The program."""
        return cast(Program, self.app)

    @property
    def session(self) -> Session:
        """What the program looks at."""
        return self.program.session

    @property
    def narrow(self) -> bool:
        """True below 100 columns."""
        return self.app.size.width < WIDE

    @property
    def tiny(self) -> bool:
        """True where nothing useful fits."""
        return is_tiny(self.app.size)

    def compose(self) -> ComposeResult:
        """Header, body, footer. What else a screen may have is made when it is first shown: see `_seldom`."""
        yield Bar(id="header")
        yield from self.body()
        yield Bar(id="footer")

    def body(self) -> Iterable[Widget]:
        """What lies between header and footer."""
        return ()

    @property
    def body_height(self) -> int:
        """Lines between header and footer, without those that a live source and the kernel slider have."""
        return self.app.size.height - 2 - (self.session.reading is not None) - self.has_slider

    @property
    def has_slider(self) -> bool:
        """True when the kernel slider has a line here."""
        return self.session.has_slider

    @property
    def side_cells(self) -> int:
        """Cells of a pane at the right edge, which lines above the table do without."""
        return 0

    @property
    def explained_least(self) -> int:
        """Lines that an explanation below a table always has."""
        return 3 if self.app.size.height < 20 else 4 if self.narrow else 6

    def fill(self, selector: str, rows: Sequence[Row], height: int | None = None) -> None:
        """Show rows in a pane, which becomes as high as they are, or as `height` says."""
        self.query_one(selector, Lines).fit(rows, height)

    def draw_live(self) -> None:
        """The line of a live source: when it was read, what went wrong."""
        reading = self.session.reading
        bar = self._seldom("live", reading is not None and not self.tiny)
        if bar is not None and reading is not None:
            from inspector.app.shell.live import live_row

            kept = self.session.tried.writes_to(reading.source.address)
            bar.say(live_row(reading, self.program.watch_seconds, self.app.size.width - self.side_cells, kept))

    def _seldom(self, name: Seldom, shown: bool) -> Bar | None:
        """Show or hide a line that few screens have; each that is made costs a hundredth of the first paint. None where
        it was never shown."""
        bar = self._seldom_shown.get(name)
        if bar is None and shown:
            bar = self._seldom_shown[name] = Bar(id=name)
            above = self._seldom_shown.get("live") if name == "slider" else None
            if name == "tiny":
                self.mount(bar)
            else:
                self.mount(bar, after=above or "#header")
        if bar is not None:
            bar.display = shown
        return bar

    def slider_row(self, cells: int) -> Row:
        """The line of the kernel slider: which kernels, and what differs between them."""
        from inspector.app.shell.slider import slider_row

        return slider_row(self.session, cells)

    def draw_slider(self) -> None:
        """The line of the kernel slider; what is below makes room for it, or takes it back."""
        before = self._seldom_shown.get("slider")
        was_shown, shown = before is not None and before.display, self.has_slider and not self.tiny
        bar = self._seldom("slider", shown)
        if shown and bar is not None:
            bar.say(self.slider_row(self.app.size.width - self.side_cells))
        if was_shown != shown:
            self.lay_out()

    def action_kernel_step(self, step: int) -> None:
        """The next or previous kernel of the catalogue."""
        self.program.step_kernel(step)

    def on_mount(self) -> None:
        """First drawing, for the size that the terminal has."""
        self.session_changed("dump")
        self._fitted = None if self.tiny else self.app.size

    def on_screen_resume(self, event: ScreenResume) -> None:
        """Catch up with what changed while another mode was on screen."""
        if self._seen is not None and self._seen != self._state():
            self.session_changed("dump")

    def on_resize(self, event: Resize) -> None:
        """Another terminal size: another layout."""
        if self._fitted == self.app.size:
            return
        self._fitted = self.app.size
        self.set_class(self.tiny, "-tiny")
        if (line := self._seldom("tiny", self.tiny)) is not None:
            size = f"{self.app.size.width}x{self.app.size.height}"
            words = f"{size} is too small: 60x16 at least"
            line.say((ink(words if len(words) <= self.app.size.width else "needs 60x16"),))
        self.lay_out()
        self.draw_bars()

    def session_changed(self, change: Change) -> None:
        """The session changed; called for the screen in front."""
        self.refresh_from(change)
        # What a mode itself makes the session look at, such as its highlighted line, is nothing to catch up with.
        self._seen = self._state()
        self.draw_bars()

    def _state(self) -> tuple[Any, ...]:
        session = self.session
        return (session.place, session.base, session.question, session.only_notable, len(session.dumps), session.view)

    def refresh_from(self, change: Change) -> None:
        """Draw what this change touches."""

    def lay_out(self) -> None:
        """Lay out for the present size."""

    def where(self) -> Sequence[str]:
        """Words of the header: dump, vCPU, policy."""
        view = self.session.view
        if view is None:
            return ()
        return (source_name(view.source), view.title, self.session.policy or "")

    def score(self) -> Row:
        """What the header counts."""
        return ()

    def footer_words(self) -> Mapping[str, str]:
        """Footer labels that differ from the table's; an empty one leaves the key out."""
        return {}

    def draw_bars(self) -> None:
        """Header and footer for the present size and state."""
        cells = self.app.size.width
        # What needs no dump is no view of the one on screen: it has a key, but no place beside the others.
        modes = [mode for mode in self.program.modes_present if mode.needs_dump]
        where, score, writes = self.where(), self.score(), self._writes_made()
        if writes and self.narrow:
            score = row(Ink(writes, "raised"), Ink("  "), *score)
        line = header_row(cells, self.narrow, self.MODE, modes, (*where, "" if self.narrow else writes), score)
        self.query_one("#header", Bar).say(line)
        self.draw_live()
        self.draw_slider()
        self.draw_footer()

    def _writes_made(self) -> str:
        """How many simulated writes stand behind what is shown; they stay in the header however little room it has."""
        count = self.session.tried.count() if self.session.loaded else 0
        return f"{WRITTEN} {count_of(count, 'write')}" if count else ""

    def draw_footer(self) -> None:
        """The footer alone."""
        keymap = self.program.settings.keys
        cells = self.app.size.width
        log = "Log" if self.session.tried.count() else ""
        line = footer_row(self.MODE, self.narrow, cells, keymap, {"writes.log": log, **self.footer_words()})
        self.query_one("#footer", Bar).say(line)

    def go_along(self) -> None:
        """Let the session look at what is highlighted, where the highlight may have come there by itself."""

    def show_log(self) -> bool:
        """Show a log of the mode's own; False where the log of the vCPU's writes is meant."""
        return False

    def go_back(self, undo: bool) -> bool:
        """Take back (or do again) a step of the mode's own; False where the vCPU's writes are meant."""
        return False

    def help_text(self) -> str:
        """What the focused pane shows, for the help screen."""
        focused = self.focused
        return focused.help_text if isinstance(focused, Listing) else ""

    def report(self) -> str:
        """This screen's report as Markdown."""
        return ""

    def report_name(self) -> str:
        """Stem of the file that an export is offered under."""
        return self.MODE.id

    def action_copy_line(self) -> None:
        """Copy the highlighted line of the focused list."""
        focused = self.focused
        text = focused.line_text() if isinstance(focused, Listing) else ""
        self.program.copy(text or self.line_to_copy())

    def line_to_copy(self) -> str:
        """What `y` copies when no list has the focus."""
        return ""

    @property
    def complete(self) -> bool:
        """False while what is on screen is still being worked out."""
        return True

    def _reports(self) -> bool:
        """True where there is a report; says so where it is not known yet."""
        text = self.report()
        if not text and not self.complete:
            self.notify("The answer is still being worked out: press it again in a moment", markup=False)
        return bool(text) or self.complete

    def action_copy_report(self) -> None:
        """Copy the report."""
        if self._reports():
            self.program.copy(self.report())

    def action_export(self) -> None:
        """Ask for a file name and write the report."""
        if self._reports():
            self.program.export(self.report_name(), self.report())

    def action_zoom(self) -> None:
        """The focused pane alone, or everything again."""
        if self.maximized is not None:
            self.minimize()
        elif self.focused is not None:
            self.maximize(self.focused)
        else:
            self.notify("This page has no pane to maximise", markup=False)

    def action_back(self) -> None:
        """Give a maximised pane back."""
        if self.maximized is not None:
            self.minimize()
