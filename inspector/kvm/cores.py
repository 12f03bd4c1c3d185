"""What a core is known to have: values of real cores by MIDR_EL1, each with its source (`cores.toml`).

They answer what a kernel hid from a vCPU ("Neoverse N2 has NV 2"), and fill a host's unknown bits only when asked
(`--assume core`). Nothing here is evidence of the machine at hand: a vendor may leave an optional feature out, as some
Cortex-A72 have no cryptography, so where two sources differ both are shown and neither is assumed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import Any, NamedTuple

import msgspec

from inspector.kvm.host import HostState
from inspector.numbers import few_of
from inspector.registers.bits import ALL, Partial, mask_of
from inspector.registers.catalog import by_id, find
from inspector.registers.encoding import hex_value
from inspector.registers.hwcaps import bounds_of, least_of, partial_registers
from inspector.registers.ids import MIDR_EL1
from inspector.shipped import own_text

_PART = 0xFF00FFF0
"""MIDR_EL1.Implementer and PartNum"""


class Record(NamedTuple):
    """One core as one source has it."""

    name: str
    midr: int
    source: str
    values: Mapping[int, Partial]
    """register id -> what the source gives of it"""

    @property
    def revision(self) -> str:
        """`r0p3`."""
        return f"r{self.midr >> 20 & 0xF}p{self.midr & 0xF}"


class Core(NamedTuple):
    """What all sources together tell of one core."""

    name: str
    records: tuple[Record, ...]

    def value(self, reg_id: int) -> Partial:
        """The bits of a register on which every source that gives it agrees."""
        told = [record.values[reg_id] for record in self.records if reg_id in record.values]
        value, known, differs = 0, 0, 0
        for each in told:
            differs |= (value ^ each.value) & known & each.known
            value, known = value | each.value, known | each.known
        return Partial(value & known & ~differs, known & ~differs)

    def sources(self, reg_id: int) -> tuple[Record, ...]:
        """The records that tell the register."""
        return tuple(record for record in self.records if reg_id in record.values)

    def differing(self) -> dict[int, int]:
        """Registers on which two sources differ: id -> the bits."""
        found = {}
        for reg_id in dict.fromkeys(i for record in self.records for i in record.values):
            told = [record.values[reg_id] for record in self.sources(reg_id)]
            bits = 0
            for first in told:
                for other in told:
                    bits |= (first.value ^ other.value) & first.known & other.known
            if bits:
                found[reg_id] = bits
        return found


class Filled(NamedTuple):
    """A host whose unknown bits come from its core."""

    host: HostState
    notes: tuple[str, ...]
    """what was filled in and from which source, and what two sources tell differently; empty when nothing was"""


@cache
def _entries() -> tuple[Mapping[str, Any], ...]:
    """The table as it is written, in its order."""
    import tomllib  # takes 5 ms to load

    return tuple(tomllib.loads(own_text("kvm", "cores.toml"))["core"])


def records() -> tuple[Record, ...]:
    """Every record of the table, in its order."""
    return tuple(map(_record, _entries()))


def _record(entry: Mapping[str, Any]) -> Record:
    values = {find(name).register.id: Partial(int(text, 16)) for name, text in entry.get("values", {}).items()}
    if "flags" in entry:
        values |= partial_registers(bounds_of(entry["flags"].split()))
    if "shown" in entry:
        values |= partial_registers(least_of(entry["shown"].split()))
    for name, bits in entry.get("unsure", {}).items():
        reg_id = find(name).register.id
        msb, _, lsb = bits.partition(":")
        known = ALL & ~mask_of(int(msb), int(lsb))
        if reg_id in values:
            values[reg_id] = Partial(values[reg_id].value & known, known)
    return Record(entry["name"], int(entry["midr"], 16), entry["source"], values)


@lru_cache(maxsize=64)
def core_of(midr: int) -> Core | None:
    """The core with this implementer and part number; None when no source of it was read.

    A record of the same revision counts alone for the registers that it gives; other revisions fill in the rest.
    """
    same = [_record(entry) for entry in _entries() if (int(entry["midr"], 16) ^ midr) & _PART == 0]
    if not same:
        return None
    exact = [record for record in same if (record.midr ^ midr) & 0xFFFFFFFF == 0]
    told = {reg_id for record in exact for reg_id in record.values}
    others = [
        record._replace(values={i: v for i, v in record.values.items() if i not in told})
        for record in same
        if record not in exact
    ]
    return Core(same[0].name, (*exact, *others))


def fill_from_core(host: HostState) -> Filled:
    """`host` with the unknown bits that its core is known to have; the core is that of its MIDR_EL1.

    Bits that are known stay as they are. The host's caches are not filled in: their sizes are a vendor's choice.
    """
    core = core_of(host.value(MIDR_EL1)) if host.knows(MIDR_EL1, _PART) else None
    if core is None:
        return Filled(host, ())
    values, known = dict(host.values), dict(host.known)
    filled: dict[str, list[str]] = {}
    for reg_id in dict.fromkeys(i for record in core.records for i in record.values):
        told = core.value(reg_id)
        unknown = told.known & ~known.get(reg_id, 0)
        if unknown:
            values[reg_id] = values.get(reg_id, 0) & ~unknown | told.value & unknown
            known[reg_id] = known.get(reg_id, 0) | unknown
            for record in core.sources(reg_id):
                filled.setdefault(f"{record.revision}: {record.source}", []).append(by_id(reg_id).name)
    notes = [
        f"assumed as {core.name} is known to have it: unknown bits of {few_of(names, 4)} ({source})"
        for source, names in filled.items()
    ]
    for reg_id, bits in core.differing().items():
        if bits & ~host.known.get(reg_id, 0):
            each = "; ".join(f"{hex_value(r.values[reg_id].value)} in {r.source}" for r in core.sources(reg_id))
            notes.append(f"not assumed, sources differ: {by_id(reg_id).name} is {each}")
    return Filled(msgspec.structs.replace(host, values=values, known=known), tuple(notes))


def offer(host: HostState) -> str:
    """What `--assume core` would do for this host; empty when it has no unknown bits that its core could fill."""
    filled = fill_from_core(host).host.known != host.known
    core = core_of(host.value(MIDR_EL1)) if filled else None
    if core is None:
        return ""
    return f"--assume core fills unknown bits with what {core.name} is known to have"


def hints(host: HostState, reg_ids: Iterable[int] = ()) -> tuple[str, ...]:
    """The offer of `--assume core`, before it what the core is known to have in unknown fields of some registers.

    One text for each register that has such fields which are not 0; nothing for a core that the table lacks.
    """
    core = core_of(host.value(MIDR_EL1))
    offered = offer(host)
    if core is None or not offered:
        return ()
    found = []
    for reg_id in dict.fromkeys(reg_ids):
        schema, told = by_id(reg_id).schema, core.value(reg_id)
        fields = [
            f"{span.name} {number}"
            for span in (schema.fields if schema else ())
            if not host.knows(reg_id, span.mask) and (number := told.field(span.msb, span.lsb))
        ]
        if fields:
            sources = "; ".join(f"{r.revision}: {r.source}" for r in core.sources(reg_id))
            found.append(f"{core.name} is known to have {by_id(reg_id).name} with {', '.join(fields)} ({sources})")
    return (*found, offered)
