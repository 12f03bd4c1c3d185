"""Firecracker's vmstate file of every release: each vCPU's registers, its feature word and whether it runs.

The file begins with a magic number and a version, and ends with a CRC-64; in between lies the state of the whole VM in
one of three encodings (src/snapshot/src/lib.rs, from 1.6 src/vmm/src/snapshot/mod.rs):

| releases | beginning | encoding | the vCPUs |
|---|---|---|---|
| 1.0 to 1.6 | magic whose low 16 bits are 1, u16 version of the data | versionize, fixed widths | `firecracker_lists` |
| 1.7 to 1.14 | magic, version as a text behind its length | bincode, fixed widths | `firecracker_lists` |
| from 1.15 | a byte, magic, version | bitcode, packed | `firecracker_rows` |
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from typing import Final

from inspector.errors import SourceError
from inspector.policies.setup import Feature, Gic, VcpuSetup
from inspector.registers.bits import ALL
from inspector.registers.encoding import size_of
from inspector.registers.ids import (
    HCR_EL2,
    ID_AA64PFR0_EL1,
    MPIDR_EL1,
    PMCR_EL0,
    SVE_VLS,
    ZCR_EL1,
    APIAKeyLo_EL1,
)
from inspector.sources.dump import Absent, Constraint, Dump, Provenance, Vcpu
from inspector.sources.formats.firecracker_lists import Saved, lists
from inspector.sources.formats.firecracker_rows import rows
from inspector.sources.formats.kvm_regs import mp_state_name
from inspector.sources.jsontext import checked
from inspector.sources.opening import Content
from inspector.untrusted import Untrusted

NAME: Final = "firecracker-vmstate"
STATES_FEATURES = True
_MAGIC = struct.pack("<Q", 0x07101984AAAA0000)
_MAGIC_X86 = struct.pack("<Q", 0x0710198486640000)
_RELEASES = {
    "data 4": "1.0", "data 5": "1.1", "data 6": "1.2", "data 7": "1.3", "data 8": "1.4", "data 9": "1.5",
    "data 10": "1.6", "1.0.0": "1.7", "2.0.0": "1.8", "3.0.0": "1.9 or 1.10", "5.0.0": "1.11", "6.0.0": "1.12",
    "8.0.0": "1.13 or 1.14", "9.0.0": "1.15", "10.0.0": "1.16",
}  # fmt: skip
"""version in the file -> releases that write it (version_map.rs; from 1.7 SNAPSHOT_VERSION of persist.rs)"""


def sniff(content: Content) -> bool:
    """Firecracker's magic number, of either architecture and in any of its three forms."""
    return bool(_arch(content.head))


def _arch(head: bytes) -> str:
    """`arm64` or `x86`; empty for a file that is not Firecracker's."""
    for at, first in ((0, 0), (0, 1), (1, 0)):
        for magic, arch in ((_MAGIC, "arm64"), (_MAGIC_X86, "x86")):
            if head[at : at + 8] == bytes((first,)) + magic[1:] and not any(head[:at]):
                return arch
    return ""


def load(content: Content) -> Dump:
    """The dump. Raises SourceError for x86 snapshots and for those without a list of a known form."""
    where = content.name
    if _arch(content.head) == "x86":
        raise SourceError("is a Firecracker snapshot of an x86 VM", where)
    data = content.whole()
    packed = data[:9] == b"\0" + _MAGIC
    version = _version(data, packed)
    notes = []
    if len(data) <= _CHECKED and checksum(data):
        notes.append("the checksum does not agree: the file is damaged or cut short, vCPUs may be missing")
    saved = rows(data, content.budget) if packed else tuple(lists(data, 8, content.budget))
    if not saved:
        raise SourceError(
            f"no list of registers is found in this Firecracker snapshot{version and f' (version {version})'}",
            where,
            "use cpu-template-helper fingerprint dump of the same Firecracker",
        )
    vcpus = tuple(_vcpu(n, vcpu, where, notes) for n, vcpu in enumerate(saved))
    if all(vcpu.features is None for vcpu in saved):
        notes.append("no feature word is saved: Firecracker to 1.4 creates every vCPU with PSCI and nothing else")
    release = _RELEASES.get(version, "")
    tool = f"Firecracker {release or _about(data, packed)}"
    provenance = Provenance(
        source=where,
        format=NAME,
        compression=content.compression,
        tool=Untrusted(
            f"{tool}, snapshot {'' if version.startswith('data') else 'format '}{version}" if version else tool
        ),
        accelerator="kvm",
    )
    halves = frozenset(reg_id for vcpu in vcpus for reg_id in vcpu.constraints)
    absent = (Absent(halves, _LOST),) if halves else ()
    if halves:
        notes.append(f"V registers are known in their lower half only: {_LOST}")
    return Dump(provenance=provenance, vcpus=vcpus, absent=absent, notes=tuple(notes))


