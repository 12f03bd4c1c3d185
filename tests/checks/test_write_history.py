"""The history behind the Write dialog: kept, taken back, done again, asked of another kernel."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from inspector import sources
from inspector.checks.machine.machine import machine
from inspector.checks.machine.question import Given
from inspector.checks.writing.bench import Bench, bench_of
from inspector.checks.writing.history import CANNOT_UNDO, FIRST_RUN, History, steps_of
from inspector.checks.writing.scratch import PairedWrite
from inspector.checks.writing.typed import TypedWrite, typed_writes, words_of
from inspector.errors import RegisterError
from inspector.kvm.verdict import Verdict
from inspector.registers.bits import ALL, Partial
from inspector.registers.catalog import Register, by_id, find
from inspector.reports.writes import LogAbout, commands
from inspector.sources.live.scratch import ActualWrite

N2 = "builtin:neoverse-n2-linux-6.1"
STREAM = Path(__file__).parents[1] / "material" / "qemu" / "kvm-6.12_neoverse-n2_q100smp2.mig.xz"


def register(name: str) -> Register:
    return find(name).register


PFR0, MMFR2, SCTLR = (register(name) for name in ("ID_AA64PFR0_EL1", "ID_AA64MMFR2_EL1", "SCTLR_EL1"))


def bench_under(kernel: str) -> Bench:
    return Bench(machine(sources.load(N2), Given(kernel)).vms)


def history_of(bench: Bench) -> History:
    history = History()
    history.ask_of(bench)
    return history


def history_under(kernel: str, *lines: str) -> History:
    history = history_of(bench_under(kernel))
    for line in lines:
        history.do(steps_of(line))
    return history


def outcomes(history: History) -> list[str]:
    return [one.outcome for one in history.entries]


def test_undo_redo_and_reset_bring_every_state_back() -> None:
    history = history_under("6.12", "ID_AA64PFR0_EL1.DIT=0", "ID_AA64MMFR2_EL1.CCIDX=1", "ID_AA64PFR0_EL1.CSV2=0")
    assert outcomes(history) == ["accepted", "refused", "accepted"]
    assert set(history.changes()) == {PFR0.id}
    after = history.changes()[PFR0.id].after
    assert history.undo() == ""
    assert [one.step.text for one in history.entries] == ["DIT=0", "CCIDX=1"]
    assert history.changes()[PFR0.id].after.value ^ after.value == 1 << 56
    assert history.redo() == "" and history.changes()[PFR0.id].after == after
    assert history.reset() == "" and not history.entries and not history.changes()
    assert history.undo() == "" and history.changes()[PFR0.id].after == after
    while not history.undo():
        pass
    assert outcomes(history) == [] and "nothing to undo" in history.undo()
    assert history.texts(PFR0.id) == ("CSV2=0", "DIT=0")


def test_one_step_is_taken_back_from_the_middle() -> None:
    history = history_under("6.12", "ID_AA64PFR0_EL1.DIT=0", "ID_AA64PFR0_EL1.CSV2=0")
    assert history.drop(0) == "" and [one.step.text for one in history.entries] == ["CSV2=0"]
    assert history.bench is not None and (history.bench.now(PFR0.id) or 0) >> 48 & 0xF == 1
    assert history.undo() == "" and [one.step.text for one in history.entries] == ["DIT=0", "CSV2=0"]


def test_the_first_run_is_a_step() -> None:
    history = history_under("6.12", "ID_AA64PFR0_EL1.DIT=0")
    assert history.do([FIRST_RUN])[0].errno == 0 and history.ran
    history.do(steps_of("ID_AA64PFR0_EL1.DIT=1"))
    assert [(one.outcome, one.errno_name) for one in history.entries] == [
        ("accepted", ""),
        ("accepted", ""),
        ("refused", "EBUSY"),
    ]
    assert history.drop(1) == ""
    assert (history.ran, outcomes(history)) == (
        False,
        ["accepted", "accepted"],
    )  # (history) == ["accepted", "accepted"]


def test_the_same_steps_are_asked_of_another_kernel() -> None:
    history = history_under("6.12", "ID_AA64PFR0_EL1.DIT=0", "SCTLR_EL1=0x30d50838")
    assert outcomes(history) == ["accepted", "accepted"]
    history.ask_of(bench_under("6.1"))
    assert outcomes(history) == ["refused", "accepted"] and set(history.changes()) == {SCTLR.id}
    history.ask_of(None, "no such machine")
    assert not history.changes() and history.problem and len(history.entries) == 2
    history.ask_of(bench_under("6.12"))
    assert set(history.changes()) == {PFR0.id, SCTLR.id}


def test_a_real_write_is_put_down_and_never_taken_back() -> None:
    history = history_under("6.12", "ID_AA64PFR0_EL1.DIT=0")
    verdict = Verdict(id=PFR0.id, value=1, errno=0, before=5, after=1)
    actual = ActualWrite(id=PFR0.id, value=1, errno=22, before=5, after=5)
    history.record(PairedWrite(verdict, actual), "0x1")
    assert history.entries[-1].outcome == "refused" and history.entries[-1].errno_name == "EINVAL"
    assert history.undo() == history.drop(1) == CANNOT_UNDO
    history.drop(0)
    assert len(history.entries) == 1 and history.reset() == CANNOT_UNDO
    history.do(steps_of("ID_AA64PFR0_EL1.CSV2=0"))
    history.undo()
    assert [one.step.pair is not None for one in history.entries] == [True]


def test_nobody_knows_what_an_uncertain_write_left() -> None:
    dump = msgspec.structs.replace(sources.load("builtin:neoverse-n2-linux-6.12"), host=None)
    history = history_of(Bench(machine(dump, Given("6.2")).vms))
    (entry,) = history.do(steps_of("ID_AA64MMFR2_EL1.CCIDX=1"))
    assert entry.outcome == "uncertain"
    change = history.changes().get(MMFR2.id)
    now = history.bench.known(MMFR2.id) if history.bench else ALL
    assert not now >> 20 & 1 and (change is None or not change.after.known >> 20 & 1)


def test_saved_values_are_what_a_vcpu_starts_with() -> None:
    found = machine(sources.load(N2), Given("6.12"))
    lowered = found.exposure.values[PFR0.id] & ~(0xF << 48)
    bench = Bench(found.vms, {0: {PFR0.id: lowered, SCTLR.id: 0x1234}})
    assert bench.now(PFR0.id) == lowered and bench.now(SCTLR.id) == 0x1234 and not bench.changes()
    bench = Bench(found.vms, {0: {PFR0.id: lowered, SCTLR.id: 0x1234}}, stored_only=True)
    assert bench.now(PFR0.id) != lowered and bench.now(SCTLR.id) == 0x1234


def test_what_a_write_to_one_vcpu_changes_of_its_vm() -> None:
    found = machine(sources.load(N2), Given("6.12"))
    bench = Bench(lambda: found.vms(2))
    bench.make(PFR0, "DIT=0", 1)
    bench.make(SCTLR, "0x1234", 1)
    assert set(bench.changes(0)) == {PFR0.id} and set(bench.changes(1)) == {PFR0.id, SCTLR.id}


def test_wide_registers_keep_every_bit() -> None:
    found = machine(sources.load(N2), Given("6.1"))
    wide = next(one for one in map(by_id, found.listed) if one.name == "Z0")
    bench, value = Bench(found.vms), 1 << wide.size * 8 - 1
    bench.make(wide, hex(value))
    assert bench.changes()[wide.id].after == Partial(value, -1)


@pytest.mark.parametrize(
    ("line", "writes"),
    [
        ("0x1", [(PFR0, "0x1")]),
        ("DIT=0 CSV2=1", [(PFR0, "DIT=0 CSV2=1")]),
        ("dit = 0, csv2 = 1", [(PFR0, "dit=0 csv2=1")]),
        ("ID_AA64MMFR2_EL1.CCIDX=1", [(MMFR2, "CCIDX=1")]),
        ("mmfr2.ccidx=1 sctlr_el1=0x5", [(MMFR2, "CCIDX=1"), (SCTLR, "0x5")]),
        ("DIT=0 ID_AA64MMFR2_EL1=0 CCIDX=1", [(PFR0, "DIT=0"), (MMFR2, "0"), (MMFR2, "CCIDX=1")]),
        ("ID_AA64MMFR2_EL1.CCIDX=1 NV=0", [(MMFR2, "CCIDX=1 NV=0")]),
        ("0x603000000013c020=1", [(PFR0, "1")]),
        ("S3_0_C0_C4_0 = 0b1", [(PFR0, "0b1")]),
    ],
)  # fmt: skip
def test_a_line_of_writes(line: str, writes: list[tuple[Register, str]]) -> None:
    assert typed_writes(line, PFR0) == tuple(TypedWrite(*one) for one in writes)


@pytest.mark.parametrize("line", ["", "NOPE=1", "PFR9_EL1.X=1", "0x1 0x2=", "=", "DIT", "CSV2=0"])
def test_a_line_that_is_no_write_says_why(line: str) -> None:
    with pytest.raises(RegisterError):
        typed_writes(line)


def test_what_is_typed_comes_back_as_one_word_of_a_command() -> None:
    for line in ("ID_AA64MMFR2_EL1.CCIDX=1 NV=0", "SCTLR_EL1=0x5"):
        (one,) = typed_writes(line)
        assert one.command == line and typed_writes(one.command) == (one,)
    assert words_of("a = 1 ,b=2") == ["a=1", "b=2"]


@pytest.mark.parametrize("number", [0, 1])
def test_what_a_stream_shows_is_known_of_every_vcpu_after_another_field_was_written(number: int) -> None:
    # The stream names no kernel: whether that would show MPAM of an unknown host is open, the saved value is not.
    dump = sources.load(str(STREAM))
    bench = bench_of(machine(dump), [one.values for one in dump.vcpus])
    bench.make(PFR0, "DIT=0")
    saved = dump.vcpus[0].values[PFR0.id]
    assert bench.changes(number) == {PFR0.id: (Partial(saved, ALL), Partial(saved & ~(1 << 48), ALL))}
    # A value of which nobody knows whether it is taken is known of no vCPU.
    bench.make(PFR0, "MPAM=1")
    assert not bench.changes(number)[PFR0.id].after.known >> 40 & 1


def test_bits_of_shared_registers_that_are_not_known_are_so_of_every_vcpu() -> None:
    dump = sources.load(str(STREAM))
    bench = bench_of(machine(dump), [one.values for one in dump.vcpus])
    bench.make(PFR0, "DIT=0", 1)
    assert bench.known(PFR0.id, 0) == bench.known(PFR0.id, 1) != ALL


def test_a_command_behind_the_first_run_of_another_vcpu_says_that_the_vm_ran() -> None:
    dump = sources.load(str(STREAM))
    history = history_of(bench_of(machine(dump, Given("6.12")), [one.values for one in dump.vcpus]))
    history.do([FIRST_RUN])
    history.do([msgspec.structs.replace(step, vcpu=1) for step in steps_of("ID_AA64PFR0_EL1.DIT=0")])
    assert history.entries[-1].errno_name == "EBUSY"
    told = commands(history.entries, LogAbout(source=str(STREAM), title="", kernel="6.12", vcpus=("0", "1")))
    *_, first, second = told.replace(" \\\n   ", "").splitlines()
    assert first.endswith("--vcpu 0 run") and second.endswith("--vcpu 1 --ran ID_AA64PFR0_EL1.DIT=0")
    assert "# each command begins on a fresh VM" in told
