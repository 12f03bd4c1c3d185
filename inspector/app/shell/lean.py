"""What every screen of ours leaves out of what Textual does when a screen comes to the front.

For a new one Textual reads every style sheet of the program again, twice, styles it three times, and lays it out and
draws it whole three times, which together is most of what a key that opens it costs. But it was styled with the present
sheet when it was registered, and its first layout draws all of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from textual._time import get_time
from textual.app import App
from textual.await_remove import AwaitRemove
from textual.events import ScreenResume
from textual.geometry import Region, Size
from textual.messages import Layout, Update
from textual.widget import AwaitMount, Widget

from inspector.app.shell.drawing import Drawing

if TYPE_CHECKING:
    from textual._types import CallbackType as Callback
    from textual.screen import Screen

    _Base = Screen[Any]
else:
    # No screen itself: Textual takes a screen's style sheets from its first base that is one.
    _Base = object


class Lean(_Base):
    """A screen that is styled, laid out and drawn once when it comes."""

    is_dialog = False
    """it is one of ours over a mode, a `Dialog`: nothing has to load dialogs to know that none is open"""
    _in_front = False
    _composing = False
    _laid_out_at = 0.0
    _drawn_at = 0.0
    """when the first layout drew all"""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._compositor = Drawing()

    def _post_register(self, app: App[Any]) -> None:
        """Before the first styling: its own style sheets, which speak of it alone, and whether the terminal is wide."""
        super()._post_register(app)
        sheet = app.stylesheet
        if new := [path for path in self.css_path if not sheet.has_source(str(path))]:
            sheet.read_all(new)
            sheet.parse()  # only these: the others' rules are kept
        width, height = app.size
        for size, points in ((width, app.HORIZONTAL_BREAKPOINTS), (height, app.VERTICAL_BREAKPOINTS)):
            self._classes.update(self._get_breakpoint_classes(size, points or []))
        self._css_update_count = app._css_update_count

    def _extend_compose(self, widgets: list[Widget]) -> None:
        """Without what shows notices and tooltips: the program brings the one with a notice, and has none of the
        other."""

    async def mount_composed_widgets(self, widgets: list[Widget]) -> None:
        """Mount what it is made of, and wait for it. That asks for a layout; Textual waits and asks twice."""
        self._composing = True
        try:
            mounted = self.mount_all(widgets) if widgets else None
        finally:
            self._composing = False
        if mounted is not None:
            await mounted

    def call_next(self, callback: Callback, *arguments: Any, **named: Any) -> None:
        """See `mount_composed_widgets`."""
        if not (self._composing and isinstance(callback, AwaitMount)):
            super().call_next(callback, *arguments, **named)

    def remove(self) -> AwaitRemove:
        """Take it off the program. What lay below is drawn again, but has its layout."""
        return self.app._prune(self)

    def _on_screen_resume(self, event: ScreenResume) -> None:
        """To the front: a first layout draws all; for one that comes again, Textual draws it. The program styles it
        where the theme was changed meanwhile."""
        event.prevent_default()
        if self._in_front or not self.is_attached:
            return
        self._in_front, first = True, not self.stack_updates
        self.stack_updates += 1
        self.app._refresh_notifications()
        self._update_auto_focus()
        if self._size != (size := self.app.size):
            self._refresh_layout(size)
            self._laid_out(first)
            if first:
                self._drawn_at = self._laid_out_at
        if first:
            # What styling asked for, before there was a size to draw at.
            self._repaint_required = False
        else:
            self.refresh()

    def _laid_out(self, first: bool) -> None:
        """Forget who asked for the layout that was just made; the sizes that it gave ask for the same once more. The
        first one has drawn all, too."""
        for widget in self._compositor.full_map:  # scroll bars are no children
            widget._layout_required = False
            if first:
                widget._repaint_required = False
        self._layout_widgets.clear()

    def _refresh_layout(self, size: Size | None = None, scroll: bool = False) -> None:
        """Lay out, and take note of when."""
        self._laid_out_at = get_time()
        super()._refresh_layout(size, scroll)

    async def _on_layout(self, message: Layout) -> None:
        """A widget asks for a layout; not once more for one that was made since."""
        if message.time < self._laid_out_at:
            message.stop()
            message.prevent_default()

    async def _on_update(self, message: Update) -> None:
        """A widget asks to be drawn; not once more for what the first layout has drawn."""
        if message.time < self._drawn_at:
            message.stop()
            message.prevent_default()

    def _on_screen_suspend(self) -> None:
        """Textual calls this and then its own, as it does with every handler of an event."""
        self._in_front = False

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        """Draw again. A layout draws what it changes; with each widget that is mounted Textual would draw all."""
        return super().refresh(*regions, repaint=repaint and not layout, layout=layout, recompose=recompose)

    def set_focus(self, widget: Widget | None, scroll_visible: bool = True, from_app_focus: bool = False) -> None:
        """Another widget has the keys. What looks otherwise then is drawn; Textual would draw the whole screen."""
        due = self._repaint_required
        super().set_focus(widget, scroll_visible, from_app_focus)
        self._repaint_required = due

    def _screen_resized(self, size: Size) -> None:
        """Nothing where it is laid out for this size already."""
        if self._compositor.size != size or self._size != size:
            super()._screen_resized(size)
