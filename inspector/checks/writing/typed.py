"""Writes as users type them, on the command line and on screen: `REG=VALUE`, `REG.FIELD=VALUE`, several in a line."""

from __future__ import annotations

import re
from typing import NamedTuple

from inspector.errors import RegisterError
from inspector.registers import catalog
from inspector.registers.catalog import Register

_ID = r"0x[0-9a-f]{16}"
_FORMS = "give REG=VALUE or REG.FIELD=VALUE"


class TypedWrite(NamedTuple):
    """A write as it was typed."""

    register: Register
    text: str
    """`VALUE`, or `FIELD=VALUE FIELD=VALUE`, as checks/writing/bench.py takes it"""

    @property
    def command(self) -> str:
        """The same as one word of the command line: `REG=VALUE`, `REG.FIELD=VALUE FIELD=VALUE`."""
        return f"{self.register.name}{'.' if '=' in self.text else '='}{self.text}"


def typed_write(text: str) -> TypedWrite:
    """`REG=VALUE` or `REG.FIELD=VALUE`, taken apart.

    Raises RegisterError for a word that is not a write, or a register that is not known.
    """
    name, equals, value = (part.strip() for part in text.rpartition("="))
    if not equals or not name or not value:
        raise RegisterError("is not a write", text, _FORMS)
    if re.fullmatch(_ID, name.lower()):
        # Any id may be asked about: KVM has an answer to those that name nothing, too.
        return TypedWrite(catalog.by_id(int(name, 16)), value)
    found = catalog.find(name)
    return TypedWrite(found.register, f"{found.field.name}={value}" if found.field else value)


def typed_writes(text: str, shown: Register | None = None) -> tuple[TypedWrite, ...]:
    """Every write of a line, in order: `REG.FIELD=VALUE REG=VALUE`.

    Fields without a register, `FIELD=VALUE`, belong to the register before them, and are set by the same write; at the
    beginning of the line they, and a value alone, are those of the register `shown`. Blanks may stand around `=` and
    in a register's name; commas may stand between the writes.

    Raises RegisterError for the first part that is no write, or whose register is not known.
    """
    parts = words_of(text)
    if len(parts) == 1 and "=" not in parts[0] and shown is not None:
        return (TypedWrite(shown, parts[0]),)
    found: list[TypedWrite] = []
    for part in parts:
        owner = found[-1].register if found else shown
        name, _, value = part.rpartition("=")
        if owner is not None and value and _is_field(owner, name):
            joined = f"{found[-1].text} {part}" if found and "=" in found[-1].text else part
            found = [*(found[:-1] if joined != part else found), TypedWrite(owner, joined)]
        else:
            found.append(_named(part, name, owner))
    if not found:
        raise RegisterError("is not a write", text, _FORMS)
    return tuple(found)


def _named(part: str, name: str, owner: Register | None) -> TypedWrite:
    try:
        return typed_write(part)
    except RegisterError:
        if owner is None or owner.schema is None or not re.fullmatch(r"\w+", name):
            raise
        fields = ", ".join(field.name for field in owner.schema.fields)
        what = f"{name} is neither a field of {owner.name} nor a register"
        raise RegisterError(what, hint=f"write FIELD=value with one of {fields}") from None


def words_of(text: str) -> list[str]:
    """A line in its parts, one for each `=`: blanks and commas outside of brackets part them."""
    close = "=".join(part.strip() for part in text.strip().strip(",").split("="))
    parts: list[str] = []
    letters, inside = [], False
    for letter in reversed(close):
        if letter in "()":
            inside = letter == ")"
        letters.append(" " if letter == "," and not inside else letter)
    for word in "".join(reversed(letters)).split():
        if parts and "=" not in parts[-1]:
            parts[-1] += f" {word}"
        else:
            parts.append(word)
    return parts


def _is_field(register: Register, name: str) -> bool:
    fields = register.schema.fields if register.schema is not None else ()
    return any(name.casefold() == field.name.casefold() for field in fields)
