"""From pasted text to clues: which message says what about which register."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable
from itertools import islice

import msgspec

from inspector.checks.explain.patterns import MESSAGES
from inspector.checks.explain.text import Pasted
from inspector.checks.vmms.messages import OPEN_ENDED, Message, compiled
from inspector.errors import RegisterError
from inspector.registers import catalog
from inspector.registers.crosvm_keys import id_of
from inspector.registers.encoding import (
    ARCH_ARM,
    ARCH_ARM64,
    CLASS_SVE,
    CLASS_SYSREG,
    SIZE_U32,
    SIZE_U64,
    SIZE_U2048,
    bitmap_id,
    class_of,
    firmware_id,
    make_id,
    split_id,
    sysreg_id,
)
from inspector.registers.ids import PSTATE, SVE_VLS
from inspector.registers.pasted_rules import packed_id
from inspector.registers.scanning import scan

MAX_REPEATS = 2000
"""Messages of one family that are looked at; a log that repeats itself more often says nothing new."""
_SIZE_U256 = 5
_CLASSES = frozenset((0x10, 0x11, 0x13, 0x14, 0x15, 0x16))


class Clue(msgspec.Struct, frozen=True, kw_only=True):
    """One message of the text, resolved."""

    message: Message
    text: str
    """the message as the text had it, on one line"""
    at: int
    """position in the text, for ordering"""
    id: int | None = None
    wanted: int | None = None
    """the value that was to be written, or the first CPU's value of a variation"""
    actual: int | None = None
    """the value that the destination has, or the other CPU's"""
    error: str = ""
    """the errno's text or name as printed"""
    counts: tuple[int, int] | None = None
    """registers listed by source and destination"""
    cpu: int | None = None
    found: str = ""
    """what else the message holds: a format version, a MIDR, when"""


class Mention(msgspec.Struct, frozen=True, kw_only=True):
    """A register id or name that stands in the text outside any known message."""

    id: int
    text: str
    at: int


def find_clues(pasted: Pasted) -> list[Clue]:
    """Every known message in the text, in its order; a message inside another one counts once."""
    clues: list[Clue] = []
    for message in MESSAGES:
        for pattern in compiled(message):
            for found in islice(pattern.finditer(pasted.squeezed), MAX_REPEATS):
                clue = _clue(message, found, pasted)
                if clue is not None:
                    clues.append(clue)
    clues.sort(key=lambda c: c.at)
    return _without_doubles(clues)


def _without_doubles(clues: list[Clue]) -> list[Clue]:
    """Two patterns of one family may match the same place: the first row of the table wins."""
    seen: dict[tuple[int, str], Clue] = {}
    for clue in clues:
        seen.setdefault((clue.at, clue.message.vmm), clue)
    named = {clue.at for clue in clues if clue.id is not None}
    return [clue for clue in seen.values() if clue.message.key != "set-one-reg" or clue.at not in named]


def _clue(message: Message, found: re.Match[str], pasted: Pasted) -> Clue | None:
    groups = {name: _text(found, name, pasted) for name, text in found.groupdict().items() if text is not None}
    reg_id = _register(groups)
    if reg_id is not None and message.vmm == "crosvm" and class_of(reg_id) == CLASS_SYSREG:
        reg_id = id_of(reg_id & 0xFFFF)
    if reg_id is None and _needs_register(found, groups):
        return None
    wanted = groups.get("wanted") or groups.get("boot")
    actual = groups.get("actual") or (groups.get("hex") if message.kind == "variation" else None)
    if message.key == "libvirt-pvr":
        groups["found"] = groups["hex"]
    end = _end(found, pasted)
    if message.kind == "lengths" and _OF_ANOTHER_DEVICE.match(pasted.squeezed, end):
        return None
    return Clue(
        message=message,
        text=pasted.excerpt(found.start(), end),
        at=found.start(),
        id=reg_id,
        wanted=_hex(wanted),
        actual=_hex(actual),
        error=_error(groups),
        counts=(int(groups["n"]), int(groups["m"])) if message.kind == "lengths" else None,
        cpu=_cpu(message, groups),
        found=groups.get("found") or groups.get("when") or (groups["n"] if message.kind == "boot_failed" else ""),
    )


