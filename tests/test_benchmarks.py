"""The table of what the program costs: its rows, how figures are kept, and that the README shows what was kept."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from tests.benchmarks import __main__ as command
from tests.benchmarks import table
from tests.benchmarks.bench import Bench
from tests.benchmarks.table import Figure

README = Path(__file__).resolve().parent.parent / "README.md"


def test_the_readme_shows_the_figures_that_were_kept() -> None:
    text = README.read_text(encoding="utf-8")
    assert table.with_table(text, table.read_kept()) == text, "python -m tests.benchmarks --only= --keep"


def test_rows_are_unlike_and_each_group_can_be_measured() -> None:
    assert len(table.BY_KEY) == len(table.ROWS)
    assert set(table.read_kept()) <= set(table.BY_KEY)
    for name in command.GROUPS:
        assert callable(import_module(f"tests.benchmarks.rows.{name}").figures)


def test_a_kept_figure_stays_until_its_row_is_measured_again(tmp_path: Path) -> None:
    path = tmp_path / "last.json"
    table.keep([Figure("show", 5.5, "66 ms"), Figure("decode", 4.5)], "first", path)
    kept = table.keep([Figure("show", 7.0)], "second", path)
    assert [(key, one.figure.value, one.run) for key, one in kept.items()] == [
        ("show", 7.0, "second"),
        ("decode", 4.5, "first"),
    ]
    shown = table.line(table.BY_KEY["show"], kept["show"].figure, Figure("show", 5.5))
    assert shown[2:6] == ["7.00", "6", "no", "5.50"]
    assert table.line(table.BY_KEY["version"], None)[2:5] == ["not measured", "1.4", ""]


def test_a_ratio_is_the_median_of_pairs_measured_in_turn(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 3, python="/usr/bin/python3")
    turns: list[str] = []

    def ours(values: list[float]) -> float:
        turns.append("ours")
        return values.pop()

    def peer(values: list[float]) -> float:
        turns.append("peer")
        return values.pop()

    mine, theirs = [1.0, 30.0, 6.0], [1.0, 10.0, 1.0]
    found = bench.against("show", lambda: ours(mine), lambda: peer(theirs))
    assert found.value == 3.0 and turns == ["ours", "peer"] * 3
