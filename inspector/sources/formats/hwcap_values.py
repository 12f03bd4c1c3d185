"""AT_HWCAP and AT_HWCAP2 of Linux on arm64: from getauxval(), LD_SHOW_AUXV=1, or a program that prints them.

`AT_HWCAP: 119fff` (as the dynamic loader prints it, hex without a prefix), `getauxval(AT_HWCAP2) = 0x...`, `hwcap: 0x`.
"""

from __future__ import annotations

import re
from typing import Final

from inspector.budget import STEPS
from inspector.errors import SourceError
from inspector.numbers import is_decimal
from inspector.registers.bits import Partial
from inspector.registers.hwcaps import flags_of
from inspector.sources.dump import Dump, Provenance
from inspector.sources.flags import Core, cores_dump, known_flags
from inspector.sources.formats.plain_text import text_of
from inspector.sources.opening import Content
from inspector.untrusted import Untrusted

NAME: Final = "hwcaps"
_WORD = re.compile(r"\b(AT_|ELF_)?HWCAP([23]?)\b[)\]]?[ \t]{0,40}([:=]|is\b)?[ \t]{0,40}(0x)?([0-9a-f]{1,16})\b", re.I)
_LIST = re.compile(r"\b(?:AT_)?HWCAP2?[)\]]?[ \t]{0,40}:[ \t]{0,40}((?:[a-z][a-z0-9_]{1,20} ?){2,100})", re.I)
_PLATFORM = re.compile(r"AT_PLATFORM:[ \t]{0,40}(?:0x[0-9a-f]{1,16}[ \t])?[\"']?([a-z0-9_]{1,20})", re.I)
_SNIFF = re.compile(rb"hwcap", re.I)


def sniff(content: Content) -> bool:
    """A word of flags, or a list of their names, is among the first lines."""
    if b"\0" in content.head or not _SNIFF.search(content.head):
        return False
    text = content.head.decode("utf-8", "replace")
    return _WORD.search(text) is not None or _LIST.search(text) is not None


def load(content: Content) -> Dump:
    """The flags' fields. Raises SourceError for another architecture, and for a text without a flag."""
    where = content.name
    text = text_of(content)
    platform = _PLATFORM.search(text)
    if platform and platform[1].casefold() not in ("aarch64", "aarch64_be", "v8l"):
        raise SourceError(f"is of another architecture ({platform[1]})", where, "this program reads arm64")
    flags: dict[str, None] = {}
    third = False
    for found in _WORD.finditer(text):
        content.budget.spend(STEPS, 10)
        third = third or found[2] == "3"
        value = _value(found)
        if found[2] != "3" and value is not None:
            flags |= dict.fromkeys(flags_of(int(found[2] or 1), value))
    for listed in _LIST.finditer(text):
        flags |= dict.fromkeys(known_flags(listed[1].casefold().split()))
    if not flags:
        raise SourceError("holds no flag of arm64 Linux", where, "AT_HWCAP: 0x119fff")
    provenance = Provenance(source=where, format=NAME, compression=content.compression, tool=Untrusted("getauxval"))
    notes = [] if content.declared else ["taken for a host: in a VM these are its guest's flags: --as guest"]
    notes += ["AT_HWCAP3 is not read: no field is known for its bits"] if third else []
    return cores_dump([Core(0, Partial.nothing(), tuple(flags))], content.declared or "host", provenance, notes)


def _value(found: re.Match[str]) -> int | None:
    """The number; without 0x it is hex behind the dynamic loader's `AT_HWCAP:`, decimal behind `=` or `is`.

    Digits alone behind another program's colon may be either: None, as for what is no number.
    """
    digits = found[5]
    if found[4] or (found[3] == ":" and (found[1] or not is_decimal(digits))):
        return int(digits, 16)
    return int(digits) if is_decimal(digits) and (found[3] != ":" or len(digits) == 1) else None
