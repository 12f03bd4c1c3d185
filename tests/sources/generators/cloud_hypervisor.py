"""Cloud Hypervisor's state.json (vm.json) of version 19 to 53, after its sources; random state beside the vCPUs.

Facts and where they are from (Cloud Hypervisor's repository at the tag of the version):

- the tree of components and how the state of one is packed: vm-migration/src/lib.rs (struct Snapshot, SnapshotData,
  SnapshotDataSection; `VCPU_SNAPSHOT_ID` "vcpu" and "{}-section"); names of vCPUs: vmm/src/cpu.rs (`{}` to 25, `{:03}`
  from 26 to 28, `{}` since);
- VcpuKvmState: hypervisor/src/kvm/aarch64/mod.rs (mpidr to 25; pre_finalize_regs and extended_regs from 53);
  enum CpuState, whose name stands around it from 26: hypervisor/src/lib.rs;
- which registers are in which list, and that fp_regs stays zero with SVE: hypervisor/src/kvm/mod.rs, fn state();
- structures by their fields to 38 (the crate kvm-bindings, branches ch-v0.5.0 to ch-v0.7.0, derived serde), as their
  bytes from 39 (kvm-bindings 0.8.1, serialize.rs); struct kvm_regs: arch/arm64/include/uapi/asm/kvm.h.
"""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from tests.sources.generators.registers import (
    CORE,
    ELR_EL1,
    FPCR,
    FPSR,
    MPIDR,
    PC,
    PSTATE,
    SP,
    SP_EL1,
    SPSR,
    V,
    X,
    width,
)
from tests.sources.generators.registers import VLS as VECTOR_LENGTHS

VERSIONS = (19, 21, 22, 25, 26, 28, 29, 38, 39, 42, 52, 53)
Registers = Mapping[int, int]


def _regs_bytes(values: Registers, sve: bool) -> list[int]:
    data = struct.pack("<34Q", *(values[i] for i in (*X, SP, PC, PSTATE)))
    data += struct.pack("<7Q", values[SP_EL1], values[ELR_EL1], *(values[i] for i in SPSR))
    data = data.ljust(0x150, b"\0")
    data += bytes(512) if sve else b"".join(values[i].to_bytes(16, "little") for i in V)
    status = (0, 0) if sve else (values[FPSR], values[FPCR])
    return list(data + struct.pack("<2I2I", *status, 0, 0))


def _regs_fields(values: Registers) -> dict[str, Any]:
    general = {"regs": [values[i] for i in X], "sp": values[SP], "pc": values[PC], "pstate": values[PSTATE]}
    vectors = {"vregs": [values[i] for i in V], "fpsr": values[FPSR], "fpcr": values[FPCR], "__reserved": [0, 0]}
    return {
        "regs": general, "sp_el1": values[SP_EL1], "elr_el1": values[ELR_EL1], "spsr": [values[i] for i in SPSR],
        "__bindgen_padding_0": [0, 0], "fp_regs": vectors,
    }  # fmt: skip


def _vcpu(version: int, values: Registers, mp_state: int) -> dict[str, Any]:
    sve = VECTOR_LENGTHS in values
    system = [i for i in values if i not in CORE and i not in (*V, FPSR, FPCR) and width(i) in (4, 8)]
    if version < 39:
        state: dict[str, Any] = {
            "mp_state": {"mp_state": mp_state},
            "core_regs": _regs_fields(values),
            "sys_regs": [{"id": i, "addr": values[i]} for i in system],
        }
    else:
        state = {
            "mp_state": list(struct.pack("<I", mp_state)),
            "core_regs": _regs_bytes(values, sve),
            "sys_regs": [list(struct.pack("<QQ", i, values[i])) for i in system],
        }
    if version >= 53:
        wide = {i: list(values[i].to_bytes(width(i), "little")) for i in values if i >> 16 & 0xFFF == 0x15}
        state["pre_finalize_regs"] = [{"id": i, "data": d} for i, d in wide.items() if i == VECTOR_LENGTHS]
        state["extended_regs"] = [{"id": i, "data": d} for i, d in wide.items() if i != VECTOR_LENGTHS]
    if version <= 25:
        return state | {"mpidr": values[MPIDR]}
    return {"Kvm": state}


def _node(version: int, name: str, data: Any, below: Mapping[str, Any]) -> dict[str, Any]:
    head = {"id": name} if version <= 28 else {}
    return head | {"snapshots": dict(below), "snapshot_data": data}


def _packed(version: int, section: str, state: Any) -> Any:
    text = json.dumps(state, separators=(",", ":"))
    if version <= 28:
        return {f"{section}-section": {"id": f"{section}-section", "snapshot": list(text.encode())}}
    return list(text.encode()) if version <= 38 else {"state": text}


def state_json(version: int, vcpus: Sequence[Registers], *, mp_states: Sequence[int] = (), seed: int = 1) -> bytes:
    """The file of a VM with these vCPUs."""
    dice = random.Random(seed)
    states = [*mp_states, *[0] * len(vcpus)]
    name = "{:03}" if 26 <= version <= 28 else "{}"
    nothing: Any = {} if version <= 28 else None
    below = {
        name.format(n): _node(version, name.format(n), _packed(version, "vcpu", _vcpu(version, v, states[n])), {})
        for n, v in enumerate(vcpus)
    }
    gic = {"dist": [dice.getrandbits(32) for _ in range(20)], "rdist": [], "icc": [], "its_cbaser": 0}
    devices = {"gic-v3-its": _node(version, "gic-v3-its", _packed(version, "gic-v3-its", gic), {})}
    components = {
        "cpu-manager": _node(version, "cpu-manager", nothing, below),
        "device-manager": _node(version, "device-manager", _packed(version, "device-manager", {"a": 1}), devices),
        "memory-manager": _node(version, "memory-manager", _packed(version, "memory-manager", {}), {}),
    }
    return json.dumps(_node(version, "vm", _packed(version, "vm", {"config": {"cpus": 1}}), components)).encode()
