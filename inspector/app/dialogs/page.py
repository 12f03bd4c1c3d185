"""A dialog that is one page to scroll, and the keys that scroll one wherever it stands."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from inspector.app.dialogs.dialog import Dialog
from inspector.app.widgets.ink import Row
from inspector.app.widgets.lines import Lines

_FAR = 9999
"""More lines than any page has."""


def scrolling(whose: str = "") -> list[BindingType]:
    """The keys of a page. `whose`: prefix of the action `scroll`, `screen.` where a widget has the keys."""
    steps = {
        "down,j": (1, "Down"), "up,k": (-1, "Up"), "pagedown,space": (12, "Page down"), "pageup": (-12, "Page up"),
        "home,g": (-_FAR, "Top"), "end,G": (_FAR, "End"),
    }  # fmt: skip
    return [Binding(keys, f"{whose}scroll({step})", what, show=False) for keys, (step, what) in steps.items()]


class Page(Dialog):
    """A scrolling page over the mode, the `Lines` with the id `page`; q closes it too."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("q", "close", "Close", show=False), *scrolling()]

    def page_rows(self) -> list[Row]:
        """The page, wrapped to the width there is."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """As wide as there is room."""
        self.wrap_anew()

    def wrap_anew(self) -> None:
        """The whole page."""
        self.query_one("#page", Lines).show(self.page_rows())

    def action_scroll(self, step: int) -> None:
        """Scroll by lines."""
        self.query_one("#page", Lines).scroll_relative(y=step, animate=False)
