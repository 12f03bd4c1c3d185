"""Register ids in text that programs print: encodings, kernel macros, QEMU's and crosvm's messages, numbers."""

from __future__ import annotations

import re

from inspector.registers import encoding as enc
from inspector.registers.definitions import kvm_registers as kvm

_FIVE = r"\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*"
_NUMBERED = re.compile(
    r"\bop0\s*[:=]?\s*(\d+)\W+op1\s*[:=]?\s*(\d+)\W+crn\s*[:=]?\s*(\d+)\W+crm\s*[:=]?\s*(\d+)\W+op2\s*[:=]?\s*(\d+)\b",
    re.I,
)
_MACRO = re.compile(rf"\b(?:ARM64_SYS_REG|SYS_REG|SYSREG)\({_FIVE}\)", re.I)
_TUPLE = re.compile(rf"^\(?{_FIVE}\)?$")
_GENERIC = re.compile(r"^(?:sys_?reg_?|s)?([0-3])_([0-7])_c?(\d+)_c?(\d+)_([0-7])$", re.I)
_RESERVED = re.compile(r"^res_([0-7])_c(\d+)_c(\d+)_([0-7])$", re.I)
_RESERVED_FEATURE = re.compile(r"^id_aa64(pfr|dfr|afr|isar|mmfr)(\d)_el1_reserved$", re.I)
_HEX = re.compile(r"^0x[0-9a-f_]+$", re.I)
_BARE_HEX = re.compile(r"^(?:demuxed reg\s+|core reg\s+)?(?:0x)?([64]0[0-9a-f]{14})$", re.I)
_DECIMAL = re.compile(r"^[0-9]{17,20}$")
_CCSIDR = re.compile(r"^(?:ccsidr(?:_el1|_demux)?|demux(?: csselr)?)\s*(?:\[\s*(\d+)\s*\]|\s(\d+))$", re.I)
_FIRMWARE = re.compile(r"(?:^fw reg\s+|^fw\[|^fw_reg\[|KVM_REG_ARM_FW_REG\(\s*)(\d+)\s*(?:[\])].*)?$", re.I)
_BITMAP = re.compile(
    r"(?:^fw feat reg\s+|^fw_feat_bmap\[|^fw bitmap\s+|KVM_REG_ARM_FW_FEAT_BMAP_REG\(\s*)(\d+)\s*(?:[\])].*)?$", re.I
)
_DEMUX_MACRO = re.compile(r"KVM_REG_ARM_DEMUX_ID_CCSIDR\s*\|\s*(\d+)\s*$", re.I)
_SVE = re.compile(
    r"^(?:SVE ([zp])reg n:(\d+) slice:(\d+)|.*KVM_REG_ARM64_SVE_([ZP])(?:REG)?\(\s*(\d+)\s*,\s*(\d+)\s*\))$", re.I
)
_SVE_FFR = re.compile(r"KVM_REG_ARM64_SVE_FFR\(\s*(\d+)\s*\)$|^SVE FFR$", re.I)
_SVE_VLS = re.compile(r"KVM_REG_ARM64_SVE_VLS$|^SVE VLS$", re.I)
_CORE = re.compile(r"KVM_REG_ARM_CORE_REG\(\s*([\w.]+)(?:\[\s*(\d+)\s*\])?\s*\)$", re.I)
_COPROCESSOR = re.compile(r"^cp(1[45])\s+c(\d+)\s*,\s*c(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*(?:\((N?S)\))?$", re.I)
_COPROCESSOR_64 = re.compile(r"^cp(1[45])\s+c(\d+)\s*,\s*(\d+)\s*\(64-bit(?:,\s*(N?S))?\)$", re.I)

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
_FEATURE_CRM = {"pfr": (4, 0), "dfr": (5, 0), "afr": (5, 4), "isar": (6, 0), "mmfr": (7, 0)}
_SWAPPED = {(3, 3, 14, 0, 2): (3, 3, 14, 3, 2), (3, 3, 14, 3, 2): (3, 3, 14, 0, 2)}


def id_in_text(text: str) -> int | None:
    """The id that `text` states by number, encoding or macro; None when it states none (it may still be a name)."""
    for reader in (_number, _encoding, _cache, _firmware, _sve, _core, _coprocessor):
        reg_id = reader(text)
        if reg_id is not None:
            return reg_id
    return None


