"""Lines as people paste them: what stands around a register and its value, and the two themselves.

Nothing here refuses a line: a line without a register and a value gives no pair, and the reason where there is one.
Time is linear in the length of a line.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from inspector.errors import RegisterError
from inspector.numbers import is_decimal
from inspector.registers.catalog import find
from inspector.registers.encoding import size_of
from inspector.registers.scanning import Found, scan
from inspector.sources.jsontext import number

_WORD = string.ascii_letters + string.digits + "_"
_QUOTES = "\"'` \t"
_BETWEEN = frozenset(" \t=:,|'\"`)]}>#")
_WIDEST_GAP = 40
_FILLERS = ("value", "val", "is", "reads", "read", "raw", "func_read")
_NUMBER = re.compile(r"0[xX][0-9a-fA-F_]+|0[bB][01_]+|[0-9a-fA-F]+")
_PADDED = re.compile(r"[0-9a-fA-F]{16}|[0-9a-fA-F]{8}")
_ALONE = re.compile(r"(?<![0-9A-Za-z_])(?:[0-9a-fA-F]{16}|[0-9a-fA-F]{8})(?![0-9A-Za-z_])")
_DECIMAL = re.compile(r"[=: \t][\"' ]?(?![0-9]{8}(?![0-9])|[0-9]{16}(?![0-9]))[1-9][0-9]{1,19}[\"', ]{0,3}$")
_SUFFIX = re.compile(r"[uUlLhH]{1,3}(?![0-9A-Za-z_])")
_COMMENT = re.compile(r"#|//|;")
_ESCAPES = re.compile(r"\x1b\[[0-9;?]{0,40}[A-Za-z]|\x1b[()][A-Z0-9]")
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,80}>")
_STAMP = re.compile(
    r"(?:<[0-9]{1,3}>)?\[ {0,12}[0-9]{1,12}\.[0-9]{1,9}\](?:\[ {0,8}[TC][0-9]{1,8}\])?"  # dmesg
    r"|[0-9]{4}-[0-9][0-9]-[0-9][0-9][T ][0-9][0-9]:[0-9][0-9]:[0-9][0-9](?:[.,][0-9]{1,9})?"
    r"(?:Z|[+-][0-9][0-9]:?[0-9][0-9])?"
    r"|[A-Z][a-z]{2} {1,2}[0-9]{1,2} [0-9][0-9]:[0-9][0-9]:[0-9][0-9](?: [\w.-]{1,64})?"
    r"|\((?:bootloader|gdb|lldb|qemu)\)|[>|│]"
    r"|[\w.@~:/-]{1,80}[$#>](?= )|=>"  # prompts
)
_CPU = re.compile(r"\b[vp]?cpu[ =:#_]{0,3}([0-9]{1,4})\b", re.IGNORECASE)
_CODE = re.compile(
    r"\bSYS_DESC\(|\([*&]?vcpu, |[\w)\]] {0,2}(?:==|!=|<<) {0,2}[\w(]"
    r"|^[+-]?[ \t]{0,40}(?:#[ \t]{0,8}define|case|return)\b|^[+-]?[ \t]{0,40}(?:if|while) ?\("
)
"""A line of a program in C, whose numbers are what it compares, shifts or starts with: `SCTLR_EL1 == 0x5`"""
_BEFORE = r"[ \t=:|,;'\"`)>\]]{1,40}"
_COLUMNS = re.compile(
    _BEFORE + r"(0[xX][0-9a-fA-F_]+)[uUlL]{0,3}['\"`]?(?:[ \t|,;]{1,40}|[ \t]{0,4}(?:->|=>|→)[ \t]{0,4})['\"`]?"
    r"(0[xX][0-9a-fA-F_]+)(?![0-9A-Za-z_])"
)
"""Two numbers behind a register, as in a table of several columns"""
_AGAINST = (
    r"was|expected|exp|previous(?:ly)?|before|instead of|vs\.?|got|want(?:ed)?|actual|should be|changed (?:from|to)"
)
_BESIDES = re.compile(
    r"[ \t=:|,'\"`)>\]]{0,40}(0[xX][0-9a-fA-F_]+)?[ \t]{0,8}[(,]?[ \t]{0,8}\b(?:" + _AGAINST + r")\b"
    r"[ \t:=]{0,8}(0[xX][0-9a-fA-F_]+)(?:\)?[ \t:=,]{1,8}(?:\w{2,8}[ \t:=]{1,8})?(0[xX][0-9a-fA-F_]+))?",
    re.IGNORECASE,
)
"""A number behind a register, and another that a word sets against it: `0xa (was 0xb)`, `expected 0xa got 0xb`"""
_BYTES = re.compile(
    _BEFORE + r"(?:(?:0[xX])?[0-9a-fA-F]{2}(?:[ \t,:]{1,4}(?:0[xX])?[0-9a-fA-F]{2}){3,64}"
    r"|[0-9a-fA-F]{4}(?:[ \t]{1,4}[0-9a-fA-F]{4}){3})(?![0-9A-Za-z_])"
)
"""Bytes or halfwords behind a register, as a dump of memory has them"""
SEVERAL = "two values behind one register: which of them is meant is not said; leave the other out"
OF_BYTES = "bytes, of which order is not known: write the value as one number with 0x before it"
EITHER = "digits that may be hex or decimal: put 0x before hex"
_BORDER = frozenset(" \t-=+|_*~─│┌┐└┘├┤┬┴┼═║")


class Pair(NamedTuple):
    """A register, or one of its fields, and a value."""

    id: int
    value: int
    mask: int | None
    """the field's bits in place, where only a field is given; `value` is in place as well"""
    text: str
    """the spelling"""


