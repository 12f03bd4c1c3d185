"""`--table` of compare and migrate: read back by the programs that it is for."""

from __future__ import annotations

import csv
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from inspector.checks.fleet.reading import in_order
from inspector.checks.fleet.table import harmless
from inspector.checks.restore.migration import migrate
from inspector.checks.restore.result import MigrationReport
from inspector.commands import fleet
from inspector.commands.migrate import CHUNK
from inspector.registers.encoding import make_id, sysreg_id
from inspector.sources.dump import Dump
from tests.commands.running import assert_one_line_error, run
from tests.fresh import ROOT

PFR0, X0 = sysreg_id(3, 0, 0, 4, 0), make_id(0x10, 0)


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two dumps, one of which is named like a formula, and one that is known in part."""
    (tmp_path / "=1+2.txt").write_text(f"0x{PFR0:x} 0x12\n0x{X0:x} 0x5ec5e7\n")
    (tmp_path / "b.txt").write_text(f"0x{PFR0:x} 0x2000000000000011\n0x{X0:x} 1\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_csv_is_read_back_and_runs_nothing(hosts: Path) -> None:
    done = run("compare", "=1+2.txt", "b.txt", "--table", "t.csv")
    assert done.code == 1 and "wrote t.csv: 2 rows" in done.err
    with (hosts / "t.csv").open(newline="") as text:
        first, second = csv.DictReader(text)
    assert (first["dump"], second["dump"]) == ("'=1+2.txt", "b.txt")
    assert (first["ID_AA64PFR0_EL1"], second["ID_AA64PFR0_EL1"]) == ("0x0000000000000012", "0x2000000000000011")
    assert (first["ID_AA64PFR0_EL1.EL0"], second["ID_AA64PFR0_EL1.CSV3"]) == ("2", "2")
    assert "X0" not in first and b"5ec5e7" not in (hosts / "t.csv").read_bytes()


@pytest.mark.parametrize("cell", ["=a", "+a", "-a", "@a", "\ta", "\na", "'=a", "\uff1da", "\uff0ba"])
def test_no_cell_is_a_formula(cell: str) -> None:
    assert str(harmless(cell))[0] == "'" and harmless(f"x{cell}") == f"x{cell}" and harmless(-1) == -1


def test_secrets_and_state_only_where_they_are_asked_for(hosts: Path) -> None:
    for words, there in (((), False), (("--all",), False), (("--all", "--secrets"), True)):
        run("compare", "=1+2.txt", "b.txt", "--table", "t.csv", "--force", *words)
        assert ("X0" in (hosts / "t.csv").read_text().splitlines()[0].split(",")) is there


def test_parquet_is_read_back(hosts: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra `fleet` (pyarrow) is not installed")
    done = run("compare", "=1+2.txt", "b.txt", "--table", "t.parquet")
    assert done.code == 1, done.err
    table = parquet.read_table(hosts / "t.parquet").to_pydict()
    assert table["dump"] == ["=1+2.txt", "b.txt"] and table["ID_AA64PFR0_EL1.EL0"] == [2, 1]
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    asked = 'select dump, "ID_AA64PFR0_EL1" from \'t.parquet\' where "ID_AA64PFR0_EL1.CSV3" = 2'
    assert duckdb.sql(asked).fetchall() == [("b.txt", "0x2000000000000011")]


@pytest.mark.parametrize("megabytes", [230, 300, 450])
def test_too_little_address_space_for_parquet_is_one_line(hosts: Path, megabytes: int) -> None:
    """pyarrow and what it loads ended the program, with SIGABRT or words of their own."""
    pytest.importorskip("pyarrow")
    command = [sys.executable, "-m", "inspector", "compare", "=1+2.txt", "b.txt", "--table", "t.parquet"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20)),
    )  # fmt: skip
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and not (hosts / "t.parquet").exists()
    assert "pyarrow may need 512 MB" in done.stderr


def test_what_cannot_be_written_is_told_before_the_work(hosts: Path) -> None:
    (hosts / "there.csv").write_text("mine")
    for words in (("--table", "t.xls"), ("--table", "there.csv"), ("--table", "t.csv", "--baseline")):
        assert_one_line_error(run("compare", "nothing.txt", *words))
    assert (hosts / "there.csv").read_text() == "mine"


def test_what_cannot_be_read_is_a_row(hosts: Path) -> None:
    """The table has a row for every source, or says so with exit code 2."""
    (hosts / "empty").touch()
    words = ("compare", "b.txt", "empty", "=1+2.txt", "gone", "--table", "t.csv")
    assert_one_line_error(run(*words))
    assert not (hosts / "t.csv").exists()
    done = run(*words, "--skip-unreadable")
    assert done.code == 1 and "wrote t.csv: 4 rows" in done.err
    with (hosts / "t.csv").open(newline="") as text:
        rows = list(csv.DictReader(text))
    assert [row["dump"] for row in rows] == ["b.txt", "empty", "'=1+2.txt", "gone"]
    assert [row["unread"][:10] for row in rows] == ["", "is empty", "", "cannot be "]
    assert rows[1]["ID_AA64PFR0_EL1"] == "" and rows[0]["ID_AA64PFR0_EL1"] == "0x2000000000000011"
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra `fleet` (pyarrow) is not installed")
    assert run(*words[:-1], "t.parquet", "--skip-unreadable").code == 1
    assert parquet.read_table(hosts / "t.parquet").to_pydict()["unread"][:2] == [None, "is empty"]


SAVED = ("builtin:neoverse-n2-linux-6.1", "builtin:neoverse-n2-linux-6.12", "builtin:cortex-a72-linux-6.1")
THERE = "builtin:neoverse-n2-linux-6.12"


def test_a_row_for_each_saved_vm_says_what_stops_it_first(hosts: Path) -> None:
    """As `migrate` says it of each alone."""
    (hosts / "=1+2\n.txt").write_text("nothing")
    words = ("migrate", *SAVED, "=1+2\n.txt", THERE, "--skip-unreadable", "--table")
    done = run(*words, "t.csv")
    assert done.code == 1 and "wrote t.csv: 4 rows" in done.err and done.out.startswith("Of 3 saved VMs")
    with (hosts / "t.csv").open(newline="") as text:
        rows = list(csv.DictReader(text))
    assert [row["source"] for row in rows] == [*SAVED, "'=1+2 .txt"]
    assert rows[3]["unread"] and not any(rows[3][name] for name in rows[3] if name not in ("source", "unread"))
    for row in rows[:3]:
        alone = run("migrate", row["source"], THERE, "--json").json
        findings = [one for vcpu in alone["vcpus"] for one in vcpu["findings"]]
        refused = [one for one in findings if one["errno"]]
        assert (row["verdict"], row["vmm"], row["destination"]) == (alone["verdict"], alone["vmm"], THERE)
        assert row["register"] == (refused[0]["name"] if refused else "")
        assert row["errno"] == (refused[0]["errno_name"] if refused else "")
        assert row["uncertain"] == str(sum(one["kind"] == "uncertain" for one in findings))
    assert (rows[0]["register"], rows[0]["fields"], rows[0]["vcpu"], rows[0]["fatal"]) == (
        "ID_MMFR4_EL1",
        "CCIDX",
        "0",
        "2",
    )
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra `fleet` (pyarrow) is not installed")
    assert run(*words, "t.parquet").code == 1
    table = parquet.read_table(hosts / "t.parquet")
    assert {str(table.schema.field(name).type) for name in ("vcpu", "fatal", "uncertain", "changed")} == {"uint64"}
    assert table.to_pydict()["fatal"] == [2, 0, int(rows[2]["fatal"]), None]
    assert table.to_pydict()["source"][3] == "=1+2 .txt"


def test_each_vm_is_answered_once_and_the_report_is_the_same(hosts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("migrate", *SAVED, "gone", THERE, "--skip-unreadable")
    without, asked = run(*words), []

    def counted(source: Dump, *given: Any, **named: Any) -> MigrationReport:
        asked.append(source.provenance.source)
        return migrate(source, *given, **named)

    monkeypatch.setattr("inspector.checks.fleet.loading.migrate", counted)
    with_table = run(*words, "--table", "t.csv")
    assert asked == list(SAVED)
    assert (with_table.code, with_table.out) == (without.code, without.out)
    assert without.err and without.err in with_table.err


def test_a_table_of_one_saved_vm_and_what_has_none(hosts: Path) -> None:
    done = run("migrate", SAVED[1], THERE, "--table", "t.csv")
    assert done.code == 0 and "wrote t.csv: 1 row\n" in done.err
    for words in (("--table", "t.csv"), ("--table", "u.csv", "--partial", "p"), ("--table", "u.csv", "--why")):
        assert_one_line_error(run("migrate", SAVED[1], THERE, *words))
    assert not (hosts / "u.csv").exists()


@pytest.mark.parametrize("words", [(), ("--skip-unreadable",)], ids=["all", "skipping"])
def test_processes_write_the_rows_that_one_writes(
    hosts: Path, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """More VMs than one task has: the same rows in the same order, the same report, the same error."""
    started = []

    def noted(work: Any, paths: Any, asked: Any, jobs: int, chunk: int) -> Any:
        started.append(jobs)
        return in_order(work, paths, asked, jobs, chunk)

    monkeypatch.setattr(fleet, "in_order", noted)
    there = [SAVED[n % 3] for n in range(CHUNK * 2 + 3)]
    if words:
        there[CHUNK + 1] = "gone"
    told = []
    for jobs in ("1", "3"):
        done = run("migrate", *there, THERE, *words, "--jobs", jobs, "--table", "t.csv", "--force", "--json")
        told.append((done.code, done.out, (hosts / "t.csv").read_bytes()))
    assert started == [3]
    assert told[0] == told[1] and told[0][2].count(b"\n") == len(there) + 1
    broken = [*there[:-1], "gone", "gone too", THERE]
    errors = [run("migrate", *broken, "--jobs", jobs, "--table", "u.csv") for jobs in ("1", "3")]
    assert errors[0].err == errors[1].err and not (hosts / "u.csv").exists()
