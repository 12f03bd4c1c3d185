"""Since which release KVM does something, read from the policies: what a report says of it is never typed twice.

Only the first release of each series (x.y.0) counts; what came to a stable series is given by its own policies.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import msgspec

from inspector.policies.loader import load_policy
from inspector.policies.model import Behaviour
from inspector.policies.points import policy_names
from inspector.policies.rulebook import Rulebook, rulebook
from inspector.policies.spans import expand_all


class Era(msgspec.Struct, frozen=True):
    """A run of mainline releases in which something is so."""

    since: str
    """its first release, `6.3`"""
    before: str
    """the release before it, `6.2`; empty where the oldest modelled one has it already"""
    last: str
    """its last release; the newest modelled one where it still holds"""
    ended: bool
    """True when a later modelled release does without"""


@lru_cache(maxsize=1)
def _mainline() -> tuple[tuple[str, Rulebook], ...]:
    names = [name for name in policy_names() if name.endswith(".0")]
    return tuple((name.removesuffix(".0"), rulebook(load_policy(name))) for name in names)


def _era(holds: Callable[[Rulebook], bool]) -> Era | None:
    """The newest run of releases in which something holds; None when it never does."""
    held = [holds(book) for _, book in _mainline()]
    if not any(held):
        return None
    last = len(held) - 1 - held[::-1].index(True)
    first = last
    while first and held[first - 1]:
        first -= 1
    names = [name for name, _ in _mainline()]
    return Era(names[first], names[first - 1] if first else "", names[last], last < len(held) - 1)


@lru_cache(maxsize=64)
def era_of(function: str, *variants: str) -> Era:
    """The releases in which an engine function has one of these variants; KeyError when none has."""
    era = _era(lambda book: book.variant(function) in variants)
    if era is None:
        raise KeyError(f"{function}: {variants}")
    return era


@lru_cache(maxsize=64)
def era_with(behaviour: Behaviour) -> Era:
    """The releases that have or do something; KeyError when none does."""
    era = _era(lambda book: book.has(behaviour))
    if era is None:
        raise KeyError(behaviour)
    return era


@lru_cache(maxsize=256)
def writable_era(reg_id: int, mask: int) -> Era | None:
    """The releases in which userspace may change one of these bits of an ID register or CTR_EL0."""
    return _era(lambda book: any(entry[0] & mask for entry in book.of(reg_id).writable[-1:]))


@lru_cache(maxsize=256)
def listed_since(reg_id: int) -> str:
    """Since when KVM lists a register, as a report words it: `6.12`, or
    `6.13 (before that, since 6.5, for every vCPU)`; empty when every modelled release does so alike."""
    ever = _era(lambda book: bool(_lists(book, reg_id)))
    bound = _era(lambda book: any(rule for rule in _lists(book, reg_id)))
    if ever is None:
        return ""
    if bound is None or bound.since == ever.since:
        return ever.since if ever.before else ""
    return f"{bound.since} (before that, since {ever.since}, for every vCPU)"


def _lists(book: Rulebook, reg_id: int) -> list[bool]:
    """For each rule that lists the register: whether it has conditions."""
    return [
        bool(rule.when or rule.unless)
        for rule in book.lists
        if reg_id in expand_all(rule.registers)
    ]  # fmt: skip
