"""A register and an errno in any program's words: gem5, kvmtool, libkrun, StratoVirt, a program of one's own."""

from __future__ import annotations

import errno
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from inspector.checks.explain.text import Pasted
from inspector.registers.scanning import scan

_VERB = re.compile(
    r"(?P<set>\bSET_?ONE_?REG\b|SetOneReg|set_one_reg|\b(?:set|sett?ing|put|putting|writ(?:e|ing)|wrote|restor(?:e|ing)|load(?:ing)?"
    r"|Set\w{0,40}Reg\w{0,40})\b|\bSet\w*)"
    r"|(?P<get>\bGET_?ONE_?REG\b|GetOneReg|get_one_reg|\b(?:get|gett?ing|read(?:ing)?|sav(?:e|ing)|fetch(?:ing)?|Get\w{0,40}Reg\w{0,40})\b)",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"\(?os error (?P<a>\d{1,3})\)?"
    r"|\berr(?:no|or|no_code|code)?\s{0,20}[:=(]{1,2}\s{0,20}-?(?P<b>\d{1,3})\b|\bError\((?P<c>\d{1,3})\)"
    r"|\bErrno\((?P<d>\d{1,3})\)|\b(?:errno|error)\s{1,3}-?(?P<i>[0-9]{1,3})\b"
    r"|\b(?:ret(?:urn(?:ed|s)?)?|rc|r|status|failed with|failed)\s{0,20}[:=]?\s{0,20}-(?P<e>\d{1,3})\b"
    r"|(?:=|->)\s{0,20}-(?P<h>\d{1,3})\b|\(-(?P<f>\d{1,3})\)|:\s{0,20}-(?P<g>\d{1,3})\s*$",
    re.IGNORECASE,
)
_HEX = re.compile(
    r"\b(?:ret\w{0,10}|rc|r|status|err\w{0,10})\s{0,20}[:= ]\s{0,20}0x(?:f{8})?ffffff([0-9a-f]{2})\b", re.IGNORECASE
)
"""A negative number as a pointer or a register is printed: 0xffffffea is -22."""
_NAME = re.compile(r"\b(E(?:INVAL|NOENT|PERM|BUSY|NOEXEC|FAULT|IO|2BIG|ACCES|NXIO|NODEV|OPNOTSUPP|NOSYS|NOSPC))\b")
_WORDS = {
    "Invalid argument": errno.EINVAL,
    "Operation not permitted": errno.EPERM,
    "No such file or directory": errno.ENOENT,
    "Device or resource busy": errno.EBUSY,
    "Exec format error": errno.ENOEXEC,
    "Bad address": errno.EFAULT,
    "Input/output error": errno.EIO,
    "Argument list too long": errno.E2BIG,
    "Permission denied": errno.EACCES,
    "No such device or address": errno.ENXIO,
}
_VALUE = re.compile(r"\b(?:val(?:ue)?|data|to)\b\s{0,20}[:=(]?\s{0,20}\"?(0x[0-9a-f]{1,32})\b", re.IGNORECASE)
_RIGHT_BEHIND = re.compile(r"[)\s]*[,=:]\s*\"?(0x[0-9a-f]{1,32})\b", re.IGNORECASE)
_PROGRAMS = (
    ("gem5", re.compile(r"\bgem5\b|src/arch/arm/kvm/")),
    ("kvmtool", re.compile(r"\bkvmtool\b|\blkvm\b|KVM_SET_ONE_REG failed \(")),
    ("libkrun", re.compile(r"\blibkrun\b|\bkrun(?:vm)?\b|\bkrun_[a-z]")),
    ("unidbg", re.compile(r"\bunidbg\b|com\.github\.unidbg")),
    ("stratovirt", re.compile(r"\b[Ss]trato[Vv]irt\b")),
    ("hafnium", re.compile(r"Unsupported feature ID register")),
    ("crosvm", re.compile(r"\bcrosvm\b")),
    ("cloud-hypervisor", re.compile(r"\bcloud-hypervisor\b|\bSet(?:Sys|Extended|AarchCore)Register\b")),
    ("firecracker", re.compile(r"\b[Ff]irecracker\b|\bSetOneReg\(|:fc_(?:api|vcpu)\b")),
)
_ERROR_LINE = re.compile(
    r"\b(?:fail(?:ed|ure)?|errors?|err|errno|invalid|refused|cannot|could not|unable|panic|fatal|rejected)\b"
    r"|\bunsupported\b|E[A-Z]{4,}|SET_ONE_REG|set_one_reg|= ?-\d",
    re.IGNORECASE,
)
_GOES_ON = "skipping override"
"""Firecracker's warning, behind which it goes on (CLIDR_EL1, src/vmm/src/arch/aarch64/cache_info.rs)."""
_MOST = 400
_NEAR = 400
"""Letters around a register in which its value and the verb that goes with it stand."""


