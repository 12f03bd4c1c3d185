"""The EL0 view under qemu-aarch64, which answers MRS as Linux does, with Debian's arm64 Python."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from inspector.registers.catalog import find
from inspector.sources.live.answers import dump_of
from inspector.sources.live.programs import collector_program, recorder_program
from tests.emulated.fetch import cache
from tests.emulated.proof import HOW, fetched, host_program

pytestmark = pytest.mark.emulated


def run_arm64(text: str, folder: Path, cpu: str = "neoverse-n1") -> subprocess.CompletedProcess[str]:
    """Run a program with the guest's Python, under user-mode emulation."""
    fetched()
    guest = cache() / "guest"
    python = guest / "usr/bin/python3.11"
    if not python.exists():
        pytest.skip(HOW)
    command = [str(host_program("qemu-aarch64")), "-cpu", cpu, "-L", str(guest), str(python), "-SB", "-"]
    environment = {**os.environ, "PYTHONHOME": str(guest / "usr")}
    return subprocess.run(
        command, input=text, capture_output=True, text=True, cwd=folder, env=environment, timeout=120, check=False
    )


def test_el0_view_with_features_hidden(tmp_path: Path) -> None:
    """Linux shows EL0 of ID_AA64PFR0_EL1 neither EL2, EL3, GIC nor RAS."""
    done = run_arm64(collector_program(), tmp_path)
    assert done.returncode == 0, done.stderr
    dump = dump_of(done.stdout.encode(), "live:")
    pfr0 = find("ID_AA64PFR0_EL1").register.id
    assert dump.el0[pfr0] & 0xFFFF == 0x0011
    assert dump.el0[find("CTR_EL0").register.id] & 1 << 31
    assert dump.el0[find("ID_AA64ISAR0_EL1").register.id] != 0
    assert len(dump.el0) == 37
    assert all(cpu.values[pfr0] == dump.el0[pfr0] for cpu in dump.cpus)
    assert any("no vCPU was made: /dev/kvm" in note for note in dump.notes)
    assert list(tmp_path.iterdir()) == []


def test_affinity_is_as_it_was(tmp_path: Path) -> None:
    text = collector_program().rpartition("\n\nif __name__")[0]
    text += "\nbefore = os.sched_getaffinity(0)\ncollect()\nassert os.sched_getaffinity(0) == before\nprint('same')\n"
    done = run_arm64(text, tmp_path)
    assert done.stdout == "same\n", done.stderr


def test_a_register_that_el0_may_not_read_kills_only_the_child(tmp_path: Path) -> None:
    text = collector_program().rpartition("\n\nif __name__")[0]
    text += "\nEL0_NATIVE.append(sysreg(3, 1, 0, 0, 1))\nprint(mrs_per_cpu([0]))\n"
    done = run_arm64(text, tmp_path)
    assert "signal 4" in done.stdout, (done.stdout, done.stderr)


def test_the_recorder_needs_kvm(tmp_path: Path) -> None:
    done = run_arm64(recorder_program(), tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
