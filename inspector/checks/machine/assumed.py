"""What may be assumed of a machine whose kernel hides something: what the saved vCPU showed of the same processor."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from inspector.kvm.host import HostState
from inspector.policies.setup import FEATURES, VcpuSetup
from inspector.registers.bits import ALL
from inspector.registers.encoding import CLASS_DEMUX, CLASS_SYSREG, split_id
from inspector.registers.ids import CLIDR_EL1, MIDR_EL1

_EXISTING_CACHES = 14
"""a vCPU with this many CCSIDR registers shows fabricated ones"""


def granting(host: HostState, setup: VcpuSetup) -> HostState:
    """`host` with what a vCPU that exists, or that the user asks for as possible, needs of it: where the registers do
    not say whether the host has it."""
    capabilities = {
        name: 1
        for feature in FEATURES
        if setup.includes(feature)
        for name in feature.capabilities
        if not host.capability_known(name)
    }
    if capabilities:
        host = msgspec.structs.replace(host, capabilities=dict(host.capabilities or {}) | capabilities)
    if setup.gic == "v3" and not host.vgic_known and host.vgic == "v3":
        host = msgspec.structs.replace(host, vgic_known=True)
    return host


def assumptions(host: HostState, setup: VcpuSetup) -> tuple[str, ...]:
    """A sentence on what is assumed of a host of which nobody says it: features of the vCPU, the vGIC."""
    found = []
    if words := open_features(host, setup):
        found.append(
            f"whether the host has {', '.join(words)} is not known: a vCPU with that is shown, as QEMU would ask for "
            "it; --features asks for another"
        )
    if not host.vgic_known:
        found.append(f"the host's interrupt controller is not known: a vGIC{host.vgic} is assumed; --host vgic=v2|v3")
    return tuple(found)


def open_features(host: HostState, setup: VcpuSetup) -> tuple[str, ...]:
    """Words of the features of `setup` of which it is not known whether the host can give them."""
    return tuple(
        feature.word
        for feature in FEATURES
        if setup.includes(feature) and not all(map(host.capability_known, feature.capabilities))
    )


def fill_unknown(host: HostState, saved: Mapping[int, int]) -> tuple[HostState, bool]:
    """`host` with the bits that are not known taken from `saved`, the registers of a vCPU; and whether some of those
    bits are set, or the cache sizes were taken over.

    Only where both have the same MIDR_EL1: then the same processor was under that vCPU. Without this no other kernel
    could be asked about a field that the destination's kernel hides, and old values that it tolerates would look
    refused.
    """
    if saved.get(MIDR_EL1) is None or saved[MIDR_EL1] != host.values.get(MIDR_EL1):
        return host, False
    values, known, assumed = dict(host.values), dict(host.known), False
    caches = {split_id(i).number: v for i, v in saved.items() if split_id(i).cls == CLASS_DEMUX}
    raw_caches = 0 < len(caches) < _EXISTING_CACHES
    for reg_id, value in saved.items():
        unknown = ~host.known.get(reg_id, 0) & ALL
        if (
            unknown
            and (reg_id in known or (reg_id == CLIDR_EL1 and raw_caches))
            and split_id(reg_id).cls == CLASS_SYSREG
        ):
            values[reg_id] = values.get(reg_id, 0) & ~unknown | value & unknown
            known[reg_id] = ALL
            assumed = assumed or bool(value & unknown)
    if not host.ccsidr_known and raw_caches:
        filled = msgspec.structs.replace(host, values=values, known=known, ccsidr=caches, ccsidr_known=True)
        return filled, True
    return msgspec.structs.replace(host, values=values, known=known), assumed
