"""The line to search registers in."""

from __future__ import annotations

from collections.abc import Callable

from inspector.app.widgets.one_line import OneLine


class FindLine(OneLine):
    """What is typed is searched for at once: the letter and what it finds are drawn together."""

    def __init__(self, search: Callable[[str], None], hint: str) -> None:
        super().__init__(placeholder=hint, id="find")
        self._search = search

    def watch_value(self, value: str) -> None:
        """Another text stands in it."""
        self._search(value)
