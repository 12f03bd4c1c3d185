"""Typed JSON with errors of one line, and the small conversions that every JSON format needs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import islice
from operator import lt
from typing import Annotated, Any, TypeVar

import msgspec

from inspector.budget import MEMBERS, NESTING, NUMBERS, RECORDS, Budget, most
from inspector.errors import SourceError
from inspector.numbers import parse_number
from inspector.readable import readable
from inspector.registers.bits import ALL
from inspector.registers.encoding import ARCH_ARM, hex_id, is_demux, size_of

T = TypeVar("T")
_BYTE = re.compile(r"\(byte ([0-9]+)\)")
_TEXT_OR_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[{\]}]')
_COPROCESSOR_BITS = 64
_LOOKED_AT = 1_000_000
"""Brackets and texts among which the place of too deep nesting is looked for."""


class Hex(int):
    """An integer that the file spells as a text, `0x1f`, `0b101` or decimal."""

    __slots__ = ()


Small = Annotated[int, msgspec.Meta(ge=0, lt=1 << 32)]
"""An index, a count, an errno: a JSON integer of no more than 32 bits."""
Word = Annotated[int, msgspec.Meta(ge=0)]
"""A JSON integer that is not negative; a register's width bounds it where it becomes a value."""


def decode(data: bytes, kind: type[T], where: str, strict: bool = True) -> T:
    """`data` as a value of type `kind`; every way in which it can be wrong ends in one SourceError."""
    try:
        return msgspec.json.decode(
            data.removeprefix(b"\xef\xbb\xbf"), type=readable(kind), dec_hook=convert, strict=strict
        )
    except msgspec.ValidationError as error:
        raise SourceError(f"unexpected JSON content: {error}", where) from None
    except msgspec.DecodeError as error:
        # Python 3.14 takes as many levels as its stack holds: then what is wrong is only that they do not end.
        if deep := _depth_at(data):
            raise SourceError(f"is JSON nested too deeply: {most(NESTING)} levels{deep}", where) from None
        raise SourceError(f"is not valid JSON: {_placed(str(error), data)}", where, _cause(str(error))) from None
    except RecursionError:
        raise SourceError(f"is JSON nested too deeply: {most(NESTING)} levels{_depth_at(data)}", where) from None
    except (UnicodeDecodeError, ValueError) as error:
        raise SourceError(f"is not valid JSON: {error}", where) from None


def _placed(message: str, data: bytes) -> str:
    """`message` with the byte that msgspec names turned into a line and a column, both from 1."""
    found = _BYTE.search(message)
    if found:
        return f"{message[: found.start()]}{_place(data, int(found[1]))}"
    return f"{message} {_place(data, len(data))}" if "truncated" in message else message


