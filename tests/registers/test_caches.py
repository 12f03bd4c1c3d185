"""Caches on values whose truth is known: whole, cut to 32 bits, hidden, made up, restored, and plain old ones."""

from __future__ import annotations

import json
import lzma
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.registers import cache_layout, caches
from inspector.registers.caches import CacheTopology, read_caches
from inspector.registers.encoding import ccsidr_id, sysreg_id
from tests.material import material
from tests.shared_material import shared

CTR = sysreg_id(3, 3, 0, 0, 1)
CLIDR = sysreg_id(3, 1, 0, 0, 1)
MMFR2 = sysreg_id(3, 0, 0, 7, 2)
MMFR4 = sysreg_id(3, 0, 0, 2, 6)
N2_HOST = {0: 0xFF0000001A, 1: 0xFF0000001A, 2: 0x3FF0000003A}
CUT = {0: 0x1A, 1: 0x1A, 2: 0x3A}


def vcpu(clidr: int, words: dict[int, int], ccidx: int | None, ctr: int = 0xB444C004) -> dict[int, int]:
    """Register values of a vCPU with these caches."""
    values = {CLIDR: clidr, CTR: ctr} | {ccsidr_id(number): word for number, word in words.items()}
    return values if ccidx is None else values | {MMFR2: ccidx << 20}


def shapes(topology: CacheTopology) -> dict[str, tuple[int | None, int, int, int | None]]:
    """Name to sets, ways, line and size of the reading that applies."""
    return {c.name: (c.chosen.sets, c.chosen.ways, c.chosen.line, c.chosen.size) for c in topology.caches if c.chosen}


def test_neoverse_n2_host_has_64_bit_values() -> None:
    host = read_caches({CLIDR: 0x1482000023, CTR: 0x4B444C004, MMFR2: 1 << 20}, N2_HOST)
    assert (host.layout, host.lost, host.fabricated) == ("64-bit", False, False)
    assert shapes(host) == {
        "L1 instruction": (256, 4, 64, 64 << 10),
        "L1 data": (256, 4, 64, 64 << 10),
        "L2 unified": (1024, 8, 64, 512 << 10),
    }
    assert (host.loc, host.louu, host.louis) == (2, 0, 0)
    assert (host.instruction_line, host.data_line, host.idc, host.dic) == (64, 64, True, True)
    assert [level.tags for level in host.levels] == ["tags in the same lines as data", "tags in the same lines as data"]


def test_word_cut_by_linux_6_1_has_lost_its_sets() -> None:
    topology = read_caches(vcpu(0x1482000023, CUT, 1), N2_HOST)
    assert (topology.layout, topology.lost, topology.fabricated) == ("64-bit", True, False)
    assert shapes(topology)["L1 data"] == (None, 4, 64, None)
    data = next(cache for cache in topology.caches if cache.name == "L1 data")
    assert data.narrow is not None
    assert (data.narrow.sets, data.narrow.size) == (1, 256)
    assert data.host is not None
    assert (data.host.sets, data.host.size) == (256, 64 << 10)
    assert data.wide is not None
    assert "?" in data.wide.text
    assert "lost" in topology.reason


@pytest.mark.parametrize("ccidx", [0, None])
def test_cut_word_is_recognised_where_the_id_register_hides_ccidx(ccidx: int | None) -> None:
    """Amazon's 6.1 on Graviton3 and Graviton4: CCIDX reads 0, CCSIDR is 0x1a, 0x1a, 0x3a all the same."""
    topology = read_caches(vcpu(0x82000023, CUT, ccidx))
    assert (topology.layout, topology.lost) == ("64-bit", True)
    assert shapes(topology)["L2 unified"] == (None, 8, 64, None)
    assert "4 KiB" in topology.reason
    assert cache_layout.ccsidr_layout(ccsidr_id(0), 0x1A, {})[0]


def test_cortex_a72_uses_the_32_bit_layout() -> None:
    topology = read_caches(vcpu(0xA200023, {0: 0x700FE01A, 1: 0x201FE012, 2: 0x707FE07A}, 0, ctr=0x8444C004))
    assert (topology.layout, topology.lost, topology.fabricated) == ("32-bit", False, False)
    assert shapes(topology) == {
        "L1 instruction": (256, 3, 64, 48 << 10),
        "L1 data": (128, 4, 64, 32 << 10),
        "L2 unified": (1024, 16, 64, 1 << 20),
    }
    assert topology.louu == topology.louis == 1
    assert topology.notes == ()


