"""Register ids in text that programs print: encodings, kernel macros, QEMU's and crosvm's messages, numbers.

Every word of a text is looked up in a table of what can begin a spelling (`op0`, `ARM64_SYS_REG`, `fw`, ...); the rule
behind it reads on for a bounded number of characters. So the time is linear in the length of the text, whatever the
text holds. `scanning.scan` adds the names of registers to this.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from inspector.numbers import is_decimal
from inspector.registers import encoding as enc
from inspector.registers.pasted_rules import BLANKS, DIGITS, RULES, Cursor, encoded, instruction_id, packed_id

_WORDS = re.compile(r"[A-Za-z0-9_]+")
_LONGEST_WORD = 80
_SHORTEST_NUMBER, _NUMBERS_BEGIN = 8, frozenset("0123456789dD")
"""Of a word that is an id, a packed encoding or an instruction word, where none of its digits stand apart"""
_HEX_DIGITS = frozenset("0123456789abcdefABCDEF_")
_PREFIX_WORDS = frozenset(
    ("demuxed", "core", "reg", "id", "system", "register", "sysreg", "demux", "encoding", "aarch64sysregid")
)
_CLASSES = frozenset(
    (enc.CLASS_CORE, enc.CLASS_DEMUX, enc.CLASS_SYSREG, enc.CLASS_FIRMWARE, enc.CLASS_SVE, enc.CLASS_BITMAP)
)
_FEATURE_CRM = {"pfr": (4, 0), "dfr": (5, 0), "afr": (5, 4), "isar": (6, 0), "mmfr": (7, 0)}


class Spelled(NamedTuple):
    """A register that a text states by number, encoding or macro."""

    start: int
    """index of its first character"""
    end: int
    """index behind its last character"""
    id: int
    form: str
    """labels, macro, generic, id, packed, instruction, cache, firmware, sve, core or coprocessor"""
    access: str = ""
    """read or write, where an instruction word says it"""


def spelled(text: str) -> Iterator[Spelled]:
    """Every register that `text` states by number, encoding or macro, in its order and without overlaps."""
    done = 0
    for word in _WORDS.finditer(text):
        if not may_begin(word[0]) or word.start() < done or word.end() - word.start() > _LONGEST_WORD:
            continue
        found = at_word(text, word.start(), word.end())
        if found is not None:
            done = found.end
            yield found


def may_begin(word: str) -> bool:
    """False for a word with which `at_word` finds no spelling, as most of a text are, without looking at it closely."""
    if "_" in word or (len(word) >= _SHORTEST_NUMBER and word[0] in _NUMBERS_BEGIN):
        return True
    folded = word.casefold()
    return folded in RULES or folded.startswith("op0")


def at_word(text: str, start: int, end: int) -> Spelled | None:
    """The spelling that begins with the word `text[start:end]`; None when none does."""
    folded = text[start:end].casefold()
    rule = RULES.get(folded) or (RULES["op0"] if folded.startswith("op0") else None)
    if rule is not None:
        cursor = Cursor(text, start if rule[0] == "labels" else end)
        reg_id = rule[1](cursor)
        return None if reg_id is None else Spelled(start, cursor.at, reg_id, rule[0])
    if is_decimal(folded[0]) or folded[0] == "d":
        return _number_word(text, start, end)
    reg_id = _generic(folded)
    return None if reg_id is None else Spelled(start, end, reg_id, "generic")


def _number_word(text: str, start: int, end: int) -> Spelled | None:
    """A word that is an id, a packed encoding or an instruction word."""
    word = text[start:end]
    bare = word.removeprefix("0x").removeprefix("0X").replace("_", "")
    if not bare or not _HEX_DIGITS.issuperset(bare):
        return None
    if len(bare) == 8 and bare[0] in "dD":
        told = instruction_id(int(bare, 16))
        return Spelled(start, end, told[0], "instruction", told[1]) if told else None
    if len(bare) == 8 and word[1:2] in "xX" and bare.startswith(("1013", "3013")):
        packed = packed_id(int(bare, 16))
        return None if packed is None else Spelled(start, end, packed, "packed")
    if len(bare) == 16 and bare[0] in "64":
        return Spelled(start, end, int(bare, 16), "id") if plausible_id(int(bare, 16)) else None
    if is_decimal(word) and 17 <= len(word) <= 20:
        return Spelled(start, end, int(word), "id") if plausible_id(int(word)) else None
    return None


def plausible_id(number: int) -> bool:
    """Whether a number has the shape of a KVM register id: a known class, or an AArch32 register of QEMU's TCG."""
    if number >= 1 << 64:
        return False
    parts = enc.split_id(number)
    if parts.arch == enc.ARCH_ARM64:
        return not parts.rest and parts.cls in _CLASSES and 2 <= parts.size <= 8
    code = enc.coprocessor_of(number)
    return code is not None and code.coprocessor in (14, 15)


