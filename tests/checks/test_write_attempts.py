"""The bench behind the Write dialog: judged while typing, kept when made, taken back."""

from __future__ import annotations

import errno

import pytest

from inspector import sources
from inspector.checks.machine.machine import machine
from inspector.checks.machine.question import Given
from inspector.checks.writing.bench import Bench
from inspector.registers.catalog import Register, find

N2 = "builtin:neoverse-n2-linux-6.1"


def bench_under(kernel: str, source: str = N2) -> Bench:
    return Bench(machine(sources.load(source), Given(kernel)).vms)


def register(name: str) -> Register:
    return find(name).register


@pytest.mark.parametrize(("text", "value"), [("0x21110", 0x21110), ("0b10", 2), ("12_3", 123), ("CCIDX=0", 0x21110)])
def test_every_way_to_write_a_value(text: str, value: int) -> None:
    assert bench_under("6.2").judge(register("ID_MMFR4_EL1"), text).value == value


def test_several_fields_at_once() -> None:
    attempt = bench_under("6.12").judge(register("ID_AA64PFR0_EL1"), "SVE=0 DIT=0")
    assert attempt.verdict is not None and [field.name for field in attempt.changed] == ["DIT", "SVE"]


@pytest.mark.parametrize("text", ["zz", "NOPE=1", "CCIDX=", "0x1_0000_0000_0000_0000", "CCIDX=99", "="])
def test_a_text_that_is_no_value_says_why(text: str) -> None:
    attempt = bench_under("6.2").judge(register("ID_MMFR4_EL1"), text)
    assert attempt.verdict is None and attempt.value is None
    assert attempt.problem and "\n" not in attempt.problem


def test_nothing_typed_is_no_problem() -> None:
    attempt = bench_under("6.2").judge(register("ID_MMFR4_EL1"), "  ")
    assert not attempt.problem and attempt.verdict is None


def test_judging_changes_nothing_and_making_does() -> None:
    bench, one = bench_under("6.12"), register("ID_AA64PFR0_EL1")
    before = bench.now(one.id)
    told = bench.judge(one, "DIT=0")
    assert told.verdict is not None and told.verdict.errno == 0
    assert bench.now(one.id) == before
    bench.make(one, "DIT=0")
    assert bench.now(one.id) == told.value != before
    bench.renew()
    assert bench.now(one.id) == before


def test_a_refused_write_is_remembered_and_its_way_out_passes() -> None:
    bench, one = bench_under("6.2+mask-ccidx"), register("ID_MMFR4_EL1")
    attempt = bench.make(one, "0x1021110")
    assert attempt.verdict is not None and attempt.verdict.errno == errno.EINVAL
    assert [field.name for field in attempt.changed] == ["CCIDX"]
    assert attempt.verdict.would_pass is not None
    again = bench.judge(one, hex(attempt.verdict.would_pass))
    assert again.verdict is not None and again.verdict.errno == 0


def test_the_first_run_freezes() -> None:
    bench, one = bench_under("6.12"), register("ID_AA64PFR0_EL1")
    bench.make(one, "DIT=0")
    assert bench.run() == 0 and bench.ran
    frozen = bench.judge(one, "DIT=1").verdict
    assert frozen is not None and frozen.errno == errno.EBUSY
    assert (bench.now(one.id) or 0) >> 48 & 0xF == 0


def test_a_value_that_reads_back_as_written() -> None:
    bench, one = bench_under("6.2+mask-ccidx-keep"), register("ID_MMFR4_EL1")
    verdict = bench.make(one, "0x1021110").verdict
    assert verdict is not None and verdict.outcome == "accepted" and bench.now(one.id) == 0x1021110
    tolerant = bench_under("6.2+mask-ccidx-tolerant").make(one, "0x1021110").verdict
    assert tolerant is not None and tolerant.outcome == "ignored" and tolerant.after == 0x21110
