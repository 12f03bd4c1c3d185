"""The registers as one catalogue: find one by id, name, spelling, field or feature; groups in display order."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from inspector.errors import RegisterError
from inspector.registers.definitions.special import FEATURE_PREFIX, SHORT_TITLES
from inspector.registers.definitions.special import GROUPS as _GROUP_ROWS
from inspector.registers.naming import Register, all_registers, by_id, sort_key

if TYPE_CHECKING:
    from inspector.registers.spelling import Found

__all__ = [
    "GROUPS",
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


def find(text: str) -> Found:
    """The register, and the field if given, that `text` names in any spelling.

    Raises RegisterError: near misses or the candidates of an ambiguous text are in its hint.
    """
    from inspector.registers import spelling  # screens and many commands look nothing up

    return spelling.find(text)


def look_up(text: str) -> tuple[Found, ...]:
    """What a user means by `text`: as `find`, and by the names of features every field that shows one.

    FEAT_PAuth is shown by three fields, the HWCAP flag `asimddp` by one. Text of files is never looked up so: there a
    word such as `core` or `sb` names no register. Raises RegisterError.
    """
    from inspector.registers.spelling import bare

    wanted = bare(text)
    # What names no register needs every layout, which costs a quarter of a second.
    if wanted[: len(FEATURE_PREFIX)].upper() == FEATURE_PREFIX:
        from inspector.registers.other_names import fields_of_feature

        return fields_of_feature(wanted)
    try:
        return (find(text),)
    except RegisterError:
        from inspector.registers.other_names import meant

        if not (others := meant(wanted)):
            raise
        return others
