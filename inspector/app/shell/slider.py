"""The kernel slider: from one kernel of the catalogue to the next, and what that changes; loaded when it is first used.

Each step is worked out beside the screens. While a key is held, steps that nobody would see are passed over: the line
below the header counts on, and the screen shows the newest kernel that was reached.
"""

from __future__ import annotations

from typing import NamedTuple

from textual.app import App

from inspector.app.shell.background import aside
from inspector.app.shell.keys import pressing
from inspector.app.shell.modelled import modelled_view
from inspector.app.shell.session import Session
from inspector.app.shell.view import View
from inspector.app.widgets.ink import Ink, Row, clip, ink, row
from inspector.checks.compare.kernel_step import KernelStep, kernel_step
from inspector.checks.machine.machine import Machine, machine
from inspector.checks.machine.question import KernelQuestion, ask, own_question
from inspector.errors import InspectorError
from inspector.policies.loader import place_of
from inspector.policies.points import all_names
from inspector.reports.kernel_step import step_sides, step_words


class Arrival(NamedTuple):
    """A kernel that was reached."""

    question: KernelQuestion
    told: Machine
    shown: View
    step: KernelStep | None
    """None where nothing is known of the kernel before"""


class Slider:
    """Steps through the catalogue, one calculation at a time."""

    def __init__(self, app: App[None], session: Session) -> None:
        self._app, self._session = app, session
        self._target: str | None = None
        """the kernel that is on its way to the screen"""
        self._busy = False
        self._end = ""
        """the end of the catalogue that was reached"""

    def go(self, step: int) -> None:
        """One kernel on, or back."""
        names, session = all_names(), self._session
        if not session.sliding:
            self._target = None
        if session.view is None:
            return
        now = names.index(self._target) if self._target in names else self._place(names)
        if now is None:
            self._target = names[-1]
        elif 0 <= now + step < len(names):
            self._target = names[now + step]
        else:
            # Said once: a key that is held would fill the screen with it.
            if self._end != names[now]:
                self._end = names[now]
                newest = "the newest" if step > 0 else "the oldest"
                self._app.notify(f"{names[now]} is {newest} kernel of the catalogue", markup=False)
            return
        self._end = ""
        session.sliding = f"{self._target} …"
        session.on_change("slider")
        if not self._busy:
            self._work()

    def _place(self, names: list[str]) -> int | None:
        """At the kernel that is asked, else at that of the dump; None where neither is known."""
        session = self._session
        question, view = session.question, session.view
        if question is None and view is not None:
            try:
                question = own_question(view.dump, view.one_vcpu)
            except InspectorError:
                return None
        return place_of(question.policy) if question is not None else None

    def _work(self) -> None:
        """Work out what the target shows, from what is on screen now."""
        session, target, view = self._session, self._target, self._session.view
        if target is None or view is None:
            return
        asked, question, before = session.question, session.question, session.answer()
        self._busy = True

        def work() -> Arrival:
            return arrive(view, target, question, before)

        def done(arrival: Arrival) -> None:
            self._busy = False
            if session.view is not view or session.question is not asked:
                self._target = None  # another dump or another choice came in between: it counts
                session.sliding = ""
                session.on_change("slider")
            elif target != self._target:
                self._work()
            else:
                self._target = None
                if session.beside is not None:
                    session.beside.follow(arrival.question.policy.name)
                session.step_to(*arrival)

        def failed(error: InspectorError) -> None:
            self._busy = False
            if target != self._target:
                self._work()
            else:
                session.sliding = f"{target}: {error}"
                session.on_change("slider")

        aside(self._app, work, done, failed)


def arrive(view: View, name: str, question: KernelQuestion | None, before: Machine | InspectorError | None) -> Arrival:
    """What another kernel shows of the machine behind a view, its patches, features and host as in `question`.

    Raises InspectorError where KVM would not create such a vCPU there, or when the dump says nothing of a machine.
    """
    wanted = ask(
        "+".join((name, *(question.patches if question else ()))),
        question.setup if question else None,
        host=question.host if question else "",
    )
    told = machine(view.dump, wanted, vcpu=view.one_vcpu)
    if before is None:
        try:
            before = machine(view.dump, vcpu=view.one_vcpu)
        except InspectorError as error:
            before = error
    step = None if isinstance(before, InspectorError) else kernel_step(before, told)
    return Arrival(wanted, told, modelled_view(view, told), step)


def kernel_keys(room: bool) -> Row:
    """The keys that step through the kernels, with what they do where there is room."""
    back, on = pressing("left_square_bracket"), pressing("right_square_bracket")
    return row(
        Ink(" "), Ink("[", "key", back), Ink(" "), Ink("]", "key", on), Ink(" kernel  " if room else " ", "muted")
    )


def slider_row(session: Session, cells: int) -> Row:
    """` [ ] kernel  6.2.0 → 6.3.0: 4 registers differ: ID_AA64MMFR2_EL1 ...`."""
    room = cells >= (76 if session.beside is None else 110)
    keys = kernel_keys(room)
    if session.sliding:
        return clip((*keys, ink(session.sliding, "muted")), cells)
    step = session.step
    if step is None:
        return keys
    real: Row = ()
    if session.beside is not None:
        real = (*session.beside.row(session.register), Ink("  "))
    return clip((*keys, ink(step_sides(step), "title"), Ink(": "), *real, ink(step_words(step))), cells)
