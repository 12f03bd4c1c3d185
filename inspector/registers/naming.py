"""Every register id to its name, group and title; no id is refused, unknown ones are named by their encoding."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache
from typing import NamedTuple

from inspector.registers import encoding as enc
from inspector.registers import layouts
from inspector.registers.definitions import aarch32_registers as aarch32
from inspector.registers.definitions import kvm_registers as kvm
from inspector.registers.definitions.families import FAMILIES
from inspector.registers.definitions.special import ALIASES, GROUPS, NOTES, UNALLOCATED_NOTE
from inspector.registers.definitions.system_registers import SYSTEM_REGISTERS
from inspector.registers.schema import RegisterSchema

_GROUP_ORDER = {key: position for position, (key, _) in enumerate(GROUPS)}


class Register(NamedTuple):
    """One register that a dump may hold."""

    id: int
    name: str
    title: str
    group: str
    """A key of `catalog.GROUPS`."""
    size: int
    """Size of the value in bytes, as the id states it."""
    encoding_text: str
    """`S3_0_C0_C4_0`, `core 0x40`, `demux CSSELR 2`, `fw 0`, `cp15 c2,c0,0,2 (NS)` ..."""
    note: str = ""

    @property
    def schema(self) -> RegisterSchema | None:
        """The layout, or None where the value has no fields; CCSIDR has a second one, see `layouts.choose`."""
        return layouts.schema_of(self.id, self.name)

    @property
    def reserved(self) -> int:
        """The RES0 bits of `schema`, which is not loaded for it."""
        return layouts.reserved_bits(self.id, self.name)

    def signed(self, msb: int, lsb: int) -> bool:
        """Whether the architecture reads the field at msb:lsb as a signed number (0xf is less than 0)."""
        schema = self.schema
        return schema is not None and any((s.msb, s.lsb, s.kind) == (msb, lsb, "signed") for s in schema.spans)

    @property
    def known(self) -> bool:
        """Whether the tables name this id."""
        return self.id in named_ids()


@cache
def _system_rows() -> dict[int, tuple[str, str, str, str]]:
    """Index of a system register -> name, group, title, note: what most lookups need one of, not all as Registers."""
    rows = {
        enc.system_index(*code): (name, group, title, NOTES.get(name, ""))
        for name, code, group, title in SYSTEM_REGISTERS
    }
    for pattern, code, members, step, group, title in FAMILIES:
        first = enc.system_index(*code)
        for n in range(members):
            name = pattern.format(n=n)
            rows[first + n * step] = name, group, title.format(n=n), NOTES.get(name, "")
    for hole in _unallocated():
        rows[hole.packed] = hole.spelling, "reserved", "Unallocated ID-space encoding", UNALLOCATED_NOTE
    return rows


def _system(index: int) -> Register:
    name, group, title, note = _system_rows()[index]
    text = enc.SysReg.from_index(index).spelling
    return Register(enc.make_id(enc.CLASS_SYSREG, index), name, title, group, 8, text, note)


def _unallocated() -> list[enc.SysReg]:
    """Encodings inside the ID space (3,0,0,0 to 7,*) and beside CLIDR_EL1 that no register has."""
    taken = {code for _, code, _, _ in SYSTEM_REGISTERS}
    space = [enc.SysReg(3, 0, 0, crm, op2) for crm in range(8) for op2 in range(8)]
    space += [enc.SysReg(3, 1, 0, 0, op2) for op2 in range(8)]
    return [code for code in space if tuple(code) not in taken]


def _core_rows() -> Iterator[tuple[int, Register]]:
    rows = [(name, index, size, group, title) for name, index, size, group, title in kvm.CORE_REGISTERS]
    for pattern, first, members, step, size, group, title in kvm.CORE_FAMILIES:
        rows += [(pattern.format(n=n), first + n * step, size, group, title.format(n=n)) for n in range(members)]
    for name, index, size, group, title in rows:
        reg_id = enc.make_id(enc.CLASS_CORE, index, size.bit_length() - 1)
        yield reg_id, Register(reg_id, name, title, group, size, f"core {index:#x}", NOTES.get(name, ""))


def _sve_rows() -> Iterator[tuple[int, Register]]:
    for pattern, first, members, size, title in kvm.SVE_FAMILIES:
        for n in range(members):
            index = first + (n << 5)
            reg_id = enc.make_id(enc.CLASS_SVE, index, size.bit_length() - 1)
            name = pattern.format(n=n)
            yield reg_id, Register(reg_id, name, title.format(n=n), "sve", size, f"sve {index:#x}")
    reg_id = enc.make_id(enc.CLASS_SVE, kvm.SVE_VLS_INDEX, enc.SIZE_U512)
    yield reg_id, Register(reg_id, "SVE_VLS", "SVE vector lengths of the vCPU", "sve", 64, "sve 0xffff")


def _firmware_rows() -> Iterator[tuple[int, Register]]:
    for name, index, macro, title in kvm.FIRMWARE_REGISTERS:
        reg_id = enc.firmware_id(index)
        yield reg_id, Register(reg_id, name, title, "firmware", 8, f"{macro} (fw {index})")
    for name, index, macro, title in kvm.FIRMWARE_BITMAPS:
        reg_id = enc.bitmap_id(index)
        yield reg_id, Register(reg_id, name, title, "firmware", 8, f"{macro} (fw bitmap {index})")
    for csselr in range(kvm.DEMUX_CACHES):
        kind = "instruction" if csselr & 1 else "data or unified"
        title = f"Size of the level {csselr // 2 + 1} {kind} cache"
        reg_id = enc.ccsidr_id(csselr)
        yield reg_id, Register(reg_id, f"CCSIDR[{csselr}]", title, "cache", 4, f"demux CSSELR {csselr}")


def _coprocessor_rows() -> Iterator[tuple[int, Register]]:
    stems = {name.rpartition("_EL")[0] or name for name, _, _, _ in SYSTEM_REGISTERS} | {
        other for others in ALIASES.values() for other in others
    }
    codes = [
        (name, title, enc.CoprocessorReg(cp, False, False, opc1, crn, crm, opc2))
        for name, cp, opc1, crn, crm, opc2, title in aarch32.REGISTERS_32
    ]
    codes += [
        (name, title, enc.CoprocessorReg(cp, True, False, opc1, 0, crm, 0))
        for name, cp, opc1, crm, title in aarch32.REGISTERS_64
    ]
    codes += [
        (name.format(n=n), title.format(n=n), enc.CoprocessorReg(14, False, False, 0, crn, n, opc2))
        for name, crn, opc2, members, title in aarch32.FAMILIES_32
        for n in range(members)
    ]
    for name, title, code in codes:
        clash = name in stems or name.startswith(("DBGB", "DBGW"))
        for bank in (True, False):
            banked = code._replace(non_secure=bank)
            suffix = ("_NS" if clash else "") if bank else "_S"
            size = 8 if code.wide else 4
            group = f"cp{code.coprocessor}"
            yield banked.reg_id, Register(banked.reg_id, name + suffix, title, group, size, banked.spelling)


@cache
def _pseudo_ids() -> dict[int, Register]:
    """The arm64 registers that are no system registers."""
    table: dict[int, Register] = {}
    for rows in (_firmware_rows, _core_rows, _sve_rows):
        table.update(rows())
    return table


def _arm64(reg_id: int) -> Register | None:
    """The arm64 register of the tables with this id."""
    if reg_id & ~0xFFFF == _FIRST_SYSTEM_ID:
        return _system(reg_id & 0xFFFF) if reg_id & 0xFFFF in _system_rows() else None
    return _pseudo_ids().get(reg_id)


_FIRST_SYSTEM_ID = enc.make_id(enc.CLASS_SYSREG, 0)


@cache
def named_ids() -> dict[int, Register]:
    """All registers of the tables by id, AArch32 ones last."""
    system = map(_system, _system_rows())
    return {one.id: one for one in system} | _pseudo_ids() | dict(_coprocessor_rows())


def sort_key(register: Register) -> tuple[int, int]:
    """Sorts registers by group in display order, then by id."""
    return _GROUP_ORDER[register.group], register.id


@cache
def all_registers() -> tuple[Register, ...]:
    """Every register of the tables, by group in display order, then by id."""
    return tuple(sorted(named_ids().values(), key=sort_key))


def name_of(reg_id: int) -> str:
    """What the catalogue calls the register: `ID_AA64PFR0_EL1`, `CCSIDR[2]`, `S3_0_C0_C0_7`."""
    return by_id(reg_id).name


@lru_cache(maxsize=4096)
def by_id(reg_id: int) -> Register:
    """The register with this id; an id that the tables lack gets a name made from its encoding. Never fails."""
    # The AArch32 registers are a third of the tables; few dumps hold one.
    known = named_ids().get(reg_id) if reg_id >> 56 == enc.ARCH_ARM else _arm64(reg_id)
    return known or _unnamed(reg_id)


def _unnamed(reg_id: int) -> Register:
    """A register for an id outside the tables: implementation defined, newer than this program, or not valid."""
    parts = enc.split_id(reg_id)
    size = enc.size_of(reg_id)
    code = enc.sysreg_of(reg_id)
    wide = enc.coprocessor_of(reg_id)
    if wide is not None:
        reserved = wide.coprocessor == 15 and wide.crn == 0 and wide.opc1 == 0 and not wide.wide
        title = "Reserved ID-space encoding, reads as zero" if reserved else "AArch32 register"
        group = f"cp{wide.coprocessor}" if wide.coprocessor in (14, 15) else "other"
        return Register(reg_id, wide.spelling, title, group, size, wide.spelling)
    if code is not None and parts.size == enc.SIZE_U64:
        defined = code.op0 == 3 and code.crn in (11, 15)
        title = "Implementation-defined register" if defined else "System register without a name here"
        return Register(reg_id, code.spelling, title, "implementation" if defined else "other", size, code.spelling)
    if parts.arch == enc.ARCH_ARM64 and not parts.rest:
        known = _by_class(reg_id, parts, size)
        if known:
            return known
    return Register(reg_id, enc.hex_id(reg_id), "Unknown register id", "other", size, enc.hex_id(reg_id))


def _by_class(reg_id: int, parts: enc.RegId, size: int) -> Register | None:
    """Members of known classes that the tables do not list: further slices, pseudo-registers, cache numbers."""
    index = parts.number
    if parts.cls == enc.CLASS_SYSREG:
        right = _arm64(enc.make_id(parts.cls, index))
        name = right.name if right else enc.SysReg.from_index(index).spelling
        note = f"not a valid id: {name} is 64 bits wide, the id says {size} bytes"
        return Register(
            reg_id, f"{name} as {size} bytes", "System register id of a wrong size", "other", size, name, note
        )
    if parts.cls == enc.CLASS_DEMUX and parts.size == enc.SIZE_U32:
        text = f"demux {index >> 8 & 0xFF} value {index & 0xFF}"
        name = f"CCSIDR[{index}]" if index < 0x100 else f"DEMUX[{index:#x}]"
        return Register(reg_id, name, "Demultiplexed register, beyond the caches that exist", "cache", size, text)
    if parts.cls == enc.CLASS_FIRMWARE:
        title = "Firmware pseudo-register newer than this program"
        return Register(reg_id, f"FW_REG[{index}]", title, "firmware", size, f"fw {index}")
    if parts.cls == enc.CLASS_BITMAP:
        title = "Firmware bitmap newer than this program"
        return Register(reg_id, f"FW_FEAT_BMAP[{index}]", title, "firmware", size, f"fw bitmap {index}")
    if parts.cls == enc.CLASS_SVE and index < 0x0620:
        whole = _arm64(enc.make_id(parts.cls, index & ~0x1F, parts.size))
        if whole:
            text = f"sve {index:#x}"
            return Register(reg_id, f"{whole.name} slice {index & 0x1F}", whole.title, "sve", size, text)
    if parts.cls == enc.CLASS_CORE:
        return Register(reg_id, f"CORE[{index:#x}]", "Part of struct kvm_regs", "core", size, f"core {index:#x}")
    return None
