"""Compare: a host against what a kernel exposes of it, or dumps against each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.events import Resize
from textual.widget import Widget
from textual.widgets import Input

from inspector.app.modes import compare
from inspector.app.modes.compare.board import Board
from inspector.app.modes.compare.question import report
from inspector.app.modes.compare.sides import Side, side_name
from inspector.app.modes.compare.table import MOST_COLUMNS, grid_columns, pair_columns, table_items
from inspector.app.modes.compare.words import fields_beside, legend, notes_of, problem_rows, said_of, score_row, status
from inspector.app.shell import keys
from inspector.app.shell.frame import Frame
from inspector.app.shell.session import Change
from inspector.app.shell.view import source_name
from inspector.app.widgets.explained import Explained, side_cells
from inspector.app.widgets.ink import Ink, Row
from inspector.app.widgets.lines import Lines
from inspector.app.widgets.listing import Column, Listing
from inspector.checks.machine.question import KernelQuestion

HELP = (
    "Compare lists what differs: first what certainly does, then what may, because one side is not known (?). Left "
    "stands the host, right what the chosen kernel would expose of it to a fresh vCPU; p chooses the kernel and the "
    "vCPU's features, c puts the saved vCPU on the left. m lists what is equal too, R groups by the rule behind it.\n"
    "K takes another kernel instead of the host: what both show here, older left, and every rule that differs.\n"
    "d puts another dump on the right, D swaps, s changes the left side. a adds more dumps: groups of equal ones "
    "become columns. b finds the greatest common feature set of the compared dumps. space folds, enter explains."
)


class Compare(Frame):
    """Sides, table, explanation."""

    MODE = compare.MODE
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings(keys.keys_of(compare.MODE))]

    def __init__(self) -> None:
        super().__init__()
        self._board: Board | None = None

    def body(self) -> Iterable[Widget]:
        """Sides, status, table, explanation."""
        table = Listing(id="differences")
        table.help_text = HELP
        yield Lines(id="sides")
        yield Lines(id="status")
        yield table
        yield Lines(id="rule")
        yield Explained()

    def on_mount(self) -> None:
        """The table has the keys."""
        self.set_focus(self.table)

    @property
    def board(self) -> Board:
        """What is compared."""
        if self._board is None:
            self._board = Board(self.session)
        return self._board

    @property
    def table(self) -> Listing:
        """The list of differences."""
        return self.query_one("#differences", Listing)

    @property
    def explained(self) -> Explained:
        """The pane below it."""
        return self.query_one(Explained)

    def refresh_from(self, change: Change) -> None:
        """Compare again when what is compared changed, then draw."""
        if self.session.view is not None:
            self._fill(at_session=self.board.catch_up() or change == "register")

    def _fill(self, at_session: bool = False) -> None:
        """The table; the highlight stays where it was, or goes to the register that the session looks at."""
        table, board = self.table, self.board
        before = "" if at_session or not table.current else table.current.key
        shown, columns = board.arrange(), self._columns(self.app.size.width - self.side_cells - 2)
        table.empty = board.nothing
        items = table_items(shown, columns, self.session.base, grid=board.grid, written=board.written)
        table.fill(items, cursor=board.cursor(before), cols=columns)
        table.mark(board.stepped())
        self.lay_out()

    def _columns(self, cells: int) -> tuple[Column, ...]:
        titles = self.board.picture.titles if self.board.picture else ("left", "right")
        return grid_columns(cells, titles) if self.board.grid else pair_columns(cells, titles)

    def lay_out(self) -> None:
        """Share the height between the sides, the table and the explanation."""
        if self.tiny or self.session.view is None:
            return
        side, height, board = self.side_cells, self.body_height, self.board
        cells = self.app.size.width - side
        sides = legend(board.picture, cells - 2, self._room_for_names()) if board.picture else []
        self.fill("#sides", [(Ink(" "), *one) for one in sides])
        searching = bool(self.query("#find"))
        told = status(board.picture, board.every, board.rules, cells - 2)
        self.fill("#status", [(Ink(" "), *told)], int(not self.narrow and not searching))
        self.query_one("#rule").display = not side
        if side:
            words = self._words(side - 3) + self._fields(side - 3)
            self.explained.beside(words, side, self.app.size.height - 2)
            return
        self.explained.below()
        self.query_one("#rule", Lines).show([(Ink("─" * cells, "reserved"),)])
        room = height - 1 - len(sides) - (searching or not self.narrow)
        self.explained.explain(
            self._words(cells - 2), cells, room=room, table=self.table.count(), least=self.explained_least
        )

    @property
    def side_cells(self) -> int:
        """The explanation stands beside the table where there is room; that of many groups goes to their columns."""
        return 0 if self.board.grid else side_cells(self.app.size.width)

    def _fields(self, cells: int) -> list[Row]:
        """Every field of the highlighted register, on both sides."""
        picture, line = self.board.picture, self.board.line(self._key())
        if picture is None or line is None or self.board.grid:
            return []
        return fields_beside(line.node, picture, cells, self.session.base)

    def _room_for_names(self) -> int:
        """Lines that the names of the sides may take."""
        if not self.board.grid:
            return 0 if self.narrow else 3
        return MOST_COLUMNS + 1 if not self.narrow else 1 if self.app.size.height < 20 else 3

    def _key(self) -> str:
        return self.table.current.key if self.table.current else ""

    def _words(self, cells: int) -> list[Row]:
        """The explanation."""
        picture, line = self.board.picture, self.board.line(self._key())
        if picture is None:
            return problem_rows(self.board.problem, cells)
        said = said_of(line.node, picture, cells, self.session.base) if line else []
        return said + notes_of(picture, cells)

    @on(Listing.Moved, "#differences")
    def _moved(self) -> None:
        if (line := self.board.line(self._key())) is not None:
            self.board.follow(line)
        self.lay_out()

    @on(Listing.Chosen, "#differences")
    def _enter(self) -> None:
        line = self.board.line(self._key())
        if line is not None and line.node.children:
            self._fold()
        else:
            self.explained.enlarged = not self.explained.enlarged
            self.lay_out()

    @on(Listing.Folded, "#differences")
    def _fold(self) -> None:
        if key := self.board.fold(self._key()):
            self._fill()
            self.table.go(self.table.index_of(key) or 0)

    def go_along(self) -> None:
        """Write opens on the highlighted line, also where the register that was looked at before has none here."""
        if (line := self.board.line(self._key())) is not None:
            self.board.follow(line)

    def where(self) -> Sequence[str]:
        """Both sides when narrow, else the left one; the others have a line of their own there."""
        view, picture, others = self.session.view, self.board.picture, self.board.others
        if view is None or picture is None:
            return super().where()
        if self.narrow:
            return (picture.brief, "" if others else view.title)
        if self.board.kernel is not None:
            return (source_name(view.source), picture.brief)
        return ("2 dumps" if len(others) == 1 else picture.brief,) if others else super().where()

    def score(self) -> Row:
        """Registers by what became of them."""
        if self.board.picture is None:
            return ()
        score = score_row(self.board.picture)
        if not self.narrow or self.app.size.width < 76:
            return score
        return (*score, Ink("  all" if self.board.every else "  diff", "muted"))

    def footer_words(self) -> Mapping[str, str]:
        """What the keys would do now."""
        words = dict.fromkeys(("write", "vcpu.next", "copy.line"), "")
        words["compare.every"] = "Differences" if self.board.every else "All"
        words["compare.rules"] = "By register" if self.board.rules else "By rule"
        words["compare.rules" if self.board.kernel is not None else "compare.kernels"] = ""
        if len(self.session.loaded) > 1 and not self.board.others:
            words["compare.right"] = "With another dump"
        return words | ({"policy": ""} if self.board.others else {})

    def compare_with(self, *others: Side) -> None:
        """Put other sides on the right; none: what a kernel exposes."""
        self.board.use(*others)
        self._sides_changed()

    def compare_all(self) -> None:
        """All loaded dumps against each other."""
        if not self.board.use_all():
            self.notify("Only one dump is loaded (o opens another)", markup=False)
        self._sides_changed()

    def _sides_changed(self) -> None:
        if self.is_mounted:
            self.session_changed("dump")

    def action_find(self) -> None:
        """Filter the lines."""
        if not self.query("#find"):
            from inspector.app.widgets.one_line import OneLine

            line = OneLine(self.board.search, placeholder="/ filter by register, field or rule", id="find")
            self.mount(line, before="#differences")
        self.lay_out()
        self.call_after_refresh(self.query_one("#find").focus)

    @on(Input.Changed, "#find")
    def _typed(self, event: Input.Changed) -> None:
        self.board.search = event.value.strip()
        self._fill()

    @on(Input.Submitted, "#find")
    def _filtered(self) -> None:
        self.table.focus()

    def action_difference(self, direction: int) -> None:
        """The next or previous line that differs."""
        self._go(self.board.step(self.table.cursor, direction), "Nothing else differs")

    def action_register(self, direction: int) -> None:
        """The next or previous line that is no field."""
        self._go(self.board.step_register(self.table.cursor, direction), "")

    def _go(self, place: int | None, otherwise: str) -> None:
        if place is not None:
            self.table.go(place)
        elif otherwise:
            self.notify(otherwise, markup=False)

    def action_every(self) -> None:
        """Differences only, or what is equal too."""
        self.board.every = not self.board.every
        self._fill()
        self.draw_bars()

    def action_rules(self) -> None:
        """By rule, or by register."""
        self.board.rules = not self.board.rules
        self._fill()
        self.draw_bars()

    def action_left(self) -> None:
        """The host, or the vCPU as it was saved, against what the kernel exposes."""
        view = self.session.view
        if self.board.others or self.board.kernel or view is None or view.one_vcpu is None:
            self.notify("This dump has no saved vCPU to compare (v, d)", markup=False)
        else:
            self.board.left = "vcpu" if self.board.left == "host" else "host"
            self.session_changed("policy")

    def action_swap(self) -> None:
        """Exchange the two sides."""
        if not self.board.swap():
            self.notify("Only two dumps or two kernels can be swapped (d, K)", markup=False)

    def action_kernels(self) -> None:
        """Choose another kernel to compare with; none takes the host again."""
        from inspector.app.modes.compare.choose_sides import other_kernel

        if (wanted := other_kernel(self.board, self.compare_kernel)) is not None:
            self.program.open_dialog(wanted)

    def compare_kernel(self, question: KernelQuestion | None) -> None:
        """Compare with a kernel, or with the host again."""
        self.board.use_kernel(question)
        self._sides_changed()

    def action_choose(self, place: str) -> None:
        """Choose what stands left, right, or in further columns."""
        from inspector.app.modes.compare.choose_sides import ChooseLeft, ChooseMore, ChooseRight

        dialogs = {"left": ChooseLeft, "right": ChooseRight, "more": ChooseMore}
        self.program.open_dialog(dialogs[place](self.board, self._sides_changed))

    def action_baseline(self) -> None:
        """The greatest common feature set of the compared dumps, or of all that are loaded."""
        from inspector.app.modes.compare.baseline import BaselinePage

        sides = self.board.sides
        dumps = {one.source: one.dump for one in sides} if self.board.others else {}
        read = {one.provenance.source: one for one in self.session.loaded}
        hosts = [read.get(source, dump) for source, dump in dumps.items()] or list(self.session.loaded)
        question = self.session.question
        if len(hosts) < 2:
            self.notify("A baseline needs two hosts: a adds dumps", markup=False)
        else:
            kernel, candidates = (question.policy, question.candidates) if question else (None, ())
            self.program.open_dialog(BaselinePage(hosts, kernel, candidates))

    def action_back(self) -> None:
        """Clear the filter, shrink the explanation, or give a maximised pane back."""
        if self.maximized is None and self.query("#find"):
            self.board.search = ""
            self.query_one("#find").remove()
            self.table.focus()
            self.call_after_refresh(self._fill)
        elif self.maximized is None and self.explained.enlarged:
            self.explained.enlarged = False
            self.lay_out()
        else:
            super().action_back()

    def on_resize(self, event: Resize) -> None:
        """The columns follow the width."""
        if self._board is not None:
            self._fill()

    def report(self) -> str:
        """The whole comparison."""
        return report(self.board.picture) if self.board.picture else ""

    def report_name(self) -> str:
        """Stem of the exported file."""
        picture = self.board.picture
        if picture is not None and picture.before is not None:
            return "kernels-" + "-".join(picture.titles)
        return "compare-" + "-".join(side_name(one) for one in self.board.sides[:3])
