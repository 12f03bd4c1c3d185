"""Real kernels answer, and the program agrees: collector, recorder, verify, migrate and writes for real."""

from __future__ import annotations

import json
import lzma
import sys
from collections import Counter
from pathlib import Path

import pytest

from inspector.checks.recordings.verify import verify
from inspector.checks.restore.migration import migrate
from inspector.checks.restore.result import MigrationReport
from inspector.checks.writing.scratch import predict_writes
from inspector.kvm.words.explaining import explain_write
from inspector.policies.release import choose
from inspector.registers.catalog import by_id, find
from inspector.registers.encoding import CLASS_SYSREG, split_id
from inspector.sources import load
from inspector.sources.dump import Dump
from inspector.sources.live import open_live, questions
from inspector.sources.live.clusters import compare_cpus
from inspector.sources.live.programs import collector_program, recorder_program
from inspector.sources.live.scratch import write_to_scratch
from inspector.sources.live.source import LiveOptions
from tests.emulated.proof import CPUS, FULL, KERNELS, PART, kernel, prove, run_job
from tests.programs import program
from tests.shared_material import shared

pytestmark = [pytest.mark.emulated, pytest.mark.slow]
PATIENT = LiveOptions(timeout=300)
EXPECTED_FEATURES = {"cortex-a72": 12, "neoverse-n2": 124, "max": 124}


def collected(series: str, cpu: str) -> Dump:
    return load(str(prove(series, cpu).dump))


@pytest.mark.parametrize("cpu", CPUS)
@pytest.mark.parametrize("series", KERNELS)
def test_the_collectors_dump(series: str, cpu: str) -> None:
    dump = collected(series, cpu)
    vcpu = dump.vcpus[0]
    other = [note for note in dump.notes if not note.startswith("CPUs that were visited")]
    assert other == [] or series == "5.10"
    assert series == "newest" or dump.provenance.kernel.raw.startswith(f"{series}.")
    assert "Debian" in dump.provenance.kernel_version.raw
    assert vcpu.setup and vcpu.setup.features == EXPECTED_FEATURES[cpu] and vcpu.setup.gic == "v3"
    assert not vcpu.errors and len(vcpu.values) > 300
    midr = find("MIDR_EL1").register.id
    assert dump.el0[midr] == dump.cpus[0].values[midr] == vcpu.values[midr]
    assert (vcpu.writable_masks is None) == (series in ("5.10", "6.1"))


@pytest.mark.parametrize("cpu", CPUS)
@pytest.mark.parametrize("series", KERNELS)
def test_a_fresh_recording_agrees(series: str, cpu: str) -> None:
    proof = prove(series, cpu)
    found = verify(str(proof.recording))
    assert found.disagreements == ()
    assert all(phase.agreed == phase.compared for phase in found.phases)
    assert sum(phase.compared for phase in found.phases) > (50_000 if proof.whole else 5_000)
    assert any(phase.phase == "run" for phase in found.phases)


def questions_of(path: Path) -> Counter[tuple[str, ...]]:
    """What a recording asked, with how often; random writes only by their number, counters not at all."""
    asked: Counter[tuple[str, ...]] = Counter()
    config = ""
    with lzma.open(path) if path.suffix == ".xz" else path.open("rb") as lines:
        for raw in lines:
            line = json.loads(raw)
            kind = line["type"]
            config = line["config"] if kind == "vcpu" else config
            if kind in ("host", "note", "file"):
                continue
            key = [config, kind, line.get("phase", ""), str(line.get("id", ""))]
            if line.get("phase") == "walk":
                key[3] = ""
            elif kind == "set":
                key.append(line["value"])
            asked[tuple(key)] += 1
    return asked


@pytest.mark.parametrize(("series", "name"), [("6.1", "6.1"), ("6.12", "6.12"), ("newest", "7.3")])
@pytest.mark.parametrize("cpu", CPUS)
def test_coverage_is_that_of_the_reference_recordings(series: str, name: str, cpu: str) -> None:
    proof = prove(series, cpu)
    if not proof.whole:
        pytest.skip("only a full recording can be compared (VCPU_INSPECTOR_FULL=1)")
    reference = shared("recordings", f"linux-{name}-{cpu}.jsonl.xz")
    if not load(str(proof.dump)).provenance.kernel.raw.startswith(name):
        pytest.skip(f"Debian's newest kernel is no longer {name}")
    assert questions_of(proof.recording) == questions_of(reference)


def refused(report: MigrationReport) -> set[str]:
    """Names of the registers that some vCPU's restore refuses."""
    return {by_id(finding.id).name for vcpu in report.vcpus for finding in vcpu.findings if finding.kind == "refused"}


def test_migration_from_6_1_to_6_12_names_the_two_ccidx_registers() -> None:
    found = migrate(collected("6.1", "neoverse-n2"), collected("6.12", "neoverse-n2"))
    assert refused(found) == {"ID_MMFR4_EL1", "ID_AA64MMFR2_EL1"}


def test_migration_to_the_same_kernel_is_refused_nothing() -> None:
    dump = collected("6.12", "neoverse-n2")
    assert refused(migrate(dump, dump)) == set()


