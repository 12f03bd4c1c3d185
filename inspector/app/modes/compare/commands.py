"""The command palette's entries for Compare: any loaded or shipped dump, all of them, a kernel, the baseline."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from inspector import sources
from inspector.app.dialogs.offers import about, dump_words
from inspector.app.modes.compare.sides import Side, all_sides, side_name
from inspector.app.shell.commands import Command, Commands
from inspector.errors import InspectorError, one_line

if TYPE_CHECKING:
    # The screen loads when one of these is chosen.
    from inspector.app.modes.compare.screen import Compare


class CompareCommands(Commands):
    """What the dump on screen can be compared with."""

    def entries(self, typed: bool = True) -> Iterator[Command]:
        """A kernel, the other loaded views, all loaded dumps, shipped dumps."""
        session = self.program.session
        if not session.dumps:
            return
        asked = session.policy or "the dump's own kernel"
        yield Command(
            "Compare: with what a kernel exposes", asked, lambda: self._compare(lambda page: page.compare_with())
        )
        text = "What both show on this host, and which of their rules differ"
        yield Command("Compare: two kernels", text, lambda: self._compare(lambda page: page.action_kernels()))
        if len(session.dumps) > 1:
            text = f"{len(session.dumps)} dumps, groups of equal ones as columns"
            yield Command("Compare: all loaded dumps", text, lambda: self._compare(lambda page: page.compare_all()))
        text = "The greatest common feature set of the compared dumps, and its exports"
        yield Command("Compare: baseline", text, lambda: self._compare(lambda page: page.action_baseline()))
        for index, dump in enumerate(session.dumps):
            for place, view in enumerate(session.views(index)):
                if (index, place) != (session.place.source, session.place.view):
                    side = Side(dump, place)
                    words = dump_words(dump) if place == 0 else f"{len(view.registers)} registers"
                    yield Command(
                        f"Compare: with {one_line(side_name(side, every=True))}", one_line(words), self._with(side)
                    )
        if typed:
            for name in map(str, sources.shipped_names()):
                yield Command(f"Compare: with {name}", about(name), self._with_shipped(name))

    def _with(self, side: Side) -> Callable[[], object]:
        return lambda: self._compare(lambda page: page.compare_with(side))

    def _with_shipped(self, name: str) -> Callable[[], object]:
        def run() -> None:
            try:
                dump = sources.load(f"builtin:{name}")
            except InspectorError as error:
                self.app.notify(str(error), severity="error", markup=False)
                return
            self.program.session.keep(dump)
            self._compare(lambda page: page.compare_with(*all_sides([dump])))

        return run

    def _compare(self, ask: Callable[[Compare], object]) -> None:
        """Go to Compare and ask there."""
        from inspector.app.modes.compare.screen import Compare

        self.app.switch_mode("compare")
        page = self.app.screen
        if isinstance(page, Compare):
            ask(page)
