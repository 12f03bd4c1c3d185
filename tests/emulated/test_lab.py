"""The lab with real kernels: boot, start again, ask, write, record; and machines that fail."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector.checks.machine.machine import machine
from inspector.checks.recordings.verify import verify
from inspector.cli import main
from inspector.errors import SourceError
from inspector.kvm.words.explaining import explain_write
from inspector.lab import store
from inspector.registers.catalog import by_id, find
from inspector.registers.encoding import CLASS_SVE, size_of, split_id
from inspector.registers.ids import ID_SPACE
from inspector.sources import load
from inspector.sources.live.laboratory import Lab, close_all
from inspector.sources.live.scratch import write_to_scratch
from inspector.sources.live.source import LiveOptions
from tests.emulated.fetch import cache
from tests.emulated.proof import emulator, kernel

pytestmark = [pytest.mark.emulated, pytest.mark.slow]
PATIENT = LiveOptions(timeout=300)
MMFR2 = find("ID_AA64MMFR2_EL1").register.id
CCIDX = 1 << 20


@pytest.fixture(autouse=True)
def _lab(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    emulator()
    monkeypatch.setattr("inspector.sources.live.laboratory.cache_folder", cache)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
    yield
    close_all()
    assert store.running() == []


def test_a_machine_starts_again_from_its_file_and_answers_alike(capfd: pytest.CaptureFixture[str]) -> None:
    image = kernel("6.12")
    lab = Lab(f"lab:{image}", PATIENT)
    first = lab.read()
    close_all()
    capfd.readouterr()
    again = Lab(f"lab:{image}", PATIENT)
    begin = time.monotonic()
    machine = again.machine()
    spent = time.monotonic() - begin
    assert "starting the saved machine" in capfd.readouterr().err
    assert machine.about["kernel"].startswith("6.12.") and machine.about["kvm"]
    print(f"started again in {spent:.2f} s; first boot's answer came whole")
    values = again.read().vcpus[0].values
    steady = {i for i, v in first.vcpus[0].values.items() if values.get(i) == v}
    assert len(steady) > len(values) - 10
    assert again.machine() is machine


def test_writes_answer_as_the_slow_way_does_and_each_on_a_fresh_vcpu() -> None:
    address = f"lab:{kernel('6.12')}"
    lab = Lab(address, PATIENT)
    dump = lab.read()
    old = dump.vcpus[0].values[MMFR2]
    wrong = old | CCIDX
    assert not old & CCIDX
    begin = time.monotonic()
    answers = [lab.write([(MMFR2, wrong), (MMFR2, old)]) for _ in range(5)]
    print(f"{(time.monotonic() - begin) / 5 * 1000:.0f} ms for two writes and their read-backs")
    assert all(one == [(22, old, old), (0, old, old)] for one in answers)
    _, slow = write_to_scratch(address, [(MMFR2, wrong), (MMFR2, old)], PATIENT)
    assert [(one.errno, one.before, one.after) for one in slow] == answers[0]


def test_writes_outside_the_id_registers_answer_as_predicted() -> None:
    """Each on a fresh vCPU; the ID registers are what recordings ask. The lengths of SVE are finalised there."""
    lab = Lab(f"lab:{kernel('newest')}", LiveOptions(timeout=300, features="psci,pmu"))
    dump = lab.read()
    there = machine(dump)
    full = (1 << 64) - 1
    asked, wrong = 0, []
    for reg_id, own in dump.vcpus[0].values.items():
        if reg_id in ID_SPACE or split_id(reg_id).cls == CLASS_SVE:
            continue
        values = [value & (1 << 8 * size_of(reg_id)) - 1 for value in (0, full, full // 3, own, 0x10, 0x3C9, 1 << 32)]
        model = there.vm().vcpu(0)
        told = [explain_write(model, reg_id, value) for value in values]
        for one, (code, _, after) in zip(told, lab.write([(reg_id, value) for value in values]), strict=True):
            differs = one.after is not None and after is not None and (one.after ^ after) & one.after_known
            asked += one.certain
            if one.certain and (one.errno != code or differs):
                wrong.append((by_id(reg_id).name, hex(one.value), code, after, one.errno, one.after))
    print(f"{asked} answers")
    assert asked > 1500 and not wrong, wrong[:5]


def test_old_and_new_kernels_differ_where_the_patch_hides_a_field() -> None:
    before, after = (Lab(f"lab:{kernel(series)}", PATIENT).read() for series in ("6.1", "6.12"))
    assert before.vcpus[0].values[MMFR2] & CCIDX and not after.vcpus[0].values[MMFR2] & CCIDX
    saved = before.vcpus[0].values[MMFR2]
    assert Lab(f"lab:{kernel('6.12')}", PATIENT).write([(MMFR2, saved)])[0][0] == 22


def test_a_recording_of_the_lab_agrees(tmp_path: Path) -> None:
    out = tmp_path / "lab.jsonl"
    address = f"lab:{kernel('6.12')},cpu=cortex-a72"
    assert main(["record", address, "--configs", "gicv3", "--first", "20", "-o", str(out)]) == 0
    found = verify(str(out))
    assert found.compared == found.agreed > 500


def test_commands_take_the_address_as_they_take_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    address = f"lab:{kernel('6.12')}"
    assert load(address).vcpus[0].values
    assert main(["write", address, "ID_AA64MMFR2_EL1.CCIDX=1", "--for-real"]) == 1
    assert "= as predicted" in capsys.readouterr().out


def test_a_kernel_that_panics_ends_in_one_line_with_its_last_words() -> None:
    with pytest.raises(SourceError) as caught:
        Lab(f'lab:{kernel("6.12")},append="rdinit=/none root=/none loglevel=7"', PATIENT).read()
    assert "\n" not in str(caught.value)
    assert "its last words" in str(caught.value) and "ended" in str(caught.value)


def test_a_machine_that_is_killed_is_said_to_have_ended_and_is_started_anew() -> None:
    lab = Lab(f"lab:{kernel('6.12')}", PATIENT)
    machine = lab.machine()
    assert machine._process is not None
    machine._process.kill()
    machine._process.wait()
    with pytest.raises(SourceError, match="ended"):
        machine.ask({"what": "ping"}, 20)
    assert lab.machine() is not machine
    assert lab.write([(MMFR2, 0)])[0][0] in (0, 22)


def test_a_damaged_file_of_a_machine_costs_only_the_boot(capfd: pytest.CaptureFixture[str]) -> None:
    address = f"lab:{kernel('6.12')}"
    Lab(address, PATIENT).machine()
    close_all()
    newest = max((cache() / "machines").glob("*.zst"), key=lambda path: path.stat().st_mtime)
    newest.write_bytes(newest.read_bytes()[: newest.stat().st_size // 2])
    capfd.readouterr()
    assert Lab(address, PATIENT).machine().about["kvm"]
    assert "booting" in capfd.readouterr().err


def test_a_review_of_two_real_kernels_names_the_hidden_field(capsys: pytest.CaptureFixture[str]) -> None:
    addresses = [f"lab:{kernel(series)}" for series in ("6.1", "6.12")]
    assert main(["review", *addresses, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    (host,) = found["hosts"]
    assert {one["register"] for one in host["forwards"]} >= {"ID_MMFR4_EL1", "ID_AA64MMFR2_EL1"}
    assert all(one["real"] for one in host["forwards"])
    assert any("the real kernel answers EINVAL" in effect["text"] for effect in found["effects"])
