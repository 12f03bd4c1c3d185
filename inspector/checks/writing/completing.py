"""What a line of writes may go on with: registers, their fields, the values of a field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from inspector.checks.writing.typed import words_of
from inspector.errors import RegisterError
from inspector.registers import catalog
from inspector.registers.catalog import Register
from inspector.registers.schema import Span

MOST = 40
"""Candidates that are offered at most."""


class Completion(NamedTuple):
    """How the last word of a line may go on."""

    start: int = 0
    """where that word begins"""
    words: tuple[str, ...] = ()
    """whole words for its place, likeliest first: `CCIDX=`, `ID_AA64PFR0_EL1.`"""
    values: tuple[tuple[str, str], ...] = ()
    """behind `FIELD=`: values that the field may have, each with its meaning"""


def _last_word(line: str) -> int:
    """Where the word at the end of a line begins: behind the last blank or comma."""
    return max((at + 1 for at, letter in enumerate(line) if letter == "," or letter.isspace()), default=0)


def complete(line: str, shown: Register | None, known: Sequence[Register]) -> Completion:
    """How a line may go on at its end. `shown`: whose fields need no name; `known`: the registers that are offered."""
    start = _last_word(line)
    word = line[start:]
    name, equals, number = word.partition("=")
    if equals:
        span = _field(line, shown, name)
        told = () if span is None else tuple((hex(value), text) for value, text in sorted(span.values.items()))
        return Completion(start + len(name) + 1, values=tuple(one for one in told if one[0].startswith(number)))
    register, dot, field = word.rpartition(".")
    if dot:
        one = _register(register)
        return Completion(start, tuple(f"{register}.{name}=" for name in _fields(one, field)))
    owner = _owner(line[:start], shown)
    names = [f"{name}=" for name in _fields(owner, word)]
    return Completion(start, tuple([*names, *_registers(word, known)][:MOST]))


def _registers(word: str, known: Sequence[Register]) -> list[str]:
    """Registers whose names begin with a word, or hold it."""
    wanted = word.casefold()
    if not wanted:
        return []
    begin = [one for one in known if one.name.casefold().startswith(wanted)]
    hold = [one for one in known if wanted in one.name.casefold() and one not in begin]
    return [f"{one.name}{'.' if one.schema is not None and one.schema.fields else '='}" for one in [*begin, *hold]]


def _fields(register: Register | None, word: str) -> list[str]:
    """Fields of a register whose names begin with a word, or hold it."""
    names = [one.name for one in register.schema.fields] if register is not None and register.schema else []
    wanted = word.casefold()
    begin = [name for name in names if name.casefold().startswith(wanted)]
    return [*begin, *(name for name in names if wanted in name.casefold() and name not in begin)]


def _owner(before: str, shown: Register | None) -> Register | None:
    """The register whose fields may follow."""
    for part in reversed(words_of(before)):
        if (one := _register(part.partition("=")[0].rpartition(".")[0])) is not None:
            return one
        if (one := _register(part.partition("=")[0])) is not None:
            return one
    return shown


def _field(line: str, shown: Register | None, name: str) -> Span | None:
    register, dot, field = name.rpartition(".")
    before = line[: _last_word(line)]
    owner = _register(register) if dot else _owner(before, shown)
    return owner.schema.span(field if dot else name) if owner is not None and owner.schema else None


def _register(text: str) -> Register | None:
    try:
        return catalog.find(text).register if text else None
    except RegisterError:
        return None
