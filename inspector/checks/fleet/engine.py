"""The fold on other machines: Dask runs it. It calls functions from bytes to bytes, as any engine may.

Spark's `mapInPandas` and Ray's `map_batches` take `summarise_frames`.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from inspector.budget import raise_limits
from inspector.checks.fleet.files import decode_part, encode_part
from inspector.checks.fleet.part import Part, empty, merge_all
from inspector.checks.fleet.stores import CONTENT as CONTENT
from inspector.checks.fleet.stores import EXTRA, NAME, Place, dumps_at, in_chunks
from inspector.checks.fleet.summarise import Asked, add_dump, tally_of
from inspector.errors import InspectorError
from inspector.progress import Progress
from inspector.sources import load_stream

ENGINES = ("dask",)
CHUNK = 250
"""Dumps of one task: some tens of milliseconds of work, and a part of some tens of kilobytes."""
FAN_IN = 16
"""Parts that one task merges: no machine ever holds more."""
_WAIT = 0.2


def summarise_bytes(data: bytes, name: str, position: int, asked: bytes) -> bytes:
    """The part of one dump, as bytes. `asked`: an `Asked`, MessagePack. Raises InspectorError."""
    return summarise_many([(position, name, data)], asked)


def summarise_many(dumps: Iterable[tuple[int, str, bytes]], asked: bytes) -> bytes:
    """The part of some dumps, each (position, name, content). Raises InspectorError for one that cannot be read."""
    given = msgspec.msgpack.decode(asked, type=Asked)
    tally = tally_of(given)
    for position, name, data in dumps:
        add_dump(tally, load_stream(io.BytesIO(data), name, given.declared), position, given)
    return encode_part(tally.part())


def summarise_places(places: Sequence[Place], asked: bytes) -> bytes:
    """The part of the dumps at some places, as bytes. Raises InspectorError for one that cannot be read."""
    given = msgspec.msgpack.decode(asked, type=Asked)
    raise_limits(given.limit)
    tally = tally_of(given)
    for place in places:
        for position, dump in dumps_at(place, given.declared):
            add_dump(tally, dump, position, given)
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

        def rows() -> Iterator[tuple[int, str, bytes]]:
            for frame in frames:
                columns = (frame["position"], frame[NAME], frame[CONTENT])
                yield from ((int(n), str(name), bytes(data)) for n, name, data in zip(*columns, strict=True))

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
        from dask.distributed import Client
    except ImportError:
        raise InspectorError("is not installed", "dask", EXTRA) from None
    with _client(Client, scheduler) as client:
        say(f"dask: {len(client.scheduler_info()['workers'])} workers; dashboard: {client.dashboard_link}")
        return _run(client, places, asked, said)


def _client(make: Callable[..., Any], scheduler: str) -> Any:
    """The client of a scheduler; without one, of processes on this machine."""
    if not scheduler:
        return make(processes=True, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=40)
    try:
        return make(scheduler, timeout="20s")
    except (OSError, ValueError) as error:
        what = f"cannot be reached ({type(error).__name__})"
        raise InspectorError(what, scheduler, "tcp://HOST:PORT of a running dask scheduler") from None


def _run(client: Any, places: Sequence[Place], asked: Asked, said: Progress) -> Part:
    from dask.distributed import wait

    told = msgspec.msgpack.encode(asked)
    chunks = list(in_chunks(places, CHUNK))
    level = [client.submit(summarise_places, chunk, told, pure=False) for chunk in chunks]
    first, sizes = list(level), [sum(place.count for place in chunk) for chunk in chunks]
    if not level:
        return empty(asked.question)
    while len(level) > 1:
        groups = [level[at : at + FAN_IN] for at in range(0, len(level), FAN_IN)]
        level = [client.submit(merge_bytes, group, pure=False) for group in groups]
    (last,) = level
    try:
        while not last.done():
            said.at(sum(size for future, size in zip(first, sizes, strict=True) if future.done()))
            wait_a_little(wait, last)
        return decode_part(last.result(), "what the engine answered")
    finally:
        client.cancel([*first, last])


def wait_a_little(wait: Callable[..., object], future: Any) -> None:
    """Wait until `future` is done, for a moment at most."""
    from dask.distributed import TimeoutError as TooLong

    try:
        wait(future, timeout=_WAIT)
    except TooLong:
        return