_OF_ANOTHER_DEVICE = re.compile(
    r"(?:(?!Failedtoload).){0,240}"
    r"Failedtoload(?:(?!cpu:|elementoftype)[\w.-]{1,60}:|elementoftype[a-z0-9_]{1,30}?for(?!cpreg_vmstate))"
)
"""QEMU checks a PCI device's version_id in the same words (hw/pci/pci.c, VMSTATE_INT32_POSITIVE_LE). From 10.2 on it
names the field behind its type (vmstate_load_state(), migration/vmstate.c)."""


def _text(found: re.Match[str], name: str, pasted: Pasted) -> str:
    start, end = found.span(name)
    if name in OPEN_ENDED and end == found.end():
        end = pasted.end_of_number(start, end)
    return pasted.squeezed[start:end]


def _end(found: re.Match[str], pasted: Pasted) -> int:
    """End of the match, less the digits of the next word that a trailing number swallowed."""
    ends = [
        pasted.end_of_number(*found.span(name))
        for name in OPEN_ENDED
        if name in found.re.groupindex and found.span(name)[1] == found.end()
    ]
    return min([found.end(), *ends])


def _needs_register(found: re.Match[str], groups: dict[str, str]) -> bool:
    """True when the message is about a register, but what stands there is none."""
    return any(
        name in groups for name in ("id", "raw", "demux", "core", "op0", "name", "index", "packed", "called")
    ) and bool(found)


def _hex(text: str | None) -> int | None:
    return int(text, 16) if text else None


def _cpu(message: Message, groups: dict[str, str]) -> int | None:
    if "cpu" in groups:
        return int(groups["cpu"])
    if message.key == "qemu-instance" and "hex" in groups:
        return int(groups["hex"], 16)
    return None


ERROR_WORDS = (
    "Invalid argument",
    "Operation not permitted",
    "Device or resource busy",
    "No such file or directory",
    "Exec format error",
    "Bad address",
    "Input/output error",
    "Argument list too long",
    "Permission denied",
    "No such device or address",
    "No such device",
    "Function not implemented",
    "Cannot allocate memory",
    "Operation not supported",
    "File exists",
    "Cannot assign requested address",
)
"""What strerror() prints of the errnos that KVM answers; a text that another begins with comes later."""


def _error(groups: dict[str, str]) -> str:
    if "errno" in groups:
        return errno.errorcode.get(int(groups["errno"]), groups["errno"])
    return _errno_words(groups.get("err", ""))


def _errno_words(squeezed: str) -> str:
    """`Invalidargument` back to `Invalid argument`."""
    return next((w for w in ERROR_WORDS if w.replace(" ", "").lower() == squeezed.lower()), squeezed)


def _register(groups: dict[str, str]) -> int | None:
    """The register id that a message's groups name; None when they name none or nonsense."""
    if "op0" in groups:
        return _by_encoding([int(groups[name]) for name in ("op0", "op1", "crn", "crm", "op2")])
    if "index" in groups:
        index = int(groups["index"])
        return make_id(0x13, index) if index < 0x10000 else None
    if "bitmap" in groups:
        return _small(groups["bitmap"], bitmap_id)
    if "fw" in groups:
        return _small(groups["fw"], firmware_id)
    for name, named_by in _BY_WORD.items():
        if name in groups:
            return named_by(groups[name])
    for name in ("demux", "core", "raw"):
        if name in groups:
            return plausible_id(int(groups[name], 16))
    if "id" in groups:
        text = groups["id"]
        return plausible_id(int(text, 16 if text[:2].lower() == "0x" else 10))
    return _vector(groups)


def _small(text: str, make: Callable[[int], int]) -> int | None:
    index = int(text)
    return make(index) if index < 0x10000 else None


def _by_encoding(parts: list[int]) -> int | None:
    op0, op1, crn, crm, op2 = parts
    if op0 > 3 or op1 > 7 or crn > 15 or crm > 15 or op2 > 7:
        return None
    return sysreg_id(op0, op1, crn, crm, op2)


def _by_name(text: str) -> int | None:
    try:
        return catalog.find(text.removeprefix("SYS_")).register.id
    except RegisterError:
        return None


