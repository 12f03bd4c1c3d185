"""big.LITTLE: an RK3588-like host of four A55 and four A76."""

from __future__ import annotations

import msgspec

from inspector.registers.ids import AIDR_EL1, CTR_EL0, MIDR_EL1, REVIDR_EL1
from inspector.sources.dump import Cpu, Dump, Provenance
from inspector.sources.live.clusters import CacheRow, compare_cpus

A55, A76 = 0x412FD050, 0x414FD0B0


def cache(level: str, kind: str, size: str, ways: str, sets: str) -> dict[str, str]:
    shape = {"level": level, "type": kind, "size": size, "ways_of_associativity": ways, "number_of_sets": sets}
    return {**shape, "coherency_line_size": "64", "shared_cpu_list": "0"}


def cpu(index: int, midr: int, caches: tuple[dict[str, str], ...] = (), **more: int) -> Cpu:
    values = {MIDR_EL1: midr, REVIDR_EL1: more.get("revidr", 0), AIDR_EL1: 0, CTR_EL0: more.get("ctr", 0x9444C004)}
    return Cpu(index=index, values=values, caches=caches)


LITTLE = (cache("1", "Data", "32K", "4", "128"), cache("2", "Unified", "128K", "4", "512"))
BIG = (cache("1", "Data", "64K", "4", "256"), cache("2", "Unified", "512K", "8", "1024"))


def host(*cpus: Cpu) -> Dump:
    return Dump(provenance=Provenance(), cpus=cpus)


def test_unlike_clusters() -> None:
    found = compare_cpus(host(*(cpu(n, A55, LITTLE) for n in range(4)), *(cpu(n, A76, BIG) for n in range(4, 8))))
    assert [cluster.cpus for cluster in found.clusters] == [(0, 1, 2, 3), (4, 5, 6, 7)]
    assert [(row.id, row.values) for row in found.registers] == [(MIDR_EL1, (A55, A76))]
    assert found.caches[0] == CacheRow(
        "L1 Data", ("32K, 4 ways, 128 sets, 64-byte lines", "64K, 4 ways, 256 sets, 64-byte lines")
    )
    assert "CCSIDR_EL1 (L1 Data, L2 Unified)" in found.refused[0]
    assert "EINVAL" in found.refused[0]
    assert any("MIDR_EL1 differs" in remark for remark in found.remarks)
    assert not found.alike


def test_caches_whose_shape_is_unknown() -> None:
    bare = ({"level": "1", "type": "Data"},)
    found = compare_cpus(host(cpu(0, A55, bare), cpu(1, A76, bare)))
    assert "gives no shapes" in found.refused[0]


def test_alike_cpus_differing_only_in_which_cpus_share_a_cache() -> None:
    other = tuple({**c, "shared_cpu_list": "1"} for c in LITTLE)
    found = compare_cpus(host(cpu(0, A55, LITTLE), cpu(1, A55, other)))
    assert found.alike and not found.refused and not found.registers


def test_unlike_revisions_of_one_core_with_the_same_caches() -> None:
    found = compare_cpus(host(cpu(0, A76, BIG), cpu(1, A76 + 1, BIG, revidr=4, ctr=0x8444C004)))
    assert found.refused == ()
    assert [row.id for row in found.registers] == [MIDR_EL1, REVIDR_EL1, CTR_EL0]
    assert any("CTR_EL0" in remark for remark in found.remarks)


def test_a_dump_without_cpus() -> None:
    assert msgspec.structs.replace(host()).cpus == ()
    assert compare_cpus(host()).alike
