"""Explain: paste what a VMM or a kernel printed, read what failed, why, and what to do."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING, ClassVar

import msgspec
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Paste, Resize
from textual.timer import Timer
from textual.widgets import TextArea

from inspector.app.dialogs.dialog import DIALOG_CELLS, Dialog
from inspector.app.dialogs.line import cleaned
from inspector.app.dialogs.page import scrolling
from inspector.app.shell import keys
from inspector.app.shell.background import aside
from inspector.app.shell.session import Change
from inspector.app.shell.view import short_name
from inspector.app.shell.wording import on_screen
from inspector.app.widgets.ink import Ink, Row, ink, row, wrap
from inspector.app.widgets.lines import Lines
from inspector.app.widgets.unmarked import Box, hints, unmarked
from inspector.errors import InspectorError
from inspector.sources.dump import Dump

if TYPE_CHECKING:
    # The screen opens with nothing to explain.
    from inspector.checks.explain.result import Explanation

HINT = (
    "Paste what QEMU, libvirt, Firecracker, Cloud Hypervisor, crosvm or a kernel printed: one line, a whole log, or "
    "just register ids. Prefixes, timestamps, colours and line wraps do not matter.\n"
    "F2 and F3 choose dumps that stand for the saved VM and for the destination: values that the text lacks are taken "
    "from them, and with both the restore is simulated."
)
DELAY = 0.15
"""Seconds without another key before the text is looked at."""


class Pasted(TextArea):
    """The text; what is pasted comes in without its colours and control characters."""

    def take(self, text: str) -> None:
        """Insert what was typed at the cursor."""
        self.replace(text, *self.selection)

    def paste(self, text: str) -> None:
        """Insert what was pasted at the cursor."""
        self.take(cleaned(text))

    async def _on_paste(self, event: Paste) -> None:
        event.prevent_default()
        event.stop()
        self.paste(event.text)


class Answer(Lines, can_focus=True):
    """The explanation, scrolled by keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *scrolling("screen."),
        Binding("y,Y", "screen.copy", "Copy", show=False),
        Binding("e", "screen.export", "Export", show=False),
        *keys.bindings((keys.SECRETS,)),
    ]