def _by_short_name(word: str) -> int | None:
    """The register that kvmtool means by the word in brackets: arm64/kvm-cpu.c, reset_vcpu_aarch64().

    Its `spsr[EL1]` is PSTATE, its `KVM_ARM64_SVE_VLS` the vector lengths. A word of another architecture (`sbi_ext`,
    `config.isa`) names none here.
    """
    return PSTATE if word.casefold() == "spsr[el1]" else _by_name(word.removeprefix("KVM_ARM64_"))


def _by_packed(text: str) -> int | None:
    """QEMU's own key: bit 28 is AArch64's, bit 15 a 64-bit AArch32 register's (cpreg_to_kvm_id(), cpregs.h)."""
    number = int(text, 16)
    if number >> 28 & 1:
        return packed_id(number)
    size = SIZE_U64 if number & _AA32_64BIT else SIZE_U32
    return ARCH_ARM << 56 | size << 52 | (number & ~_AA32_64BIT)


_AA32_64BIT = 1 << 15


_BY_WORD: dict[str, Callable[[str], int | None]] = {
    "name": _by_name,
    "called": _by_short_name,
    "packed": _by_packed,
}


def _vector(groups: dict[str, str]) -> int | None:
    """SVE registers as QEMU names them: include/uapi/asm/kvm.h, KVM_REG_ARM64_SVE_ZREG() and its like."""
    if "vls" in groups:
        return SVE_VLS
    if "zreg" in groups:
        return make_id(CLASS_SVE, (int(groups["zreg"]) & 31) << 5 | int(groups["zslice"]) & 31, SIZE_U2048)
    if "preg" in groups:
        return make_id(CLASS_SVE, 0x400 | (int(groups["preg"]) & 15) << 5 | int(groups["pslice"]) & 31, _SIZE_U256)
    if "fslice" in groups:
        return make_id(CLASS_SVE, 0x600 | int(groups["fslice"]) & 31, _SIZE_U256)
    return None


def plausible_id(number: int) -> int | None:
    """`number` if it has the shape of an arm64 register id of a known class."""
    if number >= 1 << 64:
        return None
    parts = split_id(number)
    plausible = parts.arch == ARCH_ARM64 and not parts.rest and parts.cls in _CLASSES and 2 <= parts.size <= 8
    return number if plausible else None


_HEX_ID = re.compile(r"60[2-8]0[0-9a-f]{12}", re.IGNORECASE)
_ENCODING = re.compile(r"op0[:=]?(\d),?op1[:=]?(\d),?crn[:=]?(\d{1,2}),?crm[:=]?(\d{1,2}),?op2[:=]?(\d)", re.IGNORECASE)
_DECIMAL_ID = re.compile(r"69\d{17}")


def find_mentions(pasted: Pasted) -> list[Mention]:
    """Register ids, encodings and names anywhere in the text, each register once, in the text's order."""
    mentions: dict[int, Mention] = {}
    for pattern, base, digits in ((_HEX_ID, 16, "0123456789abcdefABCDEF"), (_DECIMAL_ID, 10, "0123456789")):
        whole = re.compile(rf"(?<![{digits}]){pattern.pattern}(?![{digits}])", re.IGNORECASE)
        for number, line in enumerate(pasted.lines):
            for found in whole.finditer(line):
                _mention(mentions, plausible_id(int(found[0], base)), found[0], number)
        for found in pattern.finditer(pasted.squeezed):
            if pasted.is_word(found.start(), found.end(), digits):
                _mention(mentions, plausible_id(int(found[0], base)), found[0], pasted.line_of(found.start()))
    for found in _ENCODING.finditer(pasted.squeezed):
        reg_id = _by_encoding([int(part) for part in found.groups()])
        _mention(mentions, reg_id, found[0], pasted.line_of(found.start()))
    for number, line in enumerate(pasted.lines):
        for named in scan(line):
            _mention(mentions, named.id, line[named.start : named.end], number)
    return sorted(mentions.values(), key=lambda m: m.at)


def _mention(mentions: dict[int, Mention], reg_id: int | None, text: str, at: int) -> None:
    if reg_id is not None and reg_id not in mentions:
        mentions[reg_id] = Mention(id=reg_id, text=text, at=at)
