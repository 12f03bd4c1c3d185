"""The `cpu` section of a QEMU migration stream: one arm64 vCPU.

Version 22 of target/arm/machine.c's vmstate_arm_cpu, whose layout has not changed since 2018: fixed fields, a counted
list of register ids and values, timers, then named subsections. Every integer is big-endian.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Mapping

import msgspec

from inspector.errors import SourceError
from inspector.registers.encoding import (
    ARCH_ARM,
    ARCH_ARM64,
    CLASS_BITMAP,
    CLASS_CORE,
    CLASS_DEMUX,
    CLASS_FIRMWARE,
    CLASS_SVE,
    CLASS_SYSREG,
    SIZE_U32,
    SIZE_U64,
    SIZE_U128,
    SIZE_U256,
    SIZE_U2048,
    bitmap_id,
    ccsidr_id,
    class_of,
    firmware_id,
    hex_id,
    make_id,
)
from inspector.registers.ids import (
    CCSIDR_EL1,
    DCZID_EL0,
    ID_AA64PFR0_EL1,
    ID_PFR1_EL1,
    MIDR_EL1,
    MPIDR_EL1,
    SVE_VLS,
    ZCR_EL1,
)
from inspector.sources.dump import Absent, Accelerator
from inspector.sources.jsontext import check_id, check_value

VERSION = 22
LIST_AT = 0x238
"""offset of the length of the register list"""
MOST = 1200
"""No list of an arm64 vCPU comes near so many registers (KVM lists 404 with EL2, QEMU's TCG 330)."""
LARGEST = LIST_AT + 4 + 16 * MOST + 0x41 + (96 << 10)
"""Bytes that a section can have: the list, vector state and the 64 KiB array of SME."""

_FIXED = struct.Struct(">16I32QQII8Q8I8I5I5I4Q4Q")
_BEHIND_LIST = 0x41
"""exclusive monitor, syndrome, fault, two timers, power state"""
_POWER = {0: "running", 1: "stopped", 2: "starting"}
"""power_state, the last fixed byte (target/arm/arm-qmp-cmds.h and cpu.h, ARMPSCIState)"""
_SUBSECTION, _FOOTER = 0x05, 0x7E
_FPSR_MASK, _FPCR_MASK = 0xF800009F, 0x07FF9F00
"""bits of the combined FPSCR word that belong to FPSR and to FPCR"""
_USR, _SVC, _ABT, _UND, _IRQ, _FIQ, _HYP, _MON = range(8)
_BANKS = {0x10: _USR, 0x1F: _USR, 0x13: _SVC, 0x17: _ABT, 0x1B: _UND, 0x12: _IRQ, 0x11: _FIQ, 0x1A: _HYP, 0x16: _MON}
"""AArch32 mode -> QEMU's number of its bank (target/arm/internals.h)"""


class CpuSection(msgspec.Struct, frozen=True, kw_only=True):
    """One vCPU as the section gives it."""

    instance: int
    values: dict[int, int]
    """core registers, then the list in its order, then vector registers"""
    offsets: dict[int, int]
    """byte offset of each listed value from the first byte of the payload"""
    listed: int
    aarch32: bool
    sve: bool
    mp_state: str
    """`running`, `stopped`, or `starting` (PSCI CPU_ON is under way)"""
    length: int
    """bytes of the payload, subsections included, footer not"""
    closed: bool
    """the section's own footer stands behind it"""


M_PROFILE = "is an M-profile core's (Cortex-M), which has no system registers"


class DamagedError(Exception):
    """This is no such section, or it is damaged."""


def listed(data: bytes, at: int) -> int:
    """How many registers the section whose payload begins at `at` says that it lists; 0 where that cannot be."""
    start = at + LIST_AT
    count = int.from_bytes(data[start : start + 4], "big")
    return count if count <= MOST else 0


def read_cpu(payload: bytes, section: int, instance: int) -> CpuSection:
    """Read a section's payload. Raises DamagedError when it cannot be one, or when it is cut short."""
    if len(payload) < LIST_AT + 4:
        raise DamagedError("is cut short")
    (count,) = struct.unpack_from(">i", payload, LIST_AT)
    if not count and "cpu/m" in _subsections(payload, LIST_AT + 4 + _BEHIND_LIST, section)[0]:
        raise DamagedError(M_PROFILE)
    if not 1 <= count <= MOST:
        raise DamagedError(f"counts {count} registers")
    end = LIST_AT + 4 + 16 * count + _BEHIND_LIST
    if len(payload) < end:
        raise DamagedError("is cut short")
    ids = struct.unpack_from(f">{count}Q", payload, LIST_AT + 4)
    _check_ids(ids)
    at = LIST_AT + 4 + 8 * count
    listed = dict(zip(ids, struct.unpack_from(f">{count}Q", payload, at), strict=True))
    for reg_id, value in listed.items():
        try:
            check_value(reg_id, value, "")
        except SourceError as error:
            raise DamagedError(error.what) from None
    values, aarch32 = _core(payload)
    values |= listed
    parts, length, closed = _subsections(payload, end, section)
    sve = "cpu/sve" in parts
    values |= _vectors(payload, parts, sve)
    return CpuSection(
        instance=instance,
        values=values,
        offsets={reg_id: at + 8 * i for i, reg_id in enumerate(ids)},
        listed=count,
        aarch32=aarch32,
        sve=sve,
        mp_state=_POWER.get(payload[end - 1], f"power state {payload[end - 1]}"),
        length=length,
        closed=closed,
    )


def accelerator_of(ids: Iterable[int]) -> Accelerator:
    """What ran the vCPU whose list has these ids.

    Only KVM lists cache and firmware pseudo-registers; only the emulation (TCG) lists AArch32 coprocessor registers,
    and it does for every CPU model; HVF lists its own table of AArch64 registers (target/arm/hvf/hvf.c,
    hvf_sreg_match). "" for an empty list.
    """
    kinds = {(reg_id >> 56, class_of(reg_id)) for reg_id in ids}
    if any(cls in (CLASS_DEMUX, CLASS_FIRMWARE, CLASS_BITMAP) for arch, cls in kinds if arch == ARCH_ARM64):
        return "kvm"
    if any(arch == ARCH_ARM for arch, _ in kinds):
        return "tcg"
    return "hvf" if any(cls == CLASS_SYSREG for _, cls in kinds) else ""


def missing(accelerator: Accelerator, values: Mapping[int, int]) -> tuple[Absent, ...]:
    """Registers that a vCPU has and QEMU does not save.

    Without KVM they are those that QEMU marks as having no raw value (ARM_CP_NO_RAW in target/arm/helper.c); with KVM
    the vector lengths, which it takes from its `-cpu` options (target/arm/kvm.c, kvm_arm_reg_syncs_via_cpreg_list).
    """
    if accelerator == "kvm":
        sve = SVE_VLS not in values and ZCR_EL1 in values
        reason = "QEMU takes the vector lengths from its -cpu options and does not save them"
        return (Absent(frozenset({SVE_VLS}), reason),) if sve else ()
    if not accelerator:
        return ()
    no_raw = frozenset((MIDR_EL1, MPIDR_EL1, ID_AA64PFR0_EL1, *_UNLISTED)) - values.keys()
    return (
        Absent(no_raw, f"QEMU does not save registers without a raw value ({accelerator.upper()})"),
        Absent(_KVM_ONLY, "only KVM has this register, and KVM did not run this vCPU"),
    )


_UNLISTED = (ID_PFR1_EL1, DCZID_EL0, CCSIDR_EL1)
_KVM_ONLY = frozenset((*map(ccsidr_id, range(16)), *map(firmware_id, range(4)), *map(bitmap_id, range(4)), SVE_VLS))


def _check_ids(ids: tuple[int, ...]) -> None:
    for before, reg_id in zip((0, *ids), ids, strict=False):
        if reg_id <= before:
            raise DamagedError(f"lists {hex_id(reg_id)} behind {hex_id(before)}; ids ascend")
        try:
            check_id(reg_id, "")
        except SourceError as error:
            raise DamagedError(error.what) from None
        if reg_id >> 52 & 0xF not in (SIZE_U32, SIZE_U64):
            raise DamagedError(f"lists {hex_id(reg_id)}, which is not 32 or 64 bits wide")


def _core_id(word: int, size: int = SIZE_U64) -> int:
    """The id of a core register at `word` 32-bit words into struct kvm_regs."""
    return make_id(CLASS_CORE, word, size)


def _core(payload: bytes) -> tuple[dict[int, int], bool]:
    """General-purpose registers, SP, PC, PSTATE, ELR and SPSR under KVM's ids; and whether the CPU ran AArch32 code."""
    fields = _FIXED.unpack_from(payload)
    regs, xregs, pc, pstate, spsr = fields[:16], list(fields[16:48]), fields[48], fields[49], fields[50]
    banked_spsr, r13, r14 = list(fields[51:59]), list(fields[59:67]), list(fields[67:75])
    usr, fiq, elr, sp = fields[75:80], fields[80:85], fields[85:89], list(fields[89:93])
    aarch32 = bool(pstate & 0x10)
    if aarch32:
        bank = _BANKS.get(pstate & 0x1F, _USR)
        r13[bank], r14[_USR if bank == _HYP else bank] = regs[13], regs[14]
        banked_spsr[bank] = spsr
        xregs[:31] = _as_aarch64(regs, bank, r13, r14, usr, fiq)
        pc = regs[15]
    else:
        sp[pstate >> 2 & 3 if pstate & 1 else 0] = xregs[31]
    values = {_core_id(2 * n): xregs[n] for n in range(31)}
    values |= {_core_id(62): sp[0], _core_id(64): pc, _core_id(66): pstate}
    values |= {_core_id(68): sp[1], _core_id(70): elr[1]}
    return values | {_core_id(72 + 2 * n): banked_spsr[n + 1] for n in range(5)}, aarch32


def _as_aarch64(
    regs: tuple[int, ...], bank: int, r13: list[int], r14: list[int], usr: tuple[int, ...], fiq: tuple[int, ...]
) -> list[int]:
    """X0 to X30 of a CPU in AArch32 state (Arm ARM D1, general-purpose registers between Execution states)."""
    low, high = (usr, regs[8:13]) if bank == _FIQ else (regs[8:13], fiq)
    banks = [v for b in (_IRQ, _SVC, _ABT, _UND) for v in (r14[b], r13[b])]
    return [*regs[:8], *low, r13[_USR], r14[_USR], r13[_HYP], *banks, *high, r13[_FIQ], r14[_FIQ]]


def _subsections(payload: bytes, start: int, section: int) -> tuple[dict[str, int], int, bool]:
    """Offsets of the known vector subsections by name, the payload's length, and whether the footer was reached.

    A subsection states no length; the next one is found by its own header. Those that hold vectors have known ones.
    """
    parts: dict[str, int] = {}
    footer = bytes((_FOOTER,)) + section.to_bytes(4, "big")
    at = start
    while at < len(payload) and payload[at] == _SUBSECTION:
        size = payload[at + 1] if at + 1 < len(payload) else 0
        name = payload[at + 2 : at + 2 + size].decode("ascii", "replace")
        if not name.startswith("cpu/"):
            break
        body = at + 2 + size + 4
        length = _LENGTHS.get(name)
        if length is None:
            later = re.compile(_HEADER + b"|" + re.escape(footer), re.DOTALL).search(payload, body)
            if not later:
                break
            length = later.start() - body
        if body + length > len(payload):
            raise DamagedError("is cut short")
        parts[name] = body
        at = body + length
    return parts, at, payload.startswith(footer, at)


_HEADER = rb"\x05[\x05-\x40]cpu/"
_LENGTHS = {
    "cpu/vfp": 32 * 16 + 4 + 14 * 4 + 4,
    "cpu/vfp/fpcr_fpsr": 16,
    "cpu/sve": 32 * 112 + 17 * 32,
    "cpu/za": 256 * 256,
    "cpu/irq-line-state": 4,
    "cpu/wfxt-timer": 8,
}
"""bytes of each subsection's body"""


def _vectors(payload: bytes, parts: dict[str, int], sve: bool) -> dict[int, int]:
    """FPSR, FPCR and either V0-V31 or, where the vCPU has SVE, the Z, P and FFR registers that KVM lists instead."""
    if "cpu/vfp" not in parts:
        return {}
    at = parts["cpu/vfp"]
    words = struct.unpack_from(">64Q", payload, at)
    low = [words[2 * n] | words[2 * n + 1] << 64 for n in range(32)]
    (fpscr,) = struct.unpack_from(">I", payload, at + 32 * 16 + 4 + 14 * 4)
    fpcr, fpsr = fpscr & _FPCR_MASK, fpscr & _FPSR_MASK
    if "cpu/vfp/fpcr_fpsr" in parts:
        fpcr, fpsr = (v & 0xFFFFFFFF for v in struct.unpack_from(">2Q", payload, parts["cpu/vfp/fpcr_fpsr"]))
    values = {_core_id(0xD4, SIZE_U32): fpsr, _core_id(0xD5, SIZE_U32): fpcr}
    if not sve:
        return values | {_core_id(0x54 + 4 * n, SIZE_U128): low[n] for n in range(32)}
    at = parts["cpu/sve"]
    for n in range(32):
        high = _little(struct.unpack_from(">14Q", payload, at + 112 * n))
        values[make_id(CLASS_SVE, n << 5, SIZE_U2048)] = low[n] | high << 128
    at += 32 * 112
    for n in range(17):
        values[make_id(CLASS_SVE, 0x400 + (n << 5), SIZE_U256)] = _little(
            struct.unpack_from(">4Q", payload, at + 32 * n)
        )
    return values


def _little(words: tuple[int, ...]) -> int:
    """One wide integer of 64-bit words, the least significant first."""
    return sum(word << 64 * i for i, word in enumerate(words))
