"""Registers and values in JSON of other tools and scripts, where the meaning is plain.

`{"MIDR_EL1": "0x..."}` at any depth; objects with a register and a value, `{"name": ..., "value": ...}` in the words of
_REGISTERS and _VALUES, or `{"op0": 3, ..., "value": ...}`; pairs `["MIDR_EL1", "0x..."]`. A number in a key (`vcpu1`,
`cpu 1`), beside the values (`"cpu": 1`) or the place in a list of objects says whose values they are. Numbers are as in
pasted text: 0x hex, 0b binary, decimal; a JSON integer is itself. Of two values beside each other, as `host` and
`guest`, none is chosen: that is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from inspector.budget import NESTING, STEPS, most
from inspector.errors import RegisterError, SourceError
from inspector.numbers import is_decimal
from inspector.registers.catalog import find
from inspector.registers.encoding import sysreg_id
from inspector.registers.naming import name_of
from inspector.sources.dump import View
from inspector.sources.gathered import Gathered
from inspector.sources.jsontext import check_members, decode, number
from inspector.sources.pasted_lines import EITHER

_REGISTERS: Final = ("reg", "register", "name", "id", "reg_id", "register_id", "reg_name", "register_name", "addr")
_VALUES: Final = ("value", "val", "data", "raw", "reg_value")
_OTHERS: Final = frozenset(
    ("host", "guest", "source", "destination", "src", "dst", "old", "new", "before", "after", "was", "expected",
     "actual", "got", "want", "wanted", "exposed", "current", "previous", "left", "right", "a", "b")
)  # fmt: skip
"""Words of one value among several"""
_ENCODING: Final = ("op0", "op1", "crn", "crm", "op2")
_NAMED = re.compile(
    r"(?:SYS_)?[A-Za-z]\w{1,30}_EL[0-3]{1,2}(?:\[[0-9]{1,2}\])?|CCSIDR(?:_EL1)?\[[0-9]{1,2}\]|0x60[2-8]0[0-9a-f]{12}"
    r"|69[0-9]{17}|S[0-3]_[0-7]_C[0-9]{1,2}_C[0-9]{1,2}_[0-7]",
    re.IGNORECASE,
)
"""Keys that can only be a register's; `id`, `sp` or `x0` may be anything's"""
_SECTION = re.compile(r"v?(?:cpu|core|processor)s?[ _#:-]{0,3}([0-9]{1,4})", re.IGNORECASE)
_OF_A_CPU: Final = ("vcpu", "cpu", "vcpu_id", "cpu_id", "vcpu_index", "cpu_index", "index", "id")
_HEX = re.compile(r"[0-9a-fA-F]{16}|[0-9a-fA-F]{8}")
VALID = 'e.g. {"vcpu0": {"MIDR_EL1": "0x413fd0c1"}} or [{"name": "MIDR_EL1", "value": "0x413fd0c1"}]'


def gather_json(gathered: Gathered, data: bytes) -> View | None:
    """Take every register and value of a JSON text, or of one JSON value a line; nothing of a text that is no JSON.

    Gives the view that the outermost object states, None without one. Raises SourceError for one register with two
    values, and for registers of several sides.
    """
    check_members(data, gathered.budget)
    gathered.budget.spend(STEPS, 1 + len(data) // 4)
    documents = _documents(data, gathered.where)
    for line, document in documents:
        _walk(gathered, document, None, gathered.where if line is None else f"{gathered.where}, line {line}", 0)
    outermost = documents[0][1] if len(documents) == 1 else None
    stated = [key for key in ("host", "guest") if isinstance(outermost, dict) and _holds_registers(outermost.get(key))]
    return None if not stated else "host" if stated[0] == "host" else "guest"


def _documents(data: bytes, where: str) -> list[tuple[int | None, Any]]:
    """The JSON values of a text with the line of each, if each has its own; none where the text is no JSON."""
    try:
        return [(None, _decoded(data, where, ""))]
    except _NoJsonError:
        lines = [(at, line) for at, line in enumerate(data.splitlines(), 1) if line.strip()]
    if len(lines) < 2 or not all(line.lstrip()[:1] in (b"{", b"[") for _, line in lines):
        return []
    try:
        return [(at, _decoded(line, where, f", line {at}")) for at, line in lines]
    except _NoJsonError:
        return []


class _NoJsonError(Exception):
    """A text that is no JSON."""


class _TwiceError(Exception):
    """A register that one object has with two values."""


_MARK = b"\xef\xbb\xbf"
"""What some programs write before UTF-8"""


def _decoded(data: bytes, where: str, at: str) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found and found[key] != value and _NAMED.fullmatch(key):
                raise _TwiceError(key)
            found[key] = value
        return found

    try:
        decode(data, msgspec.Raw, where)
        return json.loads(data.removeprefix(_MARK), object_pairs_hook=once)
    except _TwiceError as error:
        raise SourceError(f"{error} occurs twice in one object, with two values", f"{where}{at}") from None
    except (SourceError, ValueError, RecursionError):
        raise _NoJsonError from None


def _walk(gathered: Gathered, node: Any, section: int | None, at: str, depth: int) -> None:
    if depth > most(NESTING):
        raise SourceError(f"is JSON nested too deeply: {most(NESTING)} levels", gathered.where)
    if isinstance(node, list):
        _list(gathered, node, section, at, depth)
    elif isinstance(node, dict):
        _object(gathered, node, section, at, depth)


def _list(gathered: Gathered, nodes: list[Any], section: int | None, at: str, depth: int) -> None:
    if len(nodes) == 2 and isinstance(nodes[0], str) and (reg_id := _register(nodes[0])) is not None:
        _add(gathered, section, reg_id, nodes[1], at)
        return
    own = _numbered(nodes) if section is None else {}
    for place, node in enumerate(nodes):
        _walk(gathered, node, own.get(place, section), at, depth + 1)


def _numbered(nodes: Sequence[Any]) -> Mapping[int, int]:
    """Of a list of objects with registers of their own, each a CPU's: the number of each. Empty for any other list."""
    if len(nodes) < 2 or not all(isinstance(node, dict) and _paired(node) is None for node in nodes):
        return {}
    if not all(_holds_registers(node) for node in nodes):
        return {}
    told = [_own_number(node) for node in nodes]
    if None in told or len(set(told)) < len(told):
        return {place: place for place in range(len(nodes))}
    return {place: number for place, number in enumerate(told) if number is not None}


