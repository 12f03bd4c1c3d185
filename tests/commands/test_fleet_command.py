"""`compare` over many dumps, as it is used: parts, merging, progress and being ended."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from inspector.registers.encoding import make_id, sysreg_id
from tests.commands.running import assert_one_line_error, run
from tests.fresh import ROOT
from tests.processes import living, wait_until_none_lives

PFR0, SCTLR, X0 = sysreg_id(3, 0, 0, 4, 0), sysreg_id(3, 0, 1, 0, 0), make_id(0x10, 0)
PROGRAM = (sys.executable, "-m", "inspector")
SEEN = {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    """A folder with twelve dumps of two kinds of host."""
    for n in range(12):
        (tmp_path / f"h{n:02}.txt").write_text(f"0x{PFR0:x} {n % 2:#x}\n0x{SCTLR:x} {n:#x}\n0x{X0:x} 0x5ec5e7{n:x}\n")
    return tmp_path


def names(first: int, last: int) -> list[str]:
    """Names of dumps."""
    return [f"h{n:02}.txt" for n in range(first, last)]


def test_parts_made_apart_give_the_report_of_all(hosts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(hosts)
    whole = run("compare", *names(0, 12))
    assert whole.code == 1 and whole.err == "", whole.err
    for part, (first, last) in {"a.part": (0, 3), "b.part": (3, 7), "c.part": (7, 12)}.items():
        made = run("compare", *names(first, last), "--partial", part)
        assert (made.code, made.out) == (0, ""), made.err
        assert b"5ec5e7" not in (hosts / part).read_bytes()
    merged = run("compare", "--merge", "c.part", "a.part", "b.part")
    assert merged.code == 1, merged.err
    # The parts know nothing of X0, a secret; they say so. The names come in the order of each part's own list.
    told = "12 dumps in 2 groups, 1 feature register differs, {} guest state differ{}, 0 are equal."
    assert whole.out.splitlines()[0] == told.format("2 registers of", "")
    assert merged.out.splitlines()[0] == told.format("1 register of", "s")
    assert "A  6 x h" in merged.out and "B  6 x h" in merged.out and "leave out" in merged.out
    # Parts of parts, in any order.
    again = run("compare", "--merge", "b.part", "a.part", "--partial", "ab.part")
    assert again.code == 0, again.err
    assert run("compare", "--merge", "ab.part", "c.part").out == merged.out


@pytest.mark.parametrize("others", [(), ("b.part",)])
def test_a_part_from_a_pipe(hosts: Path, others: tuple[str, ...]) -> None:
    for part, (first, last) in {"a.part": (0, 3), "b.part": (3, 7)}.items():
        subprocess.run((*PROGRAM, "compare", *names(first, last), "--partial", part), cwd=hosts, check=True, env=SEEN)
    wanted, piped = (
        subprocess.run(
            (*PROGRAM, "compare", "--merge", name, *others),
            cwd=hosts, input=given, capture_output=True, env=SEEN, check=False,
        )
        for name, given in (("a.part", b""), ("-", (hosts / "a.part").read_bytes()))
    )  # fmt: skip
    assert piped.stdout == wanted.stdout != b"", piped.stderr


def test_bad_uses_of_parts_end_in_one_line(hosts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(hosts)
    assert run("compare", *names(0, 2), "--partial", "a.part").code == 0
    for words, says in (
        (("compare", "--merge", "h00.txt"), "not a part"),
        (("compare", *names(0, 2), "--partial", "a.part"), "exists"),
        (("compare", *names(0, 2), "--partial", "b.part", "--all"), "no values"),
    ):
        made = run(*words)
        assert_one_line_error(made)
        assert says in made.err


def test_few_descriptors_suffice(hosts: Path) -> None:
    (hosts / "list").write_text("\n".join(names(0, 12) * 50))

    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [*PROGRAM, "compare", "--files-from", "list", "--jobs", "2"]
    made = subprocess.run(
        words, cwd=hosts, env=environment, capture_output=True, text=True, check=False, timeout=240, preexec_fn=few
    )
    assert made.returncode == 1 and made.stdout.startswith("600 dumps in 2 groups"), made.stderr


def test_a_command_that_is_killed_leaves_no_process(hosts: Path) -> None:
    """SIGKILL, as of a machine without memory, lets nobody put anything right."""
    (hosts / "list").write_text("\n".join(names(0, 12) * 20_000))
    words = [*PROGRAM, "compare", "--files-from", "list", "--jobs", "2"]
    with subprocess.Popen(
        words, cwd=hosts, env=SEEN, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        end = time.monotonic() + 120
        while len(living(process.pid)) < 4 and time.monotonic() < end:  # with itself and what tracks
            time.sleep(0.05)
        assert len(living(process.pid)) == 4 and process.poll() is None
        process.kill()
    wait_until_none_lives(process.pid)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl+c", "SIGTERM"])
def test_ended_at_once_with_its_processes(hosts: Path, number: signal.Signals) -> None:
    """Every process of the group gets what the terminal sends; nothing stays, and nothing is printed but one line."""
    (hosts / "list").write_text("\n".join(names(0, 12) * 20_000))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [*PROGRAM, "compare", "--files-from", "list", "--jobs", "2"]
    with subprocess.Popen(
        words, cwd=hosts, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    ) as process:  # fmt: skip
        end = time.monotonic() + 120
        while len(found := living(process.pid)) < 4 and time.monotonic() < end:  # with itself and what tracks
            time.sleep(0.05)
        assert len(found) >= 3 and process.poll() is None
        os.killpg(process.pid, number)
        told, said = process.communicate(timeout=120)
    assert process.returncode == 128 + number and told == "", (process.returncode, said)
    assert "Traceback" not in said
    wait_until_none_lives(process.pid)


def test_progress_on_a_terminal_is_one_line_that_goes_away() -> None:
    import io

    from inspector.progress import Progress

    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen, log = Screen(), io.StringIO()
    for stream in (screen, log):
        with Progress("read\x1b[31m dumps", 1000, stream=stream) as said:
            assert said._next >= said._begin + 2
            said._next = float("inf")
            said.at(10)
            assert stream.getvalue() == ""  # within two seconds nothing is told
            said._next = 0.0
            said.at(500)
            assert "500 of 1,000 (50 %)" in stream.getvalue()
    assert screen.getvalue().endswith("\r\x1b[K") and "\n" not in screen.getvalue()
    assert log.getvalue().count("\n") == 1 and "\x1b" not in log.getvalue()
    assert "\x1b[31m" not in screen.getvalue()


@pytest.fixture
def lossy(hosts: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same folder with two more files that are no dumps."""
    monkeypatch.chdir(hosts)
    (hosts / "empty").touch()
    (hosts / "broken").write_text('{"format": "vcpu-inspector-dump"')
    return hosts


