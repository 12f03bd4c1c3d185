"""Whether a machine is emulated or runs under this host's own KVM. QEMU is not started here."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from inspector.errors import SourceError
from inspector.lab.emulator import Emulator, no_nested_kvm, own_cpus
from inspector.lab.machine import Spec, StoppedError, command_of
from inspector.sources.live import laboratory
from inspector.sources.live.laboratory import Lab
from inspector.sources.live.source import LiveOptions
from tests.programs import program


@pytest.fixture
def arm64(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.lab.emulator.os.uname", lambda: SimpleNamespace(machine="aarch64"))


def kvm(folder: Path, monkeypatch: pytest.MonkeyPatch, answer: int) -> str:
    """A device that answers KVM_CHECK_EXTENSION so."""
    device = folder / "kvm"
    device.touch()
    asked: list[tuple[int, int]] = []

    def ioctl(descriptor: int, request: int, number: int) -> int:
        asked.append((request, number))
        assert asked[-1] == (0xAE03, 240)
        return answer

    monkeypatch.setattr("inspector.lab.emulator.fcntl.ioctl", ioctl)
    return str(device)


@pytest.mark.usefixtures("arm64")
def test_nested_kvm_is_used_where_kvm_offers_el2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "not a typewriter" in no_nested_kvm("/dev/null").lower() or "ioctl" in no_nested_kvm("/dev/null").lower()
    assert "No such file" in no_nested_kvm(str(tmp_path / "none"))
    assert "offers guests no EL2" in no_nested_kvm(kvm(tmp_path, monkeypatch, 0))
    assert no_nested_kvm(kvm(tmp_path, monkeypatch, 1)) == ""


def test_another_architecture_is_emulated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.lab.emulator.os.uname", lambda: SimpleNamespace(machine="x86_64"))
    assert no_nested_kvm() == "this machine is x86_64"
    assert laboratory.usual_cpu() == "neoverse-n2"


def options(spec: Spec, folder: Path) -> dict[str, str]:
    """Option -> value of QEMU's command line."""
    qemu = program(folder, "qemu", "echo QEMU emulator version 10.1.0")
    words = command_of(spec, Emulator(qemu, dict(os.environ)), 3, 4)
    return {word: words[place + 1] for place, word in enumerate(words[:-1]) if word in ("-M", "-cpu", "-accel", "-smp")}


def test_the_hosts_own_cpu_runs_under_kvm_and_every_other_model_is_emulated(tmp_path: Path) -> None:
    board = "virt-10.1,virtualization=on,gic-version=3"
    assert options(Spec(Path(), cpu="host", smp=2), tmp_path) == {
        "-M": board, "-cpu": "host", "-accel": "kvm", "-smp": "2",
    }  # fmt: skip
    assert options(Spec(Path(), cpu="host", mte=True), tmp_path)["-M"] == f"{board},mte=on"
    assert options(Spec(Path(), cpu="max"), tmp_path) == {"-M": board, "-cpu": "max", "-accel": "tcg", "-smp": "1"}
    with pytest.raises(SourceError, match="no memory tags on cortex-a72"):
        options(Spec(Path(), cpu="cortex-a72", mte=True), tmp_path)


def labs(monkeypatch: pytest.MonkeyPatch, folder: Path, problem: Exception | None) -> list[str]:
    """The CPU models of the machines that are started; the one under KVM ends with `problem`."""
    started: list[str] = []

    def start(spec: Spec, *rest: object) -> SimpleNamespace:
        started.append(spec.cpu)
        if spec.cpu == "host" and problem is not None:
            raise problem
        return SimpleNamespace(alive=True)

    monkeypatch.setattr(laboratory, "no_nested_kvm", lambda: "")
    monkeypatch.setattr(laboratory, "Machine", start)
    for name in ("find_emulator", "image_of", "guest_python"):
        monkeypatch.setattr(laboratory, name, lambda *given: folder)
    monkeypatch.setattr(laboratory, "_machines", {})
    return started


def test_without_a_cpu_model_the_hosts_own_is_tried_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = labs(monkeypatch, tmp_path, None)
    Lab("lab:6.12", LiveOptions()).machine()
    Lab("lab:6.12,cpu=max", LiveOptions()).machine()
    assert started == ["host", "max"]


def test_a_kvm_that_cannot_be_used_is_told_and_emulated_unless_it_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started = labs(monkeypatch, tmp_path, SourceError("QEMU did not start", "lab:6.12"))
    lab = Lab("lab:6.12", LiveOptions())
    lab.machine()
    assert started == ["host", "neoverse-n2"] and lab.cpu == "neoverse-n2"
    assert "own KVM cannot be used (QEMU did not start): neoverse-n2 is emulated" in capsys.readouterr().err
    with pytest.raises(SourceError, match="did not start"):
        Lab("lab:6.1,cpu=host", LiveOptions()).machine()
    assert started[2:] == ["host"]


def test_a_start_that_nobody_wants_any_more_is_not_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = labs(monkeypatch, tmp_path, StoppedError("was stopped", "lab:6.12"))
    with pytest.raises(StoppedError):
        Lab("lab:6.12", LiveOptions()).machine()
    assert started == ["host"]


def test_a_saved_machine_of_the_hosts_cpu_belongs_to_that_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd49\n\nprocessor\t: 1\nCPU part\t: 0xd49\n"
    monkeypatch.setattr(Path, "read_text", lambda *given, **words: text)
    assert own_cpus() == "CPU implementer\t: 0x41 CPU part\t: 0xd49"
