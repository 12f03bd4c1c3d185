"""Live sources on screen: what was read when, what is being read, what went wrong, and what changed since."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from inspector.app.shell.keys import pressing
from inspector.app.shell.view import Changes
from inspector.app.widgets.ink import WRITTEN, Ink, Row, ends, ink, row, width
from inspector.errors import InspectorError
from inspector.numbers import count_of
from inspector.sources.dump import Dump, View
from inspector.sources.live import is_lab
from inspector.sources.live.source import LiveSource, changes


def now() -> str:
    """The time of day, as the live line shows it."""
    return time.strftime("%H:%M:%S")


@dataclass
class LiveReading:
    """One live source that is kept open in the session."""

    source: LiveSource
    when: str = ""
    """time of the reading that is on screen"""
    count: int = 1
    """readings so far"""
    changed: int = 0
    """registers that the last reading found changed"""
    busy: bool = False
    """a reading is under way"""
    doing: str = ""
    """what a source that takes its time to start says it does now"""
    problem: str = ""
    """why the last attempt gave nothing; the values on screen are then those of `when`"""
    failed: str = ""
    """time of that attempt"""

    def begin(self) -> None:
        """A reading starts."""
        self.busy, self.doing = True, ""

    def took(self, previous: Dump, current: Dump) -> Changes:
        """A reading came; gives what it changed."""
        found = changes(previous, current)
        self.busy, self.problem, self.when = False, "", now()
        self.count += 1
        self.changed = sum(map(len, found.values()))
        return found

    def refused(self, error: InspectorError) -> None:
        """A reading failed; the old values stay."""
        self.busy, self.failed = False, now()
        self.problem = str(error).removeprefix(f"{self.source.address}: ")

    @property
    def pauses_guest(self) -> bool:
        """True when reading does something to a running guest, so that it must not be cut off."""
        return bool(self.source.caution)


class Opening:
    """A live source that is read for the first time, beside the screen."""

    def __init__(self, source: LiveSource) -> None:
        self.source = source
        self.wanted = True
        """False: what comes of it is shown nowhere"""

    @property
    def caution(self) -> str:
        """What reading does to the guest; empty for nothing."""
        return self.source.caution

    def give_up(self) -> None:
        """Do not wait any longer. A machine of the lab that starts is ended; a guest that stands is let go as ever."""
        self.wanted = False
        if is_lab(self.source.address):
            from inspector.sources.live.laboratory import Lab

            assert isinstance(self.source, Lab)
            self.source.stopped.set()


def follow(source: LiveSource, said: Callable[[str], object]) -> None:
    """Let `said` know what a machine of the lab does while it starts, in the thread that reads; others just read."""
    if is_lab(source.address):
        from inspector.sources.live.laboratory import Lab

        assert isinstance(source, Lab)
        source.say = lambda address, text: said(text)


def live_row(reading: LiveReading, watch: float | None, cells: int, writes: int = 0) -> Row:
    """The line below the header: when it was read, what changed, what went wrong, what reading does to the guest.

    `writes`: how many simulated writes were made anew on what was read.
    """
    again = pressing("r")
    if reading.problem and not reading.busy:
        left = row(Ink(" ✖ ", "refused"), ink(f"{reading.failed} {reading.problem}"))
        keys = row(Ink("   "), Ink("r", "key", again), Ink(" tries again ", "muted", again))
        since = row(Ink(f"   the values are those of {reading.when}", "muted"))
        roomy = width(left) + width(since) + width(keys) <= cells
        return ends(left, (*since, *keys) if roomy else keys, cells)
    if reading.busy:
        told = reading.doing or reading.source.caution
        return row(Ink(" … ", "raised"), ink(f"reading {reading.source.address}" + (f": {told}" if told else "")))
    said = f"read {reading.when}"
    if reading.count > 1:
        what = f"{count_of(reading.changed, 'register')} changed" if reading.changed else "no change"
        said += f", {what}"
    kept = f", {WRITTEN} {count_of(writes, 'simulated write')} on it" if writes else ""
    left = row(
        Ink(" live ", "title"), ink(said), Ink(kept, "raised"), Ink(f", every {watch:g} s" if watch else "", "muted")
    )
    said_of_guest = row(ink(f"   {reading.source.caution}", "muted")) if reading.source.caution else ()
    keys = row(Ink("   "), Ink("r", "key", again), Ink(" reads again ", "muted", again))
    if width(left) + width(said_of_guest) + width(keys) <= cells:
        return ends((*left, *said_of_guest), keys, cells)
    return ends(left, keys, cells)


def read_at_start(
    addresses: Sequence[str], open_one: Mapping[str, LiveSource], declared: View | None = None
) -> tuple[list[Dump], dict[str, LiveReading]]:
    """Read every source before the screens open: the dumps, and those of them that are live by their address.

    `declared`: whose values texts hold.

    Raises SourceError for the first that cannot be read.
    """
    from inspector.sources import load

    dumps: list[Dump] = []
    readings: dict[str, LiveReading] = {}
    for address in addresses:
        if (source := open_one.get(address)) is None:
            dumps.append(load(address, declared))
            continue
        dumps.append(source.read())
        readings[dumps[-1].provenance.source] = LiveReading(source, now())
    return dumps, readings