class Explain(Dialog):
    """A paste area above, its explanation below."""

    CSS_PATH: ClassVar[list[str | PurePath]] = [*Dialog.CSS_PATH, Path(__file__).parent / "style.tcss"]
    LINE = "#pasted"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "side('source')", "Source", show=False),
        Binding("f3", "side('destination')", "Destination", show=False),
        Binding("f5", "copy", "Copy", show=False),
        Binding("f6", "export", "Export", show=False),
    ]

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self._text = text
        self._sides: dict[str, Dump | None] = {"source": None, "destination": None}
        """the dump on screen stands for the saved VM until F2 says otherwise"""
        self._asked = 0
        self._timer: Timer | None = None
        self.answer: Explanation | None = None
        """with every value; what is shown of it is `told`"""
        self.problem = ""
        self.complete = True
        """the answer on screen is that of the text on screen"""

    def compose(self) -> ComposeResult:
        """Text, the two dumps, answer."""
        words = hints("tab answer   F5 copy   F6 export   esc closes")
        with Box(unmarked("Explain an error"), words, classes="whole"):
            yield Pasted(self._text, id="pasted", show_line_numbers=False, tab_behavior="focus")
            yield Lines(id="sides")
            yield Answer(id="answer")

    def on_mount(self) -> None:
        """The text has the keys."""
        session = self.program.session
        if session.loaded:
            self._sides["source"] = session.loaded[session.place.source]
        self._to_line()
        self._draw()
        if self._text:
            self._ask()

    def on_resize(self, event: Resize) -> None:
        """Wrap anew."""
        super().on_resize(event)
        if self.shown:
            self._draw()

    def on_text_area_changed(self) -> None:
        """Another text: look at it once typing or pasting has paused."""
        self.complete = False
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(DELAY, self._ask)

    def action_side(self, side: str) -> None:
        """Choose the dump that stands for one side."""
        from inspector.app.modes.explain.side import ChooseDestination, ChooseSaved

        def take(dump: Dump | None) -> None:
            self._sides[side] = dump
            self._ask()

        choose = ChooseSaved if side == "source" else ChooseDestination
        self.program.open_dialog(choose(self._sides[side], take))

    def _ask(self) -> None:
        """Explain the text beside the screen: with both dumps the restore is simulated."""
        from inspector.checks.explain.explain import explain

        self._asked += 1
        number, text = self._asked, self.query_one("#pasted", Pasted).text
        source, destination = self._sides["source"], self._sides["destination"]
        self.answer, self.problem, self.complete = None, "", not text.strip()

        def done(answer: Explanation) -> None:
            if number == self._asked and self.shown:
                self.answer, self.complete = answer, True
                self._draw()

        def failed(error: InspectorError) -> None:
            if number == self._asked and self.shown:
                self.problem, self.complete = str(error), True
                self._draw()

        if text.strip():
            aside(self.app, lambda: explain(text, source, destination), done, failed)
        self._draw()

    def session_changed(self, change: Change) -> None:
        """The guest's secrets are shown or withheld."""
        if self.shown:
            self._draw()

    @property
    def told(self) -> Explanation | None:
        """What is shown of the answer."""
        if self.answer is None or self.program.session.secrets:
            return self.answer
        from inspector.checks.explain.withheld import told

        return told(self.answer)

    @property
    def _cells(self) -> int:
        wide = self.app.size.width if self.app.size.width < 100 else self.app.size.width - 4
        return max(wide, DIALOG_CELLS - 20) - 6

    def _draw(self) -> None:
        self.query_one("#sides", Lines).show([self._sides_row()])
        self.query_one("#answer", Answer).show(self._answer_rows())
        self.query_one("#answer", Answer).scroll_to(y=0, animate=False)

    def _sides_row(self) -> Row:
        pieces: list[Ink] = []
        for key, side in (("F2", "source"), ("F3", "destination")):
            dump, click = self._sides[side], keys.pressing(key.lower())
            pieces += [
                Ink(key, "key", click),
                Ink(f" {side}: ", "muted", click),
                ink(short_name(dump) if dump else "none", "", click),
                Ink("   "),
            ]
        return tuple(pieces)

    def _answer_rows(self) -> list[Row]:
        if self.problem:
            return wrap(row(Ink("✖ ", "refused"), ink(self.problem)), self._cells, 2)
        if (answer := self.told) is not None:
            from inspector.app.widgets.outlined import outline_rows
            from inspector.reports.explain import explanation_outline

            bring = tuple(
                on_screen(one.replace("--source", "F2").replace("--destination", "F3")) for one in answer.bring
            )
            steps = tuple(map(on_screen, answer.next_steps))
            outline = explanation_outline(msgspec.structs.replace(answer, bring=bring, next_steps=steps))
            rows = outline_rows(outline, self._cells)
            hidden = any(one.withheld for one in answer.registers)
            return [*rows, (), row(Ink("withheld: $ here (tab) shows it", "muted"))] if hidden else rows
        if self.query_one("#pasted", Pasted).text.strip():
            return [row(Ink("reading…", "muted"))]
        return [line for hint in HINT.split("\n") for line in (*wrap(row(Ink(hint, "muted")), self._cells), ())]

    def report(self) -> str:
        """The explanation in Markdown, for a bug report."""
        if self.told is None:
            return ""
        from inspector.reports.explain import explanation_markdown

        return explanation_markdown(self.told)

    def action_copy(self) -> None:
        """Copy the explanation."""
        self.program.copy(self.report())

    def action_export(self) -> None:
        """Ask for a file name and write the explanation."""
        self.program.export("explanation", self.report())

    def action_scroll(self, step: int) -> None:
        """Scroll the answer."""
        self.query_one("#answer", Answer).scroll_relative(y=step, animate=False)
