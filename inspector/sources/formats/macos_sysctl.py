"""macOS `sysctl hw.optional`: architecture features by name, `hw.optional.arm.FEAT_LSE: 1`.

A feature that is there says that its ID register field is at least the value that the architecture gives it. One that
is 0 says nothing of the CPU: the system may hide it from processes. Names: xnu, bsd/kern/kern_mib.c and Apple's
"Determining Instruction Set Characteristics".
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from inspector.errors import SourceError
from inspector.registers.catalog import all_registers
from inspector.registers.hwcaps import Bound, partial_registers
from inspector.sources.dump import Constraint, Dump, Host, Provenance, Vcpu
from inspector.sources.formats.plain_text import text_of
from inspector.sources.opening import Content
from inspector.untrusted import Untrusted

NAME: Final = "macos-sysctl"
_ENTRY = re.compile(r"\bhw\.optional\.(?:arm\.)?(\w{1,40})[ \t]{0,20}[:=][ \t]{0,20}([01])\b")
_BRAND = re.compile(r"machdep\.cpu\.brand_string[ \t]{0,20}[:=][ \t]{0,20}([\w .()-]{1,60})")
_SNIFF = re.compile(rb"hw\.optional\.(?:arm|neon|armv8|floatingpoint|AdvSIMD)")
_FEATURE = re.compile(r"\bFEAT_\w+")
_OLD = {"armv8_crc32": "FEAT_CRC32", "armv8_1_atomics": "FEAT_LSE", "armv8_2_fhm": "FEAT_FHM",
        "armv8_2_sha512": "FEAT_SHA512", "armv8_2_sha3": "FEAT_SHA3", "armv8_3_compnum": "FEAT_FCMA",
        "neon_fp16": "FEAT_FP16"}  # fmt: skip
"""names of macOS 11 -> the architecture's"""
_CANNOT = (
    "shows features that macOS gives its processes, as lower bounds of fields; it does not show MIDR_EL1,"
    " caches and EL2 features, and a feature that is 0 may be hidden"
)


def sniff(content: Content) -> bool:
    """Such a line is in the head."""
    return b"\0" not in content.head and _SNIFF.search(content.head) is not None


def load(content: Content) -> Dump:
    """The fields behind the features. Raises SourceError where no feature is known."""
    where = content.name
    text = text_of(content)
    bounds: dict[tuple[str, str], Bound] = {}
    unknown: list[str] = []
    present = 0
    for name, digit in _ENTRY.findall(text):
        feature = _OLD.get(name, name)
        place = _places().get(feature.upper())
        if digit == "0":
            continue
        present += 1
        if place is None:
            unknown += [name] if feature.startswith("FEAT_") else []
            continue
        register, field, least = place
        before = bounds.get((register, field), Bound(least, None))
        bounds[register, field] = Bound(max(least, before.least), None)
    if not present:
        raise SourceError("has no feature that is 1", where, "sysctl hw.optional")
    parts = {i: Constraint(p.known, p.value) for i, p in partial_registers(bounds).items()}
    if not parts:
        raise SourceError("names no feature that stands for a field of an ID register", where, "sysctl hw.optional.arm")
    brand = _BRAND.search(text)
    notes = [_CANNOT]
    if unknown:
        shown = ", ".join(unknown[:5])
        notes.append(f"{len(unknown)} features stand for no single field of an ID register: {shown}")
    machine = brand[1].strip() if brand else ""
    provenance = Provenance(
        source=where, format=NAME, compression=content.compression, tool=Untrusted("sysctl"), host=Untrusted(machine)
    )
    kind = "vcpu" if content.declared in ("vcpu", "guest") else "host"
    host = Host(values={i: c.value for i, c in parts.items()}, known={i: c.mask for i, c in parts.items()}, view="el0")
    return Dump(
        provenance=provenance,
        vcpus=(
            Vcpu(
                index=0, name=Untrusted("host"), kind="vcpu" if kind == "vcpu" else "host", values={}, constraints=parts
            ),
        ),
        host=host if kind == "host" else None,
        one_vm=False,
        notes=tuple(notes),
    )


@cache
def _places() -> dict[str, tuple[str, str, int]]:
    """FEAT_ name in capitals -> (register, field, least raw value), where exactly one AArch64 field stands for it."""
    found: dict[str, set[tuple[str, str]]] = {}
    least: dict[tuple[str, str, str], int] = {}
    for register in all_registers():
        schema = register.schema if register.name.startswith("ID_AA64") else None
        for span in schema.fields if schema else ():
            for value, meaning in sorted(span.values.items()):
                for feature in _FEATURE.findall(meaning):
                    key = feature.upper()
                    found.setdefault(key, set()).add((register.name, span.name))
                    least.setdefault((key, register.name, span.name), value)
    return {key: (*place, least[key, *place]) for key, places in found.items() if len(places) == 1 for place in places}
