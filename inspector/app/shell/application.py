"""The program with a screen: modes, themes, palette, and the answers to keys that mean the same everywhere."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path, PurePath
from time import time
from typing import TYPE_CHECKING, Any, ClassVar, cast

from msgspec.structs import replace
from rich.console import RenderableType
from textual.app import App
from textual.await_complete import AwaitComplete
from textual.binding import BindingType
from textual.driver import Driver
from textual.events import Event, Key, Paste, Resize
from textual.geometry import Size
from textual.notifications import Notify, SeverityLevel
from textual.screen import Screen
from textual.theme import Theme
from textual.widget import AwaitMount
from textual.widgets._toast import ToastRack

from inspector import sources
from inspector.app.modes.table import MODES as TABLE
from inspector.app.shell import keys
from inspector.app.shell.frame import WIDE, Frame
from inspector.app.shell.hangup import heed_leaving_keys, insist_unless_answered, watch_terminal
from inspector.app.shell.lean import Lean
from inspector.app.shell.notices import Notice
from inspector.app.shell.numbers import BASES
from inspector.app.shell.pasting import keep_pastes_whole
from inspector.app.shell.remembered import Memory, Recent
from inspector.app.shell.session import Change, Session
from inspector.app.shell.settings import Settings, load_settings
from inspector.app.shell.sheet import Sheet
from inspector.app.shell.theming import (
    DEFAULT_THEME,
    ThemeError,
    load_theme,
    load_themes,
    theme_folders,
    token_defaults,
)
from inspector.app.shell.typing_ahead import Typed, TypingAhead, apart
from inspector.app.shell.view import source_name
from inspector.errors import InspectorError, one_line
from inspector.folders import config_folder, state_folder
from inspector.leaving import Leaving, held, on_ask
from inspector.sources.dump import Dump

if TYPE_CHECKING:
    from textual._types import CallbackType as Callback

    from inspector.app.dialogs.dialog import Dialog
    from inspector.app.shell.live import LiveReading, Opening
    from inspector.app.shell.slider import Slider
    from inspector.sources.live.source import LiveOptions

APP = Path(__file__).parent.parent


def _collect_again() -> None:
    """Take up garbage collection after the first screen; what was imported until then is never garbage."""
    gc.freeze()
    gc.enable()


SWEPT = 0.1
"""Seconds after which nothing of a screen that was taken off is at work any more."""


def _sweep() -> None:
    """Collect what a screen that was taken off leaves, some thousand objects that hold each other, while nobody waits.
    What many of them left was collected by some later key, which took four times as long for it."""
    if gc.isenabled():
        gc.collect(0)


def _load(name: str) -> Callable[[], Any]:
    """Gives what `module:Name` names, imported when it is first called for."""

    def load() -> Any:
        module, _, attribute = name.partition(":")
        return getattr(import_module(module), attribute)

    return load


def _screens(without: str) -> dict[str, str | Callable[[], Screen[Any]]]:
    """What makes the screen of each mode, but for the mode that comes first."""
    return {mode.id: _made(mode) for mode in TABLE if not mode.dialog and mode.id != without}


def _made(mode: keys.Mode) -> Callable[[], Screen[Any]]:
    screen = _load(mode.screen)
    return lambda: cast(Screen[Any], screen()())


BY_ID = {mode.id: mode for mode in TABLE}


class InspectorApp(App[None]):
    """vcpu-inspector's screens."""

    TITLE = "vcpu-inspector"
    CSS_PATH: ClassVar[list[str | PurePath]] = [APP / "shell" / "style.tcss"]
    DEFAULT_MODE = "browse"
    # The first mode comes as the default screen and becomes a mode when mounted: as a mode from the start, the
    # stylesheet would be parsed twice.
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = _screens("browse")
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings((*keys.digits(TABLE), *keys.SHARED[keys.EVERYWHERE]))]
    COMMAND_PALETTE_BINDING = "ctrl+p"

    def __init__(
        self,
        dumps: Iterable[Dump] = (),
        *,
        readings: Mapping[str, LiveReading] | None = None,
        watch: float | None = None,
        config: Path | None = None,
        state: Path | None = None,
    ) -> None:
        self.watch_seconds = watch
        """live sources are read again at this interval"""
        self.session = Session()
        self.session.readings.update(readings or {})
        for dump in dumps:
            self.session.add(dump)
        self.session.begin()
        self._unread_themes: dict[str, Path] = {}
        """shipped themes that were not asked for yet, by name"""
        self.own_themes: Sequence[str] = ()
        self._themed = False
        self._pointer = "default"
        super().__init__()
        self.stylesheet = Sheet()
        self._typing = TypingAhead(self, self._typed)
        self._slider: Slider | None = None
        self.config = config or config_folder()
        self.settings: Settings = load_settings(self.config, keys.places(TABLE))
        self._said_kept = 0
        """how many simulated writes stood on a live source when that was said last"""
        self.memory = Memory(state or state_folder())
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]
        self.animation_level = "none"
        self.problems: list[str] = list(self.settings.problems)
        self._begin_as_set()
        self._load_themes()
        self.set_keymap(self.settings.keys)
        self.session.on_change = self._tell

    def get_driver_class(self) -> type[Driver]:
        """Textual's, with a parser that takes nothing within a paste for a key."""
        found = super().get_driver_class()
        keep_pastes_whole(found)
        return found

    def action_suspend_process(self) -> None:
        """Back to the shell, unless none could bring the program back, or a guest would stand as long as it is away."""
        from inspector.app.shell.background import unfinished
        from inspector.app.shell.suspending import can_come_back

        if not can_come_back():
            self.notify("No shell that could bring the program back started it", severity="warning", markup=False)
        elif unfinished():
            self.notify("A source is being read: press it again in a moment", severity="warning", markup=False)
        else:
            super().action_suspend_process()
            # Here it has come back; Textual's own word of that may come before the terminal is the program's again.
            self.set_timer(0.1, self.refresh)

    async def on_event(self, event: Event) -> None:
        """Keys and pastes wait until the one before has had its effect."""
        if isinstance(event, (Key, Paste)) and not event.is_forwarded:
            for one in apart(event):
                await self._typing.take(one)
        else:
            await super().on_event(event)

    async def _typed(self, event: Typed) -> None:
        """Handle a key or a paste."""
        if self.screen_stack:
            await super().on_event(event)

    def on_resize(self, event: Resize) -> None:
        """Ask for the size again: Textual's signal handler, interrupted by itself, posts an older size last."""
        if self.is_headless or self.is_web or self.is_inline:
            return
        size = Size(*shutil.get_terminal_size(event.size))
        if size != event.size:
            self.post_message(Resize(size, size))

    def _fatal_error(self) -> None:
        """A fault of ours ends the program; `run_app` reports it. Textual would print a screenful of traceback."""
        self._close_messages_no_wait()

    def panic(self, *renderables: RenderableType) -> None:
        """So does an error that knows how to draw itself."""
        self._close_messages_no_wait()

    def _refresh_notifications(self) -> None:
        """Notices of the screen in front, which gets a place for them with the first."""
        screen = self.screen_stack[-1] if self.screen_stack else None
        if screen is not None and screen.is_attached and len(self._notifications) and not screen.query(ToastRack):
            screen.mount(ToastRack(id="textual-toastrack"), before=0 if screen.children else None)
        super()._refresh_notifications()

    def call_next(self, callback: Callback, *arguments: Any, **named: Any) -> None:
        """Textual waits in this way until a screen is made, to lay it out then; ours is laid out when it comes."""
        if not (isinstance(callback, AwaitMount) and isinstance(callback._parent, Lean)):
            super().call_next(callback, *arguments, **named)

    def _set_pointer_shape(self, shape: str) -> None:
        """How the mouse pointer looks. Textual writes it for each new screen, though the terminal has it."""
        if shape != self._pointer:
            self._pointer = shape
            super()._set_pointer_shape(shape)

    def delay_update(self, delay: float = 0.05) -> None:
        """Draw at once: Textual holds back what another mode draws, so that it is drawn twice."""

    def open_dialog(self, dialog: Screen[None]) -> None:
        """Put a dialog over what is in front, which has not changed by that: Textual would draw both once more."""
        below = self.screen
        due = below._repaint_required
        self.push_screen(dialog)
        below._repaint_required = due

    def switch_mode(self, mode: str) -> AwaitMount:
        """Another mode. Dialogs belong to the mode that they were opened over, so they close."""
        while mode != self.current_mode and len(self.screen_stack) > 1:
            self.pop_screen()
        if mode not in self._screen_stacks:
            # The same as at the start: what is loaded and built for a new screen is no garbage, and looking for some
            # there took a tenth of the time.
            gc.disable()
            self.call_after_refresh(_collect_again)
        return super().switch_mode(mode)

    def pop_screen(self) -> AwaitComplete:
        """Take off what lies on top; a mode itself stays."""
        if len(self.screen_stack) < 2:
            return AwaitComplete()
        self.set_timer(SWEPT, _sweep)
        return super().pop_screen()

    @property
    def modes_present(self) -> tuple[keys.Mode, ...]:
        """The numbered modes that exist."""
        return tuple(mode for mode in TABLE if mode.number is not None)

    def _load_themes(self) -> None:
        """Take the chosen theme before anything is drawn. Of the shipped ones no other is read before it is asked for,
        and no style sheet is parsed for a theme that is not shown."""
        shipped, own = theme_folders(self.config)
        loaded = load_themes((own,))
        self.problems += loaded.problems
        for one in loaded.themes:
            self.register_theme(one)
        own_names = {one.name for one in loaded.themes}
        self._unread_themes = {path.stem: path for path in shipped.glob("*.toml") if path.stem not in own_names}
        self.own_themes = (*sorted(self._unread_themes), *sorted(own_names))
        wanted = self.settings.theme or self._remembered_theme() or os.environ.get("TEXTUAL_THEME", "") or DEFAULT_THEME
        theme = self.get_theme(wanted)
        if theme is None:
            self.problems.append(one_line(f"no theme is called {wanted!r}"))
            theme = self.get_theme(DEFAULT_THEME)
        elif self.no_color and theme.ansi:
            # Textual draws an ANSI theme without colours as black on black.
            theme = self.get_theme(DEFAULT_THEME)
        if theme is None:
            self.problems.append("the shipped themes are missing")
            theme = self.current_theme
        self.set_reactive(App.theme, theme.name)
        classes = {"-theme-textual-dark": False, f"-theme-{theme.name}": True}
        self.update_classes({**classes, "-dark-mode": theme.dark, "-light-mode": not theme.dark}, update=False)
        self._refresh_truecolor_filter(self.ansi_theme)
        self._themed = True
        self.stylesheet.set_variables(self.get_css_variables())

    def get_css_variables(self) -> dict[str, str]:
        """The colours of the theme; none before it was chosen, when Textual would work out those of another."""
        return super().get_css_variables() if self._themed else {}

    def get_theme(self, theme_name: str) -> Theme | None:
        """A theme by its name; a shipped one is read when it is first asked for."""
        if (path := self._unread_themes.pop(theme_name, None)) is not None:
            with contextlib.suppress(ThemeError):
                self.register_theme(load_theme(path, plain=True))
        # One name is looked up for every piece of text that is drawn; Textual copies the table of themes each time.
        return self._registered_themes.get(theme_name) or (super().get_theme(theme_name) if "," in theme_name else None)

    @property
    def available_themes(self) -> dict[str, Theme]:
        """Every theme."""
        for name in tuple(self._unread_themes):
            self.get_theme(name)
        return super().available_themes

    def _remembered_theme(self) -> str:
        theme = self.memory.now.theme
        return theme if self.get_theme(theme) is not None else ""

    def _begin_as_set(self) -> None:
        """Number base, kernel policy and VMM of the settings, else the base that was used last."""
        if self.settings.vmm:
            from inspector.checks.vmms.table import VMM_NAMES

            if self.settings.vmm not in VMM_NAMES:
                self.problems.append(f"settings.toml: `vmm` must be one of {', '.join(VMM_NAMES)}")
                self.settings = self.settings._replace(vmm="")
        base = self.settings.base or self.memory.now.base
        self.session.base = next((one for one in BASES if one == base), self.session.base)
        if self.settings.kernel:
            from inspector.checks.machine.question import ask

            try:
                self.session.question = ask(self.settings.kernel)
            except InspectorError as error:
                self.problems.append(one_line(f"settings.toml: kernel: {error}"))

    def watch_theme(self, theme: str) -> None:
        """Remember a theme that was chosen on screen."""
        if self.is_running and theme != self.memory.now.theme:
            self.memory.change(lambda old: replace(old, theme=theme))

    def _remember_all(self) -> None:
        for dump in reversed(self.session.dumps):
            self._remember(dump)

    def _remember(self, dump: Dump) -> None:
        """A file or a live address that was opened comes first among the recent ones."""
        source = dump.provenance.source
        found = Path(source)
        if source in self.session.readings:
            self.memory.opened(Recent(source, dump.provenance.format, time()))
        elif not source.startswith("builtin:") and found.exists():
            self.memory.opened(Recent(str(found.absolute()), dump.provenance.format, time()))

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our tokens for themes that do not name them."""
        return token_defaults(self.current_theme)

    def get_default_screen(self) -> Screen[Any]:
        """The first mode's screen."""
        return _made(BY_ID[self.DEFAULT_MODE])()

    def on_mount(self) -> None:
        """Say what was wrong with themes and settings; the program runs all the same."""
        self.add_mode(self.DEFAULT_MODE, _made(BY_ID[self.DEFAULT_MODE]))
        self.call_after_refresh(_collect_again)
        loop = asyncio.get_running_loop()

        def leave() -> None:
            # Asked again while the last work is waited for, when the screens and their loop have ended.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self.exit)

        on_ask(leave)
        on_ask(lambda: insist_unless_answered(loop))
        # The shell has written over what stood there.
        self.app_resume_signal.subscribe(self, lambda _: self.refresh())
        watch_terminal(self._driver)
        heed_leaving_keys(self._driver, loop)
        if self.watch_seconds:
            self.set_interval(self.watch_seconds, self._read_all_again)
        self.call_after_refresh(self._remember_all)
        for problem in self.problems:
            self.notify(one_line(problem), severity="warning", markup=False, timeout=8)

    def _tell(self, change: Change) -> None:
        """Pass a change of the session on to the mode in front; the others catch up when they come back."""
        if change == "base":
            self.memory.change(lambda old: replace(old, base=self.session.base))
        front = self.screen_stack[0] if self.screen_stack else None
        # A frame that is being taken down is mounted still, and its widgets may be gone.
        if isinstance(front, Frame) and front.is_mounted and front.display:
            if change == "live":
                front.draw_live()
                return
            if change == "slider":
                front.draw_slider()
                return
            front.session_changed(change)
        # A dialog that is still being made reads the session when it is there.
        if (dialog := self._dialog) is not None and dialog.is_mounted:
            dialog.session_changed(change)

    @property
    def _dialog(self) -> Dialog | None:
        """The dialog in front."""
        front = self.screen_stack[-1] if self.screen_stack else None
        return cast("Dialog", front) if isinstance(front, Lean) and front.is_dialog else None

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """A notice is never markup: file names and errors of hostile files stand in it."""
        seconds = self.NOTIFICATION_TIMEOUT if timeout is None else timeout
        self.post_message(Notify(Notice(one_line(message), one_line(title), severity, seconds, markup=False)))

    def copy(self, text: str, *, folders: bool = False) -> None:
        """Copy to the terminal's clipboard, and say how much, since terminals do not acknowledge.

        `folders`: with the folders of this machine, for commands that are to find its files.
        """
        text = text if folders else self._without_folders(text)
        if not text:
            self.notify("Nothing to copy here", markup=False)
            return
        self.copy_to_clipboard(text)
        self.notify(f"Sent {len(text):,} characters to the clipboard (e writes a file)", markup=False)

    def export(self, stem: str, text: str) -> None:
        """Ask for a file name and write `text` there."""
        if not text:
            self.notify("Nothing to export here", markup=False)
            return
        from inspector.app.dialogs.export import Export

        self.open_dialog(Export(stem, self._without_folders(text)))

    def _without_folders(self, text: str) -> str:
        """A report that goes to others, without the folders of this machine in the names of its sources."""
        from inspector.reports.text import without_folders

        return without_folders(text, [dump.provenance.source for dump in self.session.dumps])

    def open_source(self, source: str) -> str:
        """Load a source and browse it; returns the error in one line, or an empty text."""
        try:
            dump = sources.load(source)
        except InspectorError as error:
            return str(error)
        self.show_dump(dump)
        return ""

    def open_live(
        self,
        address: str,
        opened: Callable[[], bool],
        failed: Callable[[InspectorError], object],
        said: Callable[[str], object],
    ) -> Opening:
        """Read a live source beside the screen and browse it.

        `opened` is called once it was read, and says whether whoever asked is still there: else the dump is loaded and
        nothing else, as the user is at something else by then. `said` gets what a machine of the lab does while it
        starts. Raises SourceError for an address that cannot be one.
        """
        from inspector.app.shell.background import aside, tell
        from inspector.app.shell.live import LiveReading, Opening, follow, now
        from inspector.sources.live import open_live

        source = open_live(address)
        opening = Opening(source)

        def unless_given_up(call: Callable[[], object]) -> None:
            if opening.wanted:
                call()

        def came(dump: Dump) -> None:
            self.session.readings[dump.provenance.source] = LiveReading(source, now())
            if opened():
                self.show_dump(dump)
            else:
                self.session.keep(dump)
                self._remember(dump)
                self.notify(f"{dump.provenance.source} has been read (o shows it)", markup=False)

        follow(source, lambda text: tell(self, lambda: unless_given_up(lambda: said(text))))
        aside(
            self,
            source.read,
            lambda dump: unless_given_up(lambda: came(dump)),
            lambda error: unless_given_up(lambda: failed(error)),
            finish=bool(source.caution),
        )
        return opening

    def action_refresh(self) -> None:
        """Read the live source on screen again, beside the screen."""
        reading = self.session.reading
        if reading is not None:
            self._read_again(self.session.loaded[self.session.place.source], reading)
        elif self.session.loaded:
            self._read_file_again(self.session.loaded[self.session.place.source])

    def _read_file_again(self, dump: Dump) -> None:
        """What a file holds by now; what is on screen stays where it cannot be read."""
        from inspector.app.modes.start.anything import PASTED
        from inspector.app.shell.background import aside
        from inspector.sources.live.source import changes

        source = dump.provenance.source
        if source in ("", "-", PASTED):
            self.notify("This was pasted or piped: nothing can be read again", markup=False)
            return

        def read() -> Dump:
            current = sources.load(source, snapshot=dump.provenance.snapshot.raw)
            if [one.kind for one in current.vcpus] != [one.kind for one in dump.vcpus]:
                raise InspectorError("holds other vCPUs by now", source_name(source), "o opens it anew")
            return current

        def done(current: Dump) -> None:
            changed = changes(dump, current)
            self.session.renew(current, changed)
            count = sum(map(len, changed.values()))
            said = f"{count} value{'s' * (count != 1)} changed" if count else "nothing changed"
            self.notify(f"Read again: {source_name(source)}, {said}", markup=False)

        def failed(error: InspectorError) -> None:
            self.notify(f"{error}. What was read before stays", severity="warning", markup=False)

        aside(self, read, done, failed)

    def _read_all_again(self) -> None:
        for dump in tuple(self.session.loaded):
            reading = self.session.readings.get(dump.provenance.source)
            if reading is not None:
                self._read_again(dump, reading)

    def _read_again(self, dump: Dump, reading: LiveReading) -> None:
        """One reading at a time per source; the old values stay on screen until a new one has come."""
        if reading.busy:
            return
        from inspector.app.shell.background import aside, tell
        from inspector.app.shell.live import follow

        def done(current: Dump) -> None:
            self.session.renew(current, reading.took(dump, current))
            self._say_kept(current.provenance.source)

        def failed(error: InspectorError) -> None:
            reading.refused(error)
            self._tell("live")

        def doing(text: str) -> None:
            reading.doing = text
            self._tell("live")

        follow(reading.source, lambda text: tell(self, lambda: doing(text)))
        reading.begin()
        self._tell("live")
        aside(self, reading.source.read, done, failed, finish=reading.pauses_guest)

    def _say_kept(self, source: str) -> None:
        """What became of the simulated writes when a live source was read again: said once, and in the live line."""
        count = self.session.tried.writes_to(source)
        if count and count != self._said_kept:
            what = f"{count} simulated write{'s' * (count != 1)}"
            self.notify(f"Read again: {what} stay, made anew on the new values (W lists them)", markup=False)
        self._said_kept = count

    def show_dump(self, dump: Dump) -> None:
        """Browse a dump that was just loaded."""
        self.session.add(dump)
        self._remember(dump)
        if self.current_mode == "start":
            self.switch_mode("browse")

    def look_at(self, index: int) -> None:
        """Browse a dump that is loaded."""
        self.session.look_at(index)
        if self.current_mode == "start":
            self.switch_mode("browse")

    def go_to(self, reg_id: int, field: str = "") -> None:
        """Show a register in Browse."""
        self.switch_mode("browse")
        self.session.show_register(reg_id, field)

    def action_mode(self, mode: str) -> None:
        """Another mode; without a dump there is nothing to show in most."""
        wanted = BY_ID[mode]
        front = self.screen_stack[0]
        if wanted.dialog and isinstance(front, Frame):
            front.go_along()
        if wanted.needs_dump and not self.session.loaded:
            self.notify("Open a dump first", markup=False)
        elif not wanted.dialog:
            self.switch_mode(mode)
        elif wanted.needs_dump and self.session.register is None:
            self.notify("There is no register to write to", markup=False)
        else:
            self.open_dialog(_made(wanted)())

    def action_command_palette(self) -> None:
        """Every command and register by name."""
        from inspector.app.dialogs.palette import Palette

        if not any(isinstance(one, Palette) for one in self.screen_stack):
            self.open_dialog(Palette(self.screen))

    def action_write(self) -> None:
        """Try a write of the register on screen."""
        self.action_mode("write")

    def action_log(self) -> None:
        """Everything that was tried on the vCPU on screen; of a restore that is stepped, its steps."""
        front = self.screen_stack[0]
        if isinstance(front, Frame) and self._dialog is None and front.show_log():
            return
        if not self.session.loaded:
            self.notify("Open a dump first", markup=False)
            return
        from inspector.app.dialogs.log import WriteLog

        self.open_dialog(WriteLog())

    def action_undo(self) -> None:
        """Take back what was done last to the vCPU on screen."""
        self._go_back(True)

    def action_redo(self) -> None:
        """Do again what was taken back."""
        self._go_back(False)

    def _go_back(self, undo: bool) -> None:
        front = self.screen_stack[0]
        if isinstance(front, Frame) and self._dialog is None and front.go_back(undo):
            return
        history = self.session.tried.last
        if history is None:
            self.notify("No simulated write was made to this vCPU (w tries one)", markup=False)
            return
        before = len(history.entries)
        problem = history.undo() if undo else history.redo()
        if problem:
            self.notify(problem[:1].upper() + problem[1:], markup=False)
            return
        count = abs(len(history.entries) - before)
        done = "Taken back" if undo else "Done again"
        self.notify(f"{done}: {count} step{'s' * (count != 1)}; {len(history.entries)} left", markup=False)
        self.session.on_change("writes")

    def action_policy(self) -> None:
        """Choose the kernel policy that is asked, and the vCPU's features."""
        from inspector.app.dialogs.policy import PolicyChooser

        if self.session.dumps:
            self.open_dialog(PolicyChooser())
        else:
            self.notify("Open a dump first", markup=False)

    def step_kernel(self, step: int) -> None:
        """Ask the next or previous kernel of the catalogue; what it shows is worked out beside the screens."""
        if self._slider is None:
            from inspector.app.shell.slider import Slider

            self._slider = Slider(self, self.session)
        self._slider.go(step)

    def ask_real_kernels(self, cpu: str) -> None:
        """From now on let the lab's kernels answer beside the slider; `cpu` is their machines' model."""
        if self.session.beside is None:
            from inspector.app.shell.real import RealBeside

            self.session.beside = RealBeside(self, self.session, cpu)
        if self.session.step is not None:
            self.session.beside.follow(self.session.step.after)

    def action_open(self) -> None:
        """Choose a dump to open."""
        from inspector.app.dialogs.open import Open

        self.open_dialog(Open())

    def action_vcpu(self, step: int) -> None:
        """The next or previous vCPU."""
        self.session.step_view(step)

    def action_dump(self, step: int) -> None:
        """The next or previous loaded dump."""
        if len(self.session.dumps) < 2:
            self.notify("Only one dump is loaded (o opens another)", markup=False)
            return
        self.session.step_dump(step)

    def action_help_quit(self) -> None:
        """ctrl+c copies what is selected; else it says which key leaves. Textual's own words are markup."""
        quits = next(key for key in keys.SHARED[keys.EVERYWHERE] if key.id == "quit")
        spelled = self.settings.keys.get(quits.id, quits.keys).split(",")
        named = next((one for one in spelled if len(one.strip()) > 1), spelled[0]).strip()
        self.notify(f"{named} leaves the program; ctrl+c copies what the mouse selected", markup=False)

    def action_secrets(self) -> None:
        """Show the values of registers that hold a guest's secrets, or withhold them again."""
        self.session.show_secrets(not self.session.secrets)
        self.notify(
            "Secrets of the guest are shown, and copied and exported" if self.session.secrets
            else "Secrets of the guest are withheld"
        )  # fmt: skip

    def action_base(self) -> None:
        """Hex, binary, decimal."""
        self.session.next_base()

    def action_help(self) -> None:
        """Help for the focused pane."""
        from inspector.app.dialogs.help import Help

        self.open_dialog(Help.of(self.screen))


