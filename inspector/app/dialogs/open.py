"""Open a dump: type a file name, or choose one that is loaded or ships with the program."""

from __future__ import annotations

from inspector.app.dialogs.choosing import Choosing
from inspector.app.dialogs.offers import offers_items
from inspector.app.widgets.listing import Item
from inspector.errors import InspectorError
from inspector.sources.dump import Dump
from inspector.sources.live import is_live


class Open(Choosing):
    """A path and a list; an error stays in place under the path."""

    TITLE = "Open a dump"
    SUBTITLE = "enter opens   tab completes   ↑↓ list   esc closes"
    PLACEHOLDER = "file, builtin:NAME, live:, ssh://host, lab:KERNEL, gdb:, qmp:, debugfs:"

    def items(self) -> list[Item]:
        """Loaded and shipped dumps."""
        return offers_items(self.program.session.dumps)

    def picked(self, kind: str, name: str) -> None:
        """A dump of the list."""
        if kind == "loaded":
            self.dismiss()
            self.program.session.look_at(int(name))
        elif kind == "builtin":
            self.typed(f"builtin:{name}")

    def typed(self, text: str) -> None:
        """A live source shows what reading does to its guest."""
        if not is_live(text):
            super().typed(text)
            return
        try:
            caution = self.program.open_live(text, self.dismiss, self.refuse, lambda said: self._doing(text, said))
        except InspectorError as error:
            self.refuse(error)
        else:
            self.say(f"reading {text} …" + (f"  {caution}" if caution else ""))

    def _doing(self, address: str, text: str) -> None:
        """What a machine of the lab does while it starts; nothing once the dialog was closed."""
        if self.shown:
            self.say(f"reading {address}: {text}")

    def loaded(self, dump: Dump) -> None:
        """Browse it."""
        self.dismiss()
        self.program.show_dump(dump)
