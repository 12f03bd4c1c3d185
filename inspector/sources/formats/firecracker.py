"""Firecracker's CPU templates, and the fingerprints and dumps of its cpu-template-helper.

A register modifier is an id and a text of bits: `0b`, then 0, 1 or x (left as it is), the most significant first; a
short text leaves the bits before it as they are. A dump gives every bit of every register, 128 digits wide whatever
the register. A register with an x is a constraint, not a value; templates also ask for capabilities and vCPU features.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from inspector.budget import RECORDS, Budget
from inspector.errors import SourceError
from inspector.policies.setup import Feature, VcpuSetup
from inspector.registers.encoding import bitmap_id, hex_id, size_of
from inspector.sources.dump import Constraint, Dump, Provenance, Vcpu
from inspector.sources.jsontext import Hex, Small, check_id, decode
from inspector.sources.opening import Content
from inspector.sources.vcpu_setup import listed_setup
from inspector.untrusted import Untrusted

NAME: Final = "firecracker-json"
_BITS = re.compile(r"0b([01xX_]{1,2600})")


class _Modifier(msgspec.Struct):
    addr: Hex
    bitmap: str


class _Feature(msgspec.Struct):
    index: Small
    bitmap: str


class _Template(msgspec.Struct):
    kvm_capabilities: list[str] = []
    vcpu_features: list[_Feature] = []
    reg_modifiers: list[_Modifier] = []
    cpuid_modifiers: list[msgspec.Raw] = []
    msr_modifiers: list[msgspec.Raw] = []


class _Fingerprint(msgspec.Struct):
    guest_cpu_config: _Template
    firecracker_version: str = ""
    kernel_version: str = ""
    microcode_version: str = ""
    bios_version: str = ""
    bios_revision: str = ""


def sniff(content: Content) -> bool:
    """A JSON object with modifiers, or with a guest_cpu_config of a fingerprint."""
    keys = set(content.json_object())
    return bool(keys & {"reg_modifiers", "guest_cpu_config", "cpuid_modifiers", "msr_modifiers"}) or (
        bool(keys) and keys <= {"kvm_capabilities", "vcpu_features"}
    )


def load(content: Content) -> Dump:
    """One vCPU for a dump, one template for modifiers with free bits. Raises SourceError for x86 templates."""
    where = content.name
    if "guest_cpu_config" in content.json_object():
        fingerprint = decode(content.whole(), _Fingerprint, where)
        template = fingerprint.guest_cpu_config
    else:
        fingerprint = None
        template = decode(content.whole(), _Template, where)
    x86 = {"cpuid_modifiers", "msr_modifiers"} & set(content.json_object())
    if template.cpuid_modifiers or template.msr_modifiers or (x86 and not template.reg_modifiers):
        raise SourceError("is a template for x86 vCPUs", where, "arm64 templates have reg_modifiers")
    values, constraints = _registers(template.reg_modifiers, where, content.budget)
    whole = bool(values) and not constraints
    vcpu = Vcpu(
        index=0,
        values=values,
        kind="vcpu" if whole else "template",
        constraints=constraints,
        setup=_setup(values) if whole else None,
    )
    provenance = Provenance(
        source=where, format=NAME, compression=content.compression, tool=Untrusted("Firecracker CPU template")
    )
    notes = _notes(template, whole)
    if fingerprint:
        provenance = provenance.told(
            tool=f"Firecracker {fingerprint.firecracker_version}".strip(),
            kernel=fingerprint.kernel_version,
            host=f"microcode {fingerprint.microcode_version}, BIOS {fingerprint.bios_version}",
        )
    return Dump(provenance=provenance, vcpus=(vcpu,), notes=tuple(notes))


def _setup(values: dict[int, int]) -> VcpuSetup | None:
    """Firecracker creates a vGICv3 and asks for no PMU by itself, though Linux 5.10 lists the registers of one."""
    setup = listed_setup(values, gic="v3")
    if setup is None or bitmap_id(0) in values:
        return setup
    return msgspec.structs.replace(setup, features=setup.features & ~Feature.PMU)


def _registers(modifiers: list[_Modifier], where: str, budget: Budget) -> tuple[dict[int, int], dict[int, Constraint]]:
    budget.spend(RECORDS, len(modifiers))
    values: dict[int, int] = {}
    constraints: dict[int, Constraint] = {}
    for modifier in modifiers:
        reg_id = int(modifier.addr)
        check_id(reg_id, where)
        mask, value = _bits(modifier.bitmap, f"{where}, {hex_id(reg_id)}")
        full = (1 << 8 * size_of(reg_id)) - 1
        if value > full or (mask > full and mask & ~full & value):
            raise SourceError(f"a value wider than {hex_id(reg_id)}", where)
        if reg_id in values or reg_id in constraints:
            raise SourceError(f"{hex_id(reg_id)} is given twice", where)
        if mask & full == full or (mask and _is_128_digits(modifier.bitmap)):
            values[reg_id] = value
        else:
            constraints[reg_id] = Constraint(mask & full, value)
    return values, constraints


def _is_128_digits(bitmap: str) -> bool:
    """A dump's text for a register wider than 128 bits: the digits it has are all that it gives."""
    digits = bitmap.removeprefix("0b").replace("_", "")
    return len(digits) == 128 and "x" not in digits.lower()


def _bits(text: str, where: str) -> tuple[int, int]:
    """(mask of the given bits, their values)."""
    match = _BITS.fullmatch(text.strip())
    digits = match[1].replace("_", "").lower() if match else ""
    if not digits:
        raise SourceError(f"{text[:40]!r} is not a bitmap", where, "0b and the digits 0, 1 and x")
    if "x" not in digits:
        return (1 << len(digits)) - 1, int(digits, 2)
    return int(digits.replace("0", "1").replace("x", "0"), 2), int(digits.replace("x", "0"), 2)


def _notes(template: _Template, whole: bool) -> list[str]:
    notes = []
    if template.kvm_capabilities:
        removed = [c[1:] for c in template.kvm_capabilities if c.startswith("!")]
        added = [c for c in template.kvm_capabilities if not c.startswith("!")]
        notes += [f"KVM capabilities required besides Firecracker's own: {', '.join(added)}"] * bool(added)
        notes += [f"KVM capabilities no longer required: {', '.join(removed)}"] * bool(removed)
    notes += [f"vCPU feature word {f.index}: {f.bitmap}" for f in template.vcpu_features]
    if not whole:
        notes.append("a template: its bits are constraints for a vCPU, the bits marked x are left as they are")
    return notes
