"""How crosvm numbers the registers of its map `sys`: AArch64SysRegId, a register's 16-bit encoding as MSR has it.

get_system_regs() of hypervisor/src/kvm/aarch64.rs, read in main of Aug 2026: beside KVM's system registers the map
holds core registers under their system registers' encodings, and the virtual timer's counter and compare value have
theirs there, which KVM's ids swap. Its messages name a register by the same encoding.
"""

from __future__ import annotations

from inspector.registers.encoding import (
    CLASS_CORE,
    CLASS_SYSREG,
    SIZE_U32,
    SIZE_U64,
    SysReg,
    class_of,
    make_id,
    sysreg_id,
)

_SPECIAL = {
    SysReg(3, 4, 4, 1, 0).packed: make_id(CLASS_CORE, 68, SIZE_U64),
    SysReg(3, 0, 4, 0, 1).packed: make_id(CLASS_CORE, 70, SIZE_U64),
    SysReg(3, 0, 4, 0, 0).packed: make_id(CLASS_CORE, 72, SIZE_U64),
    SysReg(3, 4, 4, 3, 1).packed: make_id(CLASS_CORE, 74, SIZE_U64),
    SysReg(3, 4, 4, 3, 2).packed: make_id(CLASS_CORE, 76, SIZE_U64),
    SysReg(3, 4, 4, 3, 0).packed: make_id(CLASS_CORE, 78, SIZE_U64),
    SysReg(3, 4, 4, 3, 3).packed: make_id(CLASS_CORE, 80, SIZE_U64),
    SysReg(3, 3, 4, 4, 1).packed: make_id(CLASS_CORE, 0xD4, SIZE_U32),
    SysReg(3, 3, 4, 4, 0).packed: make_id(CLASS_CORE, 0xD5, SIZE_U32),
    SysReg(3, 3, 14, 3, 2).packed: sysreg_id(3, 3, 14, 0, 2),
    SysReg(3, 3, 14, 0, 2).packed: sysreg_id(3, 3, 14, 3, 2),
}
"""encodings that do not stand for the sysreg id of the same encoding"""
_KEYS = {reg_id: key for key, reg_id in _SPECIAL.items()}


def key_of(reg_id: int) -> int:
    """The key of a register in `sys`; -1 for one that stands nowhere in it."""
    special = _KEYS.get(reg_id)
    if special is not None:
        return special
    return reg_id & 0xFFFF if class_of(reg_id) == CLASS_SYSREG else -1


def id_of(key: int) -> int:
    """KVM's id of the register that crosvm means by a 16-bit encoding."""
    return _SPECIAL.get(key, sysreg_id(*SysReg.from_index(key)))