def bare(line: str) -> str:
    """A line without escape sequences, time stamps, prompts and quote marks before it."""
    text = _ESCAPES.sub("", line).strip() if "\x1b" in line else line.strip()
    if "</" in text:
        text = _TAG.sub(" ", text).strip()
    for _ in range(6):
        stamp = _STAMP.match(text)
        if not stamp:
            break
        text = text[stamp.end() :].lstrip(" :\t")
    return text


def is_border(line: str) -> bool:
    """Whether a line is a rule of a table or a blank, and says nothing."""
    return not line.strip() or _BORDER.issuperset(line)


def cpu_of(line: str) -> int | None:
    """The CPU that a line speaks of, `cpu=1`, `CPU 3:`; None where it says none."""
    found = _CPU.search(line)
    return int(found[1]) if found else None


def without_comment(line: str) -> str:
    """The line up to `#`, `//` or `;`; a `;` between a register and a value, as in tables, begins no comment."""
    if ";" in line and _SEMICOLONS.match(line):
        line = line.replace(";", " | ")
    return _COMMENT.split(line, maxsplit=1)[0].strip()


_SEMICOLONS = re.compile(
    r"[ \t\"']{0,8}[\w\[\]]{2,60}[ \t\"']{0,8};[ \t\"']{0,8}"
    r"(?:0[xX][0-9a-fA-F_]+|[0-9a-fA-F]{16}|[0-9]+)[\"']?\s{0,8}(?:;|$)"
)
"""A row of a table whose columns `;` divides: a word, and a number"""


def is_padded_hex(line: str) -> bool:
    """Whether the line has 8 or 16 hex digits behind a register that cannot be a decimal number as people write it."""
    content = without_comment(line)
    telling = (digits for digits in _ALONE.findall(content) if digits[0] == "0" or not is_decimal(digits))
    return any(telling) and (next(scan(content), None) is not None or _one(content, hexes=True)[0] is not None)


def base_of(lines: Sequence[str]) -> bool | None:
    """Whether numbers of 8 or 16 digits are hex (True) or decimal in these lines; None where nothing shows it.

    A number of such a width with a letter or a leading 0 shows hex, one of another width without 0x decimal.
    """
    if any(is_padded_hex(line) for line in lines):
        return True
    return False if any(_DECIMAL.search(without_comment(line)) for line in lines) else None


def pairs_of(line: str, hexes: bool | None) -> tuple[list[Pair], str | RegisterError]:
    """The registers and values of a line, in its order, and why there is none ("" where nothing looks like one).

    `hexes`: numbers of 8 or 16 digits are hex without a prefix; None where the text does not say: such a number without
    a letter is then no value, but of a counter's registers, which people write in decimal (`CNTFRQ_EL0 24000000`).
    """
    if hexes is None and "CNT" in line.upper():
        hexes = False
    if _CODE.search(line):
        return [], "a line of a program's source"
    content = without_comment(line) or line
    found = list(scan(content))
    if reason := _no_one_value(content, found):
        return [], reason
    if len(found) < 2:
        pair, problem = _one(content, hexes)
        if pair:
            return [pair], ""
        if not found and content != line:
            # A register in a comment or behind one, as in `#1: MIDR_EL1 = 0x...`
            found, content = list(scan(line)), line
        if not found:
            return [], problem
    pairs = list(_found_pairs(content, found, hexes))
    field = found[0].field if len(found) == 1 else None
    if not pairs and field and _value_behind(content, found[0].end, len(content), hexes):
        return [], f"the value does not fit the field {field.name}"
    if hexes is None and not pairs and _ALONE.search(content):
        return [], EITHER
    return pairs, "" if pairs else "a register without a value"


def _no_one_value(line: str, found: list[Found]) -> str:
    """Why what stands behind the only register of a line is not one value of it, "" where it may be."""
    if len({each.id for each in found}) != 1:
        return ""
    if _BYTES.match(line, found[-1].end):
        return OF_BYTES
    if line.lower().count("0x", found[-1].end) < 2:
        return ""
    columns = _COLUMNS.match(line, found[-1].end)
    if columns is not None:
        return SEVERAL if number(columns[1]) != number(columns[2]) else ""
    besides = _BESIDES.match(line, found[-1].end)
    told = {number(text) for text in besides.groups() if text} if besides else set()
    return SEVERAL if len(told) > 1 else ""


