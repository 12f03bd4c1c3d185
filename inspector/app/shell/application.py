"""The program with a screen: modes, themes, palette, and the answers to keys that mean the same everywhere."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path, PurePath
from time import time
from typing import TYPE_CHECKING, Any, ClassVar, cast

from msgspec.structs import replace
from textual.binding import BindingType
from textual.screen import Screen

from inspector import sources
from inspector.app.modes.table import MODES as TABLE
from inspector.app.shell import keys
from inspector.app.shell.adapted import collect_again
from inspector.app.shell.frame import WIDE, Frame
from inspector.app.shell.hangup import heed_leaving_keys, insist_unless_answered, watch_terminal
from inspector.app.shell.lean import Lean
from inspector.app.shell.numbers import BASES
from inspector.app.shell.remembered import Memory, Recent
from inspector.app.shell.session import Change, Session
from inspector.app.shell.settings import load_settings
from inspector.app.shell.themed import ThemedApp
from inspector.app.shell.view import source_name
from inspector.errors import InspectorError, one_line
from inspector.folders import config_folder, state_folder
from inspector.leaving import Leaving, check, held, on_ask
from inspector.numbers import count_of
from inspector.sources.dump import Dump

if TYPE_CHECKING:
    from inspector.app.dialogs.dialog import Dialog
    from inspector.app.shell.live import LiveReading, Opening
    from inspector.app.shell.reading_again import ReadingAgain
    from inspector.app.shell.slider import Slider
    from inspector.sources.live.source import LiveOptions

APP = Path(__file__).parent.parent


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


class InspectorApp(ThemedApp):
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
        folder = config or config_folder()
        super().__init__(folder, load_settings(folder, keys.places(TABLE)), Memory(state or state_folder()))
        self._slider: Slider | None = None
        self._again: ReadingAgain | None = None
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]
        self._begin_as_set()
        self.set_keymap(self.settings.keys)
        self.session.on_change = self._tell

    @property
    def modes_present(self) -> tuple[keys.Mode, ...]:
        """The numbered modes that exist."""
        return tuple(mode for mode in TABLE if mode.number is not None)

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

    def get_default_screen(self) -> Screen[Any]:
        """The first mode's screen."""
        return _made(BY_ID[self.DEFAULT_MODE])()

    def on_mount(self) -> None:
        """Say what was wrong with themes and settings; the program runs all the same."""
        self.add_mode(self.DEFAULT_MODE, _made(BY_ID[self.DEFAULT_MODE]))
        self.call_after_refresh(collect_again)
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
            self.set_interval(self.watch_seconds, self._reading_again.read_all)
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
                self.keep_read(dump)

        follow(source, lambda text: tell(self, lambda: unless_given_up(lambda: said(text))))
        aside(
            self,
            source.read,
            lambda dump: unless_given_up(lambda: came(dump)),
            lambda error: unless_given_up(lambda: failed(error)),
            finish=bool(source.caution),
        )
        return opening

    def keep_read(self, dump: Dump) -> None:
        """A dump came when the user was at something else by then: it is loaded, and takes nobody away."""
        self.session.keep(dump)
        self._remember(dump)
        key = "F2" if self.current_mode == "start" else "o"
        source = dump.provenance.source
        name = source if source in self.session.readings else source_name(source)
        self.notify(f"{name} has been read ({key} shows it)", markup=False)

    def action_refresh(self) -> None:
        """Read the live source on screen again, beside the screen."""
        if not self.session.loaded:
            return
        dump, reading = self.session.loaded[self.session.place.source], self.session.reading
        if reading is not None:
            self._reading_again.read_live(dump, reading)
        else:
            self._reading_again.read_file(dump)

    @property
    def _reading_again(self) -> ReadingAgain:
        if self._again is None:
            from inspector.app.shell.reading_again import ReadingAgain

            self._again = ReadingAgain(self, self.session, self._tell)
        return self._again

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
        self.notify(f"{done}: {count_of(count, 'step')}; {len(history.entries)} left", markup=False)
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
    # One that came before, and had no effect.
    check()
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
