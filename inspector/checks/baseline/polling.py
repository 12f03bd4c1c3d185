"""What all hosts of a set accept, asked host by host: a fleet has more hosts than there is memory for their models.

A question is about some bits of one register and has candidates, best first. A host is asked all questions that are
open while its model exists; most questions end at the first hosts, since those with old kernels come first.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from inspector.checks.baseline.hosts import BaselineHost
from inspector.progress import Progress
from inspector.registers.bits import ALL_BITS

_MODELS = 512
"""Hosts whose models stay in memory; each takes about a tenth of a megabyte."""
_GARBAGE = 32
"""Hosts after which forgotten models are looked for: they are circles of few objects that are large, so that Python,
which counts objects, would leave hundreds of megabytes of them."""
_SAID_EVERY = 16


class Question:
    """Which of some values for the bits `mask` of a register all hosts accept, their other bits as they are.

    `candidates`: values of those bits, at their place in the register, the best first. `maybe`: which of them no host
    certainly refuses.
    """

    __slots__ = ("_agreed", "_at", "_doubts", "_maybe", "candidates", "doubted", "mask", "refusing", "reg_id")

    def __init__(self, reg_id: int, candidates: Sequence[int], mask: int = ALL_BITS, *, maybe: bool = False) -> None:
        self.reg_id, self.candidates, self.mask = reg_id, candidates, mask
        self.refusing: BaselineHost | None = None
        """who refused last"""
        self.doubted = False
        """whether somebody may take a value that is not the answer: that depends on what is not known there"""
        self._maybe = maybe
        self._doubts: list[int] = []
        """the candidates that nobody certainly refused before they were given up"""
        self._at = self._agreed = 0

    @property
    def answer(self) -> int | None:
        """The first candidate that everybody so far takes, certainly or maybe; None when there is none."""
        return self.candidates[self._at] if self._at < len(self.candidates) else None

    def ask(self, host: BaselineHost, of: int) -> bool:
        """Ask a host, the next in turn; True when that settles it: `of` hosts one after the other agreed, or none is
        left."""
        others = host.part(self.reg_id).value & ~self.mask
        while (bits := self.answer) is not None:
            if self._passes(host, others | bits):
                self._agreed += 1
                return self._agreed >= of
            if not self._maybe and not host.refuses(self.reg_id, others | bits):
                self._doubts.append(bits)
            self.refusing = host
            self._at, self._agreed = self._at + 1, 0
        return True

    def _passes(self, host: BaselineHost, value: int) -> bool:
        return not host.refuses(self.reg_id, value) if self._maybe else bool(host.takes(self.reg_id, value))

    def in_doubt(self) -> Question | None:
        """Of a question that has no answer: whether there is a candidate that no host certainly refuses. None where
        each was."""
        if self.answer is not None or not self._doubts:
            return None
        return Question(self.reg_id, self._doubts, self.mask, maybe=True)


def _give_back(host: BaselineHost, place: int) -> None:
    if place >= _MODELS or not host.certain:
        host.forget()


def settle(questions: Sequence[Question], hosts: Sequence[BaselineHost], said: Progress) -> None:
    """Ask until every question has its answer. `hosts`: in the order in which they are asked, again and again where a
    question began anew behind the first of them."""
    with _old_objects_left_alone():
        _settle(questions, hosts, said)


@contextmanager
def _old_objects_left_alone() -> Iterator[None]:
    """The collector looks at what is made meanwhile: a fleet has many objects, and none of them goes.

    What the caller had put aside before, as the screens do (shell/application.py), is not given back.
    """
    before = gc.get_freeze_count()
    gc.freeze()
    try:
        yield
    finally:
        if not before:
            gc.unfreeze()


def _settle(questions: Sequence[Question], hosts: Sequence[BaselineHost], said: Progress) -> None:
    _ask(questions, hosts, said)
    doubts = [(question, doubt) for question in questions if (doubt := question.in_doubt()) is not None]
    _ask([doubt for _, doubt in doubts], sorted(hosts, key=lambda host: not host.certain), said)
    for question, doubt in doubts:
        question.doubted = doubt.answer is not None


def _ask(questions: Sequence[Question], hosts: Sequence[BaselineHost], said: Progress) -> None:
    open_ = [question for question in questions if question.answer is not None]
    place = asked = 0
    while open_:
        host = hosts[place]
        open_ = [question for question in open_ if not question.ask(host, len(hosts))]
        _give_back(host, place)
        place, asked = (place + 1) % len(hosts), asked + 1
        if asked % _GARBAGE == 0:
            gc.collect()
        if asked % _SAID_EVERY == 0:
            said.say_at(f"asked {asked:,} hosts what they accept, of {len(hosts):,}; {len(open_)} questions are open")