def _found_pairs(line: str, found: list[Found], hexes: bool | None) -> Iterator[Pair]:
    done = 0
    for place, each in enumerate(found):
        if each.start < done:
            continue
        limit = found[place + 1].start if place + 1 < len(found) else len(line)
        token = _value_behind(line, each.end, limit, hexes)
        if token is None:
            continue
        value, done = token
        pair = _paired(each, value, line[each.start : each.end])
        if pair:
            yield pair


def _paired(each: Found, value: int, text: str) -> Pair | None:
    if each.field is None:
        return Pair(each.id, value, None, text)
    fits = value >> each.field.width == 0
    return Pair(each.id, value << each.field.lsb, each.field.mask, text) if fits else None


def _value_behind(line: str, at: int, limit: int, hexes: bool | None) -> tuple[int, int] | None:
    """The number behind a register's spelling and the index behind it; None when something else stands there.

    A number that is itself spelled as a register (an id) begins at `limit`, and is a value all the same.
    """
    stop = min(len(line), at + _WIDEST_GAP)
    start = at
    while at < stop:
        if line[at] in _BETWEEN or line.startswith("->", at):
            at += 2 if line[at] == "-" else 1
            continue
        filler = next(
            (word for word in _FILLERS if line[at : at + len(word) + 1].lower() in (f"{word} ", f"{word}:")), ""
        )
        if not filler:
            break
        at += len(filler)
    if at == start or at > limit:
        return None
    token = _NUMBER.match(line, at)
    if token is None:
        return None
    end = token.end()
    if suffix := _SUFFIX.match(line, end):
        end = suffix.end()
    if line[end : end + 1] in _WORD and line[end : end + 1]:
        return None
    if line[end : end + 1] == ":" and is_decimal(line[end + 1 : end + 2]):
        # bits of a field, `7:4`
        return None
    value = _number(token[0], hexes)
    return None if value is None else (value, end)


def _number(digits: str, hexes: bool | None) -> int | None:
    if len(digits) > 700:
        return None
    try:
        if digits[:2].lower() in ("0x", "0b"):
            return number(digits)
        padded = _PADDED.fullmatch(digits) is not None
        if padded and (hexes or not is_decimal(digits)):
            return int(digits, 16)
        if padded and hexes is None:
            return None
        return number(digits) if is_decimal(digits) else None
    except ValueError:
        return None


def _split(line: str) -> tuple[str, str] | None:
    """A register's spelling and the text of its value, quotes left out; None where the line is no pair.

    No regular expression: on a long line of blanks one would try every way of sharing them out.
    """
    head = line.rstrip("," + _QUOTES)
    name = head.rstrip(_WORD)
    value = head[len(name) :]
    if not value or not (is_decimal(value[0]) or _PADDED.fullmatch(value)):
        return None
    rest = name.rstrip(_QUOTES)
    if rest[-1:] in ("=", ":", ","):
        rest = rest[:-1].rstrip(_QUOTES + ":")
    elif not name[-1:].isspace():
        return None
    rest = rest.lstrip(_QUOTES)
    return (rest, value) if rest else None


def _one(line: str, hexes: bool | None) -> tuple[Pair | None, str | RegisterError]:
    """The one pair of a line that is nothing else, or that begins with it (`pc  0xffff  0xffff <func>`)."""
    problem: str | RegisterError = ""
    for name, digits in filter(None, (_split(line), _leading(line))):
        value = _number(digits, hexes)
        if value is None:
            either = hexes is None and _PADDED.fullmatch(digits)
            problem = problem or (
                EITHER if either else f"{digits[:40]} is not a number: 0x before hex digits, or decimal"
            )
            continue
        try:
            found = find(name)
        except RegisterError as error:
            problem = problem or error
            continue
        field = found.field
        if field is None:
            return Pair(found.register.id, value, None, name), ""
        if value >> field.width == 0:
            return Pair(found.register.id, value << field.lsb, field.mask, name), ""
        problem = f"{digits[:40]} does not fit the field {field.name}"
    return None, problem


def _leading(line: str) -> tuple[str, str] | None:
    """The first word of a line and a hex number behind it, whatever follows: gdb, LLDB, Trace32."""
    words = line.replace("=", " ", 1).split(maxsplit=2) if len(line) < 4096 else []
    if len(words) < 2:
        return None
    name, value = words[0].rstrip(":"), words[1].rstrip(",")
    hexadecimal = value[:2].lower() == "0x" or _PADDED.fullmatch(value)
    return (name, value) if hexadecimal and name and len(name) <= 40 else None


def fits(reg_id: int, value: int) -> bool:
    """Whether a value is no wider than the size that the register's id states."""
    return value.bit_length() <= 8 * size_of(reg_id)