LOST = ("empty: is empty", "broken: ", "gone: cannot be opened: No such file or directory")
SKIP = "--skip-unreadable"


def test_a_source_that_cannot_be_read_ends_the_run_and_the_line_names_the_way_on(lossy: Path) -> None:
    for words in (("compare",), ("compare", "--baseline", "--kernel", "7.3"), ("compare", "--partial", "a.part")):
        made = run(*words, "h00.txt", "empty", "h01.txt")
        assert_one_line_error(made)
        assert "empty: is empty" in made.err and made.err.endswith(f"{SKIP} goes on without it\n")
    made = run("migrate", "empty", "h00.txt", "builtin:neoverse-n2-linux-6.12")
    assert_one_line_error(made)
    made = run("compare", "h00.txt", "empty")  # one that is left is compared with nothing
    assert_one_line_error(made)
    assert SKIP not in made.err
    for parts, told in ((("empty",), False), (("empty", "broken"), True)):
        made = run("compare", "--merge", *parts)
        assert_one_line_error(made)
        assert (SKIP in made.err) is told


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_sources_that_cannot_be_read_are_skipped_where_that_is_asked_and_told(lossy: Path, jobs: str) -> None:
    (lossy / "list").write_text("\n".join([*names(0, 12) * 40, "empty", "broken", "gone"]))
    done = run("compare", "--files-from", "list", "--jobs", jobs, SKIP)
    assert done.code == 1 and done.out.startswith("480 dumps in 2 groups"), done.err
    assert "3 sources could not be read" in done.out.splitlines()[0] and "3 sources could not be read" in done.err
    for one in LOST:
        assert f"\n  {one}" in done.out and f"\n  {one}" in done.err
    told = run("compare", "--files-from", "list", "--jobs", jobs, SKIP, "--json").json["unread"]
    assert told["count"] == 3 and [one["source"] for one in told["sources"]] == ["empty", "broken", "gone"]
    assert "| gone | cannot be opened" in run("compare", "--files-from", "list", SKIP, "--markdown").out


