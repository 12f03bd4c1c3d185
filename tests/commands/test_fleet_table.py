"""`compare --table`: read back by the programs that it is for."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from inspector.checks.fleet.table import harmless
from inspector.registers.encoding import make_id, sysreg_id
from tests.commands.running import assert_one_line_error, run

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


@pytest.mark.parametrize("cell", ["=a", "+a", "-a", "@a", "\ta", "'=a"])
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


def test_what_cannot_be_written_is_told_before_the_work(hosts: Path) -> None:
    (hosts / "there.csv").write_text("mine")
    for words in (("--table", "t.xls"), ("--table", "there.csv"), ("--table", "t.csv", "--baseline")):
        assert_one_line_error(run("compare", "nothing.txt", *words))
    assert (hosts / "there.csv").read_text() == "mine"
