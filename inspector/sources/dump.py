"""What a source gives: ids and integers, nothing decoded, with where they came from.

A `Dump` is immutable. Values are Python integers of the register's own width; wide ones (SVE Z is 2048 bits) as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from inspector.policies.setup import VcpuSetup

Kind = Literal["vcpu", "host", "template", "list"]
"""vcpu: saved or live vCPU state; host: raw registers of a machine; template: constraints; list: ids without values."""


class Provenance(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a dump comes from; every text is as the source gave it, empty when unknown."""

    source: str = ""
    """file name, `-`, `builtin:NAME` or the live source's address"""
    format: str = ""
    """name of the format it was read as, e.g. `qemu-stream`"""
    tool: str = ""
    """what made it: `QEMU virt-10.0`, `Firecracker 1.16.0-dev`, `vcpu-inspector 0.1.0`"""
    kernel: str = ""
    """kernel release (uname -r) under which the values were read"""
    kernel_version: str = ""
    """kernel version (uname -v); Debian hides the stable point in the release and shows it here"""
    host: str = ""
    """host or CPU model name"""
    machine: str = ""
    """VMM machine type, e.g. `virt-10.0`"""
    date: str = ""
    """ISO 8601, when the values were read, or when the dump was written"""


class Constraint(msgspec.Struct, frozen=True):
    """Part of a register: only the bits in `mask` are given, with the values in `value` (zero elsewhere)."""

    mask: int
    value: int


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """Raw registers of the machine, read where nothing was masked (EL2, EL1 or a kernel module)."""

    values: Mapping[int, int]
    """register id -> 64-bit raw value"""
    ccsidr: Mapping[int, int] = {}
    """CSSELR_EL1 value -> raw 64-bit CCSIDR_EL1"""
    view: Literal["raw", "el0"] = "raw"
    """raw, or the EL0 view that Linux emulates (many fields hidden)"""


class Cpu(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one CPU of the host says of itself; big.LITTLE hosts have unlike ones."""

    index: int
    values: Mapping[int, int] = {}
    """register id -> value (MIDR, REVIDR, ...; EL0 view of the ID space where it was read on this CPU)"""
    caches: tuple[Mapping[str, str], ...] = ()
    """sysfs cache/index*/ files of this CPU, name -> text"""


class Vcpu(msgspec.Struct, frozen=True, kw_only=True):
    """One vCPU's saved registers."""

    index: int
    values: Mapping[int, int]
    """register id -> value, in the order of the source"""
    name: str = ""
    """the source's own name for it (a recording's configuration, a debugfs VM directory)"""
    kind: Kind = "vcpu"
    setup: VcpuSetup | None = None
    """vCPU features and VM devices, where the source says them"""
    errors: Mapping[int, int] = {}
    """ids that were listed but whose read failed -> errno"""
    constraints: Mapping[int, Constraint] = {}
    """ids that are only partly given (template x bits)"""
    guest: Mapping[int, int] = {}
    """what the guest itself read: register id (demux id for CCSIDR_EL1) -> 64-bit value"""
    writable_masks: Mapping[int, int] | None = None
    """answer of KVM_ARM_GET_REG_WRITABLE_MASKS, where recorded"""
    offsets: Mapping[int, int] = {}
    """register id -> byte offset of its value in the (uncompressed) source file, where the format allows patching"""


class Dump(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one source gave."""

    provenance: Provenance
    vcpus: tuple[Vcpu, ...] = ()
    host: Host | None = None
    cpus: tuple[Cpu, ...] = ()
    capabilities: Mapping[str, int] = {}
    """KVM_CHECK_EXTENSION answers by the recording's names (sve, pmu_v3, el2, ...)"""
    el0: Mapping[int, int] = {}
    """what MRS of the ID space returned to an EL0 process"""
    notes: tuple[str, ...] = ()
    """what was skipped or could not be read, and why; one sentence each"""

    @property
    def kvm(self) -> bool:
        """True when some vCPU holds registers that only KVM lists (QEMU's TCG streams lack them)."""
        return any(rid >> 16 & 0xFFF in (0x11, 0x14, 0x16) for vcpu in self.vcpus for rid in vcpu.values)