class StartApp(InspectorApp):
    """The program without a dump: it opens on the start page."""

    DEFAULT_MODE = "start"
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = _screens("start")


class DemoApp(InspectorApp):
    """The program on the patch page, where it plays a story."""

    DEFAULT_MODE = "patch"
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = _screens("patch")

    def __init__(self, dumps: Iterable[Dump] = (), **more: Any) -> None:
        super().__init__(dumps, **more)
        self.session.story = True


def run_app(
    dumps: Sequence[Dump],
    readings: Mapping[str, LiveReading] | None = None,
    watch: float | None = None,
    for_real: LiveOptions | None = None,
    demo: bool = False,
) -> int:
    """Open the screens on loaded dumps; returns the exit code. `for_real`, `demo`: see Session and DemoApp."""
    app = (DemoApp if demo else InspectorApp if dumps else StartApp)(dumps, readings=readings, watch=watch)
    app.session.for_real = for_real
    # A signal leaves the screens as the quit key does; the terminal is given back, and a guest runs on.
    with held():
        try:
            app.run()
        except Leaving as leaving:
            from inspector.faults import stuck_line

            leaving.note = stuck_line(leaving)
            raise
        finally:
            if "inspector.app.shell.background" in sys.modules:
                _finish_work(app.session)
    if app._exception is not None:
        # It needs the package's metadata, which takes a twentieth of the start.
        from inspector.faults import report_fault

        return report_fault(app._exception)
    return app.return_code or 0


def _finish_work(session: Session) -> None:
    """A reading that has paused a guest goes on until the guest runs again, though the screens are gone."""
    from inspector.app.shell.background import last_words, unfinished, wait_for_work

    if unfinished():
        with contextlib.suppress(OSError):
            print("waiting for work under way: a reading, which lets the guest go on, or a file being written")
        longest = max((one.source.timeout for one in session.readings.values()), default=0.0)
        wait_for_work(longest + 60)
    with contextlib.suppress(OSError):
        for words in last_words():
            print(f"vcpu-inspector: {one_line(words)}", file=sys.stderr)
