"""Options that would have no effect where they stand, or that contradict each other, are refused and never ignored."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import pytest

from inspector.sources.dump import ASK_WHOSE
from inspector.sources.formats import FORMATS
from tests.commands.running import assert_one_line_error, run

A, B = "builtin:neoverse-n2-linux-6.1", "builtin:neoverse-n2-linux-6.12"

REFUSED = (
    ("--rules: goes with one kernel", "kernels", "--rules"),
    ("--rules: goes with one kernel", "kernels", "6.1", "6.12", "--rules"),
    ("--kernel: goes with --baseline", "compare", A, B, "--kernel", "6.12"),
    ("--all: does not go with --baseline", "compare", A, B, "--baseline", "--all"),
    ("--all: does not go with FEAT_ names", "compare", A, B, "FEAT_SVE", "--all"),
    ("--qemu: does not go with --json", "compare", A, B, "--baseline", "--qemu", "--json"),
    ("--qemu: does not go with --markdown", "compare", A, B, "--baseline", "--qemu", "--markdown"),
    ("--partial: does not go with --json", "compare", A, B, "--partial", "new.part", "--json"),
    ("--force: replaces a file", "compare", A, B, "--force"),
    ("--partial: does not go with --markdown", "migrate", A, A, B, "--partial", "new.part", "--markdown"),
    ("--force: replaces a file", "migrate", A, B, "--force"),
    ("--kernel: does not go with all-kernels", "migrate", A, "all-kernels", "--kernel", "6.1"),
    ("--all: does not go with all-kernels", "migrate", A, "all-kernels", "--all"),
    ("--snapshot: chooses what is read of --source", "explain", "Failed to put registers", "--snapshot", "x"),
    ("--as: says whose values", "explain", "Failed to put registers", "--as", "host"),
    ("argument --text: not allowed with argument --json", "live", "--json", "--text"),
    ("argument --markdown: not allowed with argument --text", "demo", "--text", "--markdown"),
    (f"--as: {A} says itself whose values it holds", "show", A, "--as", "host"),
    (f"--as: {A} says itself whose values it holds", "summary", A, "--as", "vcpu"),
    ("--features: none does not go with other features", "summary", A, "--features", "sve,none"),
    ("--secrets: does not go with FEAT_ names", "compare", A, B, "FEAT_SVE", "--secrets"),
    ("--secrets: does not go with --baseline", "compare", A, B, "--baseline", "--secrets"),
    ("--secrets: does not go with --partial", "compare", A, B, "--partial", "new.part", "--secrets"),
    ("--secrets: does not go with --merge", "compare", "a.part", "--merge", "--secrets"),
    ("--secrets: goes with one SOURCE", "migrate", A, A, B, "--secrets"),
    ("--jobs: does not go with FEAT_ names", "compare", A, B, "FEAT_SVE", "--jobs", "2"),
    ("--jobs: does not go with --engine", "compare", A, B, "--engine", "dask", "--jobs", "2"),
    ("--jobs: does not go with --merge", "migrate", "a.part", "b.part", "--merge", "--jobs", "2"),
    ("--force: replaces a file", "convert", A, "-o", "-", "--force"),
    ("--force: replaces a file", "predict", "recording", "--force"),
    ("--force: replaces a file", "learn", "recording", "-o", "-", "--force"),
    ("--force: replaces a file", "record", "--force"),
    ("--force: replaces a file", "live", "--force"),
    ("--watch: reads live sources again", "--watch", "2", A),
    ("--watch: reads live sources again", "serve", "--watch", "2", A),
    ("--force: replaces a file", "compare", A, B, "--baseline", "--dump", "-", "--force"),
    *[("unrecognized arguments: --limit 2", *words, "--limit", "2")
      for words in (("decode", "MIDR_EL1", "1"), ("list",), ("formats",), ("locate",), ("completion", "bash"))],
)  # fmt: skip


@pytest.mark.parametrize(("message", "arguments"), [(one, rest) for one, *rest in REFUSED], ids=str)
def test_it_is_refused(
    message: str, arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    done = run(*arguments)
    assert_one_line_error(done)
    assert message in done.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", [("verify", A), ("learn", A), ("compare", "--merge", A)], ids=" ".join)
def test_what_reads_no_shipped_dump_offers_none(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert_one_line_error(done)
    assert "name a file, or - for standard input" in done.err


def test_the_formats_that_ask_whose_values_they_hold_are_those_that_as_is_taken_for() -> None:
    modules = [importlib.import_module(f"inspector.sources.formats.{name}") for name in FORMATS]
    asking = {one.NAME for one in modules if "content.declared" in inspect.getsource(one)}
    assert asking == set(ASK_WHOSE)


def test_what_is_no_recording_is_told_what_one_is(tmp_path: Path) -> None:
    (tmp_path / "prose.txt").write_text("hello\n", encoding="utf-8")
    for command in ("verify", "learn", "predict"):
        done = run(command, str(tmp_path / "prose.txt"))
        assert_one_line_error(done)
        assert "a kvm-recording is expected" in done.err
