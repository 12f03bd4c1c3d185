"""`migrate` of many saved VMs: which of them load there."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from inspector.checks.fleet.loading import loading_of, outcome_of
from inspector.checks.fleet.part import Toward
from inspector.checks.fleet.reading import read_paths
from inspector.checks.fleet.summarise import Asked
from inspector.checks.fleet.written import written
from inspector.checks.machine.question import Given
from inspector.checks.restore.migration import migrate
from inspector.sources import load
from tests.commands.running import assert_one_line_error, run

SAVED = ("builtin:neoverse-n2-linux-6.1", "builtin:neoverse-n2-linux-6.12", "builtin:neoverse-n2-linux-5.10")
THERE = "builtin:neoverse-n2-linux-6.12"


def test_each_gets_the_answer_that_it_gets_alone() -> None:
    many = run("migrate", *SAVED, THERE, "--json").json
    assert many["vms"] == 3
    told = {source: one for one in many["outcomes"] for source in one["sources"]}
    for source in SAVED:
        alone = run("migrate", source, THERE, "--json").json
        assert told[source]["verdict"] == alone["verdict"]
        stopped = {f["name"] for vcpu in alone["vcpus"] for f in vcpu["findings"] if f["kind"] == "refused"}
        assert stopped <= set(told[source]["fatal"])


def test_text_and_exit_code() -> None:
    done = run("migrate", *SAVED, THERE)
    assert done.code == 1 and done.out.startswith(f"Of 3 saved VMs, on {THERE}: 1 loads, 2 fail, 0 are uncertain.")
    assert "stopped by: " in done.out and "ID_AA64MMFR2_EL1" in done.out
    assert run("migrate", THERE, THERE, THERE).code == 0
    assert "| loads | 2 |" in run("migrate", THERE, THERE, THERE, "--markdown").out


def test_what_goes_with_one_only() -> None:
    for words in (("all-kernels",), (THERE, "--why"), (THERE, "--all")):
        assert_one_line_error(run("migrate", *SAVED, *words))


def asked_toward(name: str) -> Asked:
    """Which of the VMs load there."""
    return Asked(question="migrate", toward=Toward(destination=name, dump=written(load(name))))


def test_processes_give_what_one_gives() -> None:
    paths = [SAVED[1]] * 4
    one, many = (read_paths(paths, asked_toward(THERE), jobs, chunk=2) for jobs in (1, 2))
    assert one == many and loading_of(one).exit_code == 0


def test_vms_that_are_asked_apart_and_from_a_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each rack asks for its own, and the parts give the report of all; so does a list."""
    monkeypatch.chdir(tmp_path)
    whole = run("migrate", *SAVED, THERE)
    for part, sources in {"a.part": SAVED[:1], "b.part": SAVED[1:]}.items():
        made = run("migrate", *sources, THERE, "--partial", part)
        assert (made.code, made.out) == (0, ""), made.err
    merged = run("migrate", "--merge", "b.part", "a.part")
    # The parts know the place of a VM in their own list only: of equal answers another may come first.
    assert sorted(merged.out.splitlines()) == sorted(whole.out.splitlines()) and merged.code == whole.code == 1
    assert run("migrate", "--merge", "a.part", "b.part").out == merged.out
    (tmp_path / "list").write_text("\n".join(SAVED) + "\n")
    assert run("migrate", "--files-from", "list", THERE).out == whole.out
    (tmp_path / "list.gz").write_bytes(gzip.compress((tmp_path / "list").read_bytes()))
    assert run("migrate", "--files-from", "list.gz", THERE, "--jobs", "2").out == whole.out


def test_bad_uses_end_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other").write_text("0x603000000013c020 0x1")
    assert run("migrate", SAVED[0], THERE, "--partial", "a.part").code == 0
    assert run("migrate", SAVED[0], SAVED[1], "--kernel", "6.6", "--partial", "b.part").code == 0
    for words, says in (
        ((THERE,), "two are needed"),
        (("--merge", "a.part", "b.part"), "different destinations"),
        (("--merge", "other", "a.part"), "not a part"),
        ((SAVED[0], THERE, "--partial", "a.part"), "exists"),
        (("--files-from", "nowhere", THERE), "cannot be opened"),
    ):
        made = run("migrate", *words)
        assert_one_line_error(made)
        assert says in made.err
    made = run("compare", "--merge", "a.part")
    assert_one_line_error(made)
    assert "another question (migrate)" in made.err


@pytest.mark.parametrize("vmm", ["", "crosvm", "firecracker"])
def test_findings_that_decide_nothing_are_left_out_without_a_difference(vmm: str) -> None:
    """What is counted of an answer is that of the whole one."""
    there = load(THERE)
    for source in SAVED:
        whole, brief = (migrate(load(source), there, Given(vmm=vmm), ways_out=False, brief=b) for b in (False, True))
        assert outcome_of(whole) == outcome_of(brief)
        assert sum(len(vcpu.findings) for vcpu in brief.vcpus) < sum(len(vcpu.findings) for vcpu in whole.vcpus)


def test_a_snapshot_that_is_not_read_is_told_apart_from_its_registers(tmp_path: Path) -> None:
    saved = []
    for name in ("a", "b"):
        dump = written(load(SAVED[1])).decode().replace('"format": "kvm-recording"', '"format": "firecracker-vmstate"')
        tool = '"tool": "Firecracker 1.13 or 1.14, snapshot format 8.0.0"'
        text = re.sub(r'"tool": "[^"]*"', tool, dump)
        assert tool in text
        (tmp_path / name).write_text(text)
        saved.append(str(tmp_path / name))
    unread = "Firecracker 1.16 does not read snapshot format 8.0.0"
    done = run("migrate", *saved, THERE, "--vmm", "firecracker-1.16")
    assert f"before any write: {unread}" in done.out and "2 fail" in done.out.splitlines()[0]
    assert unread in run("migrate", *saved, THERE, "--vmm", "firecracker-1.16", "--markdown").out
    (outcome,) = run("migrate", *saved, THERE, "--vmm", "firecracker-1.16", "--json").json["outcomes"]
    assert outcome["file"].startswith(unread)
    (outcome,) = run("migrate", *saved, THERE, "--vmm", "firecracker-1.14", "--json").json["outcomes"]
    assert outcome["file"] is None
