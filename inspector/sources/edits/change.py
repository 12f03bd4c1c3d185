"""One value of a saved VM that a copy holds differently, and the way in which a copy of a format is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from inspector.errors import InspectorError
from inspector.registers.catalog import by_id


class Change(NamedTuple):
    """A saved value, what it becomes, and its byte offset in the unpacked file where that is known."""

    old: int
    new: int
    offset: int | None = None


class BytePatch(NamedTuple):
    """Bytes at an offset of the (unpacked) file, and what they become; both have one length."""

    offset: int
    old: bytes
    new: bytes


Changes = Mapping[int, Change]
"""register id -> its change, of one vCPU"""

Way = Literal["", "bytes", "content", "rewritten"]
"""How a copy of a file is made: bytes at offsets while it is copied in chunks, its whole content edited in memory, the
dump written again, or not at all."""


def not_found(reg_id: int, where: str) -> InspectorError:
    """The error for a value whose place in the file is not known."""
    return InspectorError(
        f"the place of {by_id(reg_id).name} in the file is not known, so it cannot be replaced there", where
    )
