"""Saved VMs that real programs refuse are fixed; then they load there, and the guest runs on where it was."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from inspector.lab.emulator import Emulator
from tests.emulated import counting_vm
from tests.emulated.counting_vm import CountingVm
from tests.emulated.fetch import cache
from tests.emulated.libvirt_host import domain, libvirt
from tests.emulated.machine import Answer, Job, boot
from tests.emulated.proof import HOW, emulator, fetched, kernel
from tests.fresh import ROOT

CPU, OTHER_CPU = "max,lpa2=off", "max"
"""Two virtual CPUs that differ in constants only."""
pytestmark = [pytest.mark.emulated, pytest.mark.slow]
KVM = ("qemu-system-aarch64", "-accel", "kvm", "-M", "virt,gic-version=3", "-cpu", "host", "-m", "32")
SAVING = f"""
import json, sys
sys.path.insert(0, "/")
import counting_vm
said = counting_vm.saved("/tmp/vm.mig", {list(KVM)!r})
print(json.dumps(said))
sys.stdout.flush()
with open("/tmp/vm.mig", "rb") as file:
    sys.stdout.buffer.write(file.read())
"""


def fix(*words: object) -> subprocess.CompletedProcess[str]:
    """Run `vcpu-inspector fix`, as a user does."""
    command = [sys.executable, "-m", "inspector", "fix", *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)


def under_kvm(series: str, jobs: list[Job], files: Mapping[str, bytes]) -> dict[str, Answer]:
    """Boot `series` on an emulated neoverse-n2 with QEMU inside, and run jobs there."""
    fetched()
    if not (cache() / "guest-qemu").is_dir():
        pytest.skip(HOW)
    program = Path(counting_vm.__file__).read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        done = boot(
            emulator(), kernel(series), cache() / "guest", jobs, folder=Path(folder), also=[cache() / "guest-qemu"],
            files={"counting_vm.py": program, **files}, timeout=300,
        )  # fmt: skip
    assert done.answers.keys() == {job.name for job in jobs}, f"no answer came back: ...{done.console[-300:]}"
    return done.answers


def runs_on(after: Mapping[str, object], last: int, latest: int = 0) -> None:
    """The restored guest said the counts that follow `last`, which it had said before it was saved.

    `latest` is what it had said shortly after, where it was saved while it ran on.
    """
    said = after["said"]
    assert isinstance(said, list) and len(said) > 3, after
    assert last < said[0] <= max(last, latest) + 2
    assert said == list(range(said[0], said[0] + len(said)))


def test_a_stream_that_a_newer_kernel_refuses(tmp_path: Path) -> None:
    """Saved by QEMU under KVM of 6.1; 6.12 no longer offers the 64-bit layout of CCSIDR_EL1."""
    answer = under_kvm("6.1", [Job("save", ("/saving.py",))], {"saving.py": SAVING.encode()})["save"]
    assert answer.code == 0, answer.err
    head, _, stream = answer.out.partition(b"\n")
    last = json.loads(head)["said"][-1]
    saved, fixed = tmp_path / "vm.mig", tmp_path / "fixed.mig"
    saved.write_bytes(stream)
    done = fix(saved, "builtin:neoverse-n2-linux-6.12", "-o", fixed)
    assert done.returncode == 0, done.stderr
    assert "2 values replaced" in done.stdout and "checked: it loads" in done.stdout
    jobs = [Job(name, ("/counting_vm.py", "load", f"/{name}.mig", *KVM)) for name in ("vm", "fixed")]
    answers = under_kvm("6.12", jobs, {"vm.mig": stream, "fixed.mig": fixed.read_bytes()})
    refused, loaded = (json.loads(answers[name].out) for name in ("vm", "fixed"))
    assert refused["code"] == 1 and "load of migration failed" in refused["messages"]
    runs_on(loaded, last)
    assert saved.read_bytes() == stream


def tools() -> Emulator:
    """QEMU of this machine's own release with its qemu-img beside it; skips the calling test without them."""
    fetched()
    root = cache() / "tools/usr"
    if not (root / "bin/qemu-img").exists() or not (root / "bin/qemu-system-aarch64").exists():
        pytest.skip(f"{HOW} (qemu-utils, qemu-system-arm)")
    folders = ":".join(map(str, sorted(path for path in (root / "lib").glob("*-linux-gnu") if path.is_dir())))
    return Emulator(root / "bin/qemu-system-aarch64", {**os.environ, "LD_LIBRARY_PATH": folders}, root / "share/qemu")


def emulated(qemu: Emulator, cpu: str, *more: str) -> list[str]:
    """A command line without KVM."""
    return qemu.command("-M", "virt,gic-version=3", "-cpu", cpu, "-m", "32", "-accel", "tcg", *more)


def destination(qemu: Emulator, folder: Path) -> Path:
    """The stream of a fresh machine with the other CPU."""
    path = folder / "destination.mig"
    command = emulated(qemu, OTHER_CPU, "-S")
    with tempfile.TemporaryDirectory() as own, CountingVm(Path(own), command, qemu.environment) as vm:
        vm.migrate_to(str(path))
    return path


