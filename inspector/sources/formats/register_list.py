"""Output of the kernel selftest get-reg-list: ids without values, as the macros of its source.

`ARM64_SYS_REG(3, 0, 0, 4, 0),` for a system register, and products of KVM_REG_* macros for the others. Several
configurations (`vregs: Number registers: 268`) become several lists.
"""

from __future__ import annotations

import re

from inspector.errors import SourceError
from inspector.registers.encoding import (
    CLASS_BITMAP,
    CLASS_CORE,
    CLASS_DEMUX,
    CLASS_FIRMWARE,
    CLASS_SVE,
    SIZE_U32,
    SIZE_U64,
    SIZE_U128,
    SIZE_U256,
    SIZE_U512,
    SIZE_U2048,
    make_id,
    sysreg_id,
)
from inspector.sources.dump import Constraint, Dump, Provenance, Vcpu
from inspector.sources.opening import Content

NAME = "get-reg-list"
_SYSREG = re.compile(r"ARM64_SYS_REG\(\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*\)")
_MACRO = re.compile(r"KVM_REG_ARM(?:64)?_\w+(?:\([^()]*(?:\([^()]*\)[^()]*)*\))?")
_SIZES = {
    "U32": SIZE_U32,
    "U64": SIZE_U64,
    "U128": SIZE_U128,
    "U256": SIZE_U256,
    "U512": SIZE_U512,
    "U2048": SIZE_U2048,
}
_TITLE = re.compile(r"(?<![\w+-])([\w+-]{1,80}): Number (?:blessed )?registers:")
_LINE = re.compile(r"^[ \t]*(?:KVM_REG_ARM64 \||ARM64_SYS_REG\()", re.MULTILINE)
_VALUE = re.compile(r"^[ \t]*ARM64_SYS_REG\([\d, \t]{9,60}\)[ \t]*[=:,]?[ \t]*\d", re.MULTILINE)
"""The macro and a value behind it: lines of values, which plain text reads."""
_CORE = {"regs.sp": 62, "regs.pc": 64, "regs.pstate": 66, "sp_el1": 68, "elr_el1": 70, "fp_regs.fpsr": 0xD4,
         "fp_regs.fpcr": 0xD5}  # fmt: skip
_TIMERS = {"KVM_REG_ARM_TIMER_CTL": (3, 3, 14, 3, 1), "KVM_REG_ARM_TIMER_CNT": (3, 3, 14, 3, 2),
           "KVM_REG_ARM_TIMER_CVAL": (3, 3, 14, 0, 2), "KVM_REG_ARM_PTIMER_CTL": (3, 3, 14, 2, 1),
           "KVM_REG_ARM_PTIMER_CVAL": (3, 3, 14, 2, 2), "KVM_REG_ARM_PTIMER_CNT": (3, 3, 14, 0, 1)}  # fmt: skip

_WHOLE = {name: sysreg_id(*words) for name, words in _TIMERS.items()} | {
    "KVM_REG_ARM64_SVE_VLS": make_id(CLASS_SVE, 0xFFFF, SIZE_U512),
    "KVM_REG_ARM64_SVE_FFR": make_id(CLASS_SVE, 0x600, SIZE_U256),
}
"""Macros that stand for one id, whatever their argument."""
_NUMBERED = {
    "KVM_REG_ARM_FW_FEAT_BMAP_REG": (CLASS_BITMAP, 0, SIZE_U64, 0),
    "KVM_REG_ARM_FW_REG": (CLASS_FIRMWARE, 0, SIZE_U64, 0),
    "KVM_REG_ARM64_SVE_ZREG": (CLASS_SVE, 0, SIZE_U2048, 5),
    "KVM_REG_ARM64_SVE_PREG": (CLASS_SVE, 0x400, SIZE_U256, 5),
}
"""Macros whose first argument is a number: class, number of the first, size, and what a step is worth."""


def sniff(content: Content) -> bool:
    """A text with a line of either form, and no values."""
    text = content.head.decode("utf-8", "replace")
    return "\0" not in text and _LINE.search(text) is not None and _VALUE.search(text) is None


def load(content: Content) -> Dump:
    """One list per configuration. Raises SourceError for a macro that is not known."""
    where = content.name
    lists: dict[str, list[int]] = {}
    name = ""
    for count, line in enumerate(content.whole().decode("utf-8", "replace").splitlines(), 1):
        if title := _TITLE.search(line):
            name = title[1]
            continue
        reg_id = _id(line)
        if reg_id is not None:
            lists.setdefault(name, []).append(reg_id)
        elif "KVM_REG_" in line or "ARM64_SYS_REG" in line:
            raise SourceError(f"line {count} names no register that is known: {line.strip()[:60]}", where)
    vcpus = tuple(
        Vcpu(index=i, name=name, kind="list", values={}, constraints={reg_id: Constraint(0, 0) for reg_id in ids})
        for i, (name, ids) in enumerate(lists.items())
    )
    return Dump(
        provenance=Provenance(source=where, format=NAME, compression=content.compression, tool="selftest get-reg-list"),
        vcpus=vcpus,
        one_vm=False,
        notes=("a list of ids without values",),
    )


def _id(line: str) -> int | None:
    """The id that a line stands for; None when it is none."""
    if match := _SYSREG.search(line):
        numbers = [int(n) for n in match.groups()]
        if any(n > most for n, most in zip(numbers, (3, 7, 15, 15, 7), strict=True)):
            return None
        return sysreg_id(*numbers)
    macros = dict(_parts(text) for text in _MACRO.findall(line))
    size = next(
        (_SIZES[m.rpartition("_")[2]] for m in re.findall(r"KVM_REG_SIZE_U\d+", line) if m[13:] in _SIZES), SIZE_U64
    )
    if "KVM_REG_ARM_CORE_REG" in macros:
        return _core(macros["KVM_REG_ARM_CORE_REG"], size)
    for name, argument in macros.items():
        if name in _WHOLE:
            return _WHOLE[name]
        if name in _NUMBERED and argument:
            cls, base, wide, shift = _NUMBERED[name]
            return _numbered(cls, base, argument.partition(",")[0], wide, shift)
    if "KVM_REG_ARM_DEMUX" in macros and (last := re.search(r"\|\s*(\d+)\s*,?\s*$", line)):
        return _numbered(CLASS_DEMUX, 0, last[1], SIZE_U32)
    return None


def _parts(macro: str) -> tuple[str, str]:
    name, _, argument = macro.partition("(")
    return name, argument.removesuffix(")").strip()


def _numbered(cls: int, base: int, text: str, size: int, shift: int = 0) -> int | None:
    return make_id(cls, base + (int(text) << shift), size) if text.strip().isdigit() and int(text) < 256 else None


def _core(member: str, size: int) -> int | None:
    """The id of a member of struct kvm_regs: `regs.regs[3]`, `spsr[0]`, `fp_regs.vregs[1]` or a plain name."""
    if match := re.fullmatch(r"(regs\.regs|spsr|fp_regs\.vregs)\[(\d{1,2})\]", member):
        base, words, wide = {
            "regs.regs": (0, 2, SIZE_U64),
            "spsr": (72, 2, SIZE_U64),
            "fp_regs.vregs": (0x54, 4, SIZE_U128),
        }[match[1]]
        return make_id(CLASS_CORE, base + words * int(match[2]), wide)
    word = _CORE.get(member)
    return None if word is None else make_id(CLASS_CORE, word, SIZE_U32 if member.startswith("fp_regs") else size)
