"""How each VMM restores a vCPU: which registers it keeps, in which order it writes them, and what stops it.

Facts come from measured loads of QEMU 7.2, 10.0 and 11.1 (`-accel kvm`) and, for the others, from their source.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from inspector.errors import InspectorError
from inspector.registers.encoding import (
    CLASS_BITMAP,
    CLASS_CORE,
    CLASS_DEMUX,
    CLASS_FIRMWARE,
    CLASS_SVE,
    CLASS_SYSREG,
    SIZE_U32,
    SIZE_U64,
    split_id,
    sysreg_of,
)
from inspector.registers.ids import PIR_EL1, PIRE0_EL1, TCR2_EL1

VmmName = Literal["qemu-7.2", "qemu-10.0", "qemu-11.1", "firecracker", "cloud-hypervisor", "crosvm"]

SVE_VLS = 0x606000000015FFFF


class Vmm(msgspec.Struct, frozen=True, kw_only=True):
    """The restore rule of one VMM."""

    name: VmmName
    title: str
    family: Literal["qemu", "firecracker", "cloud-hypervisor", "crosvm"]
    compares_lists: bool = False
    """QEMU compares list length and ids before it writes a value"""
    spare_ids: int = 0
    """how many ids more than the destination lists the length check lets through, so that they can be named"""
    tolerates: frozenset[int] = frozenset()
    """ids that may be in the source only: they are dropped"""
    stops_at_refusal: bool = True
    """False: every register is written, and a refusal fails the load at the end"""

    def keeps(self, reg_id: int) -> bool:
        """True when the saved state of this VMM holds the register."""
        parts = split_id(reg_id)
        if self.family == "qemu":
            return parts.cls not in (CLASS_CORE, CLASS_SVE) and parts.size in (SIZE_U32, SIZE_U64)
        if self.family == "crosvm":
            return parts.cls not in (CLASS_SVE, CLASS_BITMAP)
        return True

    def order(self, values: Mapping[int, int]) -> tuple[int, ...]:
        """The ids of `values` that the VMM writes, in its order."""
        ids = [i for i in values if self.keeps(i)]
        if self.family == "qemu":
            ids.sort()
        elif self.family == "firecracker":
            # The vector lengths have to be known before KVM finalises the vCPU, so they are written ahead (since 2024).
            ids.sort(key=lambda i: i != SVE_VLS)
        elif self.family == "cloud-hypervisor":
            ids.sort(key=_cloud_hypervisor_rank)
        else:
            ids.sort(key=_crosvm_rank)
        return tuple(ids)


def _cloud_hypervisor_rank(reg_id: int) -> int:
    """Vector lengths, then core, then SVE registers; system registers follow in the order of the list."""
    parts = split_id(reg_id)
    if reg_id == SVE_VLS:
        return 0
    return {CLASS_CORE: 1, CLASS_SVE: 2}.get(parts.cls, 3)


def _crosvm_rank(reg_id: int) -> tuple[int, int]:
    """Core, then the map of system registers by encoding, the cache map, the firmware map."""
    parts = split_id(reg_id)
    rank = {CLASS_CORE: 0, CLASS_SYSREG: 1, CLASS_DEMUX: 2, CLASS_FIRMWARE: 3}.get(parts.cls, 4)
    return rank, parts.index


VMMS: tuple[Vmm, ...] = (
    Vmm(name="qemu-7.2", title="QEMU 7.2", family="qemu", compares_lists=True, stops_at_refusal=False),
    Vmm(name="qemu-10.0", title="QEMU 10.0", family="qemu", compares_lists=True, stops_at_refusal=False),
    Vmm(
        name="qemu-11.1",
        title="QEMU 11.1",
        family="qemu",
        compares_lists=True,
        spare_ids=10,
        tolerates=frozenset({TCR2_EL1, PIRE0_EL1, PIR_EL1}),
        stops_at_refusal=False,
    ),
    Vmm(name="firecracker", title="Firecracker", family="firecracker"),
    Vmm(name="cloud-hypervisor", title="Cloud Hypervisor", family="cloud-hypervisor"),
    Vmm(name="crosvm", title="crosvm", family="crosvm"),
)

VMM_NAMES: tuple[str, ...] = tuple(v.name for v in VMMS)
DEFAULT_VMM = "qemu-10.0"


def find_vmm(name: str) -> Vmm:
    """The VMM called `name`; `qemu` alone means the measured 10.0. Raises InspectorError for any other word."""
    wanted = DEFAULT_VMM if name.strip().lower() == "qemu" else name.strip().lower()
    for vmm in VMMS:
        if vmm.name == wanted:
            return vmm
    raise InspectorError(f"unknown VMM {name!r}", "--vmm", f"one of: {', '.join(VMM_NAMES)}")


def vmm_for(source_format: str, tool: str = "") -> str:
    """The VMM that a source of this format suggests, as the default of `--vmm`."""
    if "firecracker" in source_format or "firecracker" in tool.lower():
        return "firecracker"
    if "cloud-hypervisor" in source_format:
        return "cloud-hypervisor"
    if "crosvm" in source_format:
        return "crosvm"
    return DEFAULT_VMM


def id_words(reg_id: int) -> str:
    """How QEMU 11.1 names a register in its messages (target/arm/kvm.c)."""
    parts = split_id(reg_id)
    reg = sysreg_of(reg_id)
    if reg is not None:
        return f"system register op0:{reg.op0} op1:{reg.op1} crn:{reg.crn} crm:{reg.crm} op2:{reg.op2}"
    if parts.cls == CLASS_DEMUX:
        return f"demuxed reg {reg_id:x}"
    if parts.cls == CLASS_FIRMWARE:
        return f"fw reg {parts.index}"
    if parts.cls == CLASS_BITMAP:
        return f"fw feat reg {parts.index}"
    return f"register {reg_id:x}"
