"""From a register to its schema, loaded when first asked for: construct costs 45 ms, and most commands need few schemas."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from inspector.registers import encoding as enc
from inspector.registers.definitions.special import SCHEMA_FAMILIES, SCHEMA_MODULES

if TYPE_CHECKING:
    from inspector.registers.naming import Register
    from inspector.registers.schema import RegisterSchema

MMFR2 = enc.sysreg_id(3, 0, 0, 7, 2)
MMFR4_AARCH32 = enc.sysreg_id(3, 0, 0, 2, 6)
CCSIDR = enc.sysreg_id(3, 1, 0, 0, 0)

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
    """The register's schema; for a CCSIDR the 32-bit layout, see `choose`."""
    if _is_ccsidr(register.id):
        return schema_named("CCSIDR_EL1" if register.id == CCSIDR else "CCSIDR word")
    if register.name in _MODULE_OF:
        return schema_named(register.name)
    stem = register.name.rstrip("0123456789") if register.group in ("core", "sve") else register.name
    family = SCHEMA_FAMILIES.get(stem) or SCHEMA_FAMILIES.get(_unnumbered(register.name))
    return schema_named(family) if family else None


def _unnumbered(name: str) -> str:
    """`DBGBCR3_EL1` -> `DBGBCRn_EL1`."""
    stem, _, level = name.rpartition("_EL")
    return f"{stem.rstrip('0123456789')}n_EL{level}" if stem and stem[-1].isdigit() else ""


def _is_ccsidr(reg_id: int) -> bool:
    return reg_id == CCSIDR or (reg_id & ~0xFF) == enc.ccsidr_id(0)


def choose(register: Register, value: int, values: Mapping[int, int] | None = None) -> Layout:
    """The layout for `value`; `values` is the rest of the vCPU, which decides how a CCSIDR is read.

    Arm ARM, CCSIDR_EL1: ID_AA64MMFR2_EL1.CCIDX = 1 selects the layout with NumSets in [55:32]. A word that KVM cut to 32 bits
    keeps the shape it had in hardware, whatever the (by then masked) ID register says: see `caches.shape_of_words`.
    """
    if not _is_ccsidr(register.id):
        return Layout(schema_of(register), "")
    from inspector.registers.caches import ccsidr_layout

    wide, reason = ccsidr_layout(register.id, value, values or {})
    whole = register.id == CCSIDR or value >> 32 != 0
    name = ("CCSIDR_EL1" if whole else "CCSIDR word") + (" CCIDX" if wide else "")
    return Layout(schema_named(name), reason)
