"""Reports of migration checks: the JSON that programs read, text and Markdown that people read."""

from __future__ import annotations

import json

import msgspec
import pytest

from inspector.checks.machine.question import Given
from inspector.checks.restore.migration import migrate, migrate_all_kernels
from inspector.checks.restore.result import MigrationReport
from inspector.policies.loader import load_policy
from inspector.reports.json import dumps
from inspector.reports.kernel_matrix import matrix_json, matrix_markdown, matrix_text
from inspector.reports.migration import (
    migration_json,
    migration_markdown,
    migration_text,
)
from tests.checks.material import MMFR2, changed, shipped


@pytest.fixture(scope="module")
def report() -> MigrationReport:
    return migrate(shipped("neoverse-n2", "6.1"), shipped("neoverse-n2", "6.12"), Given(vmm="qemu-11.1"))


def test_json_has_the_promised_keys(report: MigrationReport) -> None:
    answer = json.loads(dumps(migration_json(report)))
    assert answer["verdict"] == "fails" and answer["vmm"] == "qemu-11.1"
    assert answer["source"]["source"] == "builtin:neoverse-n2-linux-6.1"
    assert answer["destination"]["kernel"] == "6.12.107+deb13-cloud-arm64"
    (vcpu,) = answer["vcpus"]
    kinds = {f["kind"] for f in vcpu["findings"]}
    assert kinds == {"refused", "changed", "missing_in_source"}
    (mmfr2,) = [f for f in vcpu["findings"] if f["name"] == "ID_AA64MMFR2_EL1"]
    assert mmfr2["id"] == f"0x{MMFR2:016x}" and mmfr2["kind"] == "refused"
    assert mmfr2["value"] == "0x1221011112101011" and mmfr2["destination"] == "0x1221011112001011"
    assert mmfr2["errno"] == 22 and mmfr2["errno_name"] == "EINVAL" and mmfr2["after"] == "0x1221011112001011"
    assert {"reason", "rule", "reference"} <= mmfr2.keys() and mmfr2["rule"]
    (field,) = mmfr2["fields"]
    assert (field["name"], field["msb"], field["lsb"], field["value"], field["destination"]) == ("CCIDX", 23, 20, 1, 0)
    assert field["accepted"] is False


def test_json_tells_every_register_on_request(report: MigrationReport) -> None:
    every = migration_json(report, every=True)["vcpus"][0]["findings"]
    assert len(every) == 269 and sum(f["kind"] == "accepted" for f in every) > 200
    assert len({f["id"] for f in every}) == len(every)


def test_text_begins_with_the_answer(report: MigrationReport) -> None:
    text = migration_text(report)
    first = text.splitlines()[0]
    assert first.startswith("✖ fails") and "ID_MMFR4_EL1" in first
    assert text.index("Stops it first") < text.index("Refused as well") < text.index("Ways out")
    assert "11 not saved: cache normalisation (CCSIDR[3..13])" in text
    assert "PIR_EL1: listed only when the vCPU has FEAT_TCR2 / FEAT_S1PIE, since 6.13" in text
    assert "Could not set register system register op0:3 op1:0 crn:0 crm:7 op2:2 to 1221011112101011" in text
    assert "SCTLR_EL1" not in text and "SCTLR_EL1" in migration_text(report, every=True)


def test_markdown_is_a_table(report: MigrationReport) -> None:
    text = migration_markdown(report)
    assert text.startswith("## Restore fails")
    assert "| ID_AA64MMFR2_EL1 | CCIDX 1→0 |" in text
    assert text.count("```") % 2 == 0


def test_equal_findings_of_several_vcpus_are_one() -> None:
    dump = shipped("neoverse-n2", "6.1")
    one = dump.vcpus[0]
    both = msgspec.structs.replace(
        changed(dump, {}), one_vm=True, vcpus=tuple(msgspec.structs.replace(one, index=i) for i in range(2))
    )
    text = migration_text(migrate(both, shipped("neoverse-n2", "6.12"), ways_out=False))
    assert text.count("ID_AA64MMFR2_EL1  vCPU 0, 1") == 1 and "vCPU 0, 1" in text


def test_text_from_files_cannot_reach_the_terminal() -> None:
    evil = "vm\x1b[31m\nfake: loads"
    source = changed(shipped("cortex-a72", "6.1"), {}, source=evil, tool=evil, machine=evil)
    target = changed(shipped("cortex-a72", "6.12"), {}, source=evil)
    report = migrate(source, target)
    for text in (migration_text(report), migration_markdown(report)):
        assert "\x1b" not in text and "\nfake" not in text
    assert "\x1b" not in dumps(migration_json(report))


def test_the_matrix_in_three_forms() -> None:
    policies = [load_policy(name) for name in ("6.1", "6.12")]
    matrix = migrate_all_kernels(shipped("neoverse-n2", "6.1"), Given(vmm="qemu-10.0"), policies=policies)
    assert matrix_text(matrix).startswith("= loads on 1 of 2 kernels")
    assert "ID_MMFR4_EL1 EINVAL" in matrix_text(matrix)
    rows = matrix_json(matrix)["kernels"]
    assert [(row["kernel"], row["verdict"], row["refused"]) for row in rows] == [
        ("6.1", "loads", 0),
        ("6.12", "fails", 2),
    ]
    assert rows[1]["first"]["name"] == "ID_MMFR4_EL1"
    assert "| 6.12 | ✖ fails | 2 |" in matrix_markdown(matrix)