def qemu_img(qemu: Emulator, *words: object) -> str:
    """What qemu-img prints; it has to succeed."""
    command = [str(qemu.program.with_name("qemu-img")), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, env=dict(qemu.environment), check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("options", ["", "cluster_size=512", "cluster_size=2M,extended_l2=on"])
def test_an_internal_snapshot_that_another_cpu_refuses(tmp_path: Path, options: str) -> None:
    """Of three snapshots each is fixed by itself; the image stays clean, and the others stay as they were."""
    qemu = tools()
    image = tmp_path / "vm.qcow2"
    qemu_img(qemu, "create", "-q", "-f", "qcow2", *(["-o", options] if options else []), image, "64M")

    def drive(path: Path) -> tuple[str, ...]:
        return "-drive", f"if=none,id=disk,file={path},format=qcow2"

    last: dict[str, tuple[int, int]] = {}
    command = emulated(qemu, CPU, *drive(image))
    with tempfile.TemporaryDirectory() as own, CountingVm(Path(own), command, qemu.environment) as vm:
        for tag in ("one", "two", "three"):
            before = vm.count(max((after for _, after in last.values()), default=0) + 3)
            assert vm.human(f"savevm {tag}") == ""
            last[tag] = before, counting_vm.counts(vm.serial())[-1]
        vm.qmp("quit")
        vm.ended()
    assert "No errors" in qemu_img(qemu, "check", image)
    original = image.read_bytes()
    there = destination(qemu, tmp_path)
    for tag, chosen in (("one", "one"), ("two", "2"), ("three", "")):
        fixed = tmp_path / f"{tag}.qcow2"
        done = fix(image, there, "-o", fixed, *(["--snapshot", chosen] if chosen else []))
        assert done.returncode == 0 and "1 value replaced" in done.stdout, done.stdout + done.stderr
        assert "No errors" in qemu_img(qemu, "check", fixed)
        for name in ("one", "two", "three"):
            restored = counting_vm.loaded(
                "", emulated(qemu, OTHER_CPU, *drive(fixed), "-loadvm", name), qemu.environment
            )
            if name == tag:
                runs_on(restored, *last[tag])
            else:
                assert restored["code"] == 1 and "device 'cpu'" in str(restored["messages"])
    assert image.read_bytes() == original


@pytest.mark.parametrize("image_format", ["raw", "gzip", "bzip2", "xz", "lzop"])
def test_virsh_restore(tmp_path: Path, image_format: str) -> None:
    """libvirt's own daemon saves the domain, refuses to restore it on another CPU, and restores the fixed image."""
    qemu = tools()
    there = destination(qemu, tmp_path)
    guest, serial = counting_vm.guest_file(tmp_path), tmp_path / "serial"
    (tmp_path / "namespace").mkdir()
    for name, cpu in (("source", CPU), ("destination", OTHER_CPU)):
        (tmp_path / f"{name}.xml").write_text(domain(guest, serial, cpu), encoding="utf-8")
    saved, fixed, other = tmp_path / "vm.save", tmp_path / "fixed.save", str(tmp_path / "destination.xml")

    def said() -> list[int]:
        return counting_vm.counts(serial.read_text(encoding="latin-1")) if serial.exists() else []

    def counts_beyond(least: int) -> None:
        end = time.monotonic() + 60
        while not said() or said()[-1] <= least:
            assert time.monotonic() < end, "the guest does not count"
            time.sleep(0.1)

    with libvirt(tmp_path / "namespace", image_format) as host:
        done = host.virsh("create", str(tmp_path / "source.xml"))
        assert done.returncode == 0, done.stderr
        counts_beyond(3)
        done = host.virsh("save", "counting", str(saved))
        assert done.returncode == 0, done.stderr
        saved.chmod(0o640)
        before, last = saved.read_bytes(), said()[-1]
        for _ in range(6):
            done = host.virsh("restore", str(saved), "--xml", other)
            assert done.returncode == 1, done.stdout + done.stderr
            if "Domain not found" not in done.stderr:
                break  # else libvirt put the domain away before it could quote what QEMU said
        assert "device 'cpu'" in done.stderr, done.stderr
        done_fix = fix(saved, there, "-o", fixed)
        if image_format == "lzop" and done_fix.returncode == 2:
            pytest.skip(f"needs python-lzo: {done_fix.stderr.strip()}")
        assert done_fix.returncode == 0 and "1 value replaced" in done_fix.stdout, done_fix.stdout + done_fix.stderr
        assert stat.S_IMODE(fixed.stat().st_mode) == 0o640 and saved.read_bytes() == before
        serial.unlink()
        done = host.virsh("restore", str(fixed), "--xml", other)
        assert done.returncode == 0, done.stderr
        counts_beyond(last + 3)
        assert last < said()[0] <= last + 2
        host.virsh("destroy", "counting")