def _generic(word: str) -> int | None:
    """`s3_0_c0_c4_0`, `sys_reg_3_0_0_4_0`, `res_0_c0_c3_3`, `id_aa64pfr3_el1_reserved`; `word` is folded."""
    if word.startswith("id_aa64") and word.endswith("_el1_reserved"):
        name = word[7 : -len("_el1_reserved")]
        place = _FEATURE_CRM.get(name[:-1])
        return encoded((3, 0, 0, place[0], place[1] + int(name[-1]))) if place and name[-1:] in DIGITS else None
    parts = word.split("_")
    if len(parts) < 5:
        return None
    head, numbers = "_".join(parts[:-5]), parts[-5:]
    if word.startswith("res_"):
        head, numbers = "", ["3", *parts[1:]]
    elif not head:
        head, numbers[0] = numbers[0][:1], numbers[0][1:]
    if head not in ("", "s", "sysreg", "sys_reg"):
        return None
    digits = [part.removeprefix("c") if place in (2, 3) else part for place, part in enumerate(numbers)]
    if not all(is_decimal(part) and len(part) <= 2 for part in digits):
        return None
    return encoded([int(part) for part in digits])


def id_in_text(text: str) -> int | None:
    """The id that `text` as a whole states by number, encoding or macro; None when it states none (it may be a name).

    Labelled numbers and macros may stand anywhere in it, as in a line of a log; other spellings are all of it, but for
    words such as `demuxed reg`.
    """
    reg_id = _whole_number(text)
    if reg_id is not None:
        return reg_id
    for found in spelled(text):
        if found.form in ("labels", "macro") or _covers(text, found):
            return found.id
    return None


def _covers(text: str, found: Spelled) -> bool:
    before = text[: found.start].replace("|", " ").split()
    return not text[found.end :].strip(BLANKS) and all(word.casefold() in _PREFIX_WORDS for word in before)


def _whole_number(text: str) -> int | None:
    """An id in hex or decimal, a 16-bit encoding in hex, or five numbers between commas."""
    digits = text.replace("_", "")
    if len(digits) == 16 and digits[0] in "64" and digits[1] == "0" and _HEX_DIGITS.issuperset(digits):
        return int(digits, 16)
    if digits[:2].casefold() == "0x" and digits[2:] and len(digits) <= 18 and _HEX_DIGITS.issuperset(digits[2:]):
        number = int(digits, 16)
        return _known_architecture(number) if number >> 32 else packed_id(number)
    if is_decimal(text) and 17 <= len(text) <= 20:
        return _known_architecture(int(text))
    numbers = text.strip("()").split(",")
    if len(numbers) == 5 and all(is_decimal(part.strip()) and len(part.strip()) <= 4 for part in numbers):
        return encoded([int(part) for part in numbers])
    return None


def _known_architecture(number: int) -> int | None:
    return number if number >> 56 in (enc.ARCH_ARM64, enc.ARCH_ARM) else None
