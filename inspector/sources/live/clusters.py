"""big.LITTLE hosts: what unlike CPUs show side by side, and what that means for a vCPU that moves between them.

Before Linux 6.3 KVM gives and checks CCSIDR_EL1 from the CPU on which the ioctl happens to run
(arch/arm64/kvm/sys_regs.c, get_ccsidr(), demux_c15_set()), so a value read on one cluster is refused on another. From
6.3 on the caches are made up from the sanitised CTR_EL0 and the same everywhere (commit 7af0c2534f4c). MIDR_EL1,
REVIDR_EL1 and AIDR_EL1 are checked against the CPU on which KVM was initialised, whatever CPU runs the vCPU.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from inspector.policies.eras import era_of
from inspector.registers.catalog import by_id
from inspector.registers.encoding import is_demux
from inspector.registers.ids import AIDR_EL1, CTR_EL0, MIDR_EL1, REVIDR_EL1
from inspector.sources.dump import Cpu, Dump

_SHAPE = ("size", "ways_of_associativity", "number_of_sets", "coherency_line_size")


class Cluster(msgspec.Struct, frozen=True):
    """CPUs that show the same."""

    cpus: tuple[int, ...]
    values: Mapping[int, int]
    """register id -> value"""
    caches: Mapping[str, str]
    """`L1 Data` -> `32K, 4 ways, 128 sets, 64-byte lines`, or `shape unknown`"""


class CacheRow(msgspec.Struct, frozen=True):
    """One cache of each cluster; empty where a cluster has no such cache."""

    name: str
    shapes: tuple[str, ...]


class RegisterRow(msgspec.Struct, frozen=True):
    """One register of each cluster; None where it was not read."""

    id: int
    values: tuple[int | None, ...]


class CpuComparison(msgspec.Struct, frozen=True):
    """All clusters side by side; rows hold only what differs."""

    clusters: tuple[Cluster, ...]
    registers: tuple[RegisterRow, ...]
    caches: tuple[CacheRow, ...]
    refused: tuple[str, ...]
    """what KVM before 6.3 refuses after a move, one sentence each"""
    remarks: tuple[str, ...]
    """what else a guest or a restore meets there, and what cannot be known from here"""

    @property
    def alike(self) -> bool:
        """True when all CPUs show the same."""
        return len(self.clusters) < 2


def compare_cpus(dump: Dump) -> CpuComparison:
    """Group the CPUs of a live dump and tell what differs between the groups."""
    clusters = _clusters(dump.cpus)
    ids = dict.fromkeys(reg_id for cluster in clusters for reg_id in cluster.values)
    rows = [RegisterRow(reg_id, tuple(cluster.values.get(reg_id) for cluster in clusters)) for reg_id in ids]
    names = dict.fromkeys(name for cluster in clusters for name in cluster.caches)
    caches = [CacheRow(name, tuple(cluster.caches.get(name, "") for cluster in clusters)) for name in names]
    registers = tuple(row for row in rows if len(set(row.values)) > 1)
    unlike = tuple(row for row in caches if len(set(row.shapes)) > 1)
    words = (row for row in registers if is_demux(row.id) and len(set(row.values) - {None}) > 1)
    differing = (*(row.name for row in unlike), *(by_id(row.id).name for row in words))
    return CpuComparison(clusters, registers, unlike, _refused(clusters, differing), _remarks(clusters, registers))


def _clusters(cpus: tuple[Cpu, ...]) -> tuple[Cluster, ...]:
    """CPUs with the same registers and caches together, in the order of their first member."""
    found: dict[tuple[object, ...], list[Cpu]] = {}
    for cpu in cpus:
        key = (tuple(sorted(cpu.values.items())), tuple(sorted(cache_shapes(cpu).items())))
        found.setdefault(key, []).append(cpu)
    return tuple(
        Cluster(tuple(c.index for c in same), same[0].values, cache_shapes(same[0])) for same in found.values()
    )


def cache_shapes(cpu: Cpu) -> dict[str, str]:
    """The caches of one CPU as sysfs gives them, `L2 Unified` -> `512K, 8 ways, 1024 sets, 64-byte lines`."""
    shapes = {}
    for cache in cpu.caches:
        size, ways, sets, line = (cache.get(part, "") for part in _SHAPE)
        parts = [size, ways and f"{ways} ways", sets and f"{sets} sets", line and f"{line}-byte lines"]
        text = ", ".join(part for part in parts if part)
        shapes[f"L{cache.get('level', '?')} {cache.get('type', '')}".strip()] = text or "shape unknown"
    return shapes


def _refused(clusters: tuple[Cluster, ...], unlike: tuple[str, ...]) -> tuple[str, ...]:
    if len(clusters) < 2:
        return ()
    since = era_of("cache-registers", "fabricated").since
    advice = f"pin the VM's threads to one cluster, or use {since} or newer"
    if unlike:
        text = (
            f"CCSIDR_EL1 ({', '.join(unlike)}): its value is checked against the CPU that the ioctl runs on, so one "
            "read on another cluster is refused with EINVAL (QEMU: Failed to put registers after init)"
        )
        return (f"{text}; {advice}",)
    shapes = {shape for cluster in clusters for shape in cluster.caches.values()}
    if _midrs(clusters) > 1 and (not shapes or "shape unknown" in shapes):
        text = (
            "CCSIDR_EL1: sysfs gives no shapes of caches, but different CPUs mostly have different caches, and then "
            "a value read on another cluster is refused with EINVAL"
        )
        return (f"{text}; {advice}",)
    return ()


def _midrs(clusters: tuple[Cluster, ...]) -> int:
    return len({cluster.values.get(MIDR_EL1) for cluster in clusters})


def _remarks(clusters: tuple[Cluster, ...], rows: tuple[RegisterRow, ...]) -> tuple[str, ...]:
    unlike = {row.id for row in rows}
    remarks = []
    if len(clusters) < 2:
        remarks.append("all CPUs show the same: a vCPU may move between them on any kernel")
    for reg_id, name in ((MIDR_EL1, "MIDR_EL1"), (REVIDR_EL1, "REVIDR_EL1"), (AIDR_EL1, "AIDR_EL1")):
        if reg_id in unlike:
            remarks.append(
                f"{name} differs: KVM saves and checks the value of the CPU on which it was initialised, so a move "
                "within this host is not refused; another host that started on another cluster refuses the value "
                f"(EINVAL up to {era_of('implementation-ids', 'writable').before}), "
                f"and the guest itself may see {name} change"
            )
    if CTR_EL0 in unlike:
        remarks.append("CTR_EL0 differs: the kernel traps it and shows everyone the smallest common lines")
    return tuple(remarks)
