"""The fold on other machines: Dask runs it. It calls functions from bytes to bytes, as any engine may.

Spark's `mapInPandas` and Ray's `map_batches` take `summarise_frames`.
"""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from inspector.budget import raise_limits
from inspector.checks.fleet.files import decode_part, encode_part
from inspector.checks.fleet.part import Part, empty, merge_all
from inspector.checks.fleet.reading import unasked
from inspector.checks.fleet.stores import CONTENT as CONTENT
from inspector.checks.fleet.stores import EXTRA, NAME, Place, from_cell, in_chunks, waiting_at
from inspector.checks.fleet.summarise import Asked, add_source, tally_of
from inspector.errors import InspectorError
from inspector.lab.guard import Guard
from inspector.leaving import SLICE, check, held
from inspector.progress import Progress
from inspector.readable import readable

ENGINES = ("dask",)
CHUNK = 250
"""Dumps of one task: some tens of milliseconds of work, and a part of some tens of kilobytes."""
FAN_IN = 16
"""Parts that one task merges: no machine ever holds more."""
_WAIT = 0.2
_SILENT = logging.CRITICAL + 1
_ENDING = 10
"""Seconds in which dask's processes notice that the one who started them is gone."""
_CLOSING = 3
"""Seconds in which dask may put itself away."""


def summarise_bytes(data: bytes, name: str, position: int, asked: bytes) -> bytes:
    """The part of one dump, as bytes. `asked`: an `Asked`, MessagePack. Raises InspectorError."""
    return summarise_many([(position, name, data)], asked)


def summarise_many(dumps: Iterable[tuple[int, str, object]], asked: bytes) -> bytes:
    """The part of some dumps, each (position, name, content). Raises InspectorError for one that cannot be read, unless
    `Asked.skip`."""
    given = msgspec.msgpack.decode(asked, type=readable(Asked))
    tally = tally_of(given)
    for position, name, content in dumps:
        add_source(tally, partial(from_cell, content, name, given.declared), position, name, given)
    return encode_part(tally.part())


def summarise_places(places: Sequence[Place], asked: bytes) -> bytes:
    """The part of the dumps at some places, as bytes. Raises InspectorError for one that cannot be read, unless
    `Asked.skip`."""
    given = msgspec.msgpack.decode(asked, type=readable(Asked))
    raise_limits(given.limit)
    tally = tally_of(given)
    for place in places:
        for position, source, read in waiting_at(place, given.declared):
            add_source(tally, read, position, source, given)
    return encode_part(tally.part())


def merge_bytes(parts: Sequence[bytes]) -> bytes:
    """The part of all parts, as bytes."""
    return encode_part(merge_all(decode_part(part, "a part") for part in parts))


def summarise_frames(asked: Asked) -> Callable[[Iterator[Any]], Iterator[Any]]:
    """A function for `DataFrame.mapInPandas` (schema `part binary`) over rows of position, name and dump.

    Each partition gives one row, its part; `merge_bytes` of all rows is the part of all.
    """
    told = msgspec.msgpack.encode(asked)

    def summarised(frames: Iterator[Any]) -> Iterator[Any]:
        import pandas

        def rows() -> Iterator[tuple[int, str, object]]:
            for frame in frames:
                columns = (frame["position"], frame[NAME], frame[CONTENT])
                yield from ((int(n), str(name), content) for n, name, content in zip(*columns, strict=True))

        yield pandas.DataFrame({"part": [summarise_many(rows(), told)]})

    return summarised


def run_on(engine: str, places: Sequence[Place], asked: Asked, say: Callable[[str], object], said: Progress) -> Part:
    """The part of the dumps at `places`, made by an engine: `dask`, or `dask:SCHEDULER`.

    `say` gets what the user may want to know, such as where to watch. Raises InspectorError for an engine that is not
    there, and for a dump that cannot be read.
    """
    name, _, scheduler = engine.partition(":")
    if name not in ENGINES:
        raise InspectorError("is not an engine", engine, "dask, or dask:tcp://HOST:PORT")
    try:
        import dask.distributed  # noqa: F401
    except ImportError:
        raise InspectorError("is not installed", "dask", EXTRA) from None
    # Signals are noted and asked for between the waits: one that broke into dask's own work would leave its processes.
    with held(), _quiet(), _there(scheduler) if scheduler else _here() as client:
        say(f"dask: {len(client.scheduler_info()['workers'])} workers; dashboard: {client.dashboard_link}")
        try:
            return _run(client, places, asked, said)
        except Exception:
            check()  # its processes got the signal too, and what dask says without them is not why we end
            raise


