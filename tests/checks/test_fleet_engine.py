"""The fold on an engine: a real Dask cluster that loses a worker, stores by fsspec, and a function of Spark's shape."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import msgspec
import pytest

from inspector import leaving
from inspector.checks.compare.compare import comparison_of
from inspector.checks.fleet import engine
from inspector.checks.fleet.engine import merge_bytes, run_on, summarise_bytes, summarise_frames, summarise_places
from inspector.checks.fleet.files import decode_part
from inspector.checks.fleet.reading import read_paths
from inspector.checks.fleet.stores import places_of, waiting_at
from inspector.checks.fleet.summarise import Asked
from inspector.errors import InspectorError
from inspector.progress import Progress
from inspector.reports.compare import comparison_json
from tests.checks.material import host_of_three_kinds
from tests.commands.running import assert_one_line_error, run
from tests.fresh import ROOT
from tests.processes import wait_until_empty, wait_until_none_lives

ASKED = Asked(question="compare")
COUNT = 1500


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Dumps in files."""
    folder = tmp_path_factory.mktemp("fleet")
    paths = [folder / f"{n:04}.txt" for n in range(COUNT)]
    for number, path in enumerate(paths):
        path.write_bytes(host_of_three_kinds(number))
    return [str(path) for path in paths]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two worker processes."""
    distributed = pytest.importorskip("dask.distributed", reason="the extra `fleet` (dask) is not installed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    ) as running:
        yield running


class Killing(Progress):
    """Ends a worker when work is told of for the first time, and is not done."""

    victim = 0
    killed_at: int | None = None

    def at(self, done: int) -> None:
        if self.killed_at is None:
            self.killed_at = done
            os.kill(self.victim, signal.SIGKILL)


def test_a_cluster_that_loses_a_worker_gives_the_report_of_one_process(
    cluster: Any, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "CHUNK", 20)
    said: list[str] = []
    killing = Killing("")
    killing.victim = next(worker.pid for worker in cluster.workers.values())
    part = run_on(f"dask:{cluster.scheduler_address}", places_of(names), ASKED, said.append, killing)
    assert killing.killed_at is not None and killing.killed_at < COUNT
    assert part == read_paths(names, ASKED, jobs=1)
    assert "2 workers; dashboard" in said[0]


def test_an_error_on_a_worker_is_one_line(cluster: Any, names: list[str], tmp_path: Path) -> None:
    places = places_of([*names[:20], str(tmp_path / "missing")])
    with pytest.raises(InspectorError, match="missing: cannot be opened"):
        run_on(f"dask:{cluster.scheduler_address}", places, ASKED, str, Progress.silent())


def test_engines_that_are_not_there_end_in_one_line(names: list[str]) -> None:
    done = run("compare", "--engine", "hadoop", *names[:10])
    assert_one_line_error(done)
    assert "is not an engine" in done.err


def test_stores_by_fsspec(names: list[str], tmp_path: Path) -> None:
    """A glob, an archive and a store that is no file system give what the files give, but for the names."""
    fsspec = pytest.importorskip("fsspec", reason="the extra `fleet` (fsspec) is not installed")
    store = fsspec.filesystem("memory")
    with zipfile.ZipFile(tmp_path / "hosts.zip", "w") as archive:
        for number in range(12):
            store.pipe_file(f"/fleet/{number:02}.txt", host_of_three_kinds(number))
            archive.writestr(f"{number:02}.txt", host_of_three_kinds(number))
    files = [str(Path(names[0]).parent / "000*.txt"), *names[10:12]]
    kinds = [files, ["memory://fleet/*.txt"], [f"zip://*.txt::file://{tmp_path}/hosts.zip"]]
    values = [[one.read().vcpus[0].values for place in places_of(urls) for one in waiting_at(place)] for urls in kinds]
    assert values[0] == values[1] == values[2] and len(values[0]) == 12
    assert [place.position for place in places_of(kinds[1])] == list(range(12))
    with pytest.raises(InspectorError, match="fits no file"):
        places_of(["memory://nothing/*.txt"])
    with pytest.raises(InspectorError, match="Protocol not known"):
        next(waiting_at(places_of(["unknown://a"])[0])).read()


def test_patterns_of_files_and_files_that_are_called_like_patterns(tmp_path: Path) -> None:
    """`?` and `[` were no patterns; what is there under that very name is meant."""
    pytest.importorskip("fsspec", reason="the extra `fleet` (fsspec) is not installed")
    for name in ("a1", "a2", "b1", "[ab]1", "what?"):
        (tmp_path / name).write_bytes(host_of_three_kinds(0))

    def found(pattern: str) -> list[str]:
        return [Path(place.url).name for place in places_of([str(tmp_path / pattern)])]

    assert found("a?") == ["a1", "a2"] and found("[!b]2") == ["a2"] and found("*1") == ["[ab]1", "a1", "b1"]
    assert found("[ab]1") == ["[ab]1"] and found("what?") == ["what?"]
    with pytest.raises(InspectorError, match="fits no file"):
        found("c?")
    assert [place.url for place in places_of(["memory://a?b[c]"])] == ["memory://a?b[c]"]


def test_rows_of_a_parquet_file_are_dumps(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="the extra `fleet` (pyarrow) is not installed")
    from pyarrow import parquet

    table = pyarrow.table({"name": [f"h{n}" for n in range(7)], "dump": [host_of_three_kinds(n) for n in range(7)]})
    parquet.write_table(table, tmp_path / "all.parquet", row_group_size=3)
    places = places_of([str(tmp_path / "all.parquet")])
    assert [(place.position, place.count) for place in places] == [(0, 3), (3, 3), (6, 1)]
    found = [(one.position, one.read().provenance.source) for place in places for one in waiting_at(place)]
    assert found == [(n, f"h{n}") for n in range(7)]
    parquet.write_table(pyarrow.table({"x": [1]}), tmp_path / "other.parquet")
    with pytest.raises(InspectorError, match="no columns of dumps"):
        places_of([str(tmp_path / "other.parquet")])


def test_what_of_parquet_files_cannot_be_read_is_told_or_skipped(tmp_path: Path, names: list[str]) -> None:
    """A file without dumps, a damaged one, and cells that are empty, no dump, or no bytes."""
    pyarrow = pytest.importorskip("pyarrow", reason="the extra `fleet` (pyarrow) is not installed")
    from pyarrow import parquet

    good, numbers, cut, other = (tmp_path / f"{name}.parquet" for name in ("good", "numbers", "cut", "other"))
    cells = [host_of_three_kinds(0), None, b"\x00\x01", host_of_three_kinds(1)]
    parquet.write_table(pyarrow.table({"name": ["a", "b", "c", "d"], "dump": cells}), good)
    parquet.write_table(pyarrow.table({"name": ["n"], "dump": [1 << 40]}), numbers)
    parquet.write_table(pyarrow.table({"x": [1]}), other)
    cut.write_bytes(good.read_bytes()[:-9])
    asked = msgspec.structs.replace(ASKED, skip=True)
    places = places_of([str(path) for path in (cut, good, other, numbers, names[2], tmp_path / "gone")], None, asked)
    part = decode_part(summarise_places(places, msgspec.msgpack.encode(asked)), "here")
    assert (part.dumps, part.unread.count) == (3, 6)
    told = {one.source: one.reason for one in part.unread.named}
    assert "cannot be read" in told[str(cut)] and "no columns of dumps" in told[str(other)]
    assert told["b"] == "is empty" and "c" in told and told["n"] == "is int, not bytes"
    assert [one.position for one in part.unread.named] == [0, 2, 3, 5, 6, 8]
    with pytest.raises(InspectorError, match=r"cut\.parquet: cannot be read"):
        places_of([str(cut)])
    # A row group that went bad behind the file's end: each of its rows counts.
    data = bytearray(good.read_bytes())
    data[4:200] = bytes(196)
    good.write_bytes(data)
    part = decode_part(summarise_places(places_of([str(good)]), msgspec.msgpack.encode(asked)), "here")
    assert (part.dumps, part.unread.count) == (0, 4)


def test_a_cluster_skips_what_cannot_be_read(cluster: Any, names: list[str], tmp_path: Path) -> None:
    asked = msgspec.structs.replace(ASKED, skip=True)
    urls = [str(tmp_path / "missing"), *names[:300], "memory://nowhere"]
    part = run_on(f"dask:{cluster.scheduler_address}", places_of(urls), asked, str, Progress.silent())
    assert (part.dumps, [one.position for one in part.unread.named]) == (300, [0, 301])
    assert part.unread.named[0].reason == "cannot be opened: No such file or directory"


def test_the_function_for_map_in_pandas(names: list[str]) -> None:
    """As Spark calls it: once for each partition, with an iterator of frames; the rows it gives are merged."""
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = pandas.DataFrame(
        {"position": range(60), "name": names[:60], "dump": [host_of_three_kinds(n) for n in range(60)]}
    )
    ask = summarise_frames(ASKED)
    partitions = [[frame[:10], frame[10:25]], [frame[25:60]]]
    parts = [bytes(row) for frames in partitions for out in ask(iter(frames)) for row in out["part"]]
    assert len(parts) == 2
    assert decode_part(merge_bytes(parts), "here") == read_paths(names[:60], ASKED, jobs=1)


def test_one_dump_at_a_time(names: list[str]) -> None:
    """What an engine without frames calls."""
    asked = msgspec.msgpack.encode(ASKED)
    parts = [summarise_bytes(host_of_three_kinds(n), names[n], n, asked) for n in range(9)]
    whole = decode_part(merge_bytes([merge_bytes(parts[:4]), merge_bytes(parts[4:])]), "here")
    assert comparison_json(comparison_of(whole)) == comparison_json(comparison_of(read_paths(names[:9], ASKED)))


def test_the_command_on_an_engine(cluster: Any, names: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    words = ("compare", str(Path(names[0]).parent / "00*.txt"))
    done = run(*words, "--engine", f"dask:{cluster.scheduler_address}")
    plain = run("compare", *names[:100])
    assert done.code == plain.code == 1, done.err
    assert done.out == plain.out and " workers; dashboard: " in done.err


def test_which_vms_load_on_an_engine(cluster: Any) -> None:
    """The destination goes to the workers with the question: they need no file of it."""
    there = "builtin:neoverse-n2-linux-6.12"
    words = ("migrate", "builtin:neoverse-n2-linux-6.1", there, there)
    done = run(*words, "--engine", f"dask:{cluster.scheduler_address}")
    assert done.code == 1, done.err
    assert done.out == run(*words).out


@pytest.mark.slow
def test_who_was_asked_to_end_is_not_told_what_dask_says_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal's ctrl+c reaches dask's processes as well, and it complains where these are gone first."""
    pytest.importorskip("dask.distributed", reason="the extra `fleet` (dask) is not installed")
    client = SimpleNamespace(scheduler_info=lambda: {"workers": {}}, dashboard_link="")
    monkeypatch.setattr(engine, "_here", lambda: nullcontext(client))
    monkeypatch.setattr(leaving, "_asked", [])

    def lost(*_: object) -> NoReturn:
        leaving.ask(signal.SIGINT)
        raise RuntimeError("lost")

    monkeypatch.setattr(engine, "_run", lost)
    with pytest.raises(leaving.Leaving) as ended:
        run_on("dask", [], ASKED, lambda _: None, Progress.silent())
    assert ended.value.note == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["ctrl+c", "SIGKILL"])
