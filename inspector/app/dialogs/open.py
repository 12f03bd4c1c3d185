"""Open a dump: type a file name, or choose one that is loaded or ships with the program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspector.app.dialogs.choosing import Choosing
from inspector.app.dialogs.offers import offers_items
from inspector.app.widgets.listing import Item
from inspector.errors import InspectorError
from inspector.sources.dump import Dump
from inspector.sources.live import is_live

if TYPE_CHECKING:
    from inspector.app.shell.live import Opening


class Open(Choosing):
    """A path and a list; an error stays in place under the path."""

    TITLE = "Open a dump"
    SUBTITLE = "enter opens   tab completes   ↑↓ list   esc closes"
    PLACEHOLDER = "file, builtin:NAME, live:, ssh://host, lab:KERNEL, gdb:, qmp:, debugfs:"

    def __init__(self) -> None:
        super().__init__()
        self._opening: Opening | None = None
        """the live source that is read"""

    def items(self) -> list[Item]:
        """Loaded dumps, those of this folder, shipped ones."""
        return offers_items(self.program.session.dumps, self.here())

    def picked(self, kind: str, name: str) -> None:
        """A loaded dump."""
        self.dismiss()
        self.program.look_at(int(name))

    def read(self, source: str) -> None:
        """A source that is read takes the place of a live one."""
        self._give_up()
        super().read(source)

    def typed(self, text: str) -> None:
        """A live source shows what reading does to its guest."""
        if not is_live(text):
            super().typed(text)
            return
        self._give_up()
        asked = self.asking.ask()

        def opened() -> bool:
            """Read; a dialog that was closed has given it up."""
            waited_for = self.shown and asked.waited_for
            if waited_for:
                self.dismiss()
            return waited_for

        def says(said: str) -> None:
            """What a machine of the lab does while it starts."""
            if self.shown and asked.waited_for:
                self.say(f"reading {text}: {said}")

        try:
            self._opening = self.program.open_live(text, opened, self.refuse, says)
        except InspectorError as error:
            self.refuse(error)
        else:
            caution = self._opening.caution
            self.say(f"reading {text} …" + (f"  {caution}" if caution else ""))

    def _give_up(self) -> None:
        """What is read is not waited for any longer."""
        if self._opening is not None:
            self._opening.give_up()
            self._opening = None

    def action_close(self) -> None:
        """Back to what lies below; nothing comes of a reading under way."""
        self._give_up()
        super().action_close()

    def loaded(self, dump: Dump) -> None:
        """Browse it."""
        self.dismiss()
        self.program.show_dump(dump)
