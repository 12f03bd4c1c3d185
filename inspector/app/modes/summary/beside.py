"""A second dump beside the summary: another host, or a vCPU where that is all it shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from inspector.app.dialogs.choosing import Choosing
from inspector.app.dialogs.offers import offers_items
from inspector.app.shell.frame import source_name
from inspector.app.widgets.ink import Ink, row
from inspector.app.widgets.listing import Item
from inspector.checks.features.sides import sides_of
from inspector.checks.features.summary import lines_of
from inspector.errors import InspectorError
from inspector.sources.dump import Dump


class Beside(NamedTuple):
    """What the second dump shows."""

    source: str
    title: str
    words: Mapping[str, str]
    """by the key of a line; a line about which it shows nothing is left out"""


def beside(dump: Dump) -> Beside:
    """The host of a dump in the words of the summary's lines, or its vCPU where no host is known."""
    sides = sides_of(dump)
    side = sides.host or sides.vcpu
    words = {one.key: text for one in lines_of(sides) if (text := one.host if sides.host else one.vcpu) is not None}
    source = dump.provenance.source
    return Beside(source, f"{side.title if side else 'nothing'} of {source_name(source)}", words)


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
            *offers_items(self._loaded_dumps()),
        ]

    def _loaded_dumps(self) -> list[Dump]:
        return self.program.session.dumps

    def present(self) -> str:
        """The dump that stands there now."""
        sources = [one.provenance.source for one in self._loaded_dumps()]
        return f"loaded {sources.index(self._chosen)}" if self._chosen in sources else "none"

    def picked(self, kind: str, name: str) -> None:
        """None, a loaded dump, or a shipped one."""
        if kind == "builtin":
            self.typed(f"builtin:{name}")
        else:
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
