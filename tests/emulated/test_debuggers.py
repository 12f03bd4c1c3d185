"""gdb: and qmp: against a real QEMU (TCG), running and paused, with one and several vCPUs."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector.errors import SourceError
from inspector.registers.catalog import find
from inspector.sources.live import open_live
from inspector.sources.live.source import LiveOptions, changes
from tests.emulated.counting import Machine
from tests.emulated.proof import emulator

pytestmark = pytest.mark.emulated
OPTIONS = LiveOptions(timeout=120)
MMFR2, CLIDR, CTR = (find(name).register.id for name in ("ID_AA64MMFR2_EL1", "CLIDR_EL1", "CTR_EL0"))


@contextlib.contextmanager
def machine(folder: Path, cpu: str, *more: str) -> Iterator[Machine]:
    """Start QEMU with sockets `gdb`, `qmp` and `other`."""
    sockets = [w for n in ("qmp", "other") for w in ("-qmp", f"unix:{folder}/{n},server=on,wait=off")]
    tool = emulator()
    command = tool.command("-M", "virt", "-cpu", cpu, "-m", "64", "-display", "none", "-nodefaults", *sockets, *more)
    with subprocess.Popen(command, env=dict(tool.environment), stderr=subprocess.PIPE) as process:
        try:
            end = time.monotonic() + 120
            while not (folder / "other").exists():
                assert process.poll() is None and time.monotonic() < end, process.stderr and process.stderr.read()
                time.sleep(0.05)
            started = Machine(folder, process)
            started.running()
            yield started
        finally:
            process.send_signal(signal.SIGCONT)
            process.kill()


def stub(folder: Path) -> tuple[str, str]:
    return "-gdb", f"unix:{folder}/gdb,server=on,wait=off"


@pytest.mark.parametrize(("cpu", "mmfr2"), [("neoverse-n1", 0x1011), ("max", None), ("cortex-a57", 0)])
def test_gdb_reads_every_vcpu_and_lets_the_guest_run(tmp_path: Path, cpu: str, mmfr2: int | None) -> None:
    with machine(tmp_path, cpu, "-smp", "2", *stub(tmp_path)) as qemu:
        source = open_live(f"gdb:{tmp_path}/gdb", OPTIONS)
        first = source.read()
        assert qemu.running()
        second = source.read()
        assert qemu.running()
    assert "pauses" in source.caution
    assert [vcpu.index for vcpu in first.vcpus] == [0, 1]
    for vcpu in first.vcpus:
        assert len(vcpu.values) > 180
        assert mmfr2 is None or vcpu.values[MMFR2] == mmfr2
        assert vcpu.values[CLIDR] and vcpu.values[CTR]
    moved = {reg_id for register in changes(first, second).values() for reg_id in register}
    assert not moved & {MMFR2, CLIDR, CTR}


def test_gdb_does_not_start_a_guest_that_waits_for_its_start(tmp_path: Path) -> None:
    with machine(tmp_path, "neoverse-n1", "-S", *stub(tmp_path)) as qemu:
        dump = open_live(f"gdb:{tmp_path}/gdb", OPTIONS).read()
        assert dump.vcpus[0].values[MMFR2] == 0x1011
        assert "not been started" in dump.notes[0]
        assert qemu.ask("other", "query-status")["status"] == "prelaunch"


def test_gdb_on_tcp(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with machine(tmp_path, "cortex-a72", "-gdb", f"tcp:127.0.0.1:{port}"):
        assert open_live(f"gdb:127.0.0.1:{port}", OPTIONS).read().vcpus[0].values[CLIDR] == 0x0A200023


def test_qmp_opens_a_stub_reads_and_closes_it(tmp_path: Path) -> None:
    with machine(tmp_path, "neoverse-n2", "-smp", "3") as qemu:
        source = open_live(f"qmp:{tmp_path}/qmp", OPTIONS)
        assert "pauses" in source.caution
        for _ in range(2):
            dump = source.read()
            assert len(dump.vcpus) == 3 and dump.vcpus[2].values[CTR] == dump.vcpus[0].values[CTR]
            assert "paused while it was read" in dump.notes[0]
            assert qemu.running()
        assert dump.provenance.tool.raw.startswith("QEMU ")
        devices = str(qemu.process.args) and list(tmp_path.glob("*gdb*"))
        assert devices == []


def test_qmp_leaves_a_paused_guest_paused(tmp_path: Path) -> None:
    with machine(tmp_path, "neoverse-n1", "-S") as qemu:
        dump = open_live(f"qmp:{tmp_path}/qmp", OPTIONS).read()
        assert dump.vcpus[0].values[MMFR2] == 0x1011
        assert "still is" in dump.notes[0]
        assert not qemu.running()


def test_qmp_does_not_take_an_open_stub_away(tmp_path: Path) -> None:
    with machine(tmp_path, "neoverse-n1", *stub(tmp_path)) as qemu:
        with pytest.raises(SourceError, match="gdbstub already"):
            open_live(f"qmp:{tmp_path}/qmp", OPTIONS).read()
        assert qemu.running()
        assert open_live(f"gdb:{tmp_path}/gdb", OPTIONS).read().vcpus


@pytest.mark.parametrize("kind", ["gdb", "qmp"])
def test_a_frozen_qemu_is_a_time_out(tmp_path: Path, kind: str) -> None:
    more = stub(tmp_path) if kind == "gdb" else ()
    with machine(tmp_path, "neoverse-n1", *more) as qemu:
        qemu.process.send_signal(signal.SIGSTOP)
        with pytest.raises(SourceError, match="no answer within"):
            open_live(f"{kind}:{tmp_path}/{kind}", LiveOptions(timeout=2)).read()


@pytest.mark.parametrize("kind", ["gdb", "qmp"])
def test_a_qemu_that_is_gone(tmp_path: Path, kind: str) -> None:
    with machine(tmp_path, "neoverse-n1", *stub(tmp_path)) as qemu:
        source = open_live(f"{kind}:{tmp_path}/{kind}", OPTIONS)
        qemu.process.kill()
        qemu.process.wait()
        with pytest.raises(SourceError):
            source.read()
