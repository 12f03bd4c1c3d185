"""Dumps that are made in memory, and the questions of a recording whose answers are missing."""

from __future__ import annotations

from collections.abc import Mapping

from inspector.policies.setup import VcpuSetup
from inspector.registers.encoding import hex_id
from inspector.sources.dump import Dump, Kind, Provenance, Vcpu

CTR, CLIDR, DFR0 = 0x603000000013D801, 0x603000000013C801, 0x603000000013C028
QUESTIONS: list[dict[str, object]] = [
    {"type": "recording", "version": 1, "cpu": "made up", "kernel": "6.12.107"},
    {"type": "host", "regs": {hex_id(CTR): "0x86668006", hex_id(CLIDR): "0x80000023"}, "ccsidr": {"0": "0x7007e01c"}},
    {"type": "kernel", "release": "6.12.107", "version": "#1"},
    {"type": "vcpu", "config": "minimal", "features": 4},
    {"type": "get", "id": hex_id(DFR0)},
    {"type": "guest", "id": hex_id(DFR0)},
    {"type": "set", "phase": "field", "id": hex_id(DFR0), "value": "0x0"},
    {"type": "odd", "id": "0x603000000013c007"},
    {"type": "writable_masks"},
    {"type": "run"},
]


def dump_of(
    *values: Mapping[int, int],
    source: str = "made.json",
    kind: Kind = "vcpu",
    setup: VcpuSetup | None = None,
    **provenance: str,
) -> Dump:
    """A dump with a vCPU for each mapping of ids to values."""
    vcpus = tuple(Vcpu(index=index, values=dict(one), kind=kind, setup=setup) for index, one in enumerate(values))
    return Dump(provenance=Provenance(source=source, format="model").told(**provenance), vcpus=vcpus)
