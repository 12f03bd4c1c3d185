"""The first page when no source was given: what can be opened, and what can be asked then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from inspector.app.dialogs.offers import shipped_items, this_machine
from inspector.app.modes import start
from inspector.app.shell import keys
from inspector.app.shell.frame import Frame
from inspector.app.shell.session import Change
from inspector.app.widgets.ink import Ink, Row, ends, ink, row
from inspector.app.widgets.lines import Lines
from inspector.app.widgets.listing import Column, Item, Listing
from inspector.version import __version__

HELP = (
    "The start page lists what can be opened: dumps that ship with the program, a file of your own, this machine.\n"
    "A dump is a saved or live arm64 vCPU: a QEMU migration stream, a Firecracker dump, a text file of register values."
)


class Start(Frame):
    """Dumps to open, and the questions that each mode answers."""

    MODE = start.MODE
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings(keys.keys_of(start.MODE))]

    def body(self) -> Iterable[Widget]:
        """A list and the questions."""
        listing = Listing((Column("", 36), Column("")), id="offers")
        listing.help_text = HELP
        shipped = shipped_items()
        items = [
            Item("", (row(Ink("Open", "heading")),), pick=False),
            *(shipped or [Item("", (row(Ink("no dump ships with this installation", "muted")),), pick=False)]),
            Item("file", (row("a file…"), row(Ink("o", "key")))),
            Item("machine", (row("this machine (/dev/kvm)"), row(Ink(this_machine(), "muted")))),
        ]
        listing.fill(items, cursor=1)
        yield listing
        yield Lines(id="said")
        questions = Lines(self._questions(), id="questions")
        questions.styles.height = questions.count()
        yield questions

    def on_mount(self) -> None:
        """The list has the keys."""
        self.query_one("#offers", Listing).focus()

    def _questions(self) -> list[Row]:
        """What each mode asks, three beside each other."""
        modes = self.program.modes_present
        rows = [row(), row(Ink("  "), Ink("Then ask", "heading"))]
        for at in range(0, len(modes), 3):
            line: list[Ink] = [Ink("    ")]
            for one in modes[at : at + 3]:
                line += [Ink(f"{one.number} ", "key"), Ink(f"{one.question:<24}")]
            rows.append(tuple(line))
        return rows

    def where(self) -> Sequence[str]:
        """No dump yet."""
        return ()

    def draw_bars(self) -> None:
        """The program's name instead of modes that cannot be used yet."""
        super().draw_bars()
        cells = self.app.size.width
        left = row(Ink(" "), Ink("vCPU register inspector", "title"))
        right = row(Ink(f"{__version__} ", "muted"))
        self.query_one("#header", Lines).show([ends(left, right, cells)])

    def footer_words(self) -> Mapping[str, str]:
        """Nothing to say differently."""
        return {}

    def action_choose(self) -> None:
        """Open what is highlighted."""
        self.query_one("#offers", Listing).action_choose()

    def lay_out(self) -> None:
        """The questions follow the list as long as both fit."""
        questions = self.query_one("#questions", Lines)
        room = self.app.size.height - 4 - questions.count()
        self.query_one("#offers").styles.height = max(min(self.query_one("#offers", Listing).count(), room), 3)

    def refresh_from(self, change: Change) -> None:
        """Nothing on this page depends on the session."""

    def on_listing_chosen(self, event: Listing.Chosen) -> None:
        """Open it."""
        kind, _, name = event.item.key.partition(" ")
        if kind == "file":
            self.program.action_open()
        elif kind == "builtin":
            self._say(self.program.open_source(f"builtin:{name}"))
        elif kind == "machine":
            state = this_machine()
            if state.startswith("available"):
                self._read_this_machine()
            else:
                self._say(f"this machine: {state}")

    def _read_this_machine(self) -> None:
        """Beside the screen: the collector makes a scratch vCPU, which takes a moment."""
        self.program.open_live("live:", lambda: self._say(""), lambda error: self._say(str(error)))
        self.query_one("#said", Lines).show([row(Ink("  … ", "raised"), "reading this machine")])

    def _say(self, problem: str) -> None:
        said = [row(Ink("  ✖ ", "refused"), ink(problem))] if problem else []
        if self.is_mounted:
            self.query_one("#said", Lines).show(said)
