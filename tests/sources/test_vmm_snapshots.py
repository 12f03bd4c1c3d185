"""Cloud Hypervisor's and crosvm's snapshots of every version: what was saved comes out, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inspector.errors import SourceError
from inspector.sources import load
from tests.sources.generators import cloud_hypervisor, crosvm, firecracker, registers
from tests.sources.generators.registers import BITMAPS, FPCR, FPSR, MPIDR, VLS, V


@pytest.mark.parametrize("version", cloud_hypervisor.VERSIONS)
@pytest.mark.parametrize("count", [1, 2, 12])
def test_cloud_hypervisor(tmp_path: Path, version: int, count: int) -> None:
    vcpus = [registers.vcpu(version, n, bitmaps=version >= 29) for n in range(count)]
    path = tmp_path / "state.json"
    path.write_bytes(cloud_hypervisor.state_json(version, vcpus, mp_states=[0, *[5] * (count - 1)]))
    dump = load(str(path))
    assert [dict(v.values) for v in dump.vcpus] == vcpus
    assert [v.index for v in dump.vcpus] == list(range(count))
    assert [v.mp_state for v in dump.vcpus] == ["running", *["stopped"] * (count - 1)]
    assert dump.provenance.tool.raw.startswith("Cloud Hypervisor (v")
    assert dump.provenance.accelerator == "kvm"
    assert (dump.absent, dump.notes) == ((), ())


def test_cloud_hypervisor_keeps_no_v_registers_beside_sve(tmp_path: Path) -> None:
    """hypervisor/src/kvm/mod.rs, state(): get_fpsimd_regs() is called without SVE only."""
    vcpus = [registers.vcpu(9, n, sve=True) for n in (0, 1)]
    path = tmp_path / "state.json"
    path.write_bytes(cloud_hypervisor.state_json(53, vcpus))
    dump = load(str(path))
    assert [dict(v.values) for v in dump.vcpus] == [
        {i: value for i, value in v.items() if i not in (FPSR, FPCR)} for v in vcpus
    ]
    assert not any(i in v.values or i in v.constraints for v in dump.vcpus for i in (*V, FPSR, FPCR))
    assert "Z registers" in dump.why_absent(V[0])
    assert "neither saves nor restores" in dump.why_absent(FPCR)
    assert any("FPSR" in note for note in dump.notes)


def test_mpidr_that_stands_beside_the_list_is_kept(tmp_path: Path) -> None:
    values = registers.vcpu(4, 3)
    data = json.loads(cloud_hypervisor.state_json(25, [values]))
    section = data["snapshots"]["cpu-manager"]["snapshots"]["0"]["snapshot_data"]["vcpu-section"]
    state = json.loads(bytes(section["snapshot"]))
    state["sys_regs"] = [one for one in state["sys_regs"] if one["id"] != MPIDR]
    section["snapshot"] = list(json.dumps(state).encode())
    path = tmp_path / "vm.json"
    path.write_text(json.dumps(data))
    assert load(str(path)).vcpus[0].values[MPIDR] == 0x80000003


def test_a_vm_that_was_not_paused_has_no_state(tmp_path: Path) -> None:
    data = json.loads(cloud_hypervisor.state_json(39, [registers.vcpu(1)]))
    data["snapshots"]["cpu-manager"]["snapshots"]["0"]["snapshot_data"] = None
    path = tmp_path / "state.json"
    path.write_text(json.dumps(data))
    with pytest.raises(SourceError, match="no state is saved"):
        load(str(path))


@pytest.mark.parametrize("binary", [True, False], ids=["CBOR", "JSON"])
def test_a_folder_of_crosvm_is_one_vm(tmp_path: Path, binary: bool) -> None:
    vcpus = {n: registers.vcpu(6, n) for n in range(11)}
    crosvm.folder(tmp_path / "snapshot", vcpus, binary)
    for source in (tmp_path / "snapshot", tmp_path / "snapshot" / "vcpu"):
        dump = load(str(source))
        expected = [{i: v for i, v in one.items() if i not in BITMAPS} for one in vcpus.values()]
        assert [dict(v.values) for v in dump.vcpus] == expected
        assert dump.one_vm
        assert dump.provenance.source == str(source)
        assert "bitmaps" in dump.why_absent(BITMAPS[0])
        assert dump.why_absent(VLS)
    one = load(str(tmp_path / "snapshot" / "vcpu" / "vcpu7"))
    assert dict(one.vcpus[0].values) == expected[7]
    assert one.vcpus[0].index == 7


def test_a_vcpu_that_is_missing_in_a_folder_is_named(tmp_path: Path) -> None:
    crosvm.folder(tmp_path / "a", {0: registers.vcpu(1), 2: registers.vcpu(1, 2)}, binary=True)
    assert any("no file of vCPU 1" in note for note in load(str(tmp_path / "a")).notes)


def test_folders_of_other_vmms(tmp_path: Path) -> None:
    values = registers.vcpu(2)
    chv, fire = tmp_path / "chv", tmp_path / "fire"
    chv.mkdir()
    (chv / "state.json").write_bytes(cloud_hypervisor.state_json(53, [values]))
    (chv / "config.json").write_text('{"cpus": {"boot_vcpus": 1}}')
    (chv / "memory-ranges").write_bytes(bytes(9000))
    fire.mkdir()
    (fire / "mem").write_bytes(bytes(9000))
    (fire / "snapshot_file").write_bytes(firecracker.vmstate("1.16", [values]))
    for folder in (chv, fire):
        assert dict(load(str(folder)).vcpus[0].values) == values
    (fire / "second").write_bytes(firecracker.vmstate("1.12", [values]))
    with pytest.raises(SourceError, match="2 saved VMs"):
        load(str(fire))
    (tmp_path / "none").mkdir()
    with pytest.raises(SourceError, match="without a saved VM"):
        load(str(tmp_path / "none"))
