"""When screens count as stuck: a key that asks to leave, and no answer for some seconds."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest

from inspector.app.shell import hangup
from inspector.app.shell.hangup import STUCK


class Loop:
    """One that comes round when it is told to."""

    def __init__(self) -> None:
        self.waiting: list[object] = []

    def call_soon_threadsafe(self, callback: object) -> None:
        """Keep it."""
        self.waiting.append(callback)


def test_a_second_key_counts_only_when_the_first_had_no_answer_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two at once, while a screen is being made, break nothing off."""
    now = [100.0]
    monkeypatch.setattr("inspector.app.shell.hangup.time", SimpleNamespace(monotonic=lambda: now[0]))
    asked = hangup._Asked(cast(asyncio.AbstractEventLoop, Loop()))
    assert not asked.in_vain()
    for later, stuck in ((0.0, False), (STUCK - 0.5, False), (0.5, True)):
        now[0] += later
        assert asked.in_vain() == stuck
    asked._answered()
    assert not asked.in_vain() and not asked.in_vain()
