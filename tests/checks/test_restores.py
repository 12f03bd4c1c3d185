"""The measured restores: what the check says is what real kernels and real QEMUs did."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from inspector.checks.machine.question import Given
from inspector.checks.restore.migration import migrate
from inspector.checks.restore.result import MigrationReport
from inspector.registers.ids import CNTPCT_EL0, CNTVCT_EL0
from inspector.sources import load
from tests.checks.material import Pair, number, read_fresh, read_pair
from tests.material import files, label, material, read_text

_COUNTERS = {CNTVCT_EL0, CNTPCT_EL0}


@pytest.fixture(scope="module", params=files("restores", "*--to--*"), ids=label)
def pair(request: pytest.FixtureRequest) -> Pair:
    return read_pair(request.param)


@pytest.fixture(scope="module")
def report(pair: Pair) -> MigrationReport:
    return migrate(pair.source, pair.destination, Given(vmm="qemu-10.0"), ways_out=False)


def _ids(pair: Pair, in_source: int, in_destination: int) -> set[int]:
    return {number(r["reg"]) for r in pair.rows if r["in_src"] == in_source and r["in_dst"] == in_destination}


def test_there_are_measured_pairs() -> None:
    assert len(files("restores", "*--to--*")) >= 7


def test_the_refused_ids_are_the_measured_ones(pair: Pair, report: MigrationReport) -> None:
    measured = {number(r["reg"]): r["errno"] for r in pair.rows if r["in_src"] and r["in_dst"] and r["errno"]}
    assert {f.id: f.errno for f in report.of_kind("refused")} == measured


def test_the_list_differences_are_the_measured_ones(pair: Pair, report: MigrationReport) -> None:
    assert {f.id for f in report.of_kind("only_in_source")} == _ids(pair, 1, 0)
    assert {f.id for f in report.of_kind("missing_in_source")} == _ids(pair, 0, 1)
    assert {f.errno for f in report.of_kind("only_in_source")} <= {2}


def test_every_register_reads_back_as_measured(pair: Pair, report: MigrationReport) -> None:
    found = {f.id: f for f in report.findings}
    wrong = []
    for row in pair.rows:
        reg_id = number(row["reg"])
        if not row["in_src"] or not row["in_dst"] or row["errno"] or reg_id in _COUNTERS:
            continue
        if found[reg_id].after != number(row["after"]):
            wrong.append((row, found[reg_id].after))
    assert not wrong


def test_counters_are_told_to_run_on(pair: Pair, report: MigrationReport) -> None:
    running = [f for f in report.findings if f.id in _COUNTERS and f.kind == "changed"]
    assert running and all(f.expected and f.after is None for f in running)


def test_changed_is_what_does_not_read_back(pair: Pair, report: MigrationReport) -> None:
    measured = {
        number(r["reg"])
        for r in pair.rows
        if r["in_src"] and r["in_dst"] and not r["errno"] and number(r["after"]) != number(r["written"])
    }
    assert {f.id for f in report.of_kind("changed")} == measured


def test_the_verdict_is_that_of_the_real_load(pair: Pair, report: MigrationReport) -> None:
    refused = any(r["in_src"] and r["errno"] for r in pair.rows)
    assert report.verdict == ("fails" if refused else "loads")
    assert report.exit_code == int(refused)


def _summary() -> list[dict[str, Any]]:
    """The rows of which both the stream and the destination's own values are there."""
    rows = [json.loads(line) for line in read_text("restores", "summary.jsonl.xz").splitlines()]
    return [row for row in rows if _stream(row).exists() and _fresh(row).exists()]


def _stream(row: dict[str, Any]) -> Path:
    return material("qemu") / f"kvm-{row['src']}.mig.xz"


def _fresh(row: dict[str, Any]) -> Path:
    return material("restores") / f"fresh-vcpu_{row['dst_kernel']}_{row['dst_cpu']}.jsonl.xz"


@pytest.mark.parametrize("row", _summary(), ids=lambda r: f"{r['src']}-{r['dst_kernel']}-{r['dst_cpu']}")
def test_streams_onto_fresh_vcpus_as_the_summary_says(row: dict[str, Any]) -> None:
    """The other way round: the real stream and the destination's own dump."""
    report = migrate(load(str(_stream(row))), read_fresh(_fresh(row)), Given(vmm="qemu-10.0"), ways_out=False)
    assert [f.id for f in report.of_kind("refused")] == [number(r["id"]) for r in row["refused"]]
    assert [f.id for f in report.of_kind("only_in_source")] == [number(r["id"]) for r in row["only_in_src"]]
    assert [f.id for f in report.of_kind("missing_in_source")] == [number(i) for i in row["missing_in_src"]]
    assert report.vcpus[0].source_count == row["src_regs"]
    assert report.vcpus[0].destination_count == row["dst_regs"]


def test_newer_qemu_drops_the_three_registers_of_older_kernels() -> None:
    """6.12 to 7.3: 10.0 fails on the list's length, 11.1 loads."""
    pair = read_pair(material("restores", "6.12_neoverse-n2_q100--to--7.3_neoverse-n2.jsonl.xz"))
    old = migrate(pair.source, pair.destination, Given(vmm="qemu-10.0"), ways_out=False)
    assert old.verdict == "fails"
    assert old.messages[0] == "Invalid value 269 expecting positive value <= 268"
    assert migrate(pair.source, pair.destination, Given(vmm="qemu-11.1"), ways_out=False).verdict == "loads"


def test_the_messages_are_those_that_qemu_printed() -> None:
    pair = read_pair(material("restores", "6.1_neoverse-n2_q100--to--6.12_neoverse-n2.jsonl.xz"))
    for vmm, name in (
        ("qemu-7.2", "qemu-7.2-refused"),
        ("qemu-10.0", "qemu-10.0-refused"),
        ("qemu-11.1", "qemu-11.1-refused"),
    ):
        printed = read_text("qemu-output", f"{name}.txt")
        report = migrate(pair.source, pair.destination, Given(vmm=vmm), ways_out=False)
        assert report.messages
        for line in report.messages:
            assert line in printed