def test_values_made_up_by_linux_6_12_are_told() -> None:
    topology = read_caches(vcpu(0x1000004, dict.fromkeys(range(14), 2), 0))
    assert topology.fabricated
    assert topology.clidr_fabricated
    assert not topology.lost
    assert shapes(topology) == {"L1 unified": (1, 1, 64, 64)}
    assert "made up by KVM" in topology.reason
    assert any("made up by KVM" in note for note in topology.notes)
    assert any("13 CCSIDRs" in note for note in topology.notes)


@pytest.mark.parametrize("clidr", [0x1000004, 0x2000021, 0x9200002, 0x401000004, 0x1002000021])
def test_clidr_of_newer_kernels_is_recognised(clidr: int) -> None:
    assert read_caches(vcpu(clidr, {}, 0)).clidr_fabricated


def test_clidr_that_a_cpu_with_first_level_caches_alone_has_as_well() -> None:
    """Cortex-A35 without an L2: only a CCSIDR can tell it from what KVM makes up, and a host's value is the CPU's."""
    real = {0: 0x700FE01A, 1: 0x200FE01A}
    assert read_caches(vcpu(0x9200003, dict.fromkeys(range(14), 2), 0)).clidr_fabricated
    for values, raw in ((vcpu(0x9200003, real, 0), {}), (vcpu(0x9200003, {}, 0), real)):
        told = read_caches(values, raw)
        assert told.clidr_fabricated is False and not any("made" in note for note in told.notes)
    unsure = read_caches(vcpu(0x9200003, {}, None))
    assert unsure.clidr_fabricated is None
    assert any("uncertain whether KVM" in note for note in unsure.notes)
    assert not any("says nothing about the hardware" in note for note in unsure.notes)


def test_levels_of_a_missing_clidr_are_not_zero() -> None:
    told = read_caches({CTR: 0xB444C004})
    assert (told.loc, told.louu, told.louis) == (None, None, None)


def test_made_up_sizes_under_a_foreign_clidr() -> None:
    """Firecracker on 6.18 writes a CLIDR_EL1 of its own: the sizes below are still KVM's."""
    topology = read_caches(vcpu(0x3000123, dict.fromkeys(range(14), 2), 0))
    assert topology.fabricated
    assert not topology.clidr_fabricated
    assert len(topology.caches) == 4
    assert any("not the one that KVM makes up" in note for note in topology.notes)


def test_vcpu_restored_from_an_older_kernel_keeps_the_cut_words() -> None:
    words = dict.fromkeys(range(14), 2) | CUT
    topology = read_caches(vcpu(0x1482000023, words, 0))
    assert topology.lost
    assert not topology.fabricated
    assert "restored" in topology.reason


def test_contradiction_between_id_register_and_word_is_told() -> None:
    topology = read_caches(vcpu(0xA200023, {0: 0x700FE01A}, 1))
    assert topology.layout == "64-bit"
    assert "looks like" in topology.reason
    assert any("CCSIDR[1], CCSIDR[2]" in note for note in topology.notes)


def test_line_shorter_than_ctr_allows_is_told() -> None:
    topology = read_caches(vcpu(0xA200023, {0: 0x700FE019, 1: 0x201FE012, 2: 0x707FE07A}, 0))
    assert any("32 B" in note and "64 B" in note for note in topology.notes)


def test_aarch32_register_tells_ccidx_when_the_other_is_missing() -> None:
    assert cache_layout.ccidx_of({MMFR4: 1 << 24}) == 1
    assert cache_layout.ccidx_of({}) is None


def test_levels_above_the_first_gap_have_no_meaning() -> None:
    assert cache_layout.existing_caches(0b100_000_011) == (0, 1)
    assert cache_layout.existing_caches(0) == ()


def test_missing_registers_are_told() -> None:
    topology = read_caches({})
    assert topology.levels == ()
    assert any("CLIDR_EL1 is missing" in note for note in topology.notes)
    assert any("CTR_EL0 is missing" in note for note in topology.notes)


