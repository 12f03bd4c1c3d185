"""Writes as users type them: `REG=VALUE` and `REG.FIELD=VALUE`."""

from __future__ import annotations

import re
from typing import NamedTuple

from inspector.errors import RegisterError
from inspector.registers import catalog
from inspector.registers.catalog import Register


class TypedWrite(NamedTuple):
    """A write as it was typed."""

    register: Register
    text: str
    """`VALUE` or `FIELD=VALUE`, as checks/writing/bench.py takes it"""


def typed_write(text: str) -> TypedWrite:
    """`REG=VALUE` or `REG.FIELD=VALUE`, taken apart.

    Raises RegisterError for a word that is not a write, or a register that is not known.
    """
    name, equals, value = (part.strip() for part in text.rpartition("="))
    if not equals or not name or not value:
        raise RegisterError("is not a write", text, "give REG=VALUE or REG.FIELD=VALUE")
    if re.fullmatch(r"0x[0-9a-f]{16}", name.lower()):
        # Any id may be asked about: KVM has an answer to those that name nothing, too.
        return TypedWrite(catalog.by_id(int(name, 16)), value)
    found = catalog.find(name)
    return TypedWrite(found.register, f"{found.field.name}={value}" if found.field else value)
