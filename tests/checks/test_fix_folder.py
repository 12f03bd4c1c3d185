"""`fix` of a snapshot folder: the files that hold vCPUs are mended, every other file is copied as it is."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import cbor2
import pytest

from inspector.sources import load
from tests.checks.saved_files import FEATURES, TAMPERED, TARGET, cloud_hypervisor, crosvm, vcpu, vmstate
from tests.commands.running import assert_one_line_error, run


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    """Two vCPUs that the destination refuses, sparse memory, a link."""
    folder = tmp_path / "snapshot"
    (folder / "vcpu").mkdir(parents=True)
    for index in range(2):
        document = cbor2.loads(crosvm(vcpu(7), True))
        (folder / "vcpu" / f"vcpu{index}").write_bytes(cbor2.dumps({**document, "vcpu_id": index}))
    with (folder / "mem").open("wb") as file:
        file.seek(100 << 20)
        file.write(b"memory")
    (folder / "irqchip").write_bytes(b"irqchip")
    (folder / "link").symlink_to("irqchip")
    (folder / "vcpu" / "vcpu1").chmod(0o600)
    folder.chmod(0o750)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_every_vcpu_of_a_folder(snapshot: Path, tmp_path: Path) -> None:
    before, out = contents(snapshot), tmp_path / "fixed"
    done = run("fix", str(snapshot), TARGET, *FEATURES, "-o", str(out))
    assert done.code == 0, done.err + done.out
    assert f"{2 * len(TAMPERED)} values replaced" in done.out and "it loads" in done.out
    after = contents(out)
    assert contents(snapshot) == before and after.keys() == before.keys()
    assert {name for name in before if after[name] != before[name]} == {"vcpu/vcpu0", "vcpu/vcpu1"}
    assert [v.index for v in load(str(out)).vcpus] == [0, 1]
    assert str((out / "link").readlink()) == "irqchip"
    assert stat.S_IMODE(out.stat().st_mode) == 0o750 and stat.S_IMODE((out / "vcpu/vcpu1").stat().st_mode) == 0o600
    assert (out / "mem").stat().st_blocks <= (snapshot / "mem").stat().st_blocks + 16
    assert sorted(one.name for one in tmp_path.iterdir()) == ["fixed", "snapshot"]


def test_a_dry_run_and_names_that_exist(snapshot: Path, tmp_path: Path) -> None:
    assert run("fix", str(snapshot), TARGET, *FEATURES, "--dry-run").code == 0
    (tmp_path / "taken").mkdir()
    taken = run("fix", str(snapshot), TARGET, *FEATURES, "-o", str(tmp_path / "taken"))
    assert_one_line_error(taken)
    assert "exists already" in taken.err
    assert sorted(one.name for one in tmp_path.iterdir()) == ["snapshot", "taken"]


def test_what_cannot_be_copied_leaves_nothing(snapshot: Path, tmp_path: Path) -> None:
    os.mkfifo(snapshot / "pipe")
    done = run("fix", str(snapshot), TARGET, *FEATURES, "-o", str(tmp_path / "fixed"))
    assert_one_line_error(done)
    assert "no regular file" in done.err
    assert [one.name for one in tmp_path.iterdir()] == ["snapshot"]


WHOLE = {
    "cloud-hypervisor": ("state.json", cloud_hypervisor(vcpu(7), "objects"), "memory-ranges"),
    "firecracker": ("vm.snap", vmstate(vcpu(7)), "vm.mem"),
}


@pytest.mark.parametrize(("name", "saved", "memory"), WHOLE.values(), ids=WHOLE)
def test_a_folder_with_one_file_of_all_vcpus(tmp_path: Path, name: str, saved: bytes, memory: str) -> None:
    folder, out = tmp_path / "snapshot", tmp_path / "fixed"
    (folder / "more").mkdir(parents=True)
    for path, data in ((name, saved), (memory, bytes(range(256)) * 99), ("more/config.json", b"{}")):
        (folder / path).write_bytes(data)
    (folder / name).chmod(0o640)
    before = contents(folder)
    done = run("fix", str(folder), TARGET, *FEATURES, "-o", str(out))
    assert done.code == 0, done.err + done.out
    assert f"{len(TAMPERED)} values replaced" in done.out and "it loads" in done.out and "file for file" in done.out
    after = contents(out)
    assert contents(folder) == before and after.keys() == before.keys()
    assert [path for path in before if after[path] != before[path]] == [name]
    assert stat.S_IMODE((out / name).stat().st_mode) == 0o640
    assert run("fix", str(out), TARGET, *FEATURES, "--dry-run").out.splitlines()[0].count("loads")
    # The file alone gives a file alone.
    alone = run("fix", str(folder / name), TARGET, *FEATURES, "-o", str(tmp_path / "alone"))
    assert alone.code == 0 and (tmp_path / "alone").read_bytes() == (out / name).read_bytes()
