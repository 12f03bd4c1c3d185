"""Notices that a slow machine shows late."""

from __future__ import annotations

from time import time

from textual.notifications import Notification

LEAST = 0.05
"""Seconds for which a notice is shown at least."""


class Notice(Notification):
    """A notice whose time to go is never over while it is being drawn.

    Textual makes a timer of the time that is left when the notice is drawn. On a busy machine that may be below zero by
    then, and a timer that is to ring in the past counts backwards for ever: the program hung with a whole processor.
    """

    @property
    def time_left(self) -> float:
        """Seconds until it goes, more than 0."""
        return max(super().time_left, LEAST)

    @property
    def has_expired(self) -> bool:
        """Whether its time is over."""
        return self.raised_at + self.timeout <= time()
