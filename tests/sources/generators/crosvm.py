"""crosvm's snapshot of a VM, after its sources: a file for each vCPU, JSON to March 2025 and CBOR since.

Facts and where they are from (crosvm's repository): struct VcpuSnapshot and the keys of `sys`, 16 bits of op0 to op2:
hypervisor/src/aarch64.rs; which registers are in `sys` and that core registers and the two timer registers stand there
under their architectural encodings: hypervisor/src/kvm/aarch64.rs (get_system_regs, KvmVcpuRegister);
`hypervisor_data`: struct KvmSnapshot there; names of the files: src/crosvm/sys/linux/vcpu.rs ("vcpu{}") and the
fragments around them: src/crosvm/sys/linux.rs. CBOR is written by the library cbor2, a u128 as a big number.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cbor2

from tests.sources.generators.registers import (
    CCSIDR,
    ELR_EL1,
    FIRMWARE,
    FPCR,
    FPSR,
    PC,
    PSTATE,
    SP,
    SP_EL1,
    SPSR,
    V,
    X,
)


def _key(op0: int, op1: int, crn: int, crm: int, op2: int) -> int:
    return op0 << 14 | op1 << 11 | crn << 7 | crm << 3 | op2


SAVED = frozenset({SP_EL1, ELR_EL1, FPSR, FPCR, *SPSR, *X, *V, SP, PC, PSTATE, *CCSIDR, *FIRMWARE})
"""Registers outside the system registers that a snapshot has."""
_NAMED = {
    SP_EL1: _key(3, 4, 4, 1, 0), ELR_EL1: _key(3, 0, 4, 0, 1), FPCR: _key(3, 3, 4, 4, 0), FPSR: _key(3, 3, 4, 4, 1),
    **dict(zip(SPSR, (_key(3, 0, 4, 0, 0), _key(3, 4, 4, 3, 1), _key(3, 4, 4, 3, 2), _key(3, 4, 4, 3, 0),
                      _key(3, 4, 4, 3, 3)), strict=True)),
    0x603000000013DF1A: _key(3, 3, 14, 0, 2), 0x603000000013DF02: _key(3, 3, 14, 3, 2),
}  # fmt: skip
"""KVM's id -> key in `sys`: SPSR_EL1, abt, und, irq and fiq; KVM's timer ids are the other way round"""


def document(index: int, values: Mapping[int, int]) -> dict[str, Any]:
    """One vCPU's members."""
    system = {_NAMED.get(i, i & 0xFFFF): v for i, v in values.items() if i >> 16 & 0xFFF == 0x13 or i in _NAMED}
    return {
        "vcpu_id": index,
        "sp": values[SP],
        "pc": values[PC],
        "pstate": values[PSTATE],
        "x": [values[i] for i in X],
        "v": [values[i] for i in V],
        "sys": dict(sorted(system.items())),
        "cache_arch_info": {i & 0xFF: values[i] for i in CCSIDR},
        "hypervisor_data": {"firmware_regs": {i & 0xFFFF: values[i] for i in FIRMWARE}},
    }


def folder(path: Path, vcpus: Mapping[int, Mapping[int, int]], binary: bool) -> None:
    """Save a VM into `path`."""
    (path / "vcpu").mkdir(parents=True)
    for name in ("mem", "mem_metadata", "irqchip", "pvclock"):
        (path / name).write_bytes(bytes(64))
    for index, values in vcpus.items():
        one = document(index, values)
        data = cbor2.dumps(one) if binary else json.dumps(one).encode()
        (path / "vcpu" / f"vcpu{index}").write_bytes(data)
