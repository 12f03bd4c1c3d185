"""Keys and pastes one after the other, each done with before the next is looked at.

Textual hands a key to what has the focus at that moment, and the key's meaning is found only when it has come up to the
program again, some turns of the loop later. Keys that arrive together would so all go to the screen in front of the
first: `o` and a path typed at once would open the dialog and lose the path. Here the second key waits until the first
has had its effect.

An effect may be a message that is on its way when the key has come up: enter in the palette tells its line, that its
list, that the palette, which closes and has the program run the command. So it is waited until all of them are quiet:
a key that came before would go to the line of a palette that is closing. Quiet too must be what is still being made,
and what is put off until the screen was drawn: a search line that was just mounted gets the keys only then.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

from textual.app import App
from textual.events import Key, Paste
from textual.message_pump import MessagePump

Typed = Key | Paste
PATIENCE = 2.0
"""Seconds after which a key that nobody finished no longer holds up the others."""
FINDING = 15.0
"""The same while a mode finds out what its keys are about, which a busy machine may take long for."""
DRAWING = 1 / 120
"""Seconds after which it is looked again whether the screen was drawn: half of what Textual leaves between two."""
ROUNDS = 12
"""How often it is waited for messages that came of the ones before, where something never falls quiet."""


def apart(event: Typed) -> tuple[Typed, ...]:
    """Escape and a letter where a terminal's bytes say Alt and that letter: they are the same. Nothing here is bound
    to Alt, while a letter follows an escape at once where somebody types fast, or a slow line delivers both together.
    """
    letter = event.character if isinstance(event, Key) and event.key.startswith("alt+") else None
    if letter is None or len(letter) != 1 or not letter.isalnum():
        return (event,)
    return Key("escape", "\x1b"), Key(letter, letter)


class TypingAhead:
    """What was typed and is still waiting for its turn."""

    def __init__(self, program: App[Any], handle: Callable[[Typed], Awaitable[MessagePump | None]]) -> None:
        self._program, self._handle = program, handle
        self._waiting: deque[Typed] = deque()
        self._since: float | None = None
        """when the present event had its turn; None: there is none"""

    async def take(self, event: Typed) -> None:
        """Handle an event in its turn."""
        self._waiting.append(event)
        if self._since is None and (self._unmade() or self._put_off()):
            # The program opens something by itself: its first screen, or what a reading gave.
            self._since = time.monotonic()
            await self._quiet(self._since, ROUNDS)
        elif self._since is None or self._tired(self._since):
            await self._next()

    async def _next(self) -> None:
        """Handle what waits, until something has to be waited for."""
        while self._waiting:
            event, since = self._waiting.popleft(), time.monotonic()
            self._since = since
            node = await self._handle(event)
            if node is not None and node.call_later(self._climb, event, node, since):
                return
        self._since = None

    async def _climb(self, event: Typed, node: MessagePump, since: float) -> None:
        """The event has been at `node`; it goes on to the parent, at last to the program, unless somebody took it."""
        if self._since != since:
            return
        parent = node._parent
        if node is self._program:
            await self._quiet(since, ROUNDS)
        elif event._stop_propagation or parent is None or not parent.call_later(self._climb, event, parent, since):
            self._program.call_later(self._climb, event, self._program, since)

    async def _quiet(self, since: float, rounds: int) -> None:
        """Wait for what the event has set going; then the next one has its turn."""
        if self._since != since:
            return
        waiting = len(busy := [*self._unmade(), *(node for node in self._nodes() if node.message_queue_size)])
        if not busy and self._put_off() and not self._tired(since):
            self._program.set_timer(DRAWING, partial(self._quiet, since, rounds))
            return
        if not busy or not rounds:
            await self._next()
            return

        async def done() -> None:
            nonlocal waiting
            waiting -= 1
            if not waiting:
                self._program.call_later(self._quiet, since, rounds - 1)

        for node in busy:
            if not node.call_later(done):
                await done()

    def _unmade(self) -> list[MessagePump]:
        """What is being mounted: it finds the keys' meaning and its own widgets only afterwards."""
        return [node for node in self._nodes() if not node._is_mounted]

    def _put_off(self) -> bool:
        """Whether something waits until a screen was drawn (`call_after_refresh` keeps it with the screen), or the mode
        in front still finds out what its keys are about."""
        return self._finding or any(screen._callbacks for screen in self._program.screen_stack)

    @property
    def _finding(self) -> bool:
        """What the mode in front says of itself."""
        stack = self._program.screen_stack
        return bool(stack and getattr(stack[-1], "finding_out", False))

    def _tired(self, since: float) -> bool:
        """Whether the present event has held up the others for long enough."""
        return time.monotonic() - since > (FINDING if self._finding else PATIENCE)

    def _nodes(self) -> Iterator[MessagePump]:
        """The program, its screens, and all that is on them."""
        yield self._program
        for screen in self._program.screen_stack:
            yield screen
            yield from screen.walk_children()
