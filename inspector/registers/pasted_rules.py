"""The rules behind `pasted`: what may follow the word that begins a register's spelling, and the id that it makes.

A rule reads on from a cursor by single characters, for at most `_REACH` of them, and gives the id or None.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache

from inspector.registers import encoding as enc
from inspector.registers.definitions import kvm_registers as kvm

_REACH = 300
"""Characters behind a word that its rule may read: the longest spelling is half of it."""
BLANKS = " \t\r\n"
_BETWEEN_LABELS = BLANKS + ":=,;(){}[]|\"'`/-"
_BEFORE_NUMBER = BLANKS + ":=(\"'"
DIGITS = "0123456789"
_WORD_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.")
_MOST = (3, 7, 15, 15, 7)
_LABEL = "(op[012]|cr[nm])"
_NUMBER_THERE = r"[ \t\r\n:=(\"']*+c?[0-9][0-9a-fx]{0,13}[ \t\r\n:=,;(){}\[\]|\"'`/-]*+"
_UNLIKE = (r"(?!\1)", r"(?!\1|\2)", r"(?!\1|\2|\3)", r"(?!\1|\2|\3|\4)")


@cache
def _five_labels() -> re.Pattern[str]:
    """Five unlike labels with numbers between: asked before they are read letter by letter, since a text that repeats
    one label a hundred thousand times fails it at once."""
    return re.compile(_LABEL + "".join(_NUMBER_THERE + unlike + _LABEL for unlike in _UNLIKE), re.IGNORECASE)


_CORE_FIELDS = {
    # member of struct kvm_regs -> index of element 0, distance, size in bytes
    "regs.regs": (0x00, 2, 8),
    "regs.sp": (0x3E, 0, 8),
    "regs.pc": (0x40, 0, 8),
    "regs.pstate": (0x42, 0, 8),
    "sp_el1": (0x44, 0, 8),
    "elr_el1": (0x46, 0, 8),
    "spsr": (0x48, 2, 8),
    "fp_regs.vregs": (0x54, 4, 16),
    "fp_regs.fpsr": (0xD4, 0, 4),
    "fp_regs.fpcr": (0xD5, 0, 4),
}
_SWAPPED: dict[tuple[int, ...], tuple[int, ...]] = {
    (3, 3, 14, 0, 2): (3, 3, 14, 3, 2),
    (3, 3, 14, 3, 2): (3, 3, 14, 0, 2),
}


class Cursor:
    """A place in a text that rules move forward by single characters, never beyond `end`."""

    def __init__(self, text: str, at: int) -> None:
        self.text, self.at, self.end = text, at, min(len(text), at + _REACH)

    def skip(self, letters: str) -> None:
        """Go over every character that is one of `letters`."""
        while self.at < self.end and self.text[self.at] in letters:
            self.at += 1

    def take(self, wanted: str) -> bool:
        """Go over `wanted`, whatever its case, when it stands here."""
        here = self.text[self.at : min(self.at + len(wanted), self.end)]
        if here.casefold() != wanted:
            return False
        self.at += len(wanted)
        return True

    def word(self) -> str:
        """The word that stands here, members and all (`regs.regs`), folded; empty where there is none."""
        start = self.at
        while self.at < self.end and self.text[self.at] in _WORD_LETTERS:
            self.at += 1
        return self.text[start : self.at].casefold()

    def number(self) -> int | None:
        """A small number that stands here: decimal, `0x` hex or `0b` binary."""
        base, digits = 10, DIGITS
        if self.take("0x"):
            base, digits = 16, DIGITS + "abcdefABCDEF"
        elif self.take("0b"):
            base, digits = 2, "01"
        start = self.at
        self.skip(digits)
        text = self.text[start : self.at]
        return int(text, base) if text and len(text) < 12 else None

    def numbers(self, count: int) -> list[int]:
        """`count` numbers in brackets, commas between; empty where they are not there."""
        self.skip(BLANKS)
        if not self.take("("):
            return []
        found: list[int] = []
        while len(found) < count:
            self.skip(BLANKS)
            number = self.number()
            self.skip(BLANKS)
            if number is None or not self.take(")" if len(found) + 1 == count else ","):
                return []
            found.append(number)
        return found


def _labels(cursor: Cursor) -> int | None:
    """`op0=3, op1=0, ...`, `Op0( 3), ...`, `Op0: 3, CRn: c0 ...`: five labelled numbers."""
    if not _five_labels().match(cursor.text, cursor.at, cursor.end):
        return None
    crosvm = "aarch64sysregid" in cursor.text[max(0, cursor.at - 24) : cursor.at].casefold()
    left = ["op0", "op1", "crn", "crm", "op2"]
    found: dict[str, int] = {}
    while left:
        label = next((each for each in left if cursor.take(each)), None)
        if label is None:
            return None
        cursor.skip(_BEFORE_NUMBER)
        cursor.take("c")
        number = cursor.number()
        if number is None:
            return None
        found[label] = number
        left.remove(label)
        if left:
            cursor.skip(_BETWEEN_LABELS)
    code = tuple(found[label] for label in ("op0", "op1", "crn", "crm", "op2"))
    # crosvm undoes KVM's swap of the virtual counter and its compare value
    return encoded(_SWAPPED.get(code, code) if crosvm else code)


def _five(cursor: Cursor) -> int | None:
    return encoded(cursor.numbers(5))


def encoded(numbers: Sequence[int]) -> int | None:
    """The id of the system register op0, op1, CRn, CRm, op2; None unless it is five numbers that fit."""
    fits = len(numbers) == 5 and all(0 <= n <= most for n, most in zip(numbers, _MOST, strict=True))
    return enc.sysreg_id(*numbers) if fits else None


def _sysreg_word(cursor: Cursor) -> int | None:
    """Behind `sysreg`: five numbers, or a number that packs them."""
    before = cursor.at
    if (found := _five(cursor)) is not None:
        return found
    cursor.at = before
    return _packed_number(cursor)


def _system(cursor: Cursor) -> int | None:
    cursor.skip(BLANKS)
    return _packed_number(cursor) if cursor.take("register") else None


def _packed_number(cursor: Cursor) -> int | None:
    cursor.skip(_BEFORE_NUMBER + "#")
    for word in ("read", "write", "id", "encoding"):
        if cursor.take(word):
            cursor.skip(_BEFORE_NUMBER + "#")
    if cursor.text[cursor.at : cursor.at + 2].casefold() != "0x":
        return None
    number = cursor.number()
    return None if number is None else packed_id(number, syndrome=True)


def packed_id(number: int, syndrome: bool = False) -> int | None:
    """The id that a number packs: a 16-bit encoding, QEMU's own key (0x1013 above it), or an ESR_ELx ISS.

    QEMU: ENCODE_AA64_CP_REG(), target/arm/cpregs.h. ISS of a trapped MRS or MSR (Arm ARM, ESR_ELx, EC 0x18): Op0[21:20]
    Op2[19:17] Op1[16:14] CRn[13:10] Rt[9:5] CRm[4:1] direction[0]; read so only with `syndrome`.
    """
    if number >> 16 in (0, 0x13, 0x1013, 0x3013) and number & 0x8000:
        return enc.make_id(enc.CLASS_SYSREG, number & 0xFFFF)
    if syndrome and 2 <= number >> 20 <= 3:
        parts = (number >> 20, number >> 14 & 7, number >> 10 & 15, number >> 1 & 15, number >> 17 & 7)
        return enc.sysreg_id(*parts)
    return None


def instruction_id(word: int) -> tuple[int, str] | None:
    """The register that an MRS or MSR (register) instruction word names, and `read` or `write`; None for another word.

    1101_0101_00 L 1 o0 op1 CRn CRm op2 Rt (Arm ARM, C6.2 MRS and MSR (register)); op0 is 2 + o0.
    """
    if word >> 20 not in (0xD51, 0xD53):
        return None
    reg_id = enc.make_id(enc.CLASS_SYSREG, 0x8000 | (word >> 5 & 0x7FFF))
    return reg_id, "read" if word >> 20 == 0xD53 else "write"


def _ccsidr(cursor: Cursor) -> int | None:
    cursor.skip(BLANKS)
    bracket = cursor.take("[")
    blank = cursor.text[cursor.at - 1 : cursor.at]
    cursor.skip(BLANKS)
    if not bracket and blank not in BLANKS:
        return None
    number = cursor.number()
    cursor.skip(BLANKS)
    ended = cursor.take("]") if bracket else cursor.at == len(cursor.text)
    return enc.ccsidr_id(number) if number is not None and number < 0x100 and ended else None


def _demux(cursor: Cursor) -> int | None:
    cursor.skip(BLANKS)
    if cursor.take("csselr"):
        cursor.skip(BLANKS)
    number = cursor.number()
    return enc.ccsidr_id(number) if number is not None and number < 0x100 else None


def _demux_macro(cursor: Cursor) -> int | None:
    cursor.skip(BLANKS)
    if not cursor.take("|"):
        return None
    cursor.skip(BLANKS)
    number = cursor.number()
    return enc.ccsidr_id(number) if number is not None and number < 0x100 else None


def _firmware_macro(cursor: Cursor) -> int | None:
    found = cursor.numbers(1)
    return enc.firmware_id(found[0]) if found and found[0] < 0x10000 else None


def _bitmap_macro(cursor: Cursor) -> int | None:
    found = cursor.numbers(1)
    return enc.bitmap_id(found[0]) if found and found[0] < 0x10000 else None


def _firmware(cursor: Cursor) -> int | None:
    """Behind `fw`: `reg 0`, `feat reg 0`, `bitmap 0`, `[0]`."""
    cursor.skip(BLANKS)
    bitmap = cursor.take("feat")
    cursor.skip(BLANKS)
    if cursor.take("bitmap"):
        bitmap = True
    elif not cursor.take("reg") and (bitmap or cursor.text[cursor.at : cursor.at + 1] != "["):
        return None
    return _index_in_brackets(cursor, bitmap)


def _index_in_brackets(cursor: Cursor, bitmap: bool) -> int | None:
    cursor.skip(BLANKS)
    bracket = cursor.take("[")
    number = cursor.number()
    if number is None or number >= 0x10000 or (bracket and not cursor.take("]")):
        return None
    return enc.bitmap_id(number) if bitmap else enc.firmware_id(number)


def _firmware_index(cursor: Cursor) -> int | None:
    return _index_in_brackets(cursor, bitmap=False)


def _bitmap_index(cursor: Cursor) -> int | None:
    return _index_in_brackets(cursor, bitmap=True)


def _sve(cursor: Cursor) -> int | None:
    """Behind `SVE`, as QEMU prints them: `zreg n:3 slice:0`, `preg n:4 slice:0`, `FFR`, `VLS`."""
    cursor.skip(BLANKS)
    if cursor.take("vls"):
        return _vls(cursor)
    if cursor.take("ffr"):
        return _vector("ffr", 0, 0)
    kind = "z" if cursor.take("zreg") else "p" if cursor.take("preg") else ""
    found: list[int] = []
    for label in ("n", "slice") if kind else ():
        cursor.skip(BLANKS)
        number = cursor.number() if cursor.take(label) and cursor.take(":") else None
        if number is not None:
            found.append(number)
    return _vector(kind, *found) if len(found) == 2 else None


def _vls(_: Cursor) -> int | None:
    return enc.make_id(enc.CLASS_SVE, kvm.SVE_VLS_INDEX, enc.SIZE_U512)


def _zreg_macro(cursor: Cursor) -> int | None:
    found = cursor.numbers(2)
    return _vector("z", *found) if found else None


def _preg_macro(cursor: Cursor) -> int | None:
    found = cursor.numbers(2)
    return _vector("p", *found) if found else None


def _ffr_macro(cursor: Cursor) -> int | None:
    found = cursor.numbers(1)
    return _vector("ffr", 0, *found) if found else None


def _vector(kind: str, number: int, piece: int) -> int | None:
    """KVM_REG_ARM64_SVE_ZREG() and its like, arch/arm64/include/uapi/asm/kvm.h."""
    first, most, size = {
        "z": (0x000, 31, enc.SIZE_U2048),
        "p": (0x400, 15, enc.SIZE_U256),
        "ffr": (0x600, 0, enc.SIZE_U256),
    }[kind]
    if number > most or piece > 31:
        return None
    return enc.make_id(enc.CLASS_SVE, first + (number << 5) + piece, size)


def _core(cursor: Cursor) -> int | None:
    cursor.skip(BLANKS)
    if not cursor.take("("):
        return None
    cursor.skip(BLANKS)
    entry = _CORE_FIELDS.get(cursor.word())
    number: int | None = 0
    if cursor.take("["):
        number = cursor.number()
        if not cursor.take("]"):
            return None
    cursor.skip(BLANKS)
    if entry is None or number is None or number > 31 or not cursor.take(")"):
        return None
    first, step, size = entry
    return enc.make_id(enc.CLASS_CORE, first + step * number, size.bit_length() - 1)


def _coprocessor(number: int) -> Callable[[Cursor], int | None]:
    def rule(cursor: Cursor) -> int | None:
        """`c2,c0,0,2 (NS)` and `c2,0 (64-bit, NS)` behind `cp15`."""
        found: list[tuple[bool, int]] = []
        while len(found) < 4:
            cursor.skip(BLANKS)
            named = cursor.take("c")
            digit = cursor.number()
            if digit is None or digit > 15:
                return None
            found.append((named, digit))
            cursor.skip(BLANKS)
            if not cursor.take(","):
                break
        bank = cursor.take("(")
        wide = bank and cursor.take("64-bit")
        cursor.skip(", ")
        secure = bank and cursor.take("s")
        if bank and not secure:
            cursor.take("ns")
        if bank and not cursor.take(")"):
            return None
        return _coprocessor_id(number, found, wide, secure)

    return rule


def _coprocessor_id(number: int, found: list[tuple[bool, int]], wide: bool, secure: bool) -> int | None:
    named = [is_c for is_c, _ in found]
    digits = [digit for _, digit in found]
    if named == [True, False] and wide:
        return enc.CoprocessorReg(number, True, not secure, digits[1], 0, digits[0], 0).reg_id
    if named == [True, True, False, False] and not wide and digits[2] <= 15 and digits[3] <= 7:
        return enc.CoprocessorReg(number, False, not secure, digits[2], digits[0], digits[1], digits[3]).reg_id
    return None


RULES: Mapping[str, tuple[str, Callable[[Cursor], int | None]]] = {
    "op0": ("labels", _labels),
    "arm64_sys_reg": ("macro", _five),
    "__arm64_sys_reg": ("macro", _five),
    "sys_reg": ("macro", _five),
    "new_unchecked": ("macro", _five),
    "unkn": ("macro", _five),  # event kvm_sys_access of a row without a name, arch/arm64/kvm/trace_handle_exit.h
    "sysreg": ("packed", _sysreg_word),
    "system": ("packed", _system),
    "kvm_reg_arm_fw_reg": ("macro", _firmware_macro),
    "kvm_reg_arm_fw_feat_bmap_reg": ("macro", _bitmap_macro),
    "kvm_reg_arm_demux_id_ccsidr": ("macro", _demux_macro),
    "kvm_reg_arm64_sve_zreg": ("macro", _zreg_macro),
    "kvm_reg_arm64_sve_z": ("macro", _zreg_macro),
    "kvm_reg_arm64_sve_preg": ("macro", _preg_macro),
    "kvm_reg_arm64_sve_p": ("macro", _preg_macro),
    "kvm_reg_arm64_sve_ffr": ("macro", _ffr_macro),
    "kvm_reg_arm64_sve_vls": ("macro", _vls),
    "kvm_reg_arm_core_reg": ("macro", _core),
    "ccsidr": ("cache", _ccsidr),
    "ccsidr_el1": ("cache", _ccsidr),
    "ccsidr_demux": ("cache", _ccsidr),
    "demux": ("cache", _demux),
    "fw": ("firmware", _firmware),
    "fw_reg": ("firmware", _firmware_index),
    "fw_feat_bmap": ("firmware", _bitmap_index),
    "sve": ("sve", _sve),
    "cp14": ("coprocessor", _coprocessor(14)),
    "cp15": ("coprocessor", _coprocessor(15)),
}
"""Folded word -> form of the spelling that it begins, and the rule that reads on behind it."""
