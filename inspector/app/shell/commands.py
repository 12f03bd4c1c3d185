"""The command palette's entries: registers and fields by any spelling, dumps, vCPUs, every key's command, themes.

What is offered before anything was typed is put together while the palette opens: what only a search finds, and what
that has to be read from, waits for the first letter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module
from typing import Any, NamedTuple, cast

from textual.app import App
from textual.fuzzy import FuzzySearch
from textual.screen import Screen

from inspector.app.dialogs.offers import about, dump_words
from inspector.app.modes.table import MODES
from inspector.app.shell import keys
from inspector.app.shell.frame import Frame
from inspector.app.shell.program import Program
from inspector.app.shell.search import find_in
from inspector.errors import InspectorError, one_line
from inspector.sources import shipped_names

MOST = 40
"""Registers offered for one search."""


class Command(NamedTuple):
    """One entry of the palette."""

    text: str
    """`area: verb`"""
    help: str
    run: Callable[[], object]


class Found(NamedTuple):
    """An entry that a search found."""

    command: Command
    score: float = 0.0
    """how well it fits; a greater one comes first"""
    places: Sequence[int] = ()
    """the letters of its text that were asked for"""


class Commands:
    """Some of the entries. `screen`: what the palette lies over."""

    def __init__(self, screen: Screen[Any]) -> None:
        self.screen = screen

    @property
    def app(self) -> App[Any]:
        """The program, as Textual has it."""
        return self.screen.app

    @property
    def program(self) -> Program:
        """The program."""
        return cast(Program, self.app)

    def entries(self, typed: bool = True) -> Iterator[Command]:
        """Everything that is offered now; less where nothing was `typed` yet."""
        yield from ()

    def found(self, query: str) -> Iterator[Found]:
        """What a search finds beside the entries that match its letters."""
        yield from ()


class Search:
    """Finds entries by letters of their texts, in their order but not side by side: each further letter only looks
    through what the ones before found."""

    def __init__(self, providers: Iterable[Commands]) -> None:
        self._providers = tuple(providers)
        self._fuzzy = FuzzySearch()
        self._query = ""
        self._left: Sequence[Command] | None = None
        """entries that the last query found; None: all have to be looked through"""

    def offered(self) -> list[Found]:
        """What is offered before anything was typed."""
        return [Found(command) for command in self._entries(typed=False)]

    def _entries(self, typed: bool) -> Iterator[Command]:
        """The entries as they can be shown."""
        for one in self._providers:
            for command in one.entries(typed):
                yield command._replace(text=one_line(command.text), help=one_line(command.help))

    def hits(self, query: str) -> list[Found]:
        """What a text finds, best first."""
        if self._left is None or not query.startswith(self._query):
            self._left = [*self._entries(typed=True)]
        matches = ((command, *self._fuzzy.match(query, command.text)) for command in self._left)
        hits = [Found(command, score, places) for command, score, places in matches if score > 0]
        self._query, self._left = query, [one.command for one in hits]
        hits += (one for provider in self._providers for one in provider.found(query))
        return sorted(hits, key=lambda one: -one.score)


class RegisterCommands(Commands):
    """Go to a register or field; takes every spelling that the search line takes, whether its letters match or not: an
    encoding or an id has to hit exactly."""

    def found(self, query: str) -> Iterator[Found]:
        """Registers of the view that a text means, best first, behind the entries that match its letters."""
        view = self.program.session.shown
        if view is None:
            return
        matches = find_in(view, query)
        by_id = {register.id: register for register in view.registers}
        for place, reg_id in enumerate(matches.ids[:MOST]):
            register = by_id[reg_id]
            field = matches.field if place == 0 else ""
            name = f"{register.name}.{field}" if field else register.name
            yield Found(Command(f"Go to: {name}", register.title, self._going(reg_id, field)), 1.0 - place / 100)

    def _going(self, reg_id: int, field: str) -> Callable[[], object]:
        return lambda: self.program.go_to(reg_id, field)


class DumpCommands(Commands):
    """Open a dump, look at another one, choose a vCPU."""

    def entries(self, typed: bool = True) -> Iterator[Command]:
        """Loaded dumps, vCPUs of the present one, shipped dumps."""
        app, session = self.program, self.program.session
        yield Command("Open: a dump…", "A file, or one that ships with the program", app.action_open)
        for index, dump in enumerate(session.dumps):
            if index != session.place.source:
                name = one_line(dump.provenance.source)
                yield Command(f"Look at: {name}", one_line(dump_words(dump)), _calling(app.look_at, index))
        if session.dumps and len(session.views()) > 1:
            for index, view in enumerate(session.views()):
                text = f"{len(view.registers)} registers"
                yield Command(f"vCPU: {one_line(view.title)}", text, _calling(session.show_view, index))
        if typed:
            for name in map(str, shipped_names()):
                yield Command(f"Open: {name}", about(name), _calling(self._open, name))

    def _open(self, name: str) -> None:
        problem = self.program.open_source(f"builtin:{name}")
        if problem:
            self.app.notify(problem, severity="error", markup=False)


class KeyCommands(Commands):
    """What every key does here, by name."""

    def entries(self, typed: bool = True) -> Iterator[Command]:
        """The keys of the mode in front and of everywhere."""
        app = self.program
        front = self.app.screen_stack[0]
        here = keys.keys_of(front.MODE) if isinstance(front, Frame) else ()
        for key in (*here, *keys.digits(app.modes_present), *keys.SHARED[keys.EVERYWHERE]):
            # The log is worth a line of the first offer once it holds something, as in the footer.
            offered = key.footer and (key.id != "writes.log" or app.session.tried.count() > 0)
            if key.id in ("back", "palette") or not (typed or offered):
                continue
            area = front.MODE.id if isinstance(front, Frame) and key in here else keys.EVERYWHERE
            shown = keys.shown(key, {**(front.MODE.spelled if isinstance(front, Frame) else {}), **app.settings.keys})
            text = f"{area.capitalize()}: {key.tooltip}"
            yield Command(text, f"key {shown}", _calling(self._press, key.action, front))

    def _press(self, action: str, front: object) -> object:
        async def run() -> None:
            await self.app.run_action(action, default_namespace=cast(Frame, front))

        self.app.call_later(run)
        return None


class PageCommands(Commands):
    """Pages that belong to no mode: an error text explained, the CPUs of a host side by side."""

    def entries(self, typed: bool = True) -> Iterator[Command]:
        """Both pages; the second where the dump on screen keeps its CPUs apart."""
        text = "Paste what a VMM or a kernel printed: what failed, why, what to do"
        yield Command("Explain: an error text", text, self._explain)
        view = self.program.session.view
        if view is not None and view.dump.cpus:
            text = "big.LITTLE: what different CPUs show, what a move between them breaks"
            yield Command("Host: its CPUs side by side", text, self._clusters)

    def _explain(self) -> None:
        from inspector.app.modes.explain.screen import Explain

        self.program.open_dialog(Explain())

    def _clusters(self) -> None:
        from inspector.app.dialogs.clusters import Clusters

        if (view := self.program.session.view) is not None:
            self.program.open_dialog(Clusters(view.dump))


class PolicyCommands(Commands):
    """Ask a kernel policy, or none."""

    def entries(self, typed: bool = True) -> Iterator[Command]:
        """The chooser, no policy, every kernel policy, newest first; a present choice of features stays."""
        app = self.program
        if not app.session.dumps:
            return
        yield Command("Policy: choose…", "Kernel policy, patches, vCPU features, boot options", app.action_policy)
        if app.session.question is not None:
            yield Command("Policy: none", "The dump alone", _calling(app.session.ask, None))
        if not typed:
            return
        from inspector.policies.points import all_names, kernel_title, patch_names

        for name in reversed(all_names()):
            text = "What this kernel would make of the host"
            yield Command(f"Policy: {kernel_title(name)}", text, _calling(self._ask, name))
        base = app.session.question.base if app.session.question else ""
        for patch in patch_names() if base else ():
            text = "The chosen kernel with this patch"
            yield Command(f"Policy: {base}+{patch}", text, _calling(self._ask, f"{base}+{patch}"))

    def _ask(self, name: str) -> None:
        from inspector.checks.machine.question import ask

        now = self.program.session.question
        try:
            self.program.session.ask(ask(name, now.setup if now else None, host=now.host if now else ""))
        except InspectorError as error:
            self.app.notify(str(error), severity="error", markup=False)


class ThemeCommands(Commands):
    """Choose a theme."""

    def entries(self, typed: bool = True) -> Iterator[Command]:
        """Our themes, then those built into Textual, which only a search finds. None is read before it is taken."""
        app, ours = self.app, self.program.own_themes
        others = sorted(name for name in app.available_themes if name not in ours) if typed else []
        for name in (*ours, *others):
            if name != app.theme and not (app.no_color and name not in ours and app.available_themes[name].ansi):
                text = "ships with vcpu-inspector or is your own" if name in ours else "built into Textual"
                yield Command(f"Theme: {name}", text, _calling(self._use, name))

    def _use(self, name: str) -> None:
        self.app.theme = name


def all_commands(screen: Screen[Any]) -> list[Commands]:
    """Every kind of entry, in the order in which they are offered: themes come last."""
    modes: list[type[Commands]] = [_named(name) for mode in MODES for name in mode.palette]
    front: tuple[type[Commands], ...] = (DumpCommands, KeyCommands, PageCommands, RegisterCommands, PolicyCommands)
    return [made(screen) for made in (*front, *modes, ThemeCommands)]


def _named(name: str) -> type[Commands]:
    """What a mode names as `module:Name`."""
    module, _, attribute = name.partition(":")
    return cast(type[Commands], getattr(import_module(module), attribute))


def _calling(function: Callable[..., object], *arguments: object) -> Callable[[], object]:
    """A call to make later."""
    return lambda: function(*arguments)
