"""Answers about two kernels that may have several policies each: firm where all pairs agree, else by case."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from itertools import product
from typing import NamedTuple, TypeVar

from inspector.checks.review.sides import Side
from inspector.kvm.words.kernels import by_age, case_words, cause_of
from inspector.policies.model import Policy

T = TypeVar("T")
_TOLD = 4
"""Pairs of kernels that are named at most where both sides are not known."""


class Pair(NamedTuple):
    """Both sides, each under one policy."""

    before: Side
    after: Side


def pairs_of(before: Side, after: Side) -> tuple[Pair, ...]:
    """Every pair that there may be, the chosen one first.

    A kernel and the same kernel with a patch over it have the same policy below, so that they go together.
    """
    old, new = before.each, after.each
    if len(old) > 1 and [_below(one) for one in old] == [_below(one) for one in new]:
        return tuple(Pair(*both) for both in zip(old, new, strict=True))
    return tuple(Pair(*both) for both in product(old, new))


def _below(side: Side) -> str:
    return side.policy.name.partition("+")[0]


def merged(
    pairs: Sequence[Pair],
    answers: Sequence[Mapping[Hashable, T]],
    essence: Callable[[T], Hashable],
    words: Callable[[T | None], str],
    about: Callable[[T], tuple[str, Iterable[str]]],
    doubtful: Callable[[T, tuple[str, ...]], T],
) -> tuple[T, ...]:
    """What the pairs answer, each thing once: as it is where they agree, else `doubtful` with a clause for each case.

    `answers`: for each pair, key -> what was found. `essence`: what is compared; `words`: an answer in a few words,
    None for nothing found; `about`: register and fields, which say which rules decide.
    """
    found: list[T] = []
    for key in dict.fromkeys(key for answer in answers for key in answer):
        held = [answer.get(key) for answer in answers]
        first = next(one for one in held if one is not None)
        groups: dict[Hashable, list[int]] = {}
        for place, one in enumerate(held):
            groups.setdefault(None if one is None else essence(one), []).append(place)
        if len(groups) == 1:
            found.append(first)
            continue
        register, fields = about(first)
        clauses = tuple(
            f"{words(held[places[0]])} {_when(pairs, places, register, fields)}" for places in groups.values()
        )
        found.append(doubtful(first, clauses))
    return tuple(found)


def _when(pairs: Sequence[Pair], places: Sequence[int], register: str, fields: Iterable[str]) -> str:
    """`where the kernel before behaves as Linux 6.1.100`: the pairs of a case in words."""
    chosen, together = [pairs[place] for place in places], _together(pairs)
    told = []
    for word, side in (("before the change", 0), ("after it", 1))[: 1 if together else 2]:
        every, own = _distinct(pair[side] for pair in pairs), _distinct(pair[side] for pair in chosen)
        if len(own) < len(every):
            when, settle = case_words(by_age(own), by_age(every), cause_of(every, register, fields).rules)
            named = f" ({settle.removeprefix('--kernel ')} is one)" if settle else ""
            told.append(f"{when}{'' if together else f' {word}'}{named}")
    if not together and len(chosen) != _rectangle(chosen):
        names = [f"{pair.before.policy.name} and {pair.after.policy.name}" for pair in chosen]
        more = f" and {len(names) - _TOLD} more pairs" if len(names) > _TOLD else ""
        return f"for {', '.join(names[:_TOLD])}{more}"
    return f"where {' and '.join(told)}" if told else "in some cases"


def _together(pairs: Sequence[Pair]) -> bool:
    """Whether each policy of the one side goes with one of the other."""
    sizes = [len(_distinct(pair[side] for pair in pairs)) for side in (0, 1)]
    return sizes == [len(pairs)] * 2 and len(pairs) > 1


def _rectangle(chosen: Sequence[Pair]) -> int:
    return len(_distinct(pair.before for pair in chosen)) * len(_distinct(pair.after for pair in chosen))


def _distinct(sides: Iterable[Side]) -> list[Policy]:
    found: list[Policy] = []
    for side in sides:
        if all(side.policy is not known for known in found):
            found.append(side.policy)
    return found
