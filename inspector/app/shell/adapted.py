"""What the program leaves out of Textual's own App, or does otherwise: keys that overtake each other, screens that are
drawn twice, garbage that is collected while a key waits, tracebacks, markup in notices."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rich.console import COLOR_SYSTEMS, RenderableType
from textual import constants
from textual._context import active_message_pump
from textual.app import App, ScreenStackError
from textual.await_complete import AwaitComplete
from textual.css.query import NoMatches
from textual.dom import DOMNode, NoScreen
from textual.driver import Driver
from textual.events import Event, Key, Paste, Resize
from textual.geometry import Size
from textual.notifications import Notify, SeverityLevel
from textual.screen import Screen
from textual.widget import AwaitMount, MountError
from textual.widgets._toast import ToastRack

from inspector.app.shell.escapes import AltKey
from inspector.app.shell.lean import Lean
from inspector.app.shell.notices import Notice
from inspector.app.shell.pasting import Burst, keep_pastes_whole, keys_of
from inspector.app.shell.sheet import Sheet
from inspector.app.shell.suspending import can_come_back, taking_its_terminal_once
from inspector.app.shell.timers import lose_no_timer
from inspector.app.shell.typing_ahead import Typed, TypingAhead, as_key
from inspector.errors import InspectorError, one_line

if TYPE_CHECKING:
    from textual._types import CallbackType as Callback

SWEPT = 0.1
"""Seconds after which nothing of a screen that was taken off is at work any more."""


def collect_again() -> None:
    """Take up garbage collection after the first screen; what was imported until then is never garbage."""
    gc.freeze()
    gc.enable()


def _sweep() -> None:
    """Collect what a screen that was taken off leaves, some thousand objects that hold each other, while nobody waits.
    What many of them left was collected by some later key, which took four times as long for it."""
    if gc.isenabled():
        gc.collect(0)


class AdaptedApp(App[None]):
    """Textual's App as this program needs it; it knows nothing of registers, modes or sessions."""

    def __init__(self) -> None:
        self._pointer = "default"
        if (colours := constants.COLOR_SYSTEM or "") not in (known := ("auto", *COLOR_SYSTEMS)):
            raise InspectorError("no such colours", f"TEXTUAL_COLOR_SYSTEM={colours}", f"one of {', '.join(known)}")
        lose_no_timer()
        super().__init__()
        self.stylesheet = Sheet()
        self._typing = TypingAhead(self, self._typed)
        self.animation_level = "none"

    def get_driver_class(self) -> type[Driver]:
        """Textual's, with a parser that takes nothing within a paste for a key. Raises InspectorError where the user's
        environment names one that cannot be had."""
        try:
            found = super().get_driver_class()
        except Exception as error:
            named = f"TEXTUAL_DRIVER={constants.DRIVER}"
            raise InspectorError("no such driver", named, "without it Textual takes the terminal's own") from error
        keep_pastes_whole(found)
        return taking_its_terminal_once(found)

    def action_suspend_process(self) -> None:
        """Back to the shell, unless none could bring the program back, or a guest would stand as long as it is away."""
        from inspector.app.shell.background import unfinished

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
            await self._typing.take(as_key(event))
        else:
            await super().on_event(event)

    async def action_simulate_key(self, key: str) -> None:
        """A click on a key that is shown. Sent from here: a key whose sender is the box that was clicked would not come
        up any further than that, and mean nothing."""
        self.call_later(self.simulate_key, key)

    async def _typed(self, event: Typed) -> None:
        """Handle a key or a paste, or the keys of what only looked like one to the parser."""
        if not self.screen_stack:
            return
        if isinstance(event, AltKey):
            line = self.focused
            self._typing.first(event.meant(in_text=any(getattr(line, name, "") for name in ("value", "text"))))
            return
        takes_lines: Callable[[str], bool] | None = getattr(self.focused, "takes_lines", None)
        if not isinstance(event, Burst):
            await super().on_event(event)
        elif takes_lines is None or takes_lines(event.text):
            await super().on_event(Paste(event.text))
        else:
            self._typing.first(keys_of(event.text))

    def on_resize(self, event: Resize) -> None:
        """Ask for the size again: Textual's signal handler, interrupted by itself, posts an older size last."""
        if self.is_headless or self.is_web or self.is_inline:
            return
        size = Size(*shutil.get_terminal_size(event.size))
        if size != event.size:
            self.post_message(Resize(size, size))

    def _handle_exception(self, error: Exception) -> None:
        """What is taken down while it is being made gets no widgets any more (`Widget.mount` says nothing of it), and
        does not find them when it is told that it is there: no fault, where the user leaves at that moment."""
        node = active_message_pump.get(None)
        going = self._exit or (isinstance(node, DOMNode) and node._pruning)
        if not (going and isinstance(error, (NoMatches, MountError, NoScreen, ScreenStackError))):
            super()._handle_exception(error)

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
        """Another mode. Dialogs belong to the mode that they were opened over, so they close.

        None while the program ends: Textual takes its modes down one by one then, and a new one would be a fault.
        """
        if self._exit:
            return AwaitMount(self, ())  # type: ignore[arg-type]  # of nothing, nobody is asked
        while mode != self.current_mode and len(self.screen_stack) > 1:
            self.pop_screen()
        if mode not in self._screen_stacks:
            # The same as at the start: what is loaded and built for a new screen is no garbage, and looking for some
            # there took a tenth of the time.
            gc.disable()
            self.call_after_refresh(collect_again)
        return super().switch_mode(mode)

    def pop_screen(self) -> AwaitComplete:
        """Take off what lies on top; a mode itself stays."""
        if len(self.screen_stack) < 2:
            return AwaitComplete()
        self.set_timer(SWEPT, _sweep)
        return super().pop_screen()

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
