"""Find every register that a text names, in any spelling: the one scanner of all commands.

    for found in scan(text):
        found.id, found.field, text[found.start : found.end], found.form, found.access

`scan` takes a whole text or one line, gives what it finds in the text's order and without overlaps, never fails, and
takes time in proportion to the length of the text. It is lazy, and needs no more than the text itself. What it finds:

- encodings: `op0=3, op1=0, crn=0, crm=6, op2=2`, `Op0( 3), Op1( 0), CRn(10) ...`, `S3_0_C0_C7_2`, `sys_reg(3,0,0,7,2)`;
- ids: `0x603000000013c012`, `603000000013c012`, decimal; `system register 0x1013c094` and other packed encodings;
- KVM's macros: `ARM64_SYS_REG(3,0,0,7,2)`, `KVM_REG_ARM_FW_REG(3)`; QEMU's words: `fw reg 3`, `demuxed reg 6020...`;
- instruction words of MRS and MSR: `(d5389ed7)`;
- names, alone or with a field: `ID_AA64MMFR0_EL1`, `SYS_CTR_EL0`, `ID_AA64MMFR0_EL1_ASIDBITS`, `ID_AA64PFR0_EL1.MPAM`,
  `CLIDR_EL1[23:21]`. In running text a name needs an underscore, or four capitals (`CLIDR`); `x0` and `sp` are words.

`spelling.find` is for a text that is nothing but one register.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from inspector.numbers import is_decimal
from inspector.registers.naming import by_id
from inspector.registers.pasted import at_word, may_begin
from inspector.registers.schema import Span
from inspector.registers.spelling import ids_named

_WORDS = re.compile(r"[A-Za-z0-9_]+")
_LONGEST_WORD = 80
_LEVEL = re.compile(r"_EL(?:0|1|2|3|12|02)_")


class Found(NamedTuple):
    """One register in a text."""

    start: int
    """index of the first character of the spelling"""
    end: int
    """index behind its last character"""
    id: int
    field: Span | None
    """the field, where the spelling names one"""
    form: str
    """name, labels, macro, generic, id, packed, instruction, cache, firmware, sve, core or coprocessor"""
    access: str = ""
    """read or write, where an instruction word says it"""


def scan(text: str) -> Iterator[Found]:
    """Every register that `text` names; see the module's own text for the spellings."""
    done = 0
    for word in _WORDS.finditer(text):
        start, end = word.span()
        if start < done or end - start > _LONGEST_WORD or not (may_begin(word[0]) or _may_name(word[0])):
            continue
        found = _at(text, start, end)
        if found is not None:
            done = found.end
            yield found


def _at(text: str, start: int, end: int) -> Found | None:
    stated = at_word(text, start, end)
    if stated is not None:
        field, after = _field_behind(text, stated.end, stated.id)
        return Found(start, after, stated.id, field, stated.form, stated.access)
    word = text[start:end]
    reg_id = _name(word)
    if reg_id is not None:
        field, after = _field_behind(text, end, reg_id)
        return Found(start, after, reg_id, field, "name")
    for level in _LEVEL.finditer(word):
        reg_id = _name(word[: level.end() - 1])
        schema = by_id(reg_id).schema if reg_id is not None else None
        if reg_id is not None and schema and (span := schema.span(word[level.end() :])):
            return Found(start, end, reg_id, span, "name")
    return None


def _name(word: str) -> int | None:
    """The register that a word of running text names; None for a word that may as well be none."""
    ids = ids_named(word) if _may_name(word) else None
    return ids[0] if ids and len(ids) == 1 else None


def _may_name(word: str) -> bool:
    """False for a word of running text: PSCI, too, is the interface, of which kernels speak at every start."""
    return "_" in word or (len(word) > 3 and word.isupper() and word[0].isalpha() and word != "PSCI")


def _field_behind(text: str, at: int, reg_id: int) -> tuple[Span | None, int]:
    """The field in `.NAME` or `[msb:lsb]` right behind a register, and the index behind it."""
    if text[at : at + 1] == ".":
        word = _WORDS.match(text, at + 1, at + 1 + _LONGEST_WORD)
        schema = by_id(reg_id).schema if word else None
        span = schema.span(word[0]) if word and schema else None
        return (span, word.end()) if word and span else (None, at)
    if text[at : at + 1] == "[":
        inside, closed, _ = text[at + 1 : at + 12].partition("]")
        msb, _, lsb = inside.partition(":")
        schema = by_id(reg_id).schema if closed and is_decimal(msb) and is_decimal(lsb or msb) else None
        wanted = (int(msb), int(lsb or msb)) if schema else None
        for span in schema.spans if schema else ():
            if wanted == (span.msb, span.lsb):
                return span, at + 2 + len(inside)
    return None, at
