"""Work that may take a while, beside the screens: a thread of its own, its answer handed back to the program's loop.

Textual's thread workers are waited for when the program ends, so that leaving during a slow read would hang. These
threads are left behind instead, apart from those that have to put a guest back as it was: `wait_for_work` waits for
them, once the screens are gone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from textual.app import App

from inspector.errors import InspectorError
from inspector.leaving import Leaving
from inspector.progress import telling

Answer = TypeVar("Answer")
PATIENCE = 0.25
"""Seconds in which an answer may come before a screen is drawn without it; drawn twice, it costs a tenth more."""
_finishing: list[threading.Thread] = []
_last_words: list[str] = []


def aside(
    app: App[None],
    work: Callable[[], Answer],
    done: Callable[[Answer], object],
    failed: Callable[[InspectorError], object],
    *,
    says: Callable[[str], object] | None = None,
    wanted: Callable[[], bool] = lambda: True,
    finish: bool = False,
    patience: float = 0.0,
) -> threading.Thread:
    """Run `work` in a thread; `done` or `failed` is called with what came of it, by the program's own loop.

    `says`: gets how far it has come, by the loop as well. `wanted`: whether somebody waits still, asked each time in
    the thread; what nobody waits for ends there, and nothing is called.
    `finish`: the work must not be cut off, not even when the user leaves.
    `patience`: seconds that the loop itself waits; what came of it by then is told before this returns, so that a
    screen is drawn once, with its answer.
    """
    told = _Told(app)
    if not patience:
        told.wait_no_longer()  # whoever asked goes on first, even where the answer is there at once

    def run() -> None:
        try:
            answer = work() if says is None else _told_of(work, says, wanted, told)
        except Leaving as leaving:
            _last_words.append(leaving.note)
        except InspectorError as error:
            problem = error
            told.put(lambda: failed(problem))
        except Exception as error:  # a fault of ours ends the program with its traceback, as one on screen would
            fault = error
            told.put(lambda: _raise(fault))
        else:
            told.put(lambda: done(answer))

    thread = threading.Thread(target=run, daemon=True)
    if finish:
        _finishing[:] = [one for one in _finishing if one.is_alive()]
        _finishing.append(thread)
    thread.start()
    if patience:
        thread.join(patience)
        told.wait_no_longer()
    return thread


class _GivenUp(Leaving):
    """The work is asked to end, and leaves no word: nobody waits for its answer any more."""

    def __init__(self) -> None:
        super().__init__(0)


class _Told:
    """What came of some work, on its way to the program's loop: kept while that waits for it, sent from then on."""

    def __init__(self, app: App[None]) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._kept: list[Callable[[], object]] | None = []

    def put(self, call: Callable[[], object]) -> None:
        """By the thread that works."""
        with self._lock:
            if self._kept is not None:
                self._kept.append(call)
                return
        tell(self._app, call)

    def wait_no_longer(self) -> None:
        """By the loop: what has come is called here."""
        with self._lock:
            kept, self._kept = self._kept or (), None
        for call in kept:
            call()


def _told_of(
    work: Callable[[], Answer], says: Callable[[str], object], wanted: Callable[[], bool], told: _Told
) -> Answer:
    """The answer of work that tells how far it has come."""

    def hears(text: str) -> None:
        if not wanted():
            raise _GivenUp
        told.put(lambda: says(text))

    with telling(hears):
        return work()


def _raise(error: Exception) -> None:
    raise error


def tell(app: App[None], call: Callable[[], object]) -> None:
    """Let the program's own loop call something, from any thread; nothing once the program has ended."""
    try:
        app.call_later(call)
    except RuntimeError:
        # The program has ended meanwhile; nobody is there to be told.
        return


def wait_for_work(seconds: float) -> bool:
    """Wait for the work that must not be cut off; False when some of it goes on even so."""
    for thread in _finishing:
        thread.join(seconds)
    return not any(thread.is_alive() for thread in _finishing)


def unfinished() -> bool:
    """True when work that must not be cut off is under way."""
    return any(thread.is_alive() for thread in _finishing)


def last_words() -> list[str]:
    """What work that a signal broke off has to say to the user, such as a guest that may stand still."""
    return [words for words in _last_words if words]
