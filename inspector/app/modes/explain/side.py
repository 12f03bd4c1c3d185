"""Choose the dump that stands for the saved VM, or for its destination."""

from __future__ import annotations

from collections.abc import Callable

from inspector.app.dialogs.choosing import Choosing
from inspector.app.dialogs.offers import offers_items
from inspector.app.widgets.ink import Ink, row
from inspector.app.widgets.listing import Item
from inspector.sources.dump import Dump


class ChooseSaved(Choosing):
    """None, loaded dumps, shipped ones, or a path."""

    TITLE = "The saved VM"
    PLACEHOLDER = "file, builtin:NAME"

    def __init__(self, now: Dump | None, take: Callable[[Dump | None], None]) -> None:
        super().__init__()
        self._now, self._take = now, take

    def items(self) -> list[Item]:
        """None first."""
        return [Item("none", (row("none"), row(Ink("as far as the text tells", "muted")))), *self._dumps()]

    def _dumps(self) -> list[Item]:
        return offers_items(self.program.session.loaded, self.here())

    def present(self) -> str:
        """What stands for it now; where nothing does, the first that could."""
        loaded = self.program.session.loaded
        if self._now in loaded:
            return f"loaded {loaded.index(self._now)}"
        return next(item.key for item in self._dumps() if item.pick)

    def picked(self, kind: str, name: str) -> None:
        """A line of the list."""
        self._done(self.program.session.loaded[int(name)] if kind == "loaded" else None)

    def loaded(self, dump: Dump) -> None:
        """What was typed has been read."""
        self._done(dump)

    def _done(self, dump: Dump | None) -> None:
        self.dismiss()
        self._take(dump)


class ChooseDestination(ChooseSaved):
    """The same for a fresh vCPU of the destination."""

    TITLE = "The destination"
