"""Files that were once read falsely, by other programs or made by others' hands: each with its true answer."""

from __future__ import annotations

import json
import lzma
import struct
from pathlib import Path

import pytest

from inspector.registers.encoding import make_id
from inspector.sources import load
from inspector.sources.dump import Dump
from tests.shared_material import shared

MIDR, MPIDR, PFR0, CTR = (0x6030000000130000 | n for n in (0xC000, 0xC005, 0xC020, 0xD801))
PC, V0, FPSR, FPCR = 0x6030000000100040, 0x6040000000100054, 0x60200000001000D4, 0x60200000001000D5


def sample(name: str) -> Dump:
    return load(str(shared("samples", "formats", name)))


def content(name: str) -> bytes:
    path = shared("samples", "formats", name)
    return lzma.open(path).read() if path.suffix == ".xz" else path.read_bytes()


def listed_in_stream(data: bytes) -> dict[int, int]:
    """The first vCPU's list, cut out by its header (type, id, `cpu`, instance, version 22) and the fixed offset."""
    at = data.index(b"\x03cpu\0\0\0\0\0\0\0\x16") + 12
    (count,) = struct.unpack_from(">i", data, at + 0x238)
    words = struct.unpack_from(f">{2 * count}Q", data, at + 0x23C)
    return dict(zip(words[:count], words[count:], strict=True))


@pytest.mark.parametrize(
    ("name", "accelerator"),
    [("qemu-11.1-tcg-neoverse-n2.mig.xz", "tcg"), ("qemu-5.2-tcg-cortex-a57.mig.xz", "tcg"),
     ("qemu-hvf-shape.mig.xz", "hvf")],
)  # fmt: skip
def test_streams(name: str, accelerator: str) -> None:
    dump = sample(name)
    assert dump.provenance.accelerator == accelerator
    values = dump.vcpus[0].values
    for reg_id, value in listed_in_stream(content(name)).items():
        assert values[reg_id] == value
    assert (MIDR in values) == (accelerator == "hvf")


def test_an_alias_of_35_bits() -> None:
    assert sample("qemu-11.1-tcg-neoverse-n2.mig.xz").vcpus[0].values[0x40200000200F0001] == 0x4B444C004


def vcpus_of_vmstate(name: str, count: int, registers: int) -> None:
    dump = sample(name)
    assert [len(v.values) for v in dump.vcpus] == [registers] * count
    data = content(name)
    for vcpu in dump.vcpus:
        assert vcpu.mp_state == "running"
        for reg_id, at in vcpu.offsets.items():
            size = 1 << (reg_id >> 52 & 15)
            assert int.from_bytes(data[at : at + size], "little") == vcpu.values[reg_id]
    assert not any("checksum" in note for note in dump.notes)


def test_vmstates() -> None:
    vcpus_of_vmstate("firecracker-1.14-bincode2.vmstate", 2, 242)
    vcpus_of_vmstate("firecracker-1.15-shape-bitcode.vmstate", 1, 242)
    vcpus_of_vmstate("firecracker-1.5-shape-versionize.vmstate", 2, 242)
    vcpus_of_vmstate("firecracker-1.14-shape-N1-6.1.vmstate.xz", 1, 244)
    packed = sample("firecracker-1.15-shape-bitcode.vmstate").vcpus[0]
    fixed = sample("firecracker-1.14-bincode2.vmstate").vcpus[0]
    assert dict(packed.values) == dict(fixed.values), "both were made of the same registers"
    assert packed.setup == fixed.setup
    assert packed.setup is not None
    assert packed.setup.features == 4


@pytest.mark.parametrize(
    ("name", "sve"),
    [("cloud-hypervisor-ch-v26-28-state.json.xz", False), ("cloud-hypervisor-v39-state.json.xz", False),
     ("cloud-hypervisor-v53-sve-state.json.xz", True)],
)  # fmt: skip
def test_cloud_hypervisor(name: str, sve: bool) -> None:
    dump = sample(name)
    manager = json.loads(content(name))["snapshots"]["cpu-manager"]["snapshots"]
    assert len(dump.vcpus) == len(manager) == 2
    for vcpu, node in zip(dump.vcpus, manager.values(), strict=True):
        data = node["snapshot_data"]
        text = data["state"] if "state" in data else bytes(data["vcpu-section"]["snapshot"])
        state = json.loads(text)["Kvm"]
        for one in state["sys_regs"]:
            if isinstance(one, dict):
                reg_id, value = one["id"], one["addr"]
            else:
                reg_id, value = struct.unpack("<QQ", bytes(one))
            assert vcpu.values[reg_id] == value
        assert (V0 in vcpu.values, FPSR in vcpu.values, FPCR in vcpu.values) == (not sve,) * 3
    assert bool(dump.why_absent(FPCR)) == sve


def test_crosvm() -> None:
    import cbor2

    dump = sample("crosvm-2025-vcpu0.cbor")
    saved = cbor2.loads(content("crosvm-2025-vcpu0.cbor"))
    values = dump.vcpus[0].values
    assert [values[make_id(0x10, 2 * n)] for n in range(31)] == list(saved["x"])
    assert values[PC] == saved["pc"]
    assert values[MIDR] == saved["sys"][0xC000]
    assert dump.why_absent(0x6030000000160000)


def test_get_reg_list() -> None:
    dump = sample("get-reg-list-new-and-missing.txt")
    assert [(v.name.raw, len(v.constraints)) for v in dump.vcpus] == [("vregs new", 4), ("vregs missing", 2)]


def test_libvirt_lzop() -> None:
    pytest.importorskip("lzo", reason="the library lzo is not installed")
    dump = sample("libvirt-save-lzop.img")
    assert dump.provenance.compression == "lzop"
    assert dump.vcpus[0].values[CTR] == 0x8444C004


def test_every_sample_has_its_test() -> None:
    names = {path.name for path in Path(shared("samples", "formats")).iterdir()}
    assert all(name in Path(__file__).read_text() for name in names if not name.startswith("README"))
