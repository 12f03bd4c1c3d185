"""ID registers in Windows' registry: values `CP nnnn` under HARDWARE\\DESCRIPTION\\System\\CentralProcessor\\N.

nnnn is the encoding as ARM64_SYSREG() of winnt.h packs it: op0[0] in bit 14, op1[13:11], CRn[10:7], CRm[6:3], op2[2:0];
`CP 4000` is MIDR_EL1, `CP 4030` ID_AA64ISAR0_EL1 (seen in exports of real machines, and in programs that read them).
Read: `.reg` exports (`hex(b):` little-endian bytes, `qword:`, `dword:`), `reg query` (hex) and PowerShell (decimal).
"""

from __future__ import annotations

import re
from typing import Final

from inspector.errors import SourceError
from inspector.registers.encoding import CLASS_SYSREG, make_id
from inspector.sources.dump import Dump, Provenance
from inspector.sources.formats.plain_text import text_of
from inspector.sources.gathered import Gathered, make_dump
from inspector.sources.opening import Content
from inspector.untrusted import Untrusted

NAME: Final = "windows-registry"
_BYTE = "[0-9a-fA-F]{2}"
_ENTRY = re.compile(
    r"\bCP ([0-9A-Fa-f]{4})\"?[ \t]{0,80}(?:=|:|REG_QWORD|REG_DWORD|REG_BINARY)[ \t]{0,80}"
    rf"(?:hex(?:(?:\([0-9a-f]\))?:(?=(?:{_BYTE},){{7}}{_BYTE})|(?!\(b\))(?:\([0-9a-f]\))?:(?=(?:{_BYTE},){{3}}{_BYTE}))"
    r"((?:[0-9a-fA-F]{2},){3,7}[0-9a-fA-F]{2})"
    r"|(?:qword|dword):([0-9a-fA-F]{1,16})|(0x[0-9a-fA-F]{1,16})|([0-9]{1,20}))(?![0-9A-Za-z,])"
)
"""Of `hex(b):` there are 8 bytes, of other kinds 8 or 4: fewer are a line that was cut off."""
_NAMED = re.compile(r"\bCP [0-9A-Za-z]{1,8}\b")
_GOES_ON = re.compile(r"\\\r?\n[ \t]{0,40}")
_KEY = re.compile(r"CentralProcessor\\([0-9]{1,4})\b", re.IGNORECASE)
_HIVE_ROW = re.compile(r"([0-9]{1,4}) {2,60}\S")
_SNIFF = re.compile(rb"CP [0-9A-Fa-f]{4}\b")
_NOTES = ("shows the ID registers as Windows read them at start, under Hyper-V a guest's; it does not show caches",)


def sniff(content: Content) -> bool:
    """A value of that name is in the head."""
    head = content.head
    return b"\0" not in head and _SNIFF.search(head) is not None and _ENTRY.search(head.decode("latin-1")) is not None


def load(content: Content) -> Dump:
    """The registers of each processor. Raises SourceError where no value is one."""
    gathered = Gathered(content.name, content.budget)
    section: int | None = None
    text = _GOES_ON.sub("", text_of(content))
    for count, line in enumerate(text.splitlines(), 1):
        if (place := _KEY.search(line)) or (place := _HIVE_ROW.match(line)):
            section = int(place[1])
        entries = list(_ENTRY.finditer(line))
        if not entries and _NAMED.search(line):
            gathered.leave_out(count, line, "a value CP nnnn that is not whole")
        for found in entries:
            reg_id = make_id(CLASS_SYSREG, 0x8000 | int(found[1], 16) & 0x7FFF)
            problem = gathered.add(section, reg_id, _value(found), f"{content.name}, line {count}")
            if problem:
                gathered.leave_out(count, line, problem)
    if gathered.empty:
        raise SourceError("holds no value CP nnnn", content.name, '"CP 4000"=hex(b):b1,d4,0f,41,00,00,00,00')
    provenance = Provenance(
        source=content.name, format=NAME, compression=content.compression, tool=Untrusted("Windows registry")
    )
    return make_dump(gathered, content.declared or "host", provenance, _NOTES)


def _value(found: re.Match[str]) -> int:
    if found[2]:
        return int.from_bytes(bytes.fromhex(found[2].replace(",", "")), "little")
    return int(found[3] or found[4] or "0", 16) if not found[5] else int(found[5])
