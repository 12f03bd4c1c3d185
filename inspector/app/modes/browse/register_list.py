"""The register list by group, with its search line."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Literal

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical

from inspector.app.modes.browse.standing import NOTHING, Standing
from inspector.app.shell.background import aside
from inspector.app.shell.search import Matches, find_in, prepare
from inspector.app.shell.view import View
from inspector.app.widgets.ink import Ink, Row, fit, ink, row, wrap
from inspector.app.widgets.lines import Lines
from inspector.app.widgets.listing import GUTTER, Column, Item, Listing
from inspector.numbers import count_of
from inspector.registers import catalog
from inspector.registers.catalog import Register

if TYPE_CHECKING:
    from textual.widgets import Input

TITLED = 80
"""Columns from which the narrow list shows titles too."""
TIGHT = 26
"""Cells below which every one is needed for the names."""
ROOMY = 53
"""Cells from which the list shows values beside names."""
WIDTHS = (26, 22)
"""Cells of names and values there."""
MARKS = Column("", 3)
"""The column of signs and of group sizes."""
HELP = (
    "The register list shows every register that this vCPU lists, by group. space folds a group, / searches: names, "
    "fields, encodings (S3_0_C0_C4_0), ids in hex or decimal. What does not match is hidden; n steps through the "
    "matches. m leaves only what stands out."
)


class RegisterList(Vertical):
    """Search line, list, and a line of state."""

    def __init__(self, picked: Callable[[int, str, bool], None], cells: int = TITLED) -> None:
        """`picked`: called at once, so that all is drawn together, with the register that is highlighted, a field of
        it that was meant, and whether it was chosen, so that the list may close."""
        super().__init__(id="side")
        self._picked = picked
        self.view: View | None = None
        self._register: int | None = None
        """the register that is shown beside the list"""
        self._put_away: int | None = None
        """the register whose group the user folded while it was shown"""
        self._ready = False
        self._marked: Collection[str] = ()
        self.cells = cells
        self._asked: Literal["", "list", "search"] = ""
        self.known: Mapping[int, Standing] = {}
        self.only_notable = False
        self.matches = Matches()
        self.query_text = ""
        self._open: set[str] | None = None

    def compose(self) -> ComposeResult:
        """Search, list, state."""
        yield Lines([row(Ink(f" {self._hint}", "muted"))], id="find-hint")
        listing = Listing((Column(""), MARKS), id="registers", empty="No register stands out")
        listing.help_text = HELP
        yield listing
        yield Lines(id="list-state")

    def fit_to(self, cells: int) -> None:
        """Lay out for a width; a tight list gives its scroll bar and indents to the names."""
        before, self.cells = self.cells, cells
        self.set_class(cells < TIGHT, "-tight")
        if cells != before and self._ready and self.view is not None:
            self._fill(self._register)

    def on_mount(self) -> None:
        """What was to be shown before the list existed."""
        self._ready = True
        self.listing.mark(self._marked)
        if self.view is not None:
            self._fill(self._register)
        if self._asked:
            self.take_keys(self._asked)

    def take_keys(self, pane: Literal["list", "search"]) -> None:
        """Focus the list or the search line, as soon as they exist."""
        self._asked = pane
        if not self._ready:
            return
        if pane == "search":
            self._ask()
        else:
            # The list may just have been made visible: it takes the focus only when the styles say so too.
            self.call_after_refresh(self.listing.focus)

    @property
    def _hint(self) -> str:
        return "/ find register or field" if self.cells >= TIGHT else "/ find register"

    @property
    def _marks(self) -> Column:
        return MARKS if self.cells >= TIGHT else Column("", 2)

    @property
    def listing(self) -> Listing:
        """The list itself."""
        return self.query_one("#registers", Listing)

    def show(self, view: View, known: Mapping[int, Standing], only_notable: bool, register: int | None) -> None:
        """Show a view's registers with one of them highlighted."""
        self._look(register)
        if view is not self.view and self.query_text:
            self.matches = find_in(view, self.query_text)
        self.view, self.known, self.only_notable = view, known, only_notable
        if self._ready:
            self._fill(register)

    def mark(self, keys: Collection[str]) -> None:
        """Put a `~` beside the registers with these keys."""
        self._marked = keys
        if self._ready:
            self.listing.mark(keys)

    def highlight(self, register: int) -> None:
        """Move the highlight, unfolding the register's group."""
        self._look(register)
        if not self._ready:
            return  # `on_mount` shows what is looked at by then
        index = self.listing.index_of(str(register))
        if index is None:
            self._fill(register)
        else:
            self.listing.go(index, tell=False)

    def groups(self) -> list[tuple[str, str, list[Register]]]:
        """(key, title, registers) of every group that has something to show."""
        assert self.view is not None
        shown = [r for r in self.view.registers if not self.only_notable or self._stands_out(r)]
        titles = {group.key: self._title(group.key) for group in catalog.GROUPS}
        by_group: dict[str, list[Register]] = {}
        for register in shown:
            by_group.setdefault(register.group, []).append(register)
        return [(key, titles.get(key, key), registers) for key, registers in by_group.items()]

    def _title(self, key: str) -> str:
        """The heading of a group, the short one where the other would be cut."""
        room = sum(WIDTHS) if self.cells >= ROOMY else self.cells - GUTTER - self._marks.width - 1
        title = catalog.group_title(key)
        return title if self.cells >= TIGHT and len(title) + 2 <= room else catalog.group_title(key, short=True)

    def _stands_out(self, register: Register) -> bool:
        """True for a register that the short list shows: the one on screen is always there."""
        return register.id == self._register or self.known.get(register.id, NOTHING).notable

    def _look(self, register: int | None) -> None:
        """Another register is on screen: its group is unfolded, unless the user folded it away with that register."""
        if register != self._put_away:
            self._put_away = None
            if register is not None and self._open is not None:
                self._open.add(catalog.by_id(register).group)
        self._register = register

    def _opened(self, groups: list[tuple[str, str, list[Register]]], register: int | None) -> set[str]:
        """Unfolded groups: at first that of the register, then as many from the top as fit the height."""
        if self.only_notable:
            return {key for key, _, _ in groups}
        if self._open is None:
            height = (self.listing.size.height or self.app.size.height - 5) - len(groups)
            mine = catalog.by_id(register).group if register is not None else ""
            self._open = {mine}
            room = height - sum(len(registers) for key, _, registers in groups if key == mine)
            for key, _, registers in groups:
                if key != mine:
                    room -= len(registers)
                    if room < 0:
                        break
                    self._open.add(key)
        return self._open

    def _fill(self, register: int | None) -> None:
        assert self.view is not None
        groups = self.groups()
        opened = self._opened(groups, register)
        matching = set(self.matches.ids)
        if self.query_text and matching:
            shown = {*matching, register}
            found = [(key, title, [r for r in registers if r.id in shown]) for key, title, registers in groups]
            groups = [group for group in found if group[2]]
            opened = {key for key, _, _ in groups}
        roomy = self.cells >= ROOMY
        items: list[Item] = []
        for key, title, registers in groups:
            sign = "▾" if key in opened else "▸"
            count = row(Ink(f"{len(registers):>2} ", "muted"))
            head = row(Ink(f"{sign} ", "muted"), ink(title, "muted" if self.query_text else "heading"))
            # Without the blank behind it: a scroll bar takes the last cell.
            wide = ((*fit(head, sum(WIDTHS)), Ink(f"{len(registers):>2}", "muted")),)
            cells = wide if roomy else (head, count) if self.cells >= TIGHT else (head,)
            items.append(Item(f"group {key}", cells))
            if key in opened:
                items += [self._item(one, matching, roomy) for one in registers]
        columns = (*(Column("", cells) for cells in WIDTHS), MARKS, Column("")) if roomy else (Column(""), self._marks)
        cursor = None if register is None else str(register)
        if register is not None and not any(item.key == cursor for item in items):
            cursor = f"group {catalog.by_id(register).group}"
        self.listing.empty = "No register stands out" if self.only_notable else "No registers"
        self.listing.fill(items, cursor=cursor, cols=columns)
        self._say_state(groups)

    def _item(self, register: Register, matching: set[int], roomy: bool) -> Item:
        assert self.view is not None
        known = self.known.get(register.id, NOTHING)
        dim = bool(self.query_text) and register.id not in matching
        name = row(Ink("  " if self.cells >= TIGHT else ""), ink(register.name, "muted" if dim else ""))
        mark = row(Ink(f" {known.sign}", "muted" if dim else known.role))
        if not roomy:
            return Item(str(register.id), (name, mark))
        text = self.view.text(register.id)
        title = register.title if self.cells >= TITLED else ""
        return Item(str(register.id), (name, row(Ink(text, "muted")), mark, row(ink(title, "muted"))))

    def _say_state(self, groups: list[tuple[str, str, list[Register]]]) -> None:
        said: Row
        if self.query_text and self.matches.problem:
            said = row(Ink("✖ ", "refused"), ink(self.matches.problem))
        elif self.query_text:
            said = row(Ink(f"{count_of(len(self.matches.ids), 'match', 'matches')}, n next, esc clear", "muted"))
        elif self.only_notable:
            shown = [one for _, _, registers in groups for one in registers]
            count = sum(self.known.get(one.id, NOTHING).notable for one in shown)
            found = count_of(count, "stands out", "stand out") if count else "No register stands out"
            said = row(Ink(f"{found}, m shows all", "muted"))
        else:
            count = sum(len(registers) for _, _, registers in groups)
            said = row(Ink(f"{count_of(len(groups), 'group')} · {count_of(count, 'register')}", "muted"))
        lines = [(Ink("  "), *line) for line in wrap(said, self.cells - 3)][:3]
        self.query_one("#list-state", Lines).show(lines)

    def search(self, text: str) -> None:
        """Search for a text; the best match is highlighted."""
        if self.view is None or text.strip() == self.query_text:
            return
        self.query_text = text.strip()
        self.matches = find_in(self.view, text)
        best = self.matches.ids[0] if self.matches.ids else None
        if best is not None:
            self._pick(best, self.matches.field)
        self._fill(best)

    def _pick(self, register: int, field: str = "", *, done: bool = False) -> None:
        self._register = register
        self._picked(register, field, done)

    def _ask(self) -> None:
        """Give the keys to the search line; it is made when first asked for, which keeps the first paint cheap."""
        from inspector.app.modes.browse.find_line import FindLine

        if not self.query("#find"):
            self.query_one("#find-hint").remove()
            self.mount(FindLine(self.search, self._hint), before=0)
        self.call_after_refresh(self.query_one("#find").focus)
        self.call_after_refresh(self._prepare)

    def _prepare(self) -> None:
        """Put together what a search looks through, beside the letters that may come meanwhile."""
        view = self.view
        if view is not None and not self.query_text:
            aside(self.app, lambda: prepare(view), lambda _: None, lambda _: None)

    def clear_search(self) -> bool:
        """Forget the search; False when there was none."""
        had = bool(self.query_text)
        self.query_text, self.matches = "", Matches()
        if not self.query("#find"):
            return had
        from textual import widgets

        line = self.query_one("#find", widgets.Input)
        line.value = ""
        return had

    def on_input_changed(self, event: Input.Changed) -> None:
        """It was searched for already."""
        event.stop()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take the best match."""
        event.stop()
        if self.matches.ids:
            self._pick(self.matches.ids[0], self.matches.field, done=True)
        self.listing.focus()

    @on(Listing.Moved, "#registers")
    def _moved(self, event: Listing.Moved) -> None:
        event.stop()
        if not event.item.key.startswith("group"):
            self._pick(int(event.item.key))

    @on(Listing.Chosen, "#registers")
    def _chosen(self, event: Listing.Chosen) -> None:
        event.stop()
        if event.item.key.startswith("group"):
            self._toggle(event.item.key)
        else:
            self._pick(int(event.item.key), done=True)

    @on(Listing.Folded, "#registers")
    def _folded(self, event: Listing.Folded) -> None:
        event.stop()
        key = event.item.key
        if not key.startswith("group"):
            key = f"group {catalog.by_id(int(key)).group}"
        self._toggle(key)

    def _toggle(self, key: str) -> None:
        group = key.partition(" ")[2]
        if self._open is None or self.query_text or self.only_notable:
            return
        self._open ^= {group}
        shown = self._register
        folded = shown is not None and group not in self._open and catalog.by_id(shown).group == group
        self._put_away = shown if folded else None
        at = self.listing.index_of(key)
        current = self.listing.items[self.listing.cursor].key
        self._fill(None)
        self.listing.go(self.listing.index_of(current) or at or 0, tell=False)
