"""Answers that depend on something that is not known: what they depend on, and what each case would answer.

Two sources of cases. Bits of the host, mitigation states and conditions of rules are carried by the known masks of
limits.py and enumerated by the gates (gates/gate.py, `doubts`). A kernel whose policy is one of several (a backport of
unknown date) is asked under each of them here.
"""

from __future__ import annotations

import errno as _errno
from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from typing import Generic, Literal, TypeVar

import msgspec

from inspector.policies.model import Policy
from inspector.registers.bits import ALL, Partial

T = TypeVar("T")

MOST = 64
"""How many of the policies that a kernel may have are asked at most."""


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One case of an answer."""

    when: str
    """a clause: `the host's ID_AA64MMFR2_EL1.NV is 2 or more`"""
    outcome: str
    """the answer then: `accepted`, `refused (EINVAL)`, `0x1`"""
    errno: int = 0
    """of a write that is refused then"""
    settle: str = ""
    """what the user can give to settle it: `--host spectre-v2=mitigated`, `--kernel 6.6.63`; empty where nothing can"""
    about: Literal["host", "kernel", "vmm"] = "host"
    """what decides which case it is"""


class Outcome(msgspec.Struct, frozen=True):
    """What becomes of a value, or of a part of one, in one case."""

    text: str
    """`accepted`, `refused (EINVAL)`, `accepted and ignored`"""
    errno: int = 0


ACCEPTED = Outcome("accepted")


def refused(errno: int) -> Outcome:
    """`refused (EINVAL)`; ACCEPTED for no errno."""
    return Outcome(f"refused ({_errno.errorcode.get(errno, str(errno))})", errno) if errno else ACCEPTED


class Branch(msgspec.Struct, Generic[T], frozen=True):
    """The answer under one of the policies that a kernel may have."""

    policy: Policy
    answer: T


def candidates_of(policy: Policy, candidates: Sequence[Policy], most: int = MOST) -> tuple[Policy, ...]:
    """The policies to ask: the chosen one first, then the others that it may be, oldest first.

    Of more than `most` the first and the last are asked, and some between them at even distances.
    """
    others: list[Policy] = []
    for one in candidates:
        if all(one.rules != known.rules for known in (policy, *others)):
            others.append(one)
    room = most - 1
    if len(others) > room:
        others = [others[at * (len(others) - 1) // (room - 1)] for at in range(room)]
    return (policy, *others)


def left_out(policy: Policy, candidates: Sequence[Policy], most: int = MOST) -> str:
    """A sentence where not every candidate is asked; else empty."""
    all_of_them = len(candidates_of(policy, candidates, most=len(candidates) + 1))
    if all_of_them <= most:
        return ""
    asked = f"{most} of them are asked, the oldest and the newest among them"
    return f"the kernel may have any of {all_of_them} policies; {asked}"


def ask_each(policy: Policy, candidates: Sequence[Policy], ask: Callable[[Policy], T]) -> tuple[Branch[T], ...]:
    """The answer under each candidate, the chosen policy's first; one branch alone where there are no candidates."""
    return tuple(Branch(one, ask(one)) for one in candidates_of(policy, candidates))


def merge_partials(values: Iterable[Partial]) -> Partial:
    """One value of several: a bit is known where it is known in all of them and the same."""
    return reduce(meet, values)


def meet(left: Partial, right: Partial) -> Partial:
    """What is known whichever of the two is true; the value is `left`'s."""
    return Partial(left.value, left.known & right.known & ~(left.value ^ right.value) & ALL)


def agreed(answers: Sequence[object]) -> bool:
    """True when every answer is the same."""
    return all(answer == answers[0] for answer in answers[1:])


def ranges(values: Iterable[int]) -> str:
    """`0`, `2 or 3`, `1 to 5, or 15`: field values in words."""
    runs: list[list[int]] = []
    for value in sorted(set(values)):
        if runs and value == runs[-1][1] + 1:
            runs[-1][1] = value
        else:
            runs.append([value, value])
    texts = [str(a) if a == b else f"{a} or {b}" if b == a + 1 else f"{a} to {b}" for a, b in runs]
    return ", or ".join([", ".join(texts[:-1]), texts[-1]]) if len(texts) > 1 else texts[0]