def _own_number(node: Mapping[str, Any]) -> int | None:
    """The CPU that an object says it is of."""
    numbers = (node[key] for key in _OF_A_CPU if key in node)
    return next((n for n in numbers if isinstance(n, int) and not isinstance(n, bool) and 0 <= n < 1 << 16), None)


def _holds_registers(node: Any, depth: int = 0) -> bool:
    if isinstance(node, list):
        return depth < 4 and any(_holds_registers(each, depth + 1) for each in node)
    if not isinstance(node, dict) or depth >= 4:
        return False
    if _paired(node) is not None or any(_register(key) is not None for key in node):
        return True
    return any(_holds_registers(each, depth + 1) for each in node.values())


def _object(gathered: Gathered, node: dict[str, Any], section: int | None, at: str, depth: int) -> None:
    paired = _paired(node)
    if paired is not None:
        own = next((n for key in _OF_A_CPU[:6] if isinstance(n := node.get(key), int)), None)
        _add(gathered, section if own is None else own, paired, _of_values(node, paired, at), at)
        return
    sides = [key for key, value in node.items() if key.lower() in _OTHERS and _holds_registers(value)]
    if len(sides) > 1:
        told = " and ".join(sides[:3])
        raise SourceError(f"holds registers of several sides ({told})", at, "leave all but one of them out")
    numbers = [int(key) for key in node if len(key) <= 4 and is_decimal(key)]
    if numbers and len(numbers) == len(node):
        for number_of, value in zip(numbers, node.values(), strict=True):
            _walk(gathered, value, number_of if section is None else section, at, depth + 1)
        return
    beside = any(_register(key) is not None for key in node)
    for key, value in node.items():
        reg_id = _register(key) or (_core(key) if beside else None)
        if reg_id is not None:
            if isinstance(value, dict):
                value = _of_values(value, reg_id, at)
            _add(gathered, section, reg_id, value, at)
            continue
        if beside and _is_number(value) and key.lower() not in _OF_A_CPU:
            gathered.leave_out(1, key, "no register of that name" if isinstance(value, str) else "")
        found = _SECTION.fullmatch(key)
        _walk(gathered, value, int(found[1]) if found else section, at, depth + 1)


def _paired(node: Mapping[str, Any]) -> int | None:
    """The register of an object that holds one and a value; None for any other object."""
    if not any(key in node for key in (*_VALUES, *_OTHERS)):
        return None
    if all(isinstance(node.get(key), int) for key in _ENCODING):
        parts = [node[key] for key in _ENCODING]
        tops = (3, 7, 15, 15, 7)
        return sysreg_id(*parts) if all(0 <= n <= top for n, top in zip(parts, tops, strict=True)) else None
    for key in _REGISTERS:
        word = node.get(key)
        if isinstance(word, int) and not isinstance(word, bool):
            word = f"{word:#x}"
        if isinstance(word, str) and (reg_id := _register(word)) is not None:
            return reg_id
    return None


def _of_values(node: Mapping[str, Any], reg_id: int, at: str) -> Any:
    """The one value that an object has for a register; None where it has none. Raises SourceError for several."""
    several = [key for key in (*_VALUES, *sorted(_OTHERS)) if key in node and _is_number(node[key])]
    unlike = {str(node[key]) for key in several}
    if len(unlike) > 1:
        words = " and ".join(several[:3])
        raise SourceError(f"{name_of(reg_id)} has several values ({words})", at, "leave all but one of them out")
    return node[several[0]] if several else None


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        return _HEX.fullmatch(value) is not None or is_decimal(value[:1])
    return isinstance(value, int) and not isinstance(value, bool)


def _register(key: str) -> int | None:
    if len(key) > 60 or not _NAMED.fullmatch(key):
        return None
    try:
        found = find(key.removeprefix("SYS_"))
    except RegisterError:
        return None
    return found.register.id if found.field is None else None


def _core(key: str) -> int | None:
    """X0 to X30, PC and PSTATE, which beside other registers are meant so."""
    return find(key).register.id if _CORE.fullmatch(key) else None


_CORE = re.compile(r"x(?:[12]?[0-9]|30)|pc|pstate", re.IGNORECASE)


def _add(gathered: Gathered, section: int | None, reg_id: int, value: Any, at: str) -> None:
    told = _value(value)
    if isinstance(told, str):
        gathered.leave_out(1, f"{name_of(reg_id)}: {str(value)[:40]}", told)
        return
    problem = gathered.add(section, reg_id, told, at)
    if problem:
        gathered.leave_out(1, name_of(reg_id), problem)


def _value(value: Any) -> int | str:
    """The number that a JSON value is, or why it is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if value >= 0 else "a negative number"
    if not isinstance(value, str):
        return "no number: a text such as 0x1101000010110012 or a JSON integer"
    text = value.strip()
    if _HEX.fullmatch(text):
        if is_decimal(text) and text[0] != "0":
            return EITHER
        return int(text, 16)
    try:
        return number(text)
    except ValueError:
        return "no number: put 0x before hex digits"
