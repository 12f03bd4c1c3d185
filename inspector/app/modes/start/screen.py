"""The first page when no source was given: one line that takes anything, and what can be opened."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.events import Key, Paste
from textual.widget import Widget
from textual.widgets import Input

from inspector.app.dialogs.choosing import complete_path, named_sources
from inspector.app.dialogs.here import Here, dumps_in, here_items
from inspector.app.dialogs.line import MOVES, Line, cleaned
from inspector.app.dialogs.offers import shipped_items, this_machine
from inspector.app.modes import start
from inspector.app.modes.start.anything import COMMANDS, Recognised, begin_so, chosen_kernels, guess, recognise
from inspector.app.shell import keys
from inspector.app.shell.asking import Asking
from inspector.app.shell.background import aside
from inspector.app.shell.frame import WIDE, Frame
from inspector.app.shell.remembered import Recent
from inspector.app.shell.session import Change
from inspector.app.widgets.bars import footer_row
from inspector.app.widgets.ink import Ink, Row, ends, ink, row, wrap_at_most
from inspector.app.widgets.lines import Lines
from inspector.app.widgets.listing import Column, Item, Listing
from inspector.errors import InspectorError
from inspector.numbers import count_of
from inspector.version import __version__

if TYPE_CHECKING:
    from inspector.app.dialogs.dialog import Dialog
    from inspector.app.shell.live import Opening

HELP = (
    "The line takes anything, typed or pasted: a file, builtin:NAME, ssh://host and other live addresses, a register's "
    "value (ID_AA64PFR0_EL1=0x...), a whole error log, a FEAT_ name, one kernel or two (6.1 6.12: what changed). The "
    "line below says what it is taken for; enter opens, decodes or explains it.\n"
    "Arrows move in the list: files that were opened last, dumps of this folder, this machine, shipped dumps. On an "
    "empty line ? is this help; ctrl+q leaves, F2 opens the list of dumps, ctrl+p finds every command."
)
PLACEHOLDER = "type or paste: file, error text, register, value, feature"
MOST_SAID, LEAST_SAID, ROOMY = 6, 3, 24
"""Lines of a message on a terminal of more than so many lines, and on any other."""
SHOWN = 200
"""Letters that are shown of the first line of a paste, at most."""
RECENT = 5
"""Sources that were opened last, as many are shown."""


class Anything(Line):
    """The line; of a paste of several lines it shows the first and keeps all."""

    def __init__(self) -> None:
        super().__init__(placeholder=PLACEHOLDER, id="take")
        self._behind = ""
        """what was pasted behind what is shown"""

    def takes_lines(self, text: str) -> bool:
        """A log is one; whoever begins with a source enters it and goes on."""
        first = text.replace("\r", "\n").partition("\n")[0]
        return not named_sources(f"{self.value}{first}".strip())

    def paste(self, text: str) -> None:
        """Take the whole text: in place of one that is selected, else behind what was pasted before."""
        text = cleaned(text)
        if self._is_all(*self.selection):
            self.value = ""
        lines = [line for line in text.split("\n") if line.strip()]
        if len(lines) < 2 and not self._behind:
            super().paste(text)
            return
        apart = "\n" if self._behind and not self._behind.endswith("\n") else ""
        whole = f"{self.text}{apart}{text}".lstrip()
        self.value = whole.partition("\n")[0].rstrip()[:SHOWN]
        self._behind = whole[len(self.value) :]
        self.cursor_position = len(self.value)
        self.post_message(Input.Changed(self, self.value))  # what is shown may be as it was

    def watch_value(self, value: str) -> None:
        """What nothing is shown of is not kept."""
        if not value:
            self._behind = ""

    @property
    def text(self) -> str:
        """What was given."""
        return self.value + self._behind

    @property
    def lines(self) -> int:
        """How many lines that are."""
        return sum(bool(line.strip()) for line in self.text.split("\n"))

    def replace(self, text: str, start: int, end: int) -> None:
        """Put a text in place of another; of all that is shown, it takes the place of what is behind that too."""
        if self._is_all(start, end):
            self._behind = ""
        super().replace(text, start, end)

    def _is_all(self, start: int, end: int) -> bool:
        return bool(self.value) and abs(end - start) == len(self.value)

    async def _on_key(self, event: Key) -> None:
        if event.character == "?" and not self.value:
            event.stop()
            event.prevent_default()
            await self.app.run_action("app.help")
        elif event.key == "enter":
            # At once: a message would come after what is typed behind it.
            event.stop()
            event.prevent_default()
            await self.screen.run_action("go")
        else:
            await super()._on_key(event)


class Start(Frame):
    """A line, what it is taken for, offers, and the questions that each mode answers."""

    MODE = start.MODE
    BINDINGS: ClassVar[list[BindingType]] = [
        *keys.bindings([key for key in keys.keys_of(start.MODE) if key.keys != "tab"]),
        *MOVES,
        Binding("tab", "complete", "Complete", show=False, priority=True),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._picking = False
        """the list was moved in after the last letter"""
        self._here = Here([], 0)
        self._asking = Asking(self._stands)
        self._opening: Opening | None = None
        """the live source that is read"""
        self._reading = False
        """something is read, and escape gives it up"""

    def body(self) -> Iterable[Widget]:
        """Line, what it is taken for, list, questions."""
        yield Anything()
        yield Lines(id="said")
        listing = Listing((Column("", 36), Column("")), id="offers")
        listing.can_focus = False
        yield listing
        yield Lines(id="questions")

    def on_mount(self) -> None:
        """The line has the keys; what lies in this folder is looked for beside the screen."""
        self._fill()
        self.set_focus(self.line)
        self._say("")
        aside(self.app, lambda: dumps_in(Path.cwd()), self._found_here, lambda error: None)

    @property
    def line(self) -> Anything:
        """The line."""
        return self.query_one("#take", Anything)

    @property
    def offers(self) -> Listing:
        """The list."""
        return self.query_one("#offers", Listing)

    def _found_here(self, found: Here) -> None:
        if self.is_mounted and (found.dumps or found.left):
            self._here = found
            self._fill()

    def _fill(self) -> None:
        """Recent sources, this folder's dumps, other ways in, shipped dumps last."""
        last = self.program.memory.now.recent[:RECENT]
        recent = [_recent(one) for one in last]
        here = here_items(self._here, [one.source for one in last])
        others = [
            Item("explain", (row("an error text…"), row(Ink("7", "key")))),
            Item("file", (row("a file…"), row(Ink("F2", "key")))),
            Item("demo", (row("a demonstration"), row(Ink("a patch, step by step", "muted")))),
            Item("machine", (row("this machine (/dev/kvm)"), row(Ink(this_machine(), "muted")))),
        ]
        shipped = shipped_items() or [Item("", (row(Ink("none with this installation", "muted")),), pick=False)]
        items: list[Item] = []
        for title, held in (("Recent", recent), ("Here", here), ("Also", others), ("Shipped", shipped)):
            if held:
                items += [Item("", (row(Ink(title, "heading")),), pick=False), *held]
        first = next((item.key for item in (*recent, *here, *shipped) if item.key), "")
        touched = self.offers.current.key if self._picking and self.offers.current else first
        names = 44 if self.app.size.width >= WIDE else 36 if self.app.size.width >= 80 else 26
        self.offers.fill(items, cursor=touched, cols=(Column("", names), Column("")))
        self.lay_out()

    def _questions(self) -> list[Row]:
        """What each mode asks, as many beside each other as fit whole."""
        modes = self.program.modes_present
        rows = [row(), row(Ink("  "), Ink("Then ask", "heading"))]
        cells = max(len(one.question) for one in modes) + 3
        beside = max((self.app.size.width - 4) // (cells + 2), 1)
        for at in range(0, len(modes), beside):
            line: list[Ink] = [Ink("    ")]
            for one in modes[at : at + beside]:
                line += [Ink(f"{one.number} ", "key"), Ink(f"{one.question:<{cells}}")]
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

    def draw_footer(self) -> None:
        """Letters go into the line: the keys are those that are none."""
        keymap = {**self.MODE.spelled, **self.program.settings.keys}
        shown = footer_row(self.MODE, self.narrow, self.app.size.width, keymap, self.footer_words())
        self.query_one("#footer", Lines).show([shown])

    def footer_words(self) -> Mapping[str, str]:
        """The way back is named while there is something to give up."""
        return {"back": "Give up"} if self._reading else {}

    def help_text(self) -> str:
        """What the page takes."""
        return HELP

    def lay_out(self) -> None:
        """The questions follow the list as long as both fit."""
        questions = self.query_one("#questions", Lines)
        questions.fit(self._questions())
        said = max(self.query_one("#said", Lines).count(), 1)
        room = self.app.size.height - 3 - said
        questions.display = room - questions.count() >= 4
        left = room - questions.count() * questions.display
        self.offers.styles.height = max(min(self.offers.count(), left), 3)

    def refresh_from(self, change: Change) -> None:
        """Nothing on this page depends on the session."""

    def on_key(self, event: Key) -> None:
        """A letter that nothing took goes into the line."""
        if event.character is not None and event.is_printable and event.key not in self.active_bindings:
            event.stop()
            self.line.take(event.character)
            self.set_focus(self.line)

    def on_paste(self, event: Paste) -> None:
        """So does what is pasted."""
        event.stop()
        self.line.paste(event.text)
        self.set_focus(self.line)

    @on(Input.Changed, "#take")
    def _typed(self) -> None:
        self._picking = False
        self._say(guess(self.line.value, self.line.lines))

    def action_go(self) -> None:
        """Take the text, or the highlighted line."""
        text = self.line.text
        if self._picking or not text.strip():
            self.offers.action_choose()
        else:
            self._take(text)

    def _take(self, text: str) -> None:
        """Find out what a text is beside the screen, and go where it leads."""
        self._give_up()
        if (command := text.strip()) in COMMANDS:
            self._lead(Recognised("command", command))
            return

        asked = self._asking.ask(soon=True)

        def done(found: Recognised) -> None:
            asked.soon = False
            if not asked.wanted:
                return
            self._waits(False)
            if asked.waited_for:
                self._lead(found)
            else:
                self._keep(found)

        def says(text: str) -> None:
            if asked.waited_for:
                self._say(text)

        self._say("reading …")
        self._waits(True)
        aside(self.app, lambda: recognise(text), done, self._refuse, says=says, wanted=lambda: asked.wanted)

    @property
    def keys_wait(self) -> bool:
        """What was entered is read: keys wait for it."""
        return self._asking.keys_wait

    def _stands(self) -> object:
        """What the user sees of what was asked: the line, the line of the list that was moved to, nothing above them.
        Whoever has changed any of it is at something else."""
        picked = self.offers.current
        return self.line.text, picked.key if self._picking and picked else "", self.app.screen is self

    def _keep(self, found: Recognised) -> None:
        """What was read when the user was at something else by then is there, and takes nobody away from it."""
        for one in found.dumps:
            self.program.keep_read(one)
        self._say(guess(self.line.value, self.line.lines))

    def _waits(self, reading: bool) -> None:
        """Something is read, or nothing any more."""
        if reading != self._reading:
            self._reading = reading
            self.draw_footer()

    def _give_up(self) -> None:
        """Nothing comes any more of what is read now."""
        self._asking.give_up()
        if self._opening is not None:
            self._opening.give_up()
            self._opening = None
        self._waits(False)

    def _lead(self, found: Recognised) -> None:
        self._say(found.problem, "refused")
        if found.dumps:
            self.program.show_dump(found.dumps[0])
            for one in found.dumps[1:]:
                self.session.keep(one)
        elif found.kind == "live":
            self._read_live(found.text)
        elif found.kind == "explain":
            from inspector.app.modes.explain.screen import Explain

            self._answer(Explain(found.text))
        elif found.kind == "kernels":
            from inspector.app.dialogs.kernels import KernelsPage

            self._answer(KernelsPage(chosen_kernels(found.text)))
        elif found.kind == "command":
            self.line.value = ""
            explain = partial(self.program.action_mode, "explain")
            does: Mapping[str, Callable[[], object]] = {
                "o": self.program.action_open, "q": self.app.exit, "7": explain, "demo": self._play
            }  # fmt: skip
            does.get(found.text, self._help)()

    def _answer(self, dialog: Dialog) -> None:
        """What was given stays in the line, to be asked again; what is typed or pasted next takes its place."""
        self.line.select_all()
        self._say(guess(self.line.value, self.line.lines))
        self.program.open_dialog(dialog)

    def _help(self) -> None:
        from inspector.app.dialogs.help import Help

        self.program.open_dialog(Help.of(self))

    def action_move(self, step: int) -> None:
        """One line up or down in the list."""
        self._picking = True
        self.offers.action_move(step)

    def action_page(self, step: int) -> None:
        """One page up or down."""
        self._picking = True
        self.offers.action_page(step)

    def action_complete(self) -> None:
        """A path is completed as far as it is certain."""
        line = self.line
        if line.lines > 1:
            return
        value, names = complete_path(line.value)
        with line.prevent(Input.Changed):  # it would take back what is said of the names
            line.value = value
        line.cursor_position = len(value)
        self._picking = False
        self._say(begin_so(names) if len(names) > 1 else guess(line.value, line.lines))

    def action_back(self) -> None:
        """Give up what is read, else empty the line."""
        if self.maximized is not None:
            self.minimize()
        if self._reading:
            self._give_up()
            self._say("given up")
        else:
            self.line.value = ""

    def on_listing_chosen(self, event: Listing.Chosen) -> None:
        """Open it."""
        kind, _, name = event.item.key.partition(" ")
        if kind == "source":
            self._take(name)
        elif kind == "file":
            self.program.action_open()
        elif kind == "explain":
            self.program.action_mode("explain")
        elif kind == "demo":
            self._play()
        elif kind == "builtin":
            self._say(self.program.open_source(f"builtin:{name}"), "refused")
        elif kind == "machine":
            state = this_machine()
            if state.startswith("available"):
                self._read_live("live:")
            else:
                self._say(f"this machine: {state}", "refused")

    def _play(self) -> None:
        """The story that `vcpu-inspector demo` plays."""
        from inspector.reports.demo import SOURCE

        self.program.session.story = True
        if problem := self.program.open_source(SOURCE):
            self._say(problem, "refused")
        else:
            self.program.action_mode("patch")

    def _read_live(self, address: str) -> None:
        """Beside the screen: a live source takes a moment."""
        self._give_up()
        asked = self._asking.ask()

        def says(text: str) -> None:
            if asked.waited_for:
                self._say(f"reading {address}: {text}")

        def opened() -> bool:
            waited_for = asked.waited_for
            self._opened(waited_for)
            return waited_for

        try:
            self._opening = self.program.open_live(address, opened, self._refuse, says)
        except InspectorError as error:
            self._refuse(error)
        else:
            caution = self._opening.caution
            self._say(f"reading {address} …" + (f"  {caution}" if caution else ""))
            self._waits(True)

    def _opened(self, waited_for: bool) -> None:
        """A live source was read."""
        self._opening = None
        self._waits(False)
        if waited_for:
            self._say("")

    def _refuse(self, error: InspectorError) -> None:
        self._opening = None
        self._waits(False)
        self._say(str(error), "refused")

    def _say(self, text: str, role: str = "muted") -> None:
        """What the text is taken for, or what was wrong, under the line."""
        if not self.is_mounted:
            return
        sign = Ink("  ✖ " if role == "refused" and text else "  ", role)
        most = MOST_SAID if self.app.size.height > ROOMY else LEAST_SAID
        rows = wrap_at_most(row(sign, ink(text, role)), self.app.size.width - 2, most, 4) if text else [()]
        self.query_one("#said", Lines).fit(rows)
        self.lay_out()


def _recent(one: Recent) -> Item:
    when = f"{one.what}, {_ago(one.when)}" if one.what else _ago(one.when)
    return Item(f"source {one.source}", (row(ink(_name(one.source))), row(ink(when, "muted"))))


def _name(source: str) -> str:
    return source.rsplit("/", 1)[-1] or source


def _ago(when: float) -> str:
    """`2 hours ago`."""
    seconds = max(time.time() - when, 0)
    for size, word in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            return f"{count_of(int(seconds // size), word)} ago"
    return "just now"