def _about(data: bytes, packed: bool) -> str:
    """The releases of an encoding, for a version that none of them wrote."""
    return "1.15 or newer" if packed else "1.6 or older" if data[:1] == b"\1" else "1.7 to 1.14"


_LOST = "Firecracker to 1.1.3 and 1.2.0 saves 64 bits of each register"


def _vcpu(index: int, saved: Saved, where: str, notes: list[str]) -> Vcpu:
    halves = {i: value for i, value, _ in saved.rows if saved.width and saved.width < size_of(i)}
    values = dict(checked([(i, value) for i, value, _ in saved.rows if i not in halves], f"{where}, vCPU {index}"))
    if saved.mpidr is not None and values.setdefault(MPIDR_EL1, saved.mpidr) != saved.mpidr:
        notes.append(f"vCPU {index}: mpidr {saved.mpidr:#x} is saved beside MPIDR_EL1 {values[MPIDR_EL1]:#x}")
    gic: Gic = "v3" if values.get(ID_AA64PFR0_EL1, 1 << 24) >> 24 & 0xF else "none"
    return Vcpu(
        index=index,
        values=values,
        constraints={reg_id: Constraint(ALL, value) for reg_id, value in halves.items()},
        setup=VcpuSetup(features=_features(saved.features, values, index, notes), gic=gic),
        mp_state="" if saved.mp_state is None else mp_state_name(saved.mp_state),
        offsets={reg_id: at for reg_id, _, at in saved.rows if at >= 0 and reg_id not in halves},
    )


def checksum(data: bytes) -> int:
    """CRC-64/Redis (Jones' polynomial, reflected, nothing inverted), which is 0 over a file that ends in its own."""
    crc = 0
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc


def _table() -> list[int]:
    table = []
    for crc in range(256):
        for _ in range(8):
            crc = crc >> 1 ^ (0x95AC9329AC4BC9B5 if crc & 1 else 0)
        table.append(crc)
    return table


_TABLE = _table()
_CHECKED = 4 << 20
"""Longer files are not summed up: a vCPU takes some 6 KB, and a second of time is too much."""


_MARKS = {
    "SVE": (Feature.SVE, frozenset({ZCR_EL1, SVE_VLS})),
    "pointer authentication": (Feature.PTRAUTH_ADDRESS | Feature.PTRAUTH_GENERIC, frozenset({APIAKeyLo_EL1})),
    "a PMU": (Feature.PMU, frozenset({PMCR_EL0})),
    "EL2": (Feature.EL2, frozenset({HCR_EL2})),
}
"""vCPU features, and registers of which KVM lists one for every vCPU that has them"""


def _features(word: int | None, values: Mapping[int, int], index: int, notes: list[str]) -> int:
    """The features of the saved word; without one PSCI alone (KvmVcpu::default_kvi).

    A feature whose registers the vCPU does not list cannot have been there when it was saved: it is left out, with a
    note.
    """
    if word is None:
        return int(Feature.PSCI)
    features = word & ~Feature.POWER_OFF
    for name, (bits, marks) in _MARKS.items():
        if features & bits and not marks & values.keys():
            features &= ~bits
            notes.append(f"vCPU {index}: its feature word {word:#x} has {name}, but none of its registers is saved")
    return int(features)


def _version(data: bytes, packed: bool) -> str:
    """The version: `data N`, or a text such as `8.0.0` with its length before it; empty where it is neither."""
    if not packed and data[:1] == b"\1":
        return f"data {int.from_bytes(data[8:10], 'little')}"
    at, width = (9, 1) if packed else (8, 8)
    length = int.from_bytes(data[at : at + width], "little")
    text = data[at + width : at + width + length] if length <= 16 else b""
    return text.decode() if re.fullmatch(rb"[0-9][0-9.]{4,15}", text) else ""
