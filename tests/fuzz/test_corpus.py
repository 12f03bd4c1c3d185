"""Inputs that once failed never fail again; and every loader has a fuzzer that runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.sources.formats import FORMATS
from tests.fuzz.run import CORPUS, SECONDS, attempt, fuzz
from tests.fuzz.targets import TARGETS, Target

BY_NAME = {target.name: target for target in TARGETS}


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*-*")), ids=lambda path: path.name)
def test_what_failed_once(path: Path) -> None:
    _, problem, _ = attempt(BY_NAME[path.name.rpartition("-")[0]], path.read_bytes())
    assert not problem


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_each_fuzzer_runs(target: Target) -> None:
    """A few mutants of a fixed seed; at least one input of each is accepted as it stands."""
    seeds = target.seeds()
    results = [attempt(target, data) for data in seeds]
    assert not [problem for _, problem, _ in results if problem]
    assert target.name in ("recognised", "gdb", "qmp") or any(accepted for accepted, _, _ in results)
    figures = fuzz(target, "fixed", 600.0, 40)
    assert not figures.crashes and figures.slowest < SECONDS and figures.mutants == 40


def test_every_loader_has_a_fuzzer() -> None:
    assert set(FORMATS) <= set(BY_NAME)
    assert {"explain", "policy", "theme", "settings", "gdb", "qmp", "compressed"} <= set(BY_NAME)
