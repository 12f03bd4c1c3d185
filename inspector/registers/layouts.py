"""From a register to its schema.

Schemas are loaded when first asked for: fifteen modules of definitions take longer than many a command that decodes one
register or none. Which module defines a schema is read from the text of the modules, so that a schema needs no second
entry in an index.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import NamedTuple

from inspector.registers import definitions
from inspector.registers import encoding as enc
from inspector.registers.cache_layout import ccsidr_layout
from inspector.registers.definitions.special import SHARED_SCHEMAS
from inspector.registers.ids import CCSIDR_EL1
from inspector.registers.reserved import RES0
from inspector.registers.schema import RegisterSchema

_DEFINITIONS = "inspector.registers.definitions"


class Layout(NamedTuple):
    """A schema and why it is the one that applies ("" where there is only one)."""

    schema: RegisterSchema | None
    reason: str


@cache
def schema_modules() -> Mapping[str, str]:
    """Name of a schema -> the module beside `definitions/__init__` whose SCHEMAS holds it, in their order."""
    found: dict[str, str] = {}
    for module, source in _sources():
        # Splitting takes a fortieth of the time of a pattern.
        behind = [text.lstrip() for text in source.split(b"RegisterSchema(")[1:]]
        found.update((text.split(b'"', 2)[1].decode(), module) for text in behind if text.startswith(b'"'))
    return found


def _sources() -> Iterator[tuple[str, bytes]]:
    """Every module beside `definitions/__init__` and its text, in their order."""
    folder = definitions.__path__[0]
    for file in sorted(os.listdir(folder)):
        if file.endswith(".py") and file != "__init__.py":
            with open(os.path.join(folder, file), "rb") as text:
                yield file.removesuffix(".py"), text.read()


@cache
def schema_named(name: str) -> RegisterSchema | None:
    """The schema that the definitions call `name`; None when there is none."""
    module = schema_modules().get(name)
    return None if module is None else _schemas_of(module)[name]


def _schemas_of(module: str) -> Mapping[str, RegisterSchema]:
    schemas: Mapping[str, RegisterSchema] = import_module(f"{_DEFINITIONS}.{module}").SCHEMAS
    return schemas


def all_schemas() -> tuple[RegisterSchema, ...]:
    """Every schema, in the order of the modules."""
    return tuple(_schemas_of(module)[name] for name, module in schema_modules().items())


def schema_of(reg_id: int, name: str) -> RegisterSchema | None:
    """A register's schema; for a CCSIDR the 32-bit layout and for PSTATE the AArch64 one, see `choose`."""
    return schema_named(_name_of(reg_id, name))


def reserved_bits(reg_id: int, name: str) -> int:
    """The RES0 bits of the same layout, which is not loaded for it; 0 for a register that has none."""
    return RES0.get(_name_of(reg_id, name), 0)


def _name_of(reg_id: int, name: str) -> str:
    if _is_ccsidr(reg_id):
        return "CCSIDR_EL1" if reg_id == CCSIDR_EL1 else "CCSIDR word"
    return SHARED_SCHEMAS.get(name, name)


def _is_ccsidr(reg_id: int) -> bool:
    return reg_id == CCSIDR_EL1 or (reg_id & ~0xFF) == enc.ccsidr_id(0)


def choose(reg_id: int, name: str, value: int, values: Mapping[int, int] | None = None) -> Layout:
    """The layout for `value`; `values` is the rest of the vCPU, which decides how a CCSIDR is read.

    Arm ARM, CCSIDR_EL1: ID_AA64MMFR2_EL1.CCIDX = 1 selects the layout with NumSets in [55:32]. A word that KVM cut to
    32 bits keeps the shape it had in hardware, whatever a masked ID register says: see `cache_layout`.
    """
    if not _is_ccsidr(reg_id):
        return _by_mode(reg_id, name, value)
    wide, reason = ccsidr_layout(reg_id, value, values or {})
    whole = reg_id == CCSIDR_EL1 or value >> 32 != 0
    stem = ("CCSIDR_EL1" if whole else "CCSIDR word") + (" CCIDX" if wide else "")
    return Layout(schema_named(stem), reason)


def other_ccsidr_layout(reg_id: int, value: int, schema: RegisterSchema | None) -> RegisterSchema | None:
    """The CCSIDR layout that `schema` is not; None for every other register."""
    if not _is_ccsidr(reg_id) or schema is None:
        return None
    stem = "CCSIDR_EL1" if reg_id == CCSIDR_EL1 or value >> 32 else "CCSIDR word"
    return schema_named(stem if schema.name.endswith("CCIDX") else f"{stem} CCIDX")


def _by_mode(reg_id: int, name: str, value: int) -> Layout:
    """PSTATE and SPSR values mean other things when their bit 4 says AArch32."""
    schema = schema_of(reg_id, name)
    if schema is not None and schema.name == "PSTATE" and value >> 4 & 1:
        return Layout(schema_named("PSTATE AArch32"), "bit 4 is set: the AArch32 format of program status")
    return Layout(schema, "")
