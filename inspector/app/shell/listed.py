"""A screen of a list and an explanation below it, whose lines stand for fields of registers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Protocol

from textual import on
from textual.events import Resize

from inspector.app.shell.frame import Frame
from inspector.app.widgets.explained import Explained
from inspector.app.widgets.ink import Ink, Row
from inspector.app.widgets.lines import Lines
from inspector.app.widgets.listing import Listing
from inspector.registers.ids import IDS


class Placed(Protocol):
    """What a line stands for."""

    @property
    def places(self) -> tuple[str, ...]:
        """`REGISTER.FIELD` of each field that it is read from."""


class Listed(Frame):
    """One list, a rule, an `Explained`; subclasses fill the list and explain what is chosen."""

    LINE_IS: ClassVar[str] = "line"
    """what a line is called where it has no register in the dump"""

    @property
    def table(self) -> Listing:
        """The list."""
        return self.query_one(Listing)

    def fill_list(self) -> None:
        """Put the lines into the list."""
        raise NotImplementedError

    def mark_stepped(self, lines: Mapping[str, Placed]) -> None:
        """Mark the lines, by what the list calls them, with a field that the last step of the kernel slider changed."""
        step = self.session.step
        changed = step.places if step is not None else frozenset[str]()
        self.table.mark({key for key, one in lines.items() if not changed.isdisjoint(one.places)})

    def chosen(self) -> Placed | None:
        """What the highlighted line stands for."""
        raise NotImplementedError

    def explain(self, rows: Sequence[Row], above: int = 0) -> None:
        """Share the height between list and explanation; `above`: lines over the list besides the first."""
        cells = self.app.size.width
        self.query_one("#rule", Lines).show([(Ink("─" * cells, "reserved"),)])
        room = self.body_height - 2 - above
        pane = self.query_one(Explained)
        pane.explain(list(rows), cells, room=room, table=self.table.count(), least=self.explained_least)

    def on_resize(self, event: Resize) -> None:
        """The columns follow the width."""
        self.fill_list()
        super().on_resize(event)

    @on(Listing.Moved)
    def _moved(self) -> None:
        self.lay_out()

    @on(Listing.Folded)
    def _enlarge(self) -> None:
        pane = self.query_one(Explained)
        pane.enlarged = not pane.enlarged
        self.lay_out()

    @on(Listing.Chosen)
    def action_register(self) -> None:
        """The first field behind the line, of a register that this vCPU lists."""
        chosen, view = self.chosen(), self.session.view
        listed = {one.id for one in view.registers} if view is not None else set()
        for place in chosen.places if chosen is not None else ():
            name, _, field = place.partition(".")
            if IDS.get(name) in listed:
                self.program.go_to(IDS[name], field)
                return
        self.notify(f"No register behind this {self.LINE_IS} is in the dump", markup=False)
