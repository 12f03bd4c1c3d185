"""Sources that are read again, beside the screens: a file on request, live sources at an interval as well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.app import App

from inspector import sources
from inspector.app.modes.start.anything import PASTED
from inspector.app.shell.background import aside, tell
from inspector.app.shell.live import LiveReading, follow
from inspector.app.shell.session import Change, Session
from inspector.app.shell.view import source_name
from inspector.errors import InspectorError
from inspector.numbers import count_of
from inspector.sources.dump import Dump
from inspector.sources.live.source import changes


class ReadingAgain:
    """Takes up what the sources of a session hold by now; what is on screen stays where one cannot be read."""

    def __init__(self, app: App[Any], session: Session, tell_screens: Callable[[Change], None]) -> None:
        self._app, self._session, self._tell = app, session, tell_screens
        self._said_kept = 0
        """how many simulated writes stood on a live source when that was said last"""

    def read_file(self, dump: Dump) -> None:
        """What a file holds by now; what is on screen stays where it cannot be read."""
        source = dump.provenance.source
        if source in ("", "-", PASTED):
            self._app.notify("This was pasted or piped: nothing can be read again", markup=False)
            return

        def read() -> Dump:
            current = sources.load(source, snapshot=dump.provenance.snapshot.raw)
            if [one.kind for one in current.vcpus] != [one.kind for one in dump.vcpus]:
                raise InspectorError("holds other vCPUs by now", source_name(source), "o opens it anew")
            return current

        def done(current: Dump) -> None:
            changed = changes(dump, current)
            self._session.renew(current, changed)
            count = sum(map(len, changed.values()))
            said = f"{count_of(count, 'value')} changed" if count else "nothing changed"
            self._app.notify(f"Read again: {source_name(source)}, {said}", markup=False)

        def failed(error: InspectorError) -> None:
            self._app.notify(f"{error}. What was read before stays", severity="warning", markup=False)

        def says(text: str) -> None:
            if not said:
                said.append(text)
                self._app.notify(text, markup=False)

        said: list[str] = []
        aside(self._app, read, done, failed, says=says)

    def read_all(self) -> None:
        """Every live source of the session."""
        for dump in tuple(self._session.loaded):
            reading = self._session.readings.get(dump.provenance.source)
            if reading is not None:
                self.read_live(dump, reading)

    def read_live(self, dump: Dump, reading: LiveReading) -> None:
        """One reading at a time per source; the old values stay on screen until a new one has come."""
        if reading.busy:
            return

        def done(current: Dump) -> None:
            self._session.renew(current, reading.took(dump, current))
            self._say_kept(current.provenance.source)

        def failed(error: InspectorError) -> None:
            reading.refused(error)
            self._tell("live")

        def doing(text: str) -> None:
            reading.doing = text
            self._tell("live")

        follow(reading.source, lambda text: tell(self._app, lambda: doing(text)))
        reading.begin()
        self._tell("live")
        aside(self._app, reading.source.read, done, failed, finish=reading.pauses_guest)

    def _say_kept(self, source: str) -> None:
        """What became of the simulated writes when a live source was read again: said once, and in the live line."""
        count = self._session.tried.writes_to(source)
        if count and count != self._said_kept:
            what = count_of(count, "simulated write")
            self._app.notify(f"Read again: {what} stay, made anew on the new values (W lists them)", markup=False)
        self._said_kept = count
