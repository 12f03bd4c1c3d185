"""CPUs as Linux names them to processes: parts of MIDR_EL1 and flags, and the dump that they make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache

import msgspec

from inspector.registers.bits import Partial, mask_of
from inspector.registers.definitions.implementers import IMPLEMENTERS, PARTS
from inspector.registers.hwcaps import BY_NAME, bounds_of, partial_registers
from inspector.registers.ids import MIDR_EL1
from inspector.sources.dump import Constraint, Cpu, Dump, Host, Provenance, Vcpu, View
from inspector.sources.gathered import agreed
from inspector.untrusted import Untrusted

_FIELDS = {"implementer": (31, 24), "variant": (23, 20), "architecture": (19, 16), "part": (15, 4), "revision": (3, 0)}
_VENDORS = {
    "arm": 0x41, "broadcom": 0x42, "cavium": 0x43, "fujitsu": 0x46, "hisilicon": 0x48, "infineon": 0x49,
    "motorola/freescale": 0x4D, "nvidia": 0x4E, "apm": 0x50, "qualcomm": 0x51, "samsung": 0x53, "marvell": 0x56,
    "apple": 0x61, "faraday": 0x66, "intel": 0x69, "microsoft": 0x6D, "phytium": 0x70, "ampere": 0xC0,
}  # fmt: skip
"""Vendors as util-linux prints them: sys-utils/lscpu-arm.c, hw_implementer."""
_OTHER_NAMES = {"taishanv110": 0xD01, "kunpeng920": 0xD01, "armv8": None}
_CANNOT = "it does not show caches, debug and PMU, EL2 features, and what the kernel hides"


class Core(msgspec.Struct, frozen=True):
    """One CPU, or one kind of CPU, as a text gives it."""

    index: int
    midr: Partial
    flags: tuple[str, ...] = ()


def midr_of(fields: Mapping[str, int]) -> Partial:
    """MIDR_EL1 of the fields that are known: implementer, variant, architecture, part, revision."""
    value = known = 0
    for name, number in fields.items():
        msb, lsb = _FIELDS[name]
        mask = mask_of(msb, lsb)
        if number << lsb & ~mask == 0:
            value, known = value | number << lsb, known | mask
    return Partial(value, known | mask_of(63, 32) if known else 0)


def vendor_code(name: str) -> int | None:
    """The implementer code of a vendor's name; None for one that is not known."""
    words = name.casefold().split()
    return _VENDORS.get(words[0]) if words else None


def part_code(implementer: int | None, name: str) -> int | None:
    """The part number of a core's name (`Cortex-A55`, `Neoverse-N1`); None for one that is not known."""
    wanted = _squeeze(name)
    parts = PARTS.get(implementer, {}) if implementer is not None else {}
    found = [part for part, known in parts.items() if _squeeze(known) == wanted]
    return found[0] if len(found) == 1 else _OTHER_NAMES.get(wanted)


def implementer_of_core(name: str) -> int | None:
    """The one implementer that has a core of this name; None where none has, or several."""
    found = _implementers().get(_squeeze(name), set())
    return next(iter(found)) if len(found) == 1 else None


@cache
def _implementers() -> dict[str, set[int]]:
    """Squeezed name of a core -> those who have one of that name."""
    table: dict[str, set[int]] = {}
    for vendor, parts in PARTS.items():
        for name in parts.values():
            table.setdefault(_squeeze(name), set()).add(vendor)
    return table


def _squeeze(name: str) -> str:
    return "".join(ch for ch in name.casefold() if ch.isalnum())


def core_name(midr: Partial) -> str:
    """The name of the core, "" where it is not known."""
    implementer, part = midr.field(31, 24), midr.field(15, 4)
    if implementer is None or part is None:
        return ""
    vendor = IMPLEMENTERS.get(implementer, f"implementer {implementer:#x}")
    return PARTS.get(implementer, {}).get(part, f"{vendor} part {part:#x}")


