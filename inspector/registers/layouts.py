"""From a register to its schema.

Schemas are loaded when first asked for: importing construct costs 45 ms, and many commands decode nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from inspector.registers import encoding as enc
from inspector.registers.definitions.special import SCHEMA_MODULES, SHARED_SCHEMAS
from inspector.registers.ids import CCSIDR_EL1

if TYPE_CHECKING:
    from inspector.registers.naming import Register
    from inspector.registers.schema import RegisterSchema


_MODULE_OF = {name: module for module, names in SCHEMA_MODULES.items() for name in names}


class Layout(NamedTuple):
    """A schema and why it is the one that applies ("" where there is only one)."""

    schema: RegisterSchema | None
    reason: str


@cache
def schema_named(name: str) -> RegisterSchema | None:
    """The schema that the definitions call `name`; None when there is none."""
    module = _MODULE_OF.get(name)
    if module is None:
        return None
    schemas: dict[str, RegisterSchema] = import_module(f"inspector.registers.definitions.{module}").SCHEMAS
    return schemas[name]


def all_schemas() -> tuple[RegisterSchema, ...]:
    """Every schema, in the order of the modules."""
    found = (schema_named(name) for names in SCHEMA_MODULES.values() for name in names)
    return tuple(schema for schema in found if schema)


def schema_of(register: Register) -> RegisterSchema | None:
    """The register's schema; for a CCSIDR_EL1 the 32-bit layout and for PSTATE the AArch64 one, see `choose`."""
    if _is_ccsidr(register.id):
        return schema_named("CCSIDR_EL1" if register.id == CCSIDR_EL1 else "CCSIDR word")
    return schema_named(SHARED_SCHEMAS.get(register.name, register.name))


def _is_ccsidr(reg_id: int) -> bool:
    return reg_id == CCSIDR_EL1 or (reg_id & ~0xFF) == enc.ccsidr_id(0)


def choose(register: Register, value: int, values: Mapping[int, int] | None = None) -> Layout:
    """The layout for `value`; `values` is the rest of the vCPU, which decides how a CCSIDR_EL1 is read.

    Arm ARM, CCSIDR_EL1: ID_AA64MMFR2_EL1.CCIDX = 1 selects the layout with NumSets in [55:32]. A word that KVM cut to
    32 bits keeps the shape it had in hardware, whatever a masked ID register says: see `cache_layout`.
    """
    if not _is_ccsidr(register.id):
        return _by_mode(register, value)
    from inspector.registers.cache_layout import ccsidr_layout

    wide, reason = ccsidr_layout(register.id, value, values or {})
    whole = register.id == CCSIDR_EL1 or value >> 32 != 0
    name = ("CCSIDR_EL1" if whole else "CCSIDR word") + (" CCIDX" if wide else "")
    return Layout(schema_named(name), reason)


def other_ccsidr_layout(register: Register, value: int, schema: RegisterSchema | None) -> RegisterSchema | None:
    """The CCSIDR_EL1 layout that `schema` is not; None for every other register."""
    if not _is_ccsidr(register.id) or schema is None:
        return None
    stem = "CCSIDR_EL1" if register.id == CCSIDR_EL1 or value >> 32 else "CCSIDR word"
    return schema_named(stem if schema.name.endswith("CCIDX") else f"{stem} CCIDX")


def _by_mode(register: Register, value: int) -> Layout:
    """PSTATE and SPSR values mean other things when their bit 4 says AArch32."""
    schema = schema_of(register)
    if schema is not None and schema.name == "PSTATE" and value >> 4 & 1:
        return Layout(schema_named("PSTATE AArch32"), "bit 4 is set: the AArch32 format of program status")
    return Layout(schema, "")
