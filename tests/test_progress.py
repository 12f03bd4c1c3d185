"""How far a long work has come: who hears it, which work is told, and that it leaves a clean line behind."""

from __future__ import annotations

import gzip
import io
import lzma
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path

import pytest

from inspector import progress, sources
from inspector.checks.recordings.verify import verify
from inspector.progress import Progress, clear, steps, tell_again, telling, told_nowhere, under_way, work
from tests.commands.running import run
from tests.terminal.terminal import Terminal

NEOVERSE = "builtin:neoverse-n2-linux-6.1"


class Clock:
    """Time that goes on when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Screen(io.StringIO):
    """Standard error that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


@pytest.fixture
def screen() -> Screen:
    return Screen()


@contextmanager
def command(error: io.StringIO) -> Iterator[None]:
    """As a command does, with this standard error: pytest puts its own in place after the fixtures."""
    with redirect_stderr(error), telling():
        yield


def test_nothing_is_told_of_what_is_done_within_two_seconds_and_the_line_is_clean_behind_the_rest(
    clock: Clock, screen: Screen
) -> None:
    with command(screen), work("restoring", 10) as told:
        clock.now += 1.9
        told.at(3)
        assert screen.getvalue() == ""
        clock.now += 0.1
        told.at(4)
        assert screen.getvalue() == "\r\x1b[Krestoring: 4 of 10 (40 %), about 3 s more"
    assert screen.getvalue().endswith("more\r\x1b[K")


def test_what_cannot_be_counted_says_how_long_it_has_taken(clock: Clock, screen: Screen) -> None:
    with command(screen), work("recording lab:6.12, lines"):
        clock.now += 42
        tell_again()
        assert screen.getvalue() == "\r\x1b[Krecording lab:6.12, lines: 42 s so far"
        clear()
        assert screen.getvalue().endswith("\r\x1b[K")


def test_the_seconds_are_those_of_the_whole_command(clock: Clock, screen: Screen) -> None:
    with command(screen):
        clock.now += 5
        with work("reading") as told:
            told.at(1)
    assert "reading: 1 in 0 s" in screen.getvalue()


def test_of_pieces_within_a_piece_the_outermost_is_told_with_what_is_read_for_it(
    clock: Clock, screen: Screen, tmp_path: Path
) -> None:
    (tmp_path / "some").write_bytes(bytes(3_000_000))
    with command(screen):
        for number in steps("comparing points", range(3)):
            clock.now += 2
            with work("inside", 100) as inner, (tmp_path / "some").open("rb", buffering=0) as file:
                inner.at(50)
                told = under_way()
                assert told is not None and told is not inner
                file.seek(1_000_000 * number)
                clock.now += 1
                told.read(file, 0)
            clock.now += 1
        assert under_way() is None
    assert "inside" not in screen.getvalue()
    assert "comparing points: 1 of 3 (33 %), about 8 s more" in screen.getvalue()
    assert "comparing points: 1 of 3, of the next 1 of 3 MB" in screen.getvalue()


def test_nobody_hears_a_library_another_thread_or_the_screens(clock: Clock, screen: Screen) -> None:
    def asked() -> None:
        with work("here", 2) as told:
            clock.now += 60
            told.at(1)

    with redirect_stderr(screen):
        asked()
    with command(screen):
        other = threading.Thread(target=asked)
        other.start()
        other.join()
        with told_nowhere():
            asked()
        assert screen.getvalue() == ""
        asked()
    assert screen.getvalue().startswith("\r\x1b[Khere: 1 of 2")


def test_a_screen_hears_the_sentences_alone(clock: Clock, screen: Screen) -> None:
    heard: list[str] = []
    with redirect_stderr(screen), telling(heard.append), work("reading \x1b[31mx") as told:
        clock.now += 3
        told.bytes_at(12_000_000, 48_000_000)
    assert len(heard) == 1 and heard[0].endswith(": 12 of 48 MB (25 %), about 9 s more")
    assert "\x1b" not in heard[0] and screen.getvalue() == ""


@pytest.mark.parametrize(("seconds", "left"), [(3, "9 s"), (60, "3 min"), (3600, "180 min"), (36000, "30 h")])
def test_long_waits_are_told_in_minutes_and_hours(seconds: int, left: str, clock: Clock, screen: Screen) -> None:
    with command(screen), work("reading") as told:
        clock.now += seconds
        told.bytes_at(250_000_000, 1_000_000_000)
    left = left if left != "180 min" else "3 h"
    assert f"(25 %), about {left} more" in screen.getvalue()