def _number(text: str) -> int | None:
    """A 64-bit id in hex (16 digits may lack 0x, as QEMU prints them) or decimal; a 16-bit encoding in hex."""
    bare = _BARE_HEX.match(text.replace("_", ""))
    if bare:
        return int(bare[1], 16)
    if _HEX.match(text):
        number = int(text.replace("_", ""), 16)
        if number < 0x10000:
            return enc.make_id(enc.CLASS_SYSREG, number) if number >= 0x8000 else None
        return _valid(number)
    return _valid(int(text)) if _DECIMAL.match(text) else None


def _valid(number: int) -> int | None:
    return number if number >> 56 in (enc.ARCH_ARM64, enc.ARCH_ARM) else None


def _encoding(text: str) -> int | None:
    """op0 to op2 in any of the forms in which kernels, QEMU, crosvm and people write them."""
    match = _NUMBERED.search(text) or _MACRO.search(text) or _TUPLE.match(text) or _GENERIC.match(text)
    if match:
        op0, op1, crn, crm, op2 = (int(number) for number in match.groups())
        if "aarch64sysregid" in text.casefold() and (op0, op1, crn, crm, op2) in _SWAPPED:
            # crosvm undoes KVM's swap of the virtual counter and its compare value
            return _sysreg(*_SWAPPED[op0, op1, crn, crm, op2])
        return _sysreg(op0, op1, crn, crm, op2)
    reserved = _RESERVED.match(text)
    if reserved:
        return _sysreg(3, *(int(number) for number in reserved.groups()))
    feature = _RESERVED_FEATURE.match(text)
    if feature:
        crm, first = _FEATURE_CRM[feature[1].casefold()]
        return _sysreg(3, 0, 0, crm, first + int(feature[2]))
    return None


def _sysreg(op0: int, op1: int, crn: int, crm: int, op2: int) -> int | None:
    fits = op0 <= 3 and op1 <= 7 and crn <= 15 and crm <= 15 and op2 <= 7
    return enc.sysreg_id(op0, op1, crn, crm, op2) if fits else None


def _cache(text: str) -> int | None:
    match = _CCSIDR.match(text) or _DEMUX_MACRO.search(text)
    if not match:
        return None
    csselr = int(next(group for group in match.groups() if group))
    return enc.ccsidr_id(csselr) if csselr < 0x100 else None


def _firmware(text: str) -> int | None:
    bitmap = _BITMAP.search(text)
    if bitmap:
        return enc.bitmap_id(int(bitmap[1]) & 0xFFFF)
    register = _FIRMWARE.search(text)
    return enc.firmware_id(int(register[1]) & 0xFFFF) if register else None


def _sve(text: str) -> int | None:
    if _SVE_VLS.search(text):
        return enc.make_id(enc.CLASS_SVE, kvm.SVE_VLS_INDEX, enc.SIZE_U512)
    ffr = _SVE_FFR.search(text)
    if ffr:
        return enc.make_id(enc.CLASS_SVE, 0x600 + int(ffr[1] or 0) % 32, enc.SIZE_U256)
    match = _SVE.match(text)
    if not match:
        return None
    kind, number, piece = (match[1] or match[4]).casefold(), int(match[2] or match[5]), int(match[3] or match[6])
    if number > (31 if kind == "z" else 15) or piece > 31:
        return None
    first, size = (0x000, enc.SIZE_U2048) if kind == "z" else (0x400, enc.SIZE_U256)
    return enc.make_id(enc.CLASS_SVE, first + (number << 5) + piece, size)


def _core(text: str) -> int | None:
    match = _CORE.search(text)
    entry = _CORE_FIELDS.get(match[1].casefold()) if match else None
    if match is None or entry is None:
        return None
    first, step, size = entry
    return enc.make_id(enc.CLASS_CORE, first + step * int(match[2] or 0), size.bit_length() - 1)


def _coprocessor(text: str) -> int | None:
    match = _COPROCESSOR.match(text)
    if match:
        cp, crn, crm, opc1, opc2 = (int(number) for number in match.groups()[:5])
        return enc.CoprocessorReg(cp, False, (match[6] or "NS").upper() == "NS", opc1, crn, crm, opc2).reg_id
    match = _COPROCESSOR_64.match(text)
    if match:
        cp, crm, opc1 = (int(number) for number in match.groups()[:3])
        return enc.CoprocessorReg(cp, True, (match[4] or "NS").upper() == "NS", opc1, 0, crm, 0).reg_id
    return None
