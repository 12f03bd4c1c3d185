"""Whether a file can be a dump, by its beginning alone: for whoever looks at many files, of which few are.

Neither a format nor a register is loaded for it. What may be a dump is read as always; told apart from it are a text
without any number or table of registers, and prose that speaks of a register here and there.
"""

from __future__ import annotations

import re
from typing import Final

from inspector.sources.opening import open_path

_TABLES: Final = (
    *(b"cpu implementer", b"cpu part", b"architecture:", b"model name", b"fp asimd", b"hw.optional."),
    *(b"hwcap:", b"hwcap2:", b"cp 40"),
    *(b"physical cpu 0x", b"secondary processor 0x", b"unexpected variation in "),
)
"""What one line of a table or of a kernel's log shows: it is enough, however long the text"""
_BEGINNINGS: Final = (b"cpu ", b"cpu,", b"# cpu", b"# the following is the parsable format", b"modelname", b"{")
"""Of what `lscpu` lists in columns, and of JSON: all that is read of it are objects"""
_NUMBER: Final = re.compile(rb"\b(?:0[xXbB][0-9a-fA-F]|[0-9a-fA-F]{8}(?:[0-9a-fA-F]{8})?\b)")
"""A number that says its base, or all digits of a register"""
_BITS: Final = re.compile(rb"[0-9]:[0-9]{1,2}\]?[ \t|]{1,40}[01]|:(?: [01]{4}){8} -")
"""A field's place and its value, as UEFI programs print them; a register's binary digits, as arm-cpusysregs does"""
_REGISTER: Final = re.compile(
    rb"\W{0,12}(?:\w{1,40}_EL[0-3]\w{0,40}\W{0,40}(?:[0-9]|$)|KVM_REG_ARM64 \||ARM64_SYS_REG\()"
)
_PAIR: Final = re.compile(rb"\W{0,12}[\w.:\[\]]{1,60}\W{1,40}[0-9]{1,20}\W{0,6}$")
_SHORT, _WINDOW, _ENOUGH = 24, 8, 3
"""Lines of a text of which one may tell it; in a longer one, so many of so many that follow each other"""


def may_be_dump(path: str) -> bool:
    """False where the first 64 KiB of a file, unpacked, are those of a text that holds single registers at most.

    Raises SourceError for a file that cannot be opened or unpacked, or is empty.
    """
    with open_path(path, path) as content:
        head = content.head
    folded = head.lower()
    if b"\0" in head or folded.lstrip().startswith(_BEGINNINGS) or any(table in folded for table in _TABLES):
        return True
    told = [_tells(line) for line in head.splitlines() if line.strip()]
    if len(told) <= _SHORT:
        return any(told)
    return any(sum(told[at : at + _WINDOW]) >= _ENOUGH for at in range(len(told) - _WINDOW + 1))


def _tells(line: bytes) -> bool:
    """Whether a line can be a register's, or a register and its value."""
    return (
        _REGISTER.match(line) is not None
        or _PAIR.match(line) is not None
        or _NUMBER.search(line) is not None
        or (b":" in line and _BITS.search(line) is not None)
    )
