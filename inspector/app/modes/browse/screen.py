"""Browse: every register of a vCPU, its bits, its fields and what they mean."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from textual import on
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from inspector.app.modes import browse
from inspector.app.modes.browse.explanation import explain
from inspector.app.modes.browse.fields import FieldRow, FieldTable, scale_of, table_columns, table_items
from inspector.app.modes.browse.headline import nothing_rows, title_rows
from inspector.app.modes.browse.register_list import RegisterList
from inspector.app.modes.browse.standing import NOTHING, Standing, score, standings
from inspector.app.modes.browse.table import field_table
from inspector.app.shell import keys
from inspector.app.shell.frame import Frame
from inspector.app.shell.session import Change
from inspector.app.shell.view import View
from inspector.app.widgets.ink import Ink, Row
from inspector.app.widgets.lines import Lines
from inspector.app.widgets.listing import Listing
from inspector.app.widgets.ruler import Ruler
from inspector.registers import catalog
from inspector.registers.catalog import Register

if TYPE_CHECKING:
    # Only the widest form asks every kernel.
    from inspector.app.modes.browse.history import History

HELP = (
    "The field table shows each field of the register: its bits, its value and what the value means. With a host's raw "
    "registers in the dump, the host's value stands beside it, with one word for what became of it.\n"
    "The ruler above shows the bits; the pane below, from 160 columns beside, explains the highlighted field; enter "
    "makes it taller."
)
DETAIL_LEAST = 80
PANE_MOST = 12
"""Lines that an explanation below the fields takes at most by itself."""
ROOMY = 34
"""Lines from which the wide form can afford blank ones."""
SIDE_LEAST, SIDE_MOST = 21, 34
WIDEST, SIDE_WITH_VALUES = 160, 54
"""Columns from which the list has room for values and the explanation stands beside the fields, and what the list then
takes."""
WHY_LEAST, WHY_MOST = 34, 64
"""Cells of an explanation beside the fields, which keep DETAIL_LEAST before it grows."""


class Browse(Frame):
    """Register list, ruler, field table, explanation."""

    MODE = browse.MODE
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings(keys.keys_of(browse.MODE))]

    def __init__(self) -> None:
        super().__init__()
        self._view: View | None = None
        self._known: Mapping[int, Standing] = {}
        self._table: FieldTable | None = None
        self._explained = False
        self._side_width: int | str | None = None
        self._history: History | None = None

    def body(self) -> Iterable[Widget]:
        """The list is mounted only where it is seen."""
        fields = Listing(id="fields")
        fields.help_text = HELP
        detail = Vertical(
            Lines(id="title"),
            Ruler(id="ruler"),
            Lines(id="rule-top"),
            fields,
            Lines(id="rule-bottom"),
            Lines(id="explanation"),
            id="detail",
        )
        side = [] if self.narrow else [RegisterList(self._picked, self._side_cells() - 1)]
        yield Horizontal(*side, detail, id="body")

    def on_mount(self) -> None:
        """The list has the keys when it is there, else the fields; the terminal may be wide only since a moment ago."""
        side = self.side
        self.set_focus(self.query_one("#fields", Listing) if side is None else side.listing)

    @property
    def side(self) -> RegisterList | None:
        """The register list, where it is mounted."""
        return next((one for one in self._panes if isinstance(one, RegisterList)), None)

    @property
    def _why(self) -> Lines | None:
        """The explanation beside the fields, where it is mounted."""
        return next((one for one in self._panes if isinstance(one, Lines)), None)

    @property
    def _panes(self) -> Sequence[Widget]:
        """What stands side by side; nothing yet, or any more, where the screen is being made or taken down."""
        return next((one.children for one in self.children if one.id == "body"), ())

    def refresh_from(self, change: Change) -> None:
        """Draw what this change touches."""
        view = self.session.shown
        if view is None:
            return
        if view is not self._view:
            self._view, self._known = view, standings(view)
        register = self.session.register
        if (side := self.side) is not None:
            if change == "register" and register is not None:
                side.highlight(register.id)
            else:
                side.show(view, self._known, self.session.only_notable, register.id if register else None)
            side.mark(self._stepped())
        self._show_register(register)

    def _stepped(self) -> frozenset[str]:
        """The registers that the last step of the kernel slider changed, as the list calls them."""
        step = self.session.step
        ids = step.by_id if step is not None else {}
        return frozenset((*map(str, ids), *(f"group {catalog.by_id(one).group}" for one in ids)))

    def _show_register(self, register: Register | None) -> None:
        if self._view is None:
            return
        if register is None:
            self._table = None
            self.lay_out()
            return
        table = self._table = field_table(self._view, register)
        fields = self.query_one("#fields", Listing)
        columns = table_columns(table, self.session.base, self._table_cells())
        wanted = table.key_of(self.session.place.field) or self._first(table, fields)
        fields.fill(table_items(table, self.session.base, columns), cursor=wanted or 0, cols=columns)
        stepped = self.session.step.by_id.get(register.id) if self.session.step is not None else None
        fields.mark({one.key for one in table.rows if stepped is not None and stepped.touches(one.msb, one.lsb)})
        self.lay_out()

    def _first(self, table: FieldTable, fields: Listing) -> str | None:
        """The field of the same name as before, else the first that changed."""
        before = fields.current.key if fields.current else ""
        if table.row(before) is not None:
            return before
        if table.register.size > 8:
            return next((one.key for one in table.rows if one.value), table.rows[-1].key if table.rows else None)
        return next((one.key for one in table.rows if one.flagged or one.state not in ("", "same")), None)

    def _detail_cells(self) -> int:
        """Cells of the detail pane, known before it is laid out."""
        width = self.app.size.width
        return width if self.narrow else width - self._side_cells() - self._why_cells()

    def _table_cells(self) -> int:
        """Cells of the fields: where the explanation stands beside them, apart from its line."""
        return self._detail_cells() - bool(self._why_cells())

    def _why_cells(self) -> int:
        """Cells of the explanation where it stands beside the fields; 0 where it stands below them."""
        width = self.app.size.width
        if width < WIDEST:
            return 0
        return min(max(width - self._side_cells() - DETAIL_LEAST - 4, WHY_LEAST), WHY_MOST)

    def _side_cells(self) -> int:
        width = self.app.size.width
        return SIDE_WITH_VALUES if width >= WIDEST else max(SIDE_LEAST, min(SIDE_MOST, width - DETAIL_LEAST - 1))

    def lay_out(self) -> None:
        """Share the height between ruler, table and explanation."""
        if self._view is None or self.tiny:
            return
        self._fit_side()
        if self._table is None:
            self.query_one("#title", Lines).show(nothing_rows(self._view, self._detail_cells()))
            return
        table, cells, height = self._table, self._detail_cells(), self.body_height
        base, roomy = self.session.base, self.app.size.height >= ROOMY
        title = title_rows(self._view, table, base, cells, self.narrow, self.session.step, roomy=roomy)
        self.query_one("#title", Lines).show(title)
        beside = self._mount_why()
        left = height - len(title) - self._draw_ruler() - (0 if self.narrow else 1 if beside else 2)
        need = 1 + self._fit_meanings(table, left - 1 - (0 if beside else PANE_MOST))
        least = 1 if self.narrow else 5 if roomy else 2
        pane = max(least, min(left - need, PANE_MOST))
        if self._explained:
            said = explain(self._view, table, self._chosen(), cells - 2, left)
            pane = max(pane, min(left - 4, len(said)))
        if not table.rows:
            pane = left
        below = self._below(table, cells, left - need - 1) if beside else []
        self.query_one("#explanation", Lines).be_high(left - need - 1 if below else pane)
        self.query_one("#explanation").display = not beside or bool(below)
        self.query_one("#rule-bottom").display = bool(below) if beside else not self.narrow
        self.query_one("#fields").display = bool(table.rows)
        self.query_one("#rule-top").display = bool(table.rows) and not self.narrow
        self._draw_rules(cells)
        self._explain()
        if beside:
            self.query_one("#explanation", Lines).show([(Ink(" "), *line) for line in below])

    def _below(self, table: FieldTable, cells: int, room: int) -> list[Row]:
        """What each kernel shows of the whole register, where the explanation stands beside the fields and all of it
        fits below them."""
        rows = self._history.whole_rows(table.register, cells - 2)[1:] if self._history is not None else []
        return rows if len(rows) <= room else []

    def _fit_side(self) -> None:
        """The list, as wide as it is to be."""
        if not self.narrow:
            self._mount_side()
        side = self.side
        if side is not None:
            wanted = "100%" if self.narrow else self._side_cells()
            if self._side_width != wanted:
                side.styles.width = self._side_width = wanted
                side.fit_to(self.app.size.width if self.narrow else self._side_cells() - 1)

    def _fit_meanings(self, table: FieldTable, room: int) -> int:
        """Let meanings that are cut go on in further lines where there is room for all; how many lines there are."""
        fields = self.query_one("#fields", Listing)
        items = table_items(table, self.session.base, fields.columns, self._table_cells(), room)
        if len(items) != len(fields.items):
            fields.fill(items)
        return len(items)

    def _mount_side(self) -> None:
        """Bring the list when the terminal has become wide, or when it is asked for."""
        if self.side is None and self._view is not None:
            side = RegisterList(self._picked, self.app.size.width if self.narrow else self._side_cells() - 1)
            self.query_one("#body").mount(side, before=0)
            self._side_width = None
            side.show(self._view, self._known, self.session.only_notable, self.session.place.register)
            side.mark(self._stepped())

    def _mount_why(self) -> bool:
        """Bring, or take away, the explanation beside the fields; True where it stands there."""
        cells, found = self._why_cells(), self._why
        if found is None and cells:
            found = Lines(id="why")
            self.query_one("#body").mount(found)
        if found is not None:
            found.display = bool(cells)
            found.styles.width = cells
        return bool(cells)

    def _draw_ruler(self) -> int:
        """Draw the ruler; returns its height."""
        assert self._table is not None
        ruler = self.query_one("#ruler", Ruler)
        if self._table.value is None:
            ruler.show([])
            return 0
        roomy = self.app.size.height >= 20
        before = len(ruler.rows)
        lines = ruler.measure(
            scale_of(self._table, self._chosen()), self._detail_cells(), numbers=roomy, marks=not self.narrow
        )
        if lines != before:
            ruler.be_high(lines)
        return lines

    def _draw_rules(self, cells: int) -> None:
        """The line above the table is heavy where the keys go."""
        if self.narrow:
            return
        focused = self.focused is self.query_one("#fields")
        line = Ink("━" * cells, "link") if focused else Ink("─" * cells, "reserved")
        self.query_one("#rule-top", Lines).show([(line,)])
        self.query_one("#rule-bottom", Lines).show([(Ink("─" * cells, "reserved"),)])

    def _chosen(self) -> FieldRow | None:
        item = self.query_one("#fields", Listing).current
        return self._table.row(item.key) if self._table and item else None

    def _explain(self) -> None:
        if self._table is None or self._view is None:
            return
        if (cells := self._why_cells()) and (why := self._why) is not None:
            pane, height, cells = why, self.body_height, cells - 3
        else:
            pane, cells = self.query_one("#explanation", Lines), self._detail_cells() - 2
            height = int(pane.styles.height.value) if pane.styles.height else 1
        rows = explain(self._view, self._table, self._chosen(), cells, height)
        if pane is self._why and len(rows) < height:
            rows = [*rows, *self._kernels_say(cells)][:height]
        pane.show([(Ink(" "), *line) for line in rows])

    def _kernels_say(self, cells: int) -> list[Row]:
        """What each kernel shows of the field, below its explanation."""
        assert self._table is not None
        if self._history is None:
            from inspector.app.modes.browse.history import History

            self._history = History(self.app, self.session, lambda: self.lay_out() if self.is_current else None)
        return self._history.rows(self._table.register, self._chosen(), cells)

    @on(Listing.Moved, "#fields")
    def _field_moved(self) -> None:
        chosen, register = self._chosen(), self.session.place.register
        if chosen is not None and register is not None:
            self.session.follow(register, "" if chosen.other or chosen.reserved else chosen.name)
        if self._explained:
            self.lay_out()
        else:
            self._draw_ruler()
            self._explain()

    @on(Listing.Chosen, "#fields")
    def _field_chosen(self) -> None:
        self._explained = not self._explained
        self.lay_out()

    def _picked(self, reg_id: int, field: str, done: bool) -> None:
        """A register was highlighted in the list, or found in it."""
        session = self.session
        if reg_id != session.place.register or field:
            session.follow(reg_id, field)
            self._show_register(session.register)
            self.draw_bars()
        if done:
            self._close_list()

    def on_descendant_focus(self) -> None:
        """Heavy lines follow the focus."""
        self._draw_rules(self._detail_cells())

    def score(self) -> Row:
        """How many registers stand out, by kind."""
        return score(self._known)

    def footer_words(self) -> Mapping[str, str]:
        """What the keys would do now."""
        return {
            "notable": "All" if self.session.only_notable else "Notable",
            "vcpu.next": self.session.next_view,
        }

    def action_registers(self) -> None:
        """Open the register list over the detail (narrow form), or give it the keys (wide form)."""
        self._open_list("list")

    def action_find(self) -> None:
        """Search."""
        self._open_list("search")

    def _open_list(self, pane: Literal["list", "search"]) -> None:
        self._mount_side()
        self.add_class("-listing")
        if (side := self.side) is not None:
            side.take_keys(pane)

    def _close_list(self) -> None:
        """Back to the fields; they can take the focus only when they are seen again."""
        self.remove_class("-listing")
        self.call_after_refresh(self.query_one("#fields").focus)

    def action_notable(self) -> None:
        """Only registers that stand out, or all."""
        self.session.only_notable = not self.session.only_notable
        self.refresh_from("dump")
        self.draw_bars()

    def action_next_register(self) -> None:
        """The next register of the list."""
        self._step(1, lambda one: True)

    def action_previous_register(self) -> None:
        """The previous register of the list."""
        self._step(-1, lambda one: True)

    def action_next_notable(self) -> None:
        """The next match of the search, or the next register that stands out."""
        self._step(1, self._wanted)

    def action_previous_notable(self) -> None:
        """The previous match, or the previous register that stands out."""
        self._step(-1, self._wanted)

    def _wanted(self, register: Register) -> bool:
        side = self.side
        if side is not None and side.query_text:
            return register.id in side.matches.ids
        return self._known.get(register.id, NOTHING).notable

    def _step(self, step: int, wanted: Callable[[Register], bool]) -> None:
        """Go to the next register that is wanted, around the end."""
        view, register = self._view, self.session.register
        if view is None or register is None:
            return
        registers = list(view.registers)
        if self.session.only_notable:
            registers = [one for one in registers if self._known.get(one.id, NOTHING).notable]
        ids = [one.id for one in registers]
        start = ids.index(register.id) if register.id in ids else -1
        for offset in range(1, len(ids) + 1):
            found = registers[(start + step * offset) % len(ids)]
            if wanted(found) and found.id != register.id:
                self.session.show_register(found.id)
                return
        self.notify("Nothing else stands out", markup=False)

    def action_back(self) -> None:
        """Close the list, clear the search, shrink the explanation, or give a maximised pane back."""
        side = self.side
        if self.maximized is not None:
            self.minimize()
        elif side is not None and side.clear_search():
            self.refresh_from("dump")
            self.query_one("#registers").focus()
        elif self.has_class("-listing"):
            self._close_list()
        elif self.focused is not None and self.focused.id == "find":
            self.query_one("#registers").focus()  # it was gone to by tab
        elif self._explained:
            self._explained = False
            self.lay_out()

    def line_to_copy(self) -> str:
        """The register's name and value."""
        register, view = self.session.register, self._view
        part = view.part(register.id) if register is not None and view is not None else None
        if register is None or view is None or part is None:
            return ""
        if part.known != -1:
            return f"{register.name} {view.text(register.id).replace('_', '')}"
        return f"{register.name} 0x{part.value:x}"

    def report(self) -> str:
        """The register on screen as a Markdown section."""
        from inspector.reports import registers as reports
        from inspector.reports.text import markdown_text

        register, view = self.session.register, self._view
        if register is not None and view is not None and view.answer is not None and register.id in view.model:
            return self._model_report(view, register)
        if register is None or view is None or view.vcpu is None:
            return self.line_to_copy()
        items = reports.items(view.vcpu, [(register, "")])
        head = f"## {markdown_text(reports.headline(view.dump, view.vcpu, len(items)))}"
        return "\n".join([head, "", *(line for item in items for line in reports.item_markdown(item))]).rstrip()

    def _model_report(self, view: View, register: Register) -> str:
        """What the chosen policy makes of the register, as `expose` prints it."""
        from inspector.reports.exposure import exposure_lines

        assert view.answer is not None
        about = f"{view.answer.question.title}; vCPU features: {view.answer.setup.describe()}"
        return "\n".join(["```", about, *exposure_lines([view.model[register.id]], everything=True), "```"])

    def report_name(self) -> str:
        """The register's name."""
        return self.session.register.name if self.session.register else "browse"