@contextmanager
def _there(scheduler: str) -> Iterator[Any]:
    """The client of a running scheduler."""
    from dask.distributed import Client

    connect: Any = Client
    try:
        client = connect(scheduler, timeout="20s")
    except (OSError, ValueError) as error:
        what = f"cannot be reached ({type(error).__name__})"
        raise InspectorError(what, scheduler, "tcp://HOST:PORT of a running dask scheduler") from None
    with client:
        yield client


@contextmanager
def _here() -> Iterator[Any]:
    """The client of processes on this machine, which are gone when the block ends, however it ends; so are files."""
    import dask

    before = set(multiprocessing.active_children())
    with (
        TemporaryDirectory(prefix="vcpu-inspector-", ignore_cleanup_errors=True) as folder,
        _guarded(folder),
        dask.config.set(temporary_directory=folder),
    ):
        client = _started(folder, before)
        try:
            yield client
        finally:
            for nanny in client.cluster.workers.values():
                nanny.auto_restart = False
            with ThreadPoolExecutor(1) as thread:
                _until(thread.submit(_close, client), before)  # nobody waits for what they still do


@contextmanager
def _guarded(folder: str) -> Iterator[None]:
    """The folder goes also when this process is killed meanwhile."""
    guard = Guard(None, Path(folder), _ENDING)
    try:
        yield
    finally:
        guard.dismiss()


def _started(folder: str, before: set[BaseProcess]) -> Any:
    """The client of new processes. That takes seconds: who is asked to end meanwhile does not wait for it."""
    with unasked(), ThreadPoolExecutor(1) as thread:
        starting = thread.submit(_start, folder)
        try:
            while not wait_for((starting,), SLICE).done:
                check()
        finally:
            _until(starting, before)  # dask gives up when its processes are gone
    return starting.result()


def _start(folder: str) -> Any:
    from dask.distributed import Client, LocalCluster

    make: Any = LocalCluster
    cluster = make(
        processes=True, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=_SILENT,
        local_directory=folder,
    )  # fmt: skip
    connect: Any = Client
    return connect(cluster)


def _close(client: Any) -> None:
    for each in (client, client.cluster):
        with suppress(Exception):
            each.close(timeout=_CLOSING)


def _until(done: Future[Any], before: set[BaseProcess]) -> None:
    """Kill all processes but those before, also such as dask starts again, until that is done."""
    while not done.done():
        for child in set(multiprocessing.active_children()) - before:
            child.kill()
        wait_for((done,), SLICE)


@contextmanager
def _quiet() -> Iterator[None]:
    """What dask and its parts complain of while they are ended is not for the user."""
    loggers = [logging.getLogger(name) for name in ("distributed", "tornado", "asyncio")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(_SILENT)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _run(client: Any, places: Sequence[Place], asked: Asked, said: Progress) -> Part:
    from dask.distributed import wait

    told = msgspec.msgpack.encode(asked)
    chunks = list(in_chunks(places, CHUNK))
    level = list(_submitted(client, summarise_places, ((chunk, told) for chunk in chunks)))
    first, sizes = list(level), [sum(place.count for place in chunk) for chunk in chunks]
    if not level:
        return empty(asked.question)
    while len(level) > 1:
        groups = [level[at : at + FAN_IN] for at in range(0, len(level), FAN_IN)]
        level = list(_submitted(client, merge_bytes, ((group,) for group in groups)))
    (last,) = level
    try:
        while not last.done():
            check()
            said.at(sum(size for future, size in zip(first, sizes, strict=True) if future.done()))
            wait_a_little(wait, last)
        return decode_part(last.result(), "what the engine answered")
    finally:
        client.cancel([*first, last])


def _submitted(client: Any, function: Callable[..., bytes], tasks: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
    """The future of each task; a large fleet has many thousands of them."""
    for task in tasks:
        check()
        yield client.submit(function, *task, pure=False)


def wait_a_little(wait: Callable[..., object], future: Any) -> None:
    """Wait until `future` is done, for a moment at most."""
    from dask.distributed import TimeoutError as TooLong

    try:
        wait(future, timeout=_WAIT)
    except TooLong:
        return
