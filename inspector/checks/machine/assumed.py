"""What may be assumed of a machine whose kernel hides something: what the saved vCPU showed of the same processor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from inspector.kvm.host import HostState
from inspector.registers.bits import ALL
from inspector.registers.encoding import CLASS_DEMUX, CLASS_SYSREG, split_id
from inspector.registers.ids import CLIDR_EL1, MIDR_EL1

_EXISTING_CACHES = 14
"""a vCPU with this many CCSIDR registers shows fabricated ones"""


class Likely(NamedTuple):
    """A host with its unknown bits filled in."""

    host: HostState
    assumed: bool
    """True when some of those bits are set, or the cache sizes were taken over"""


def fill_unknown(host: HostState, saved: Mapping[int, int]) -> Likely:
    """`host` with the bits that are not known taken from `saved`, the registers of a vCPU.

    Only where both have the same MIDR_EL1: then the same processor was under that vCPU. Without this no other kernel
    could be asked about a field that the destination's kernel hides, and old values that it tolerates would look
    refused.
    """
    if saved.get(MIDR_EL1) is None or saved[MIDR_EL1] != host.values.get(MIDR_EL1):
        return Likely(host, False)
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
        return Likely(filled, True)
    return Likely(msgspec.structs.replace(host, values=values, known=known), assumed)