def _place(data: bytes, at: int) -> str:
    """`(line 2, column 7)` of a byte behind a byte order mark, both from 1."""
    before = data.removeprefix(b"\xef\xbb\xbf")[:at]
    line = before.count(b"\n") + 1
    column = len(before.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1
    return f"(line {line}, column {column})"


def _depth_at(data: bytes) -> str:
    """Where the nesting is first too deep; "" where that is not at the beginning."""
    depth = 0
    for found in islice(_TEXT_OR_BRACKET.finditer(data), _LOOKED_AT):
        depth += 1 if found[0] in b"[{" else -1 if found[0] in b"]}" else 0
        if depth == most(NESTING):
            return f" {_place(data, found.start())}"
    return ""


def _cause(message: str) -> str:
    return "is it truncated?" if "truncated" in message else "a comma, quote or bracket is missing or too many there"


def check_members(data: bytes, budget: Budget) -> None:
    """Count what a JSON text would become, before anything is made of it. Raises SourceError where that is too much.

    A text of fewer bytes than there may be members has no more of them; most dumps are such.
    """
    if len(data) <= MEMBERS.most:
        return
    budget.spend(MEMBERS, data.count(b'"') // 2 + data.count(b"{") + data.count(b"["))
    budget.spend(NUMBERS, data.count(b","))


def number(text: str) -> int:
    """`0x` hex, `0b` binary or decimal, `_` allowed. Raises ValueError for anything else or beyond 2**2048."""
    if len(text) > 2100:
        raise ValueError("a number of more than 2048 bits")
    return parse_number(text)


def number_map(raw: msgspec.Raw, where: str, budget: Budget, shared: bool = False) -> Mapping[int, int]:
    """A JSON object whose keys and values are spelled numbers (values may be JSON integers), in its order.

    `shared`: many sources have the same one, as what a machine and its kernel show; it is read once, and nobody writes
    to what is given. Raises SourceError for anything else, for a key that occurs twice, and for more registers than
    `budget` has left.
    """
    data = bytes(raw)
    if data == b"{}":
        return {}
    members = data.count(b":")
    budget.spend(RECORDS, members)
    if not shared:
        return _numbers(data, members, where)
    found = _SHARED.get(data)
    if found is None:
        if len(_SHARED) == _MOST_SHARED:
            _SHARED.clear()
        found = _SHARED[data] = _numbers(data, members, where)
    return found


_SHARED: dict[bytes, Mapping[int, int]] = {}
_MOST_SHARED = 256


def _numbers(data: bytes, members: int, where: str) -> Mapping[int, int]:
    numbers = _usual_numbers(data)
    if numbers is None:
        numbers = _any_numbers(data, where)
    if len(numbers) != members:
        raise SourceError("one register occurs twice in an object of registers", where)
    return numbers


_TEXTS = msgspec.json.Decoder(dict[str, str])
_KEYS: dict[str, int] = {}
"""Keys that were met, and their numbers: the files of one fleet spell the same few hundred ids."""
_MOST_KEYS = 20_000


def _usual_numbers(data: bytes) -> dict[int, int] | None:
    """An object whose keys were met before and whose values are texts; None for all others, right or wrong."""
    if not data.isascii() or b"\\" in data:  # there may be digits of another script in it
        return None
    try:
        return {_KEYS[key]: int(text, 0) for key, text in _TEXTS.decode(data).items()}
    except (KeyError, ValueError, msgspec.MsgspecError, RecursionError):
        return None


def _any_numbers(data: bytes, where: str) -> dict[int, int]:
    texts = decode(data, dict[str, str | int], where)
    try:
        numbers = {number(key): value if isinstance(value, int) else number(value) for key, value in texts.items()}
    except ValueError as error:
        raise SourceError(f"a key is not a number ({error})", where) from None
    if len(_KEYS) + len(texts) < _MOST_KEYS:
        _KEYS.update((key, number(key)) for key in texts if len(key) <= 24)
    return numbers


def register_map(
    raw: msgspec.Raw, where: str, budget: Budget, shared: bool = False, machine: bool = False
) -> Mapping[int, int]:
    """The same for registers: each key an id, each value of a width that its id allows. Raises SourceError.

    `machine`: values are a machine's own, whose CCSIDR_EL1 has 64 bits where KVM's ids for it have 32.
    """
    values = number_map(raw, where, budget, shared)
    if values and not (min(values.values()) >= 0 and all(map(lt, values.values(), _limits(tuple(values))))):
        for reg_id, value in values.items():
            if not (machine and is_id(reg_id) and is_demux(reg_id) and 0 <= value <= ALL):
                check_value(reg_id, value, where)
    return values


@lru_cache(maxsize=64)
def _limits(ids: tuple[int, ...]) -> tuple[int, ...]:
    """For each id the first value that is too wide for it; 0 for what is not an id."""
    return tuple(1 << bits_of(reg_id) if is_id(reg_id) else 0 for reg_id in ids)


def convert(kind: type, value: Any) -> Any:
    """msgspec's hook for `Hex`: a spelled number or a JSON integer. Raises ValueError for the rest."""
    if kind is Hex and isinstance(value, str):
        return Hex(number(value))
    if kind is Hex and isinstance(value, int):
        return Hex(value)
    raise ValueError(f"{kind.__name__} cannot be made of {type(value).__name__}")


def checked(pairs: Iterable[tuple[int, int]], where: str) -> Mapping[int, int]:
    """Register ids and values as a mapping in their order.

    Raises SourceError for an id beyond 64 bits, a value wider than its register, or one id with two values.
    """
    values: dict[int, int] = {}
    for reg_id, value in pairs:
        check_value(reg_id, value, where)
        if values.setdefault(reg_id, value) != value:
            raise SourceError(f"{hex_id(reg_id)} occurs twice, with values {values[reg_id]:#x} and {value:#x}", where)
    return values


def check_value(reg_id: int, value: int, where: str) -> None:
    """Raises SourceError unless `reg_id` is an arm64 or arm register id and `value` fits the size it states.

    QEMU's emulation keeps some AArch32 registers as aliases of 64-bit ones and saves all of their bits (CTR with
    TminLine under `-cpu neoverse-n2`), so an AArch32 register may hold 64.
    """
    check_id(reg_id, where)
    if value < 0 or value.bit_length() > bits_of(reg_id):
        raise SourceError(f"value {value:#x} of {hex_id(reg_id)} is wider than the register", where)


def bits_of(reg_id: int) -> int:
    """How many bits a value of the register may have in a file; see `check_value` for AArch32 ones."""
    return _COPROCESSOR_BITS if reg_id >> 56 == ARCH_ARM else 8 * size_of(reg_id)


def is_id(reg_id: int) -> bool:
    """True for what looks like a KVM register id of an arm64 (or AArch32) vCPU."""
    return 0 <= reg_id < 1 << 64 and reg_id >> 56 in (0x60, 0x40)


def check_id(reg_id: int, where: str) -> None:
    """Raises SourceError unless `reg_id` looks like a KVM register id of an arm64 (or AArch32) vCPU."""
    if not is_id(reg_id):
        text = hex_id(reg_id) if 0 <= reg_id < 1 << 64 else f"{reg_id:#x}"[:40]
        raise SourceError(f"{text} is not an arm64 register id", where, "ids are 64 bits and start with 0x60")