@given(
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**64 - 1),
    st.dictionaries(st.integers(0, 13), st.integers(0, 2**64 - 1)),
    st.dictionaries(st.integers(0, 13), st.integers(0, 2**64 - 1)),
)
def test_any_values_give_a_topology(
    clidr: int, ctr: int, mmfr2: int, words: dict[int, int], raw: dict[int, int]
) -> None:
    values = {CLIDR: clidr, CTR: ctr, MMFR2: mmfr2} | {ccsidr_id(number): word for number, word in words.items()}
    for cache in read_caches(values, raw).caches:
        if cache.value is not None and cache.narrow and cache.wide:
            assert cache.narrow.sets == (cache.value >> 13 & 0x7FFF) + 1
            assert cache.wide.line == cache.narrow.line == 1 << (cache.value & 7) + 4
            assert cache.chosen in (cache.narrow, cache.wide)


def _first_vcpu(name: str) -> tuple[dict[int, int], dict[int, int], dict[int, int]]:
    """The first configuration's values, the host's values and the host's CCSIDRs of a recording."""
    values: dict[int, int] = {}
    host: dict[str, Any] = {}
    with lzma.open(material("recordings", f"{name}.jsonl.xz"), "rt") as lines:
        for line in lines:
            row = json.loads(line)
            if row["type"] == "host":
                host = row
            elif row["type"] == "get":
                values[int(row["id"], 16)] = int(row["value"], 16)
            elif row["type"] == "vcpu" and values:
                break
    raw = {int(number, 0): int(value, 16) for number, value in host["ccsidr"].items()}
    return values, {int(reg_id, 16): int(value, 16) for reg_id, value in host["regs"].items()}, raw


@pytest.mark.parametrize(
    ("name", "layout", "lost", "fabricated"),
    [
        ("linux-5.10-neoverse-n2", "64-bit", True, False),
        ("linux-6.1-neoverse-n2", "64-bit", True, False),
        ("linux-6.12-neoverse-n2", "32-bit", False, True),
        ("linux-7.3-neoverse-n2", "32-bit", False, True),
        ("linux-6.1-cortex-a72", "32-bit", False, False),
        ("linux-6.18-cortex-a72", "32-bit", False, True),
        ("linux-6.1-max", "32-bit", False, False),
        ("patch-mode1-neoverse-n2", "64-bit", True, False),
        ("patch-mode3-neoverse-n2", "64-bit", True, False),
    ],
)
def test_recorded_vcpus(name: str, layout: str, lost: bool, fabricated: bool) -> None:
    values, host_values, raw = _first_vcpu(name)
    topology = read_caches(values, raw)
    assert (topology.layout, topology.lost, topology.fabricated) == (layout, lost, fabricated)
    host = read_caches(host_values, raw)
    assert not host.lost
    assert all(cache.chosen and cache.chosen.size and cache.chosen.size >= 8 << 10 for cache in host.caches)
    assert [cache.chosen for cache in host.caches] == [cache.host for cache in host.caches]


def test_firecracker_dumps_of_real_gravitons() -> None:
    expected = {
        "V1_5.10": ("64-bit", True, False),
        "V1_6.18": ("32-bit", False, True),
        "N1_5.10": ("32-bit", False, False),
    }
    for name, answer in expected.items():
        text = shared("samples", "firecracker", f"fingerprint_ARM_NEOVERSE_{name}host.json").read_text()
        values = {
            int(m["addr"], 16): int(m["bitmap"], 0) for m in json.loads(text)["guest_cpu_config"]["reg_modifiers"]
        }
        topology = read_caches(values)
        assert (topology.layout, topology.lost, topology.fabricated) == answer
        if name == "V1_5.10":
            values[MMFR2] &= ~(0xF << 20)
            hidden = read_caches(values)
            assert (hidden.layout, hidden.lost) == ("64-bit", True)


def test_sizes_in_words() -> None:
    assert caches.narrow_reading(0x700FE01A).text == "128 sets x 4 ways x 64 B = 32 KiB"
    assert caches.wide_reading(0x1A, lost=True).text == "? sets x 4 ways x 64 B = ?"
    assert caches.narrow_reading(0x2).text == "1 set x 1 way x 64 B = 64 B"
