"""What is read for a line and a list while the user may go on: whether anybody waits for it still when it comes."""

from __future__ import annotations

from collections.abc import Callable


class Asked:
    """One of the questions."""

    def __init__(self, asking: Asking, stands: object, soon: bool) -> None:
        self._asking, self._stands = asking, stands
        self.soon = soon
        """its answer is waited for by what is typed meanwhile; until it has come"""

    @property
    def wanted(self) -> bool:
        """It was not given up, and nothing else was asked since."""
        return self._asking.last is self

    @property
    def waited_for(self) -> bool:
        """Besides, the user has done nothing else meanwhile: what was asked stands there as it did."""
        return self.wanted and self._asking.stands() == self._stands


class Asking:
    """The questions of one place; `stands` gives what the user sees there of what was asked, such as a line's text."""

    def __init__(self, stands: Callable[[], object]) -> None:
        self.stands = stands
        self.last: Asked | None = None

    def ask(self, *, soon: bool = False) -> Asked:
        """A question is asked; what was asked before is not wanted any more. `soon`: keys wait for its answer."""
        self.last = Asked(self, self.stands(), soon)
        return self.last

    @property
    def keys_wait(self) -> bool:
        """Whether keys wait for what was asked last: they are about that, as long as nothing else was done."""
        return self.last is not None and self.last.soon and self.last.waited_for

    def give_up(self) -> None:
        """Nothing is wanted any more."""
        self.last = None
