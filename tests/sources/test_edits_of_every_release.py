"""Every release of Firecracker, Cloud Hypervisor and crosvm, by generators of another hand: values replaced exactly."""

from __future__ import annotations

import json
import random
from pathlib import Path

import cbor2
import pytest

from inspector.registers.encoding import CLASS_BITMAP, CLASS_CORE, CLASS_SVE, class_of
from inspector.sources import load
from inspector.sources.dump import Dump, FormatName
from inspector.sources.edits import edited
from inspector.sources.edits.change import Change
from tests.sources.generators import cloud_hypervisor, crosvm, firecracker
from tests.sources.generators.registers import vcpu, width


def wanted(dump: Dump, seed: int) -> dict[int, dict[int, Change]]:
    """New random values for five registers of each vCPU: system registers, a CCSIDR and a firmware register."""
    dice = random.Random(seed)
    found: dict[int, dict[int, Change]] = {}
    for one in dump.vcpus:
        able = [i for i in one.values if class_of(i) not in (CLASS_CORE, CLASS_SVE, CLASS_BITMAP)]
        able = [i for i in able if one.offsets.get(i) is not None] if one.offsets else able
        picked = [*dice.sample([i for i in able if class_of(i) == 0x13], 3),
                  *dice.sample([i for i in able if class_of(i) in (0x11, 0x14)], 2)]  # fmt: skip
        found[one.index] = {
            i: Change(one.values[i], dice.getrandbits(8 * width(i)), one.offsets.get(i)) for i in picked
        }
    return found


def check(path: Path, data: bytes, name: FormatName, seed: int) -> bytes:
    """Edit a file; the reader finds the new values and nothing else changed. Gives the edited file."""
    path.write_bytes(data)
    dump = load(str(path))
    changes = wanted(dump, seed)
    copy = edited(name, data, changes, "vm")
    path.write_bytes(copy)
    after = load(str(path))
    for old, new in zip(dump.vcpus, after.vcpus, strict=True):
        expected = dict(old.values) | {i: one.new for i, one in changes[old.index].items()}
        assert dict(new.values) == expected
        assert (new.setup, new.mp_state, dict(new.constraints)) == (old.setup, old.mp_state, dict(old.constraints))
    back = {
        index: {i: Change(one.new, one.old, one.offset) for i, one in of_vcpu.items()}
        for index, of_vcpu in changes.items()
    }
    assert edited(name, copy, back, "vm") == data
    return copy


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("sve", [False, True])
@pytest.mark.parametrize("release", firecracker.RELEASES)
def test_firecracker(tmp_path: Path, release: str, sve: bool, seed: int) -> None:
    sve = sve and int(release.partition(".")[2]) >= 5  # older ones create every vCPU without SVE
    data = firecracker.vmstate(release, [vcpu(seed, n, sve=sve) for n in range(3)])
    copy = check(tmp_path / "vmstate", data, "firecracker-vmstate", seed)
    assert len(copy) == len(data) and firecracker.crc64(copy) == 0
    differing = [at for at, (a, b) in enumerate(zip(data, copy, strict=True)) if a != b]
    assert 0 < len(differing) <= 3 * 5 * 8 + 8


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("version", cloud_hypervisor.VERSIONS)
def test_cloud_hypervisor(tmp_path: Path, version: int, seed: int) -> None:
    data = cloud_hypervisor.state_json(version, [vcpu(seed, n, sve=version >= 53) for n in range(2)])
    copy = check(tmp_path / "state.json", data, "cloud-hypervisor", seed)
    before, after = json.loads(data), json.loads(copy)
    for tree in (before, after):
        tree["snapshots"].pop("cpu-manager")
    assert before == after


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("binary", [True, False])
def test_crosvm(tmp_path: Path, binary: bool, seed: int) -> None:
    document = crosvm.document(5, vcpu(seed))
    data = cbor2.dumps(document) if binary else json.dumps(document).encode()
    copy = check(tmp_path / "vcpu5", data, "crosvm-vcpu", seed)
    after = cbor2.loads(copy) if binary else json.loads(copy)
    for key in ("vcpu_id", "sp", "pc", "pstate", "x", "v"):
        assert after[key] == document[key]
