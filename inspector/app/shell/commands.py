"""The command palette: registers and fields by any spelling, dumps, vCPUs, every key's command, themes.

Textual only logs an error inside a provider, so each has its commands as a plain list that tests can read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import NamedTuple, cast

from textual.command import Hits, Provider

from inspector.app.dialogs.offers import about, dump_words
from inspector.app.modes.table import MODES
from inspector.app.shell import keys
from inspector.app.shell.frame import Frame
from inspector.app.shell.program import Program
from inspector.app.shell.search import find_in
from inspector.app.shell.theming import load_themes, theme_folders
from inspector.app.widgets.unmarked import hit, offer, unmarked
from inspector.errors import InspectorError, one_line

MOST = 40
"""Registers offered for one search."""


class Command(NamedTuple):
    """One entry of the palette."""

    text: str
    """`area: verb`"""
    help: str
    run: Callable[[], object]
    discover: bool = True


class Commands(Provider):
    """Offers the commands of `entries` by fuzzy match."""

    @property
    def program(self) -> Program:
        """The program."""
        return cast(Program, self.app)

    def entries(self) -> Iterator[Command]:
        """Everything that this provider offers now."""
        yield from ()

    async def discover(self) -> Hits:
        """What is offered before anything was typed."""
        for entry in self.entries():
            if entry.discover:
                yield offer(unmarked(entry.text), entry.run, unmarked(entry.help))

    async def search(self, query: str) -> Hits:
        """What a text finds."""
        matcher = self.matcher(query)
        for entry in self.entries():
            text = unmarked(entry.text)
            score, places = matcher.fuzzy_search.match(query, text.plain)
            if score > 0:
                for place in places:
                    text = text.stylize(matcher.match_style, place, place + 1)
                yield hit(score, text, entry.run, unmarked(entry.help))


class RegisterCommands(Commands):
    """Go to a register or field; takes every spelling that the search line takes."""

    def found(self, query: str) -> Iterator[Command]:
        """Registers of the view that a text means, best first."""
        view = self.program.session.shown
        if view is None:
            return
        matches = find_in(view, query)
        by_id = {register.id: register for register in view.registers}
        for place, reg_id in enumerate(matches.ids[:MOST]):
            register = by_id[reg_id]
            field = matches.field if place == 0 else ""
            name = f"{register.name}.{field}" if field else register.name
            yield Command(f"Go to: {name}", register.title, self._going(reg_id, field))

    def _going(self, reg_id: int, field: str) -> Callable[[], object]:
        return lambda: self.program.go_to(reg_id, field)

    async def search(self, query: str) -> Hits:
        """Our own search instead of a fuzzy match: an encoding or an id has to hit exactly."""
        for place, entry in enumerate(self.found(query)):
            yield hit(1.0 - place / 100, unmarked(entry.text), entry.run, unmarked(entry.help))


class DumpCommands(Commands):
    """Open a dump, look at another one, choose a vCPU."""

    def entries(self) -> Iterator[Command]:
        """Loaded dumps, vCPUs of the present one, shipped dumps."""
        app, session = self.program, self.program.session
        yield Command("Open: a dump…", "A file, or one that ships with the program", app.action_open)
        for index, dump in enumerate(session.dumps):
            if index != session.place.source:
                name = one_line(dump.provenance.source)
                yield Command(f"Look at: {name}", one_line(dump_words(dump)), _calling(session.look_at, index))
        if session.dumps and len(session.views()) > 1:
            for index, view in enumerate(session.views()):
                text = f"{len(view.registers)} registers"
                yield Command(f"vCPU: {one_line(view.title)}", text, _calling(session.show_view, index))
        from inspector.sources import shipped_names

        for name in map(str, shipped_names()):
            yield Command(f"Open: {name}", about(name), _calling(self._open, name), discover=False)

    def _open(self, name: str) -> None:
        problem = self.program.open_source(f"builtin:{name}")
        if problem:
            self.app.notify(problem, severity="error", markup=False)


class KeyCommands(Commands):
    """What every key does here, by name."""

    def entries(self) -> Iterator[Command]:
        """The keys of the mode in front and of everywhere."""
        app = self.program
        front = self.app.screen_stack[0]
        here = keys.keys_of(front.MODE) if isinstance(front, Frame) else ()
        for key in (*here, *keys.digits(app.modes_present), *keys.SHARED[keys.EVERYWHERE]):
            if key.id in ("back", "palette"):
                continue
            area = front.MODE.id if isinstance(front, Frame) and key in here else keys.EVERYWHERE
            shown = keys.shown(key, app.settings.keys)
            text = f"{area.capitalize()}: {key.tooltip}"
            # The log is worth a line of the first offer once it holds something, as in the footer.
            offered = bool(key.footer) and (key.id != "writes.log" or app.session.tried.count() > 0)
            yield Command(text, f"key {shown}", _calling(self._press, key.action, front), discover=offered)

    def _press(self, action: str, front: object) -> object:
        async def run() -> None:
            await self.app.run_action(action, default_namespace=cast(Frame, front))

        self.app.call_later(run)
        return None


class PageCommands(Commands):
    """Pages that belong to no mode: an error text explained, the CPUs of a host side by side."""

    def entries(self) -> Iterator[Command]:
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

    def entries(self) -> Iterator[Command]:
        """The chooser, no policy, every kernel policy, newest first; a present choice of features stays."""
        app = self.program
        if not app.session.dumps:
            return
        from inspector.policies.loader import all_names, patch_names
        from inspector.policies.model import kernel_title

        yield Command("Policy: choose…", "Kernel policy, patches, vCPU features, boot options", app.action_policy)
        if app.session.question is not None:
            yield Command("Policy: none", "The dump alone", _calling(app.session.ask, None))
        for name in reversed(all_names()):
            text = "What this kernel would make of the host"
            yield Command(f"Policy: {kernel_title(name)}", text, _calling(self._ask, name), discover=False)
        base = app.session.question.base if app.session.question else ""
        for patch in patch_names() if base else ():
            text = "The chosen kernel with this patch"
            yield Command(f"Policy: {base}+{patch}", text, _calling(self._ask, f"{base}+{patch}"), discover=False)

    def _ask(self, name: str) -> None:
        from inspector.checks.machine.machine import ask

        now = self.program.session.question
        try:
            self.program.session.ask(ask(name, now.setup if now else None, host=now.host if now else ""))
        except InspectorError as error:
            self.app.notify(str(error), severity="error", markup=False)


class ThemeCommands(Commands):
    """Choose a theme."""

    def entries(self) -> Iterator[Command]:
        """Our themes, then those built into Textual."""
        app = self.app
        ours = [theme.name for theme in load_themes(theme_folders(self.program.config)).themes]
        for name in (*ours, *(name for name in sorted(app.available_themes) if name not in ours)):
            if name != app.theme and not (app.no_color and app.available_themes[name].ansi):
                text = "ships with vcpu-inspector or is your own" if name in ours else "built into Textual"
                yield Command(f"Theme: {name}", text, _calling(self._use, name), discover=name in ours)

    def _use(self, name: str) -> None:
        self.app.theme = name


class AllCommands(Provider):
    """Every command, always in this order: Textual keeps its providers in a set, which has none. Themes come last."""

    async def startup(self) -> None:
        """Make the providers."""
        modes: list[type[Provider]] = [_named(name) for mode in MODES for name in mode.palette]
        front: tuple[type[Provider], ...] = (DumpCommands, KeyCommands, PageCommands, RegisterCommands, PolicyCommands)
        every: tuple[type[Provider], ...] = (*front, *modes, ThemeCommands)
        self._all = [made(self.screen, self.match_style) for made in every]

    async def discover(self) -> Hits:
        """What is offered before anything was typed."""
        for one in self._all:
            async for found in one.discover():
                yield found

    async def search(self, query: str) -> Hits:
        """What a text finds."""
        for one in self._all:
            async for found in one.search(query):
                yield found


def _named(name: str) -> type[Provider]:
    """The provider that a mode names as `module:Name`."""
    module, _, attribute = name.partition(":")
    return cast(type[Provider], getattr(import_module(module), attribute))


def _calling(function: Callable[..., object], *arguments: object) -> Callable[[], object]:
    """A call to make later."""
    return lambda: function(*arguments)