def test_nothing_that_could_not_be_read_is_taken_for_equal(lossy: Path) -> None:
    alike = ["h00.txt", "h02.txt", "h04.txt"] * 4
    assert run("compare", *alike[:3]).code == 1  # their guests differ
    same = run("compare", *["h00.txt"] * 3)
    doubtful = run("compare", *["h00.txt"] * 3, "gone", SKIP)
    assert (same.code, doubtful.code) == (0, 1)
    assert doubtful.out.startswith("Uncertain whether all registers are equal: nothing that is known differs;")
    there = "builtin:neoverse-n2-linux-6.12"
    level = ("compare", "--baseline", there, there)
    assert (run(*level).code, run(*level, "gone", SKIP).code) == (0, 1)
    told = run(*level, "gone", SKIP).out
    assert told.startswith("Uncertain whether 2 hosts can be levelled: nothing that is known stands in the way, but 1 ")
    assert "  gone: cannot be opened" in told
    assert run(*level, "gone", SKIP, "--json").json["unread"]["count"] == 1
    assert "| gone | cannot be opened" in run(*level, "gone", SKIP, "--markdown").out
    loads = ("migrate", there, there, there)
    assert (run(*loads).code, run(*loads, SKIP).code) == (0, 0)
    doubtful = run("migrate", "gone", *loads[1:], SKIP)
    assert doubtful.code == 1 and "1 source could not be read." in doubtful.out.splitlines()[0]
    assert "  gone: cannot be opened" in doubtful.out
    assert run("migrate", "gone", *loads[1:], SKIP, "--json").json["unread"]["count"] == 1
    assert "| gone | cannot be opened" in run("migrate", "gone", *loads[1:], SKIP, "--markdown").out


def test_where_nothing_can_be_read_there_is_no_report(lossy: Path) -> None:
    for words in (("compare", "empty", "gone"), ("compare", "--baseline", "empty", "gone"),
                  ("migrate", "empty", "gone", "builtin:neoverse-n2-linux-6.12"),
                  ("compare", "--merge", "empty", "gone")):  # fmt: skip
        made = run(*words, SKIP)
        assert (made.code, made.out) == (2, "")
        assert made.err.splitlines()[-1].startswith("vcpu-inspector: empty: none of 2 sources could be read; the first")


def test_parts_carry_what_could_not_be_read_to_the_report(lossy: Path) -> None:
    """Also the part of a rack of which nothing could be read; and a part that cannot be read is one of them."""
    for part, words in {"a.part": names(0, 3), "b.part": ["empty", "gone"], "c.part": ["h05.txt", "broken"]}.items():
        made = run("compare", *words, SKIP, "--partial", part)
        assert (made.code, made.out) == (0, ""), made.err
    assert (
        "wrote b.part: 0 dumps, 2 sources could not be read"
        in run("compare", "empty", "gone", SKIP, "--partial", "b.part", "--force").err
    )
    merged = run("compare", "--merge", "c.part", "b.part", "a.part", "empty", SKIP)
    assert merged.code == 1 and "4 sources could not be read" in merged.out.splitlines()[0]
    again = run("compare", "--merge", "a.part", "b.part", "--partial", "ab.part")
    assert again.code == 0 and "wrote ab.part: 3 dumps, 2 sources" in again.err
    more = run("compare", "--merge", "ab.part", "c.part", "empty", SKIP)
    assert more.out.splitlines()[0] == merged.out.splitlines()[0]
    # What is no part of this question is the user's mistake, not a source that cannot be read.
    assert run("compare", "--baseline", *["builtin:neoverse-n2-linux-6.12"] * 2, "--partial", "other.part").code == 0
    assert_one_line_error(run("compare", "--merge", "a.part", "other.part", SKIP))


