"""Find a register by id, name, spelling, field or substring; groups in display order."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from inspector.registers.definitions.special import GROUPS as _GROUP_ROWS
from inspector.registers.naming import Register, by_id, named_ids

if TYPE_CHECKING:
    from inspector.registers.schema import Span

__all__ = [
    "GROUPS",
    "Found",
    "Group",
    "Register",
    "all_registers",
    "by_id",
    "find",
    "group_title",
    "search",
    "sort_key",
]


class Group(NamedTuple):
    """A heading of the register list."""

    key: str
    title: str


class Found(NamedTuple):
    """What a user's text names: a register, and one of its fields if the text ends in `.FIELD`."""

    register: Register
    field: Span | None


GROUPS: tuple[Group, ...] = tuple(Group(key, title) for key, title in _GROUP_ROWS)
"""The groups in display order."""

_ORDER = {group.key: position for position, group in enumerate(GROUPS)}


def group_title(key: str) -> str:
    """The heading of the group `key`."""
    return GROUPS[_ORDER[key]].title


def sort_key(register: Register) -> tuple[int, int]:
    """Sorts registers by group in display order, then by id."""
    return _ORDER[register.group], register.id


@cache
def all_registers() -> tuple[Register, ...]:
    """Every register of the tables, by group in display order, then by id."""
    return tuple(sorted(named_ids().values(), key=sort_key))


def find(text: str) -> Found:
    """The register, and the field if given, that `text` names in any spelling; see `spelling.find`.

    Raises RegisterError: near misses or the candidates of an ambiguous text are in its hint.
    """
    from inspector.registers import spelling

    return spelling.find(text)


def search(text: str) -> list[Register]:
    """Registers whose name, title, encoding or id contains `text`, names that start with it first; "" finds all."""
    from inspector.registers import spelling

    return spelling.search(text)
