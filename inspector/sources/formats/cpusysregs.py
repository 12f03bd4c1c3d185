"""Text of arm-cpusysregs (`sysregs -v`): raw system registers of a machine, read at EL1 by a kernel module.

Each register is `NAME: ` and 64 binary digits in groups of four, with ` - ` between the two halves; indented lines
below decode its fields, and are not needed here. A pointer authentication key has 128 bits: its lower half stands in a
line of its own below (apps/regview.cpp, RegView::Register::display).
"""

from __future__ import annotations

import re
from typing import Final

from inspector.budget import RECORDS, STEPS
from inspector.errors import RegisterError, SourceError
from inspector.registers.catalog import find
from inspector.sources.dump import Dump, Host, Provenance, Vcpu
from inspector.sources.formats.plain_text import text_of
from inspector.sources.jsontext import checked
from inspector.sources.opening import Content
from inspector.untrusted import Untrusted

NAME: Final = "cpusysregs"
_LINE = re.compile(r"([A-Z][A-Z0-9_]{1,40}):((?: [01]{4}){8} -(?: [01]{4}){8})[ \t\r]{0,80}")
_LOWER = re.compile(r" {2,80}((?:[01]{4} ){8}-(?: [01]{4}){8})[ \t\r]{0,80}")
_PAIR = re.compile(r"(AP[DGI][AB]KEY)(_EL1)")
_SNIFF = re.compile(rb"^[A-Z][A-Z0-9_]{1,40}:(?: [01]{4}){8} -(?: [01]{4}){8}[ \t\r]{0,80}$", re.MULTILINE)
_OTHER = re.compile(r"[A-Z][A-Z0-9_]{1,40}:[ 01-]{5,}.*")


def sniff(content: Content) -> bool:
    """A line of that form is in the head."""
    return b"\0" not in content.head and _SNIFF.search(content.head) is not None


def load(content: Content) -> Dump:
    """The host's registers, and one vCPU of kind `host` with the same values. Raises SourceError for a broken line."""
    where = content.name
    pairs: list[tuple[int, int]] = []
    unknown: list[str] = []
    lines = text_of(content).splitlines()
    for count, line in enumerate(lines, 1):
        content.budget.spend(STEPS, 3 + len(line) // 32)
        match = _LINE.fullmatch(line)
        if match:
            content.budget.spend(RECORDS)
            content.budget.spend(STEPS, 25)
            halves = _halves(match[1], match[2], lines[count] if count < len(lines) else "")
            try:
                pairs += [(find(name).register.id, value) for name, value in halves]
            except RegisterError:
                unknown.append(match[1])
        elif _OTHER.fullmatch(line):
            raise SourceError(f"line {count} has no 64 binary digits", where, "NAME: 16 groups of four digits")
    if not pairs:
        raise SourceError("holds no register that is known", where)
    values = checked(pairs, where)
    notes = (f"registers without a known name: {', '.join(unknown[:10])}",) if unknown else ()
    return Dump(
        provenance=Provenance(
            source=where, format=NAME, compression=content.compression, tool=Untrusted("arm-cpusysregs")
        ),
        vcpus=(Vcpu(index=0, name=Untrusted("host"), kind="host", values=values),),
        host=Host(values=values),
        notes=notes,
    )


def _halves(name: str, digits: str, below: str) -> list[tuple[str, int]]:
    """A register's name and value; of a key, whose lower half is the line below, those of both its registers."""
    value = _number(digits)
    pair, lower = _PAIR.fullmatch(name), _LOWER.fullmatch(below)
    if pair is None or lower is None:
        return [(name, value)]
    return [(f"{pair[1]}HI{pair[2]}", value), (f"{pair[1]}LO{pair[2]}", _number(lower[1]))]


def _number(digits: str) -> int:
    return int(digits.replace(" ", "").replace("-", ""), 2)
