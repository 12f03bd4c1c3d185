"""The registers as one catalogue: find one by id, name, spelling, field or substring; groups in display order."""

from __future__ import annotations

from typing import NamedTuple

from inspector.registers.definitions.special import GROUPS as _GROUP_ROWS
from inspector.registers.definitions.special import SHORT_TITLES
from inspector.registers.naming import Register, all_registers, by_id, sort_key
from inspector.registers.spelling import Found, find, look_up

__all__ = [
    "GROUPS",
    "Found",
    "Group",
    "Register",
    "all_registers",
    "by_id",
    "find",
    "group_title",
    "look_up",
    "sort_key",
]


class Group(NamedTuple):
    """A heading of the register list."""

    key: str
    title: str


GROUPS: tuple[Group, ...] = tuple(Group(key, title) for key, title in _GROUP_ROWS)
"""The groups in display order."""

_TITLES = dict(_GROUP_ROWS)


def group_title(key: str, short: bool = False) -> str:
    """The heading of the group `key`; `short`: in at most 16 letters."""
    return SHORT_TITLES.get(key, _TITLES[key]) if short else _TITLES[key]
