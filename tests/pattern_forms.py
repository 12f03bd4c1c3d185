"""Texts that a regular expression matches, for tests of what is looked for before one is tried."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, product
from re import _constants as codes  # type: ignore[attr-defined]
from typing import Any


def forms(nodes: Any) -> Iterator[str]:
    """Texts that a parsed expression matches: with each alternative, with and without what may be left out."""
    for parts in product(*(list(_forms(op, value)) for op, value in nodes)):
        yield "".join(parts)


def _forms(op: Any, value: Any) -> Iterator[str]:
    if op is codes.LITERAL:
        yield chr(value)
    elif op is codes.IN:
        yield _member(value)
    elif op is codes.BRANCH:
        for each in value[1]:
            yield from forms(each)
    elif op is codes.SUBPATTERN:
        yield from forms(value[3])
    elif op in (codes.MAX_REPEAT, codes.MIN_REPEAT):
        least, _, body = value
        for times in {least, 1} if least < 2 else {least}:
            yield from (text * times for text in islice(forms(body), 40))
    elif op in (codes.ANY, codes.NOT_LITERAL):
        yield "a"
    else:
        yield ""


def _member(choice: Any) -> str:
    if any(op is codes.CATEGORY for op, _ in choice):
        return "2"
    own = [chr(value) for op, value in choice if op is codes.LITERAL]
    return "a" if choice[0][0] is codes.NEGATE else (own or ["a"])[0]