_OF_AARCH32 = frozenset(("swp", "half", "thumb", "fastmult", "edsp", "vfp", "neon", "vfpv3", "vfpv4", "idiva", "idivt"))
"""compat_hwcap_str of arch/arm64/kernel/cpuinfo.c: what a 32-bit process of arm64, and a 32-bit kernel, shows."""


def known_flags(flags: Iterable[str]) -> tuple[str, ...]:
    """Those of the words that are flags of Linux; none for the flags of 32-bit processes, whose `aes` or `crc32` are
    AArch32 instructions, and which never show `fp`."""
    words = tuple(flags)
    if shows_aarch32(words):
        return ()
    return tuple(flag for flag in words if flag in BY_NAME)


def shows_aarch32(flags: Iterable[str]) -> bool:
    """Whether the words are the flags of a 32-bit process or kernel."""
    return not _OF_AARCH32.isdisjoint(flags)


def cores_dump(cores: Sequence[Core], view: View, provenance: Provenance, notes: Sequence[str] = ()) -> Dump:
    """The dump of one machine's CPUs: a vCPU of kind `host` for each kind of core, its registers in part."""
    kinds: dict[tuple[Partial, tuple[str, ...]], list[int]] = {}
    for core in cores:
        kinds.setdefault((core.midr, core.flags), []).append(core.index)
    vcpus = tuple(
        _vcpu(place, indexes, midr, flags, view, len(kinds))
        for place, ((midr, flags), indexes) in enumerate(kinds.items())
    )
    # A flag is shown for the whole system: what one core lacks, no core's process may use.
    common = agreed([{i: c.value for i, c in vcpu.constraints.items()} for vcpu in vcpus])
    masks = agreed([{i: c.mask for i, c in vcpu.constraints.items()} for vcpu in vcpus])
    whole = agreed([vcpu.values for vcpu in vcpus])
    if len(vcpus) > 1 and MIDR_EL1 not in whole and len({v.values.get(MIDR_EL1) for v in vcpus}) > 1:
        notes = (
            *notes,
            "the CPUs are not of one kind: MIDR_EL1 differs, and a VM gets that of the core it was made on",
        )
    partly = {i: value for i, value in common.items() if i in masks}
    host = Host(values=whole | partly, known={i: masks[i] for i in partly}, view="el0")
    cpus = tuple(Cpu(index=c.index, values={MIDR_EL1: c.midr.value}) for c in cores if c.midr.complete)
    guest = view in ("vcpu", "guest")
    return Dump(
        provenance=provenance,
        vcpus=vcpus,
        host=None if guest else host,
        cpus=() if guest else cpus,
        one_vm=False,
        notes=(_limits(vcpus), *notes),
    )


def _limits(vcpus: Sequence[Vcpu]) -> str:
    """What such a text shows, and what it does not."""
    named = any(MIDR_EL1 in vcpu.values or MIDR_EL1 in vcpu.constraints for vcpu in vcpus)
    fields = any(vcpu.constraints.keys() - {MIDR_EL1} for vcpu in vcpus)
    shown = ["MIDR_EL1"] * named + ["the fields behind Linux's flags"] * fields
    return f"shows {' and '.join(shown) or 'nothing of a register'}; {_CANNOT}{'' if named else ', and MIDR_EL1'}"


def _vcpu(place: int, indexes: list[int], midr: Partial, flags: tuple[str, ...], view: View, kinds: int) -> Vcpu:
    parts = {i: Constraint(p.known, p.value) for i, p in partial_registers(bounds_of(flags)).items()} if flags else {}
    if midr.known and not midr.complete:
        parts[MIDR_EL1] = Constraint(midr.known, midr.value)
    name = core_name(midr) or ("host" if kinds == 1 else "a core that is not known")
    if kinds > 1 and len(indexes) > 1:
        name += f", CPUs {indexes[0]}-{indexes[-1]}" if indexes[-1] - indexes[0] == len(indexes) - 1 else ""
    return Vcpu(
        index=place,
        name=Untrusted(name),
        kind="vcpu" if view in ("vcpu", "guest") else "host",
        values={MIDR_EL1: midr.value} if midr.complete else {},
        constraints=parts,
        flags=flags,
    )
