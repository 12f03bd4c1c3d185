"""What all hosts of a set accept, asked host by host: a fleet has more hosts than there is memory for their models.

A question is about some bits of one register and has candidates, best first. A host is asked all questions that are
open while its model exists; most questions end at the first hosts, since those with old kernels come first.
"""

from __future__ import annotations

from collections.abc import Sequence

from inspector.checks.baseline.hosts import BaselineHost
from inspector.progress import Progress
from inspector.registers.bits import ALL_BITS

_MODELS = 512
"""Hosts whose models stay in memory; each takes about a tenth of a megabyte."""
_SAID_EVERY = 16


class Question:
    """Which of some values for the bits `mask` of a register all hosts accept, their other bits as they are.

    `candidates`: values of those bits, at their place in the register, the best first.
    """

    __slots__ = ("_agreed", "_at", "candidates", "mask", "refusing", "reg_id")

    def __init__(self, reg_id: int, candidates: Sequence[int], mask: int = ALL_BITS) -> None:
        self.reg_id, self.candidates, self.mask = reg_id, candidates, mask
        self.refusing: BaselineHost | None = None
        """who refused last"""
        self._at = self._agreed = 0

    @property
    def answer(self) -> int | None:
        """The first candidate that nobody has refused so far; None when there is none."""
        return self.candidates[self._at] if self._at < len(self.candidates) else None

    def ask(self, host: BaselineHost, of: int) -> bool:
        """Ask a host, the next in turn; True when that settles it: `of` hosts one after the other agreed, or none is
        left."""
        others = host.part(self.reg_id).value & ~self.mask
        while (bits := self.answer) is not None:
            if host.takes(self.reg_id, others | bits):
                self._agreed += 1
                return self._agreed >= of
            self.refusing = host
            self._at, self._agreed = self._at + 1, 0
        return True


def settle(questions: Sequence[Question], hosts: Sequence[BaselineHost], said: Progress) -> None:
    """Ask until every question has its answer. `hosts`: in the order in which they are asked, again and again where a
    question began anew behind the first of them."""
    open_ = [question for question in questions if question.answer is not None]
    place = asked = 0
    while open_:
        host = hosts[place]
        open_ = [question for question in open_ if not question.ask(host, len(hosts))]
        if place >= _MODELS:
            host.forget()
        place, asked = (place + 1) % len(hosts), asked + 1
        if asked % _SAID_EVERY == 0:
            said.say_at(f"asked {asked:,} hosts what they accept, of {len(hosts):,}; {len(open_)} questions are open")