@pytest.mark.parametrize("columns", [40, 60, 80])
@pytest.mark.parametrize("name", ["a-long-name-of-a-file-" * 9, "図" * 80, "short"], ids=["long", "wide", "short"])
def test_what_is_told_stays_one_line_since_only_one_can_be_written_over(
    columns: int, name: str, clock: Clock, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_columns", lambda stream: columns)
    with command(screen), work(f"reading {name}") as told:
        clock.now += 10
        told.bytes_at(1_234_000_000, 9_999_000_000)
    line = screen.getvalue().split("\r\x1b[K")[1]
    assert sum(1 if letter.isascii() else 2 for letter in line) < columns
    assert "1,234 of 9,999 MB" in line


def test_an_error_is_told_on_a_clean_line(clock: Clock, screen: Screen) -> None:
    def fail() -> None:
        for one in steps("asking", range(5)):
            clock.now += 2
            if one == 3:
                raise ValueError

    with pytest.raises(ValueError), command(screen):
        fail()
    assert screen.getvalue().endswith("\r\x1b[K")
    assert under_way() is None


def test_where_standard_error_is_no_terminal_a_line_comes_now_and_then(
    clock: Clock,
) -> None:
    log = io.StringIO()
    with command(log), work("reading", 100) as told:
        for number in range(40):
            clock.now += 1
            told.at(number)
    assert log.getvalue().splitlines() == [
        "vcpu-inspector: reading: 14 of 100 (14 %), about 92 s more",
        "vcpu-inspector: reading: 29 of 100 (29 %), about 73 s more",
    ]


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Everything that is told of a command, without waiting for it to take long."""
    told: list[str] = []
    monkeypatch.setattr(progress, "FIRST", 0.0)
    monkeypatch.setattr(progress, "EVERY_LINE", 0.0)
    monkeypatch.setattr(progress, "_EVERY_DRAW", 0.0)
    monkeypatch.setattr(Progress, "say", lambda self, text: told.append(text))
    return told


SLICE = Path(__file__).parent / "material" / "recordings" / "linux-6.12.57-neoverse-n2.jsonl.xz"
STREAM = Path(__file__).parent / "material" / "qemu" / "kvm-6.1_neoverse-n2_q100.mig.xz"


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (("show", str(STREAM)), ("reading ", " so far")),
        (("verify", str(SLICE)), ("reading ", "asking the model what ")),
        (("migrate", NEOVERSE, "all-kernels"), ("restoring under each kernel: ",)),
        (("migrate", NEOVERSE, "same-host", "--kernel", "6.12"), ("asking which kernels load it: ",)),
        (("matrix", NEOVERSE, "--kernels", "6.1,6.12"), ("restoring between kernels: 3 of 4 (75 %)",)),
        (("compare", str(STREAM), str(STREAM)), (": 1 of 2", ", of the next ")),
        (("learn", str(SLICE), "--json"), ("comparing known points: ", "looking for what no answer decides: ")),
        (("fix", str(STREAM), "same-host", "--kernel", "6.12", "--dry-run"), ("checking ",)),
    ],
    ids=lambda value: " ".join(map(str, value[:1])),
)
def test_every_command_that_may_take_long_tells_how_far_it_is(
    arguments: tuple[str, ...], wanted: tuple[str, ...], at_once: list[str]
) -> None:
    assert run(*arguments).code in (0, 1)
    said = "\n".join(at_once)
    assert not [one for one in wanted if one not in said]


def test_a_copy_tells_how_far_it_is(at_once: list[str], tmp_path: Path) -> None:
    source = tmp_path / "vm.mig"
    source.write_bytes(lzma.decompress(STREAM.read_bytes()))
    for name in ("vm.mig", "vm.mig.gz"):
        (tmp_path / "vm.mig.gz").write_bytes(gzip.compress(source.read_bytes(), 1))
        at_once.clear()
        out = tmp_path / f"fixed-{name}"
        assert run("fix", str(tmp_path / name), "same-host", "--kernel", "6.12", "-o", str(out)).code in (0, 1)
        assert any(one.startswith(f"copying {tmp_path / name}: ") for one in at_once)


def test_predicted_answers_are_counted_where_they_go_to_a_file(at_once: list[str], tmp_path: Path) -> None:
    assert run("predict", str(SLICE), "-o", str(tmp_path / "predicted")).code == 0
    lines = (tmp_path / "predicted").read_bytes().count(b"\n")
    assert f"answering {SLICE}, lines: {lines:,} in " in "\n".join(at_once)


def test_a_log_tells_how_far_it_is(at_once: list[str], tmp_path: Path) -> None:
    log = tmp_path / "journal.log"
    log.write_text("nothing of interest\n" * 300_000)
    assert run("explain", str(log)).code == 1
    assert f"reading {log}: 5 of 6 MB (83 %)" in "\n".join(at_once)


def test_the_library_tells_nothing(at_once: list[str]) -> None:
    sources.load(NEOVERSE)
    assert verify(str(SLICE)).perfect
    assert at_once == []


def test_what_comes_through_a_pipe_is_told_in_a_terminal_until_the_answer_stands_alone(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    heard = threading.Event()

    def feed() -> None:
        with pipe.open("w", buffering=1) as end:
            while not heard.wait(0.02):
                end.write("nothing of a register in this line\n")
            end.write("ID_AA64MMFR2_EL1 = 0x0000000000100000\n")

    shell = ("sh", "-c", f'exec "$0" -m inspector show - ID_AA64MMFR2_EL1 < "{pipe}"', sys.executable)
    feeder = threading.Thread(target=feed, daemon=True)
    with Terminal(command=shell, size=(80, 24)) as terminal:
        feeder.start()
        try:
            terminal.wait_for("reading -: ")
        finally:
            heard.set()
        assert terminal.wait_for_end() == 0
        text = terminal.text()
        assert "CCIDX" in text and "reading -" not in text
        assert text.startswith("ID_AA64MMFR2_EL1  0x")
