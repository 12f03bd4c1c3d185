"""What every screen of ours leaves out of what Textual does when a screen comes to the front.

For a new one Textual reads every style sheet of the program again, twice, styles it three times, and lays it out and
draws it whole three times, which together is most of what a key that opens it costs. But it was styled with the present
sheet when it was registered, and its first layout draws all of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from textual.app import App
from textual.events import ScreenResume
from textual.geometry import Region, Size
from textual.widget import Widget

from inspector.app.shell.drawing import Drawing

if TYPE_CHECKING:
    from textual.screen import Screen

    _Base = Screen[Any]
else:
    # No screen itself: Textual takes a screen's style sheets from its first base that is one.
    _Base = object


class Lean(_Base):
    """A screen that is styled, laid out and drawn once when it comes."""

    _in_front = False

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
        if first:
            # What styling asked for, before there was a size to draw at.
            self._repaint_required = False
        else:
            self.refresh()

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
