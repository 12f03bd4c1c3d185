"""The dialog that chooses a dump to stand beside the summary."""

from __future__ import annotations

from collections.abc import Callable

from inspector.app.dialogs.choosing import Choosing
from inspector.app.dialogs.offers import offers_items
from inspector.app.widgets.ink import Ink, row
from inspector.app.widgets.listing import Item
from inspector.errors import InspectorError
from inspector.sources.dump import Dump


class ChooseBeside(Choosing):
    """Loaded and shipped dumps, a path, or none."""

    TITLE = "Another dump beside it"
    PLACEHOLDER = "file, builtin:NAME"

    def __init__(self, chosen: str, take: Callable[[Dump | None], None]) -> None:
        super().__init__()
        self._chosen = chosen
        """source of the dump that stands there now"""
        self._take = take

    def items(self) -> list[Item]:
        """What can be chosen."""
        return [
            Item("none", (row("none"), row(Ink("host and vCPU alone", "muted")))),
            *offers_items(self._loaded_dumps(), self.here()),
        ]

    def _loaded_dumps(self) -> list[Dump]:
        return self.program.session.dumps

    def present(self) -> str:
        """The dump that stands there now."""
        sources = [one.provenance.source for one in self._loaded_dumps()]
        return f"loaded {sources.index(self._chosen)}" if self._chosen in sources else "none"

    def picked(self, kind: str, name: str) -> None:
        """None, or a loaded dump."""
        self._done(self._loaded_dumps()[int(name)] if kind == "loaded" else None)

    def loaded(self, dump: Dump) -> None:
        """What was typed, or a shipped dump, has been read."""
        self.program.session.keep(dump)
        self._done(dump)

    def _done(self, dump: Dump | None) -> None:
        try:
            self._take(dump)
        except InspectorError as error:
            self.refuse(error)
        else:
            self.dismiss()