def test_questions_about_features_take_no_options_of_fleets(lossy: Path) -> None:
    """They were passed over without a word."""
    for words in (("--partial", "x"), ("--table", "t.csv"), ("--merge",), ("--engine", "dask"), (SKIP,)):
        made = run("compare", "h00.txt", "h01.txt", "FEAT_SVE", *words)
        assert_one_line_error(made)
        assert "does not go with FEAT_ names" in made.err
    assert not (lossy / "x").exists() and not (lossy / "t.csv").exists()


def test_lists_of_paths_with_blanks_and_line_feeds_in_them(hosts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path on each line, or as `find -print0` writes them."""
    monkeypatch.chdir(hosts)
    odd = [
        " first.txt",
        "last ",
        "a b.txt",
        "tab\there",
        "two\nlines.txt",
        "*.txt",
        "# no comment",
        os.fsdecode(b"\xff.txt"),
    ]
    for n, name in enumerate(odd):
        Path(name).write_bytes(Path(f"h{n:02}.txt").read_bytes())
    lines = [os.fsencode(name) for name in odd if name != "two\nlines.txt"]
    (hosts / "list").write_bytes(b"\r\n".join([*lines, b"", b"  ", b""]))
    done = run("compare", "--files-from", "list", "--json").json
    assert done["dumps"] == 7
    (hosts / "list").write_bytes(b"".join(os.fsencode(name) + b"\0" for name in (*odd * 5000, "gone\n")))
    done = run("compare", "--files-from", "list", "--json", "--jobs", "2", SKIP).json
    assert done["dumps"] == 40_000 and done["unread"]["sources"][0]["source"] == "gone\n"
    told = [one["source"] for column in done["columns"] for one in column["subjects"]]
    assert "two\nlines.txt" in told and "\\udcff.txt" in told


def test_parts_of_files_whose_names_are_no_text(hosts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(hosts)
    odd = os.fsdecode(b"\xff.json")
    Path(odd).write_bytes((ROOT / "snapshots/neoverse-n2-linux-6.12.json").read_bytes())
    gone = os.fsdecode(b"\xfe")
    for words in (["compare"], ["compare", "--baseline"], ["migrate"]):
        made = run(*words, gone, odd, odd, SKIP, *[odd] * (words == ["migrate"]), "--partial", "a.part", "--force")
        assert made.code == 0, made.err
        done = run(*words, "--merge", "a.part", "--json")
        assert "udcff.json" in done.out and done.json["unread"]["sources"][0]["source"] == "\\udcfe"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "list: is empty; a path on each line"),
        (b"\n\n", "nothing to compare"),
        (b'{"format": "a dump, not a list", "x": "' + b"y" * 5000 + b'"}', "a line of more than 4,095 bytes"),
        (b"h00.txt\n" + b"z" * (1 << 20), "a line of more than 4,095 bytes"),
        (b"h00.txt\0" + b"z" * 4096 + b"\0", "a line of more than 4,095 bytes"),
    ],
    ids=["nothing", "empty lines", "a dump", "no end", "no end of a name"],
)
def test_what_is_no_list_of_paths_is_told(hosts: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, says: str) -> None:
    monkeypatch.chdir(hosts)
    (hosts / "list").write_bytes(data)
    made = run("compare", "--files-from", "list")
    assert_one_line_error(made)
    assert says in made.err


@pytest.mark.parametrize("words", [("show", "-"), ("compare", "h00.txt", "-"), ("compare", "--files-from", "-")])
def test_a_source_that_says_nothing_is_left_at_once(hosts: Path, words: tuple[str, ...]) -> None:
    """As a pipe that nobody writes to, or /proc/kmsg: it is waited for until a signal comes."""
    with subprocess.Popen(
        (*PROGRAM, *words), cwd=hosts, env=SEEN, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        waits = Path(f"/proc/{process.pid}/wchan")
        end = time.monotonic() + 120
        while "pipe" not in waits.read_text() and time.monotonic() < end:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        process.wait(120)  # its input stays open
        assert process.stdout is not None and process.stderr is not None
        assert (process.returncode, process.stdout.read()) == (128 + signal.SIGTERM, "")
        assert process.stderr.read() == "vcpu-inspector: ended by SIGTERM\n"
