"""Firecracker's vmstate of every release: what was saved comes out, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.errors import SourceError
from inspector.sources import load
from inspector.sources.dump import Dump
from inspector.sources.formats.firecracker_vmstate import checksum
from tests.sources.generators import firecracker, registers
from tests.sources.generators.registers import V


def read(folder: Path, data: bytes) -> Dump:
    path = folder / "vmstate"
    path.write_bytes(data)
    return load(str(path))


def old(release: str) -> bool:
    return release in ("1.0", "1.1", "1.2", "1.3", "1.4")


@pytest.mark.parametrize("release", firecracker.RELEASES)
@pytest.mark.parametrize("count", [1, 2, 3, 5, 32])
def test_every_release(tmp_path: Path, release: str, count: int) -> None:
    sve, keys = (False, False) if old(release) else (count % 2 == 0, count % 3 == 0)
    vcpus = [registers.vcpu(count * 7 + len(release), n, sve=sve, keys=keys) for n in range(count)]
    states = [0, *[5] * (count - 1)]
    data = firecracker.vmstate(release, vcpus, seed=count, mp_states=states)
    assert checksum(data) == 0
    dump = read(tmp_path, data)
    halved = set(V) if release in ("1.0", "1.1", "1.2") else set()
    assert [dict(v.values) for v in dump.vcpus] == [{i: x for i, x in v.items() if i not in halved} for v in vcpus]
    assert [v.mp_state for v in dump.vcpus] == ["running", *["stopped"] * (count - 1)]
    word = 4 if old(release) else registers.feature_word(vcpus[0])
    assert {v.setup.features for v in dump.vcpus if v.setup} == {word}
    assert release in dump.provenance.tool.raw
    assert not any("checksum" in note or "saved beside" in note for note in dump.notes)
    for vcpu in dump.vcpus:
        for reg_id, at in vcpu.offsets.items():
            size = registers.width(reg_id)
            assert int.from_bytes(data[at : at + size], "little") == vcpu.values[reg_id]
        assert vcpu.offsets.keys() == vcpu.values.keys()


@pytest.mark.parametrize("release", ["1.0", "1.1", "1.2"])
def test_the_upper_half_of_v_registers_is_not_invented(tmp_path: Path, release: str) -> None:
    """Firecracker to 1.1.3 and 1.2.0 read 64 bits of them (commit 822009ce3)."""
    values = registers.vcpu(3)
    dump = read(tmp_path, firecracker.vmstate(release, [values]))
    for reg_id in V:
        known = dump.vcpus[0].constraints[reg_id]
        assert (known.mask, known.value) == ((1 << 64) - 1, values[reg_id] & (1 << 64) - 1)
        assert "64 bits" in dump.why_absent(reg_id)


def test_vcpus_whose_lists_differ_in_packed_rows(tmp_path: Path) -> None:
    first, second = registers.vcpu(1, 0, keys=True), registers.vcpu(2, 1)
    second = dict(list(second.items())[:-1])
    dump = read(tmp_path, firecracker.vmstate("1.16", [first, second, registers.vcpu(4, 2)]))
    assert [dict(v.values) for v in dump.vcpus] == [first, second, registers.vcpu(4, 2)]


@pytest.mark.parametrize("release", firecracker.RELEASES)
def test_a_cut_file_is_never_read_as_a_whole_one(tmp_path: Path, release: str) -> None:
    data = firecracker.vmstate(release, [registers.vcpu(5, n) for n in (0, 1)])
    for share in (0.1, 0.3, 0.5, 0.8, 0.97):
        try:
            dump = read(tmp_path, data[: int(len(data) * share)])
        except SourceError:
            continue
        assert any("checksum" in note for note in dump.notes)


def test_a_feature_that_no_register_shows_is_not_taken_over(tmp_path: Path) -> None:
    values = registers.vcpu(6)
    data = bytearray(firecracker.vmstate("1.14", [values]))
    at = data.index(b"\x05\0\0\0\x04\0\0\0" + bytes(24))
    data[at + 4] = 0x74
    dump = read(tmp_path, bytes(data))
    assert dump.vcpus[0].setup is not None
    assert dump.vcpus[0].setup.features == 4
    assert any("0x74 has SVE" in note for note in dump.notes)


def test_x86_snapshots_are_named(tmp_path: Path) -> None:
    for release in ("1.4", "1.14", "1.16"):
        data = firecracker.vmstate(release, [registers.vcpu(1)]).replace(b"\xaa\xaa\x84\x19", b"\x64\x86\x84\x19", 1)
        with pytest.raises(SourceError, match="x86"):
            read(tmp_path, data)
