"""Timers that fire once, and do so whatever happens.

Textual's leave out a moment that has passed already when they begin to wait. For one that fires again and again that is
as it should be; one that fires once is lost where the process, or its main thread, stood just then for as long as the
timer is: under load, or stopped from outside. A key that waited for it waited for ever.
"""

from __future__ import annotations

from typing import Any

from textual import message_pump
from textual.timer import Timer


class _Sure(Timer):
    def __init__(self, *arguments: Any, repeat: int | None = None, skip: bool = True, **named: Any) -> None:
        super().__init__(*arguments, repeat=repeat, skip=skip and repeat != 0, **named)


def lose_no_timer() -> None:
    """Let every timer be one of these."""
    message_pump.Timer = _Sure  # type: ignore[attr-defined]