class Told(NamedTuple):
    """A register of which a line says that something failed."""

    id: int
    kind: str
    """`refused`, `unreadable`, or `named` where the line gives no errno or does not say what was done"""
    error: str
    """the errno's name: `EINVAL`"""
    wanted: int | None
    program: str
    text: str
    line: int


def told_registers(pasted: Pasted) -> Iterator[Told]:
    """Registers with an errno beside them, in the text's order."""
    program = program_named(pasted)
    left = _MOST
    for number, line in enumerate(pasted.lines):
        if not _ERROR_LINE.search(line) or _GOES_ON in line.lower():
            continue
        ends = [0, *(end.end() for end in _SENTENCE.finditer(line)), len(line)] if ". " in line else [0, len(line)]
        errors: dict[int, str] = {}
        for found in scan(line):
            own = bisect_right(ends, found.start) - 1
            if own not in errors:
                errors[own] = errno_in(_said_of(line, own, ends)) or errno_in(_after(pasted, number))
            error = errors[own]
            if not left:
                return
            left -= 1
            before, behind = line[max(found.start - _NEAR, 0) : found.start], line[found.end : found.end + _NEAR]
            kind = _kind(f"{before} {behind}") if error else "named"
            yield Told(found.id, kind, error, _value(behind), program, line, number)


def _said_of(line: str, own: int, ends: Sequence[int]) -> str:
    """A sentence of a line, by its number, with those beside it that are as short as a program's."""
    said = line[ends[own] : ends[own + 1]]
    if own and len((before := line[ends[own - 1] : ends[own]]).split()) <= _FEW_WORDS:
        said = f"{before}{said}"
    if own + 2 < len(ends) and len((behind := line[ends[own + 1] : ends[own + 2]]).split()) <= _FEW_WORDS:
        said = f"{said}{behind}"
    return said


_FEW_WORDS = 8
"""Words of a sentence of a message; what people write of an errno, and of no register, has more"""
_SENTENCE = re.compile(r"\. +(?=\S)")


def _after(pasted: Pasted, number: int) -> str:
    """The next lines of an error chain: `Caused by:`, `0: ...`, an indented cause."""
    chain: list[str] = []
    for line in pasted.lines[number + 1 : number + 4]:
        if re.match(r"(?:caused by|\d+:|because|-> |: )", line, re.IGNORECASE) or (chain and line):
            chain.append(line)
        elif not line:
            continue
        else:
            break
    return " ".join(chain)


def errno_in(line: str) -> str:
    """The errno that a line shows, by name; empty when it shows none."""
    if name := _NAME.search(line):
        return name[1]
    for words, number in _WORDS.items():
        if words.lower() in line.lower():
            return errno.errorcode[number]
    if found := _NUMBER.search(line):
        number = int(next(text for text in found.groups() if text))
        return errno.errorcode.get(number, "")
    if hexadecimal := _HEX.search(line):
        return errno.errorcode.get(0x100 - int(hexadecimal[1], 16), "")
    return ""


def _kind(line: str) -> str:
    verbs = list(_VERB.finditer(line))
    if not verbs:
        return "named"
    return "unreadable" if all(verb["get"] for verb in verbs) else "refused"


def _value(rest: str) -> int | None:
    found = _VALUE.search(rest) or _RIGHT_BEHIND.match(rest)
    return int(found[1], 16) if found else None


def program_named(pasted: Pasted) -> str:
    """The program that the text names, or whose words only it prints; empty where it names none."""
    for name, pattern in _PROGRAMS:
        if any(pattern.search(line) for line in pasted.lines):
            return name
    return ""