def attempts(dump: Dump) -> list[tuple[int, int]]:
    """Writes of every kind: unchanged, one field lower, one field higher, nonsense."""
    writes = []
    for reg_id, value in dump.vcpus[0].values.items():
        if questions.asked(reg_id):
            low = questions.lowered(value) if value and split_id(reg_id).cls == CLASS_SYSREG else value
            writes += [(reg_id, value), (reg_id, low), (reg_id, value ^ 1 << 20), (reg_id, value)]
    return writes


@pytest.mark.parametrize(("series", "cpu"), [("6.1", "neoverse-n2"), ("6.12", "neoverse-n2"), ("newest", "max")])
def test_predicted_and_actual_writes(series: str, cpu: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Through the ssh source, whose ssh is a script that boots the machine and runs there what it was given."""
    kernel(series)
    root = Path(__file__).resolve().parent.parent.parent
    script = f'cd {root} && exec {sys.executable} -m tests.emulated.as_ssh {series} {cpu} "$@"'
    program(tmp_path, "ssh", script)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    fresh, actual = write_to_scratch("ssh://emulated", attempts(collected(series, cpu)), PATIENT)
    policy = choose(fresh.provenance.kernel.raw, fresh.provenance.kernel_version.raw).policy
    vcpu = predict_writes(fresh, policy).vcpu(0)
    wrong = []
    for done in actual:
        predicted = explain_write(vcpu, done.id, done.value)
        if predicted.errno != done.errno or predicted.after not in (None, done.after):
            wrong.append((by_id(done.id).name, hex(done.value), done, predicted))
    assert wrong == []
    assert len(actual) > 250
    assert {done.errno for done in actual} >= {0, 22}


def test_ssh_source_reads_an_emulated_host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kernel("6.12")
    root = Path(__file__).resolve().parent.parent.parent
    program(tmp_path, "ssh", f'cd {root} && exec {sys.executable} -m tests.emulated.as_ssh 6.12 cortex-a72 "$@"')
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    options = LiveOptions(timeout=300, features="psci,sve", gic="none")
    dump = open_live("ssh://emulated", options).read()
    assert dump.vcpus == ()
    assert any("features 0x14" in note and "EINVAL" in note for note in dump.notes)


def test_every_cpu_of_the_host(tmp_path: Path) -> None:
    answer = run_job("6.1", "neoverse-n2", "--features", "psci", "--cpus", "0,1,2", cpus=3)
    path = tmp_path / "dump.json"
    path.write_bytes(answer.out)
    dump = load(str(path))
    assert [cpu.index for cpu in dump.cpus] == [0, 1, 2]
    assert all(cpu.values == dump.cpus[0].values and len(cpu.values) > 35 for cpu in dump.cpus)
    assert compare_cpus(dump).alike


@pytest.mark.parametrize(
    ("cpu", "append"),
    [("neoverse-n2", "mitigations=off"), ("cortex-a72", "arm64.no32bit_el0 kvm-arm.mode=nvhe")],
)
def test_a_kernel_that_was_booted_with_options_agrees(cpu: str, append: str, tmp_path: Path) -> None:
    answer = run_job("6.12", cpu, "--cpu", cpu, "--configs", PART, append=append, program=recorder_program())
    assert answer.code == 0, answer.err
    path = tmp_path / "recording.jsonl"
    path.write_bytes(answer.out)
    found = verify(str(path))
    assert found.disagreements == ()
    assert append in load(str(path)).provenance.cmdline.raw
    assert sum(phase.compared for phase in found.phases) > 5_000


@pytest.mark.skipif(not FULL, reason="nested virtualisation is slow to emulate (VCPU_INSPECTOR_FULL=1)")
def test_vcpus_with_el2_agree(tmp_path: Path) -> None:
    answer = run_job(
        "newest", "max", "--cpu", "max", "--configs", "el2,el2-e2h0", append="kvm-arm.mode=nested",
        program=recorder_program(),
    )  # fmt: skip
    assert answer.code == 0, answer.err
    path = tmp_path / "recording.jsonl"
    path.write_bytes(answer.out)
    found = verify(str(path))
    assert found.disagreements == ()
    assert sum(phase.compared for phase in found.phases) > 10_000


RUNNING_VM = """
kvm = os.open("/dev/kvm", os.O_RDWR)
vm = ScratchVm(kvm, 4)
low = sysreg(3, 0, 0, 6, 0)
assert vm.set(low, 0) == 0
sys.exit(main(["--features", "psci", "--gic", "none"]))
"""


def test_a_running_vm_shows_in_debugfs(tmp_path: Path) -> None:
    text = collector_program().rpartition("\n\nif __name__")[0] + RUNNING_VM
    answer = run_job("6.12", "neoverse-n2", program=text)
    assert answer.code == 0, answer.err
    path = tmp_path / "dump.json"
    path.write_bytes(answer.out)
    dump = load(str(path))
    scratch, running = dump.vcpus
    assert running.name.raw.split("-")[0].isdigit() and not dump.one_vm
    isar0 = find("ID_AA64ISAR0_EL1").register.id
    assert running.values[isar0] == 0 != scratch.values[isar0]
    assert len(running.values) > 40
    differing = {by_id(i).name for i, value in running.values.items() if scratch.values.get(i) != value}
    assert differing == {"ID_AA64ISAR0_EL1"}