def test_a_signal_leaves_nothing_of_a_cluster_on_this_machine(
    names: list[str], tmp_path: Path, number: signal.Signals
) -> None:
    """Neither a process nor a file, and nobody complains: every process of the group gets what the terminal sends. What
    is killed can put nothing away itself."""
    pytest.importorskip("dask.distributed", reason="the extra `fleet` (dask) is not installed")
    (tmp_path / "here").mkdir()
    (tmp_path / "list").write_text("\n".join(names * 20))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path / "here")}
    words = [sys.executable, "-m", "inspector", "compare", "--engine", "dask", "--files-from", str(tmp_path / "list")]
    with subprocess.Popen(
        words, cwd=tmp_path / "here", env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        first = process.stderr.readline()  # the cluster stands
        assert "workers; dashboard: " in first
        if number == signal.SIGKILL:
            assert list((tmp_path / "here").iterdir())
            process.kill()
        else:
            os.killpg(process.pid, number)
        told, said = process.communicate(timeout=120)
    if number != signal.SIGKILL:  # the processes that are left say at length who is gone
        assert process.returncode == 128 + number and told == "", said
        assert said.count("\n") <= 2 and "Traceback" not in said  # progress, and that it was ended
    wait_until_none_lives(process.pid)
    wait_until_empty(tmp_path / "here")
