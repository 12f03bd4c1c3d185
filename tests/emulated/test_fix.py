"""Saved VMs that real programs refuse are fixed; then they load there, and the guest runs on where it was."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.emulated import counting_vm
from tests.emulated.fetch import cache
from tests.emulated.machine import Answer, Job, boot
from tests.emulated.proof import HOW, emulator, fetched, kernel
from tests.fresh import ROOT

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


def runs_on(after: Mapping[str, object], last: int) -> None:
    """The restored guest said the counts that follow those which it had said before."""
    said = after["said"]
    assert isinstance(said, list) and len(said) > 3, after
    assert last < said[0] <= last + 2
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
