"""Keys and pastes one after the other, each done with before the next is looked at.

Textual hands a key to what has the focus at that moment, and the key's meaning is found only when it has come up to the
program again, some turns of the loop later. Keys that arrive together would so all go to the screen in front of the
first: `o` and a path typed at once would open the dialog and lose the path. Here the second key waits until the first
has had its effect.

An effect may be a message that is on its way when the key has come up: enter in the palette tells its line, that the
palette, which closes and has the program run the command. So it is waited until all of them are quiet: a key that came
before would go to the line of a palette that is closing. Quiet too must be what is still being made, and what is put
off until the screen was drawn: a search line that was just mounted gets the keys only then. And so must be what is
found out or read for the key before: what is typed behind a file's name and enter is for the screen that it leads to.

Nobody looks whether all are quiet before there is a second key: a key alone has nothing to wait for.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from textual.app import App
from textual.dom import DOMNode
from textual.events import Key, Paste
from textual.message_pump import MessagePump

Typed = Key | Paste
LOOKING = 0.1
"""Seconds after which it is looked again what is waited for"""
PATIENCE = 2.0
"""Seconds after which a key that nobody finished no longer holds up the others. They are counted by looks: a program
that stood for a while (SIGSTOP, a frozen control group, a machine under load) has not waited meanwhile."""
FINDING = 15.0
"""The same while a mode finds out what its keys are about, which a busy machine may take long for, and for what was
typed ahead of a file that is read. Who types only while it is read is not kept from something else for that long."""
AT_ONCE = frozenset({"escape", "ctrl+c", "ctrl+q"})
"""Keys that give up what is read, unless they were typed ahead of it."""
DRAWING = 1 / 120
"""Seconds after which it is looked again whether the screen was drawn: half of what Textual leaves between two."""
ROUNDS = 40
"""How often it is waited for messages that came of the ones before, where something never falls quiet: a key takes one
for each step on its way up, a dialog that opens eight or more."""


def as_key(event: Typed) -> Typed:
    """A line's end is enter: a terminal makes that of enter until the program has taken it, and so do some that send
    keys."""
    return Key("enter", "\r") if isinstance(event, Key) and event.character == "\n" else event


class TypingAhead:
    """What was typed and is still waiting for its turn."""

    def __init__(self, program: App[Any], handle: Callable[[Typed], Awaitable[None]]) -> None:
        self._program, self._handle = program, handle
        self._waiting: deque[Typed] = deque()
        self._since: float | None = None
        """when the first that waits came to its turn; None: there is none. It was typed ahead if it is older."""
        self._looking = False
        self._waited = 0.0
        """for how many seconds the first has waited, as far as it was looked"""
        self._awaited: set[MessagePump] = set()
        """what has to be done before the first has its turn"""
        self._done: Callable[[MessagePump], None] = self._awaited.discard
        """one of them is"""

    async def take(self, event: Typed) -> None:
        """Handle an event in its turn."""
        self._waiting.append(event)
        if self._since is None:
            await self._next(self._begin(event.time), ROUNDS)
        elif self._tired(self._since):
            await self._next(self._begin(time.monotonic()), 0)

    def _begin(self, since: float) -> float:
        """Another one is the first that waits."""
        self._since, self._waited = since, 0.0
        return since

    def first(self, events: Sequence[Typed]) -> None:
        """These are handled before what waits: they are what the event that is handled now turned out to be."""
        self._waiting.extendleft(as_key(event) for event in reversed(events))

    async def _next(self, since: float, rounds: int) -> None:
        """Handle what waits, until something has to be waited for."""
        while self._since == since and self._waiting:
            busy = self._busy() if rounds else []
            if busy:
                self._when_done(busy, partial(self._next, since, rounds - 1))
                self._look_later()
                return
            if rounds and self._put_off(since) and not self._tired(since):
                # All were quiet: what becomes busy meanwhile, as a cursor that blinks does, does not count against it.
                self._program.set_timer(DRAWING, partial(self._next, since, ROUNDS))
                self._look_later()
                return
            await self._handle(self._waiting.popleft())
            since = self._begin(time.monotonic())
            rounds = ROUNDS
        if self._since == since:
            self._since = None

    def _look_later(self) -> None:
        """What is waited for may be taken down before it says that it is done; then no key would have its turn before
        the next one is pressed."""
        if not self._looking:
            self._looking = True
            self._program.set_timer(LOOKING, self._look)

    async def _look(self) -> None:
        self._looking = False
        if self._since is None or not self._waiting:
            return
        self._waited += LOOKING
        if self._tired(self._since):
            await self._next(self._begin(time.monotonic()), 0)
            return
        self._look_later()
        for node in [one for one in self._awaited if one._closed]:
            self._done(node)

    def _when_done(self, busy: Sequence[MessagePump], call: Callable[[], Awaitable[None]]) -> None:
        """Let the program call something when all of these have come to an end with the messages that they have."""
        awaited = {*busy}

        def done(node: MessagePump) -> None:
            if node in awaited:
                awaited.discard(node)
                if not awaited:
                    self._program.call_later(call)

        self._awaited, self._done = awaited, done
        for node in busy:
            if not node.call_later(done, node):
                done(node)

    def _busy(self) -> list[MessagePump]:
        """What is being mounted, which finds the keys' meaning and its own widgets only afterwards, and what has
        messages: the key before on its way up to the program, and all that came of it. One is taken out of the queue
        while the message before it is dealt with."""
        return [
            node
            for node in self._nodes()
            if not node._is_mounted or node.message_queue_size or node._pending_message is not None
        ]

    def _put_off(self, since: float) -> bool:
        """Whether something waits until a screen was drawn (`call_after_refresh` keeps it with the screen), or the one
        in front still finds out what the first that waits is about."""
        if any(screen._callbacks for screen in self._program.screen_stack) or self._says("finding_out"):
            return True
        first = self._waiting[0]
        at_once = isinstance(first, Key) and first.key in AT_ONCE and first.time >= since
        return self._says("keys_wait") and not at_once

    def _says(self, name: str) -> bool:
        """What the screen in front says of itself."""
        stack = self._program.screen_stack
        return bool(stack and getattr(stack[-1], name, False))

    def _tired(self, since: float) -> bool:
        """Whether the first that waits has waited for long enough."""
        ahead = self._waiting[0].time < since
        found_out = self._says("finding_out") or (ahead and self._says("keys_wait"))
        return self._waited >= (FINDING if found_out else PATIENCE)

    def _nodes(self) -> list[MessagePump]:
        """The program, its screens, and all that is on them."""
        found: list[DOMNode] = [*self._program.screen_stack]
        for node in found:
            found += node.children
        return [self._program, *found]
