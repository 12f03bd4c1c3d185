"""Saved VMs of a Cortex-A72 vCPU in every format that is written, with three ID registers that no destination takes."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Mapping, Sequence

import cbor2

from inspector.registers.crosvm_keys import key_of
from inspector.registers.encoding import CLASS_CORE, CLASS_DEMUX, CLASS_FIRMWARE, CLASS_SYSREG, class_of, size_of
from inspector.sources.formats.firecracker_vmstate import checksum
from tests.checks.material import shipped
from tests.sources import streams

TARGET = "builtin:cortex-a72-linux-6.12"
FEATURES = ("--features", "psci,pmu")
ISAR0, MMFR0, PFR0 = (0x6030000000130000 | index for index in (0xC030, 0xC038, 0xC020))
TAMPERED: Mapping[int, Sequence[int]] = {ISAR0: (28, 32, 36, 40, 44, 48, 52), MMFR0: (56, 60), PFR0: (36, 48)}
"""ID registers that get a feature which no Cortex-A72 has, in one of these fields."""


def vcpu(seed: int) -> dict[int, int]:
    """A Cortex-A72 vCPU of the destination's own kernel, with a random guest in it, and three registers off."""
    chosen = random.Random(seed)
    values = dict(shipped("cortex-a72", "6.12").vcpus[0].values)
    for reg_id, value in values.items():
        if class_of(reg_id) == CLASS_CORE and reg_id & 0xFFFF != 66:
            values[reg_id] = chosen.getrandbits(8 * size_of(reg_id))
        elif reg_id in TAMPERED:
            values[reg_id] = value | chosen.randint(1, 15) << chosen.choice(TAMPERED[reg_id])
    return values


def kvm_regs(values: Mapping[int, int]) -> bytes:
    """struct kvm_regs: every core register at its offset."""
    data = bytearray(0x360)
    for reg_id, value in values.items():
        if class_of(reg_id) == CLASS_CORE:
            at = 4 * (reg_id & 0xFFFF)
            data[at : at + size_of(reg_id)] = value.to_bytes(size_of(reg_id), "little")
    return bytes(data)


def cloud_hypervisor(values: Mapping[int, int], shape: str) -> bytes:
    system = [(i, v) for i, v in values.items() if class_of(i) != CLASS_CORE]
    if shape == "objects":
        core: object = {
            "regs": {
                "regs": [values[0x6030000000100000 + 2 * n] for n in range(31)],
                "sp": values[0x603000000010003E], "pc": values[0x6030000000100040],
                "pstate": values[0x6030000000100042],
            },
            "sp_el1": values[0x6030000000100044], "elr_el1": values[0x6030000000100046],
            "spsr": [values[0x6030000000100048 + 2 * n] for n in range(5)],
            "fp_regs": {
                "vregs": [values[0x6040000000100054 + 4 * n] for n in range(32)],
                "fpsr": values[0x60200000001000D4], "fpcr": values[0x60200000001000D5],
            },
        }  # fmt: skip
        regs: object = [{"id": i, "addr": v} for i, v in system]
    else:
        core = list(kvm_regs(values))
        regs = [list(struct.pack("<QQ", i, v)) for i, v in system]
    text = json.dumps({"Kvm": {"mp_state": [0] * 4, "core_regs": core, "sys_regs": regs}}, separators=(",", ":"))
    data = list(text.encode()) if shape == "objects" else {"state": text}
    vcpus = {"0": {"snapshots": {}, "snapshot_data": data}}
    tree = {"snapshots": {"cpu-manager": {"snapshots": vcpus, "snapshot_data": None}}, "snapshot_data": None}
    return json.dumps(tree, separators=(",", ":")).encode()


def crosvm(values: Mapping[int, int], binary: bool) -> bytes:
    named = {"sys": {}, "cache": {}, "firmware": {}}  # type: dict[str, dict[int, int]]
    for reg_id, value in values.items():
        if class_of(reg_id) == CLASS_DEMUX:
            named["cache"][reg_id & 0xFF] = value
        elif class_of(reg_id) == CLASS_FIRMWARE:
            named["firmware"][reg_id & 0xFFFF] = value
        elif class_of(reg_id) == CLASS_SYSREG or key_of(reg_id) >= 0:
            named["sys"][key_of(reg_id)] = value
    document = {
        "vcpu_id": 0, "sp": values[0x603000000010003E], "pc": values[0x6030000000100040],
        "pstate": values[0x6030000000100042], "x": [values[0x6030000000100000 + 2 * n] for n in range(31)],
        "v": [values[0x6040000000100054 + 4 * n] for n in range(32)], "sys": named["sys"],
        "cache_arch_info": named["cache"], "hypervisor_data": {"firmware_regs": named["firmware"]},
    }  # fmt: skip
    return cbor2.dumps(document) if binary else json.dumps(document).encode()


def vmstate(values: Mapping[int, int]) -> bytes:
    body = b"".join(v.to_bytes(size_of(i), "little") for i, v in values.items())
    listed = struct.pack(f"<Q{len(values)}QQ", len(values), *values, len(body)) + body
    data = struct.pack("<QQ", 0x07101984AAAA0000, 5) + b"8.0.0" + bytes(range(99)) + listed + bytes(77)
    return data + checksum(data).to_bytes(8, "little")


def stream(values: Mapping[int, int]) -> bytes:
    """A QEMU stream: system, demux and firmware registers in ascending order."""
    listed = {i: v for i, v in sorted(values.items()) if class_of(i) != CLASS_CORE}
    return streams.stream([listed], memory=streams.ram(zero=600))
