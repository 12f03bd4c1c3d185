"""Where the dumps of a fleet lie: files, object stores, archives, columns of Parquet files. Needs the extra `fleet`."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from glob import glob, has_magic
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import msgspec

from inspector.checks.fleet.part import skipped
from inspector.checks.fleet.summarise import Asked, advised
from inspector.errors import InspectorError, SourceError
from inspector.progress import Progress
from inspector.sources import load, load_stream
from inspector.sources.dump import Dump, View

EXTRA = "pip install 'vcpu-inspector[fleet]'"
NAME, CONTENT = "name", "dump"
"""Columns of a Parquet file of dumps: a text, and the bytes of a file."""
_ARROW = 512 << 20
"""Bytes of address space in which pyarrow did its work; to load it with numpy takes 310 MB of it."""


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Dumps that are read together: one file, or some rows of a Parquet file."""

    position: int
    """of the first of them"""
    url: str
    rows: tuple[int, int] | None = None
    """(row group, how many rows) of a Parquet file"""
    fault: str = ""
    """why it cannot be read, where that is known before"""

    @property
    def count(self) -> int:
        """How many dumps they are."""
        return self.rows[1] if self.rows else 1


@contextmanager
def told(where: str) -> Iterator[None]:
    """What a store or a library says is wrong, as one line."""
    try:
        yield
    except InspectorError:
        raise
    except ModuleNotFoundError as error:
        raise InspectorError(f"needs a library that is not installed ({error})", where, EXTRA) from None
    except ImportError as error:
        raise InspectorError(f"needs a library that cannot be loaded ({error})", where) from None
    except Exception as error:
        # Every store has errors of its own.
        raise SourceError(f"cannot be read ({type(error).__name__}: {error})", where) from None


def places_of(urls: Sequence[str], said: Progress | None = None, asked: Asked | None = None) -> list[Place]:
    """Where the dumps of all `urls` are: names of files, globs, `s3://...`, `zip://...::...`, Parquet files.

    `said` is told how many were found. Raises InspectorError for a store that cannot be asked, for a glob that nothing
    fits, and for a Parquet file that cannot be read or has no dumps, unless `asked` says that such are skipped.
    """
    found: list[Place] = []
    position = 0
    for url in urls:
        with told(url):
            names = _expanded(url)
        for one in names:
            for place in _parquet(one, position, asked) if one.endswith(".parquet") else [Place(position, one)]:
                found.append(place)
                position += place.count
        if said is not None:
            said.at(position)
    return found


def _expanded(url: str) -> Sequence[str]:
    """What a pattern fits; what is no pattern, and a file that is called like one, as it is."""
    if "://" not in url:
        pattern = has_magic(url) and not os.path.lexists(url)
        found = glob(url, recursive=True) if pattern else [url]  # noqa: PTH207  # names as the user spells them
    elif "*" in url:  # other signs of patterns may be signs of an address
        import fsspec

        rest = "".join(url.partition("::")[1:])  # the archive or cache that a chained address goes through
        found = [one.full_name + rest for one in fsspec.open_files(url, "rb")]
    else:
        found = [url]
    if not found:
        raise InspectorError("fits no file", url, "give the path of dumps, or a pattern of such paths")
    return sorted(found)


def _parquet(url: str, position: int, asked: Asked | None) -> list[Place]:
    found = []
    try:
        with told(url), _parquet_file(url) as file:
            names = file.schema_arrow.names
            if NAME not in names or CONTENT not in names:
                hint = f"columns `{NAME}` (text) and `{CONTENT}` (the bytes of a dump)"
                raise SourceError(f"has no columns of dumps, but {', '.join(names[:8])}", url, hint)
            for group in range(file.num_row_groups):
                rows = file.metadata.row_group(group).num_rows
                found.append(Place(position, url, (group, rows)))
                position += rows
    except SourceError as error:
        if asked is None or not asked.skip:
            raise advised(error, asked.advice if asked else "") from None
        return [Place(position, url, fault=skipped(position, url, error).reason)]
    return found


def expect_room_for_arrow(where: str) -> None:
    """Raises InspectorError where the address space is limited to less than pyarrow may need: it then ends the process
    from within, with words of its own, an exit code of 1 or SIGABRT."""
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return
    taken = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    if (left := max(limit - taken, 0)) < _ARROW:
        what = f"pyarrow may need {_ARROW >> 20} MB of address space, and the limit (ulimit -v) leaves {left >> 20}"
        raise SourceError(what, where, "a higher limit, or CSV in place of Parquet")


@contextmanager
def _parquet_file(url: str) -> Iterator[Any]:
    expect_room_for_arrow(url)
    import fsspec
    from pyarrow.parquet import ParquetFile

    with fsspec.open(url, "rb") as stream, ParquetFile(stream) as file:
        yield file


class Waiting(NamedTuple):
    """A dump that is not read yet."""

    position: int
    source: str
    read: Callable[[], Dump]
    """Raises InspectorError"""


def waiting_at(place: Place, declared: View | None = None) -> Iterator[Waiting]:
    """Every dump at a place."""
    if place.fault:
        yield Waiting(place.position, place.url, partial(_refused, SourceError(place.fault, place.url)))
    elif place.rows is not None:
        yield from _rows(place, declared)
    elif "://" in place.url:
        yield Waiting(place.position, place.url, partial(_from_store, place.url, declared))
    else:
        yield Waiting(place.position, place.url, partial(load, place.url, declared))


def _refused(error: InspectorError) -> NoReturn:
    raise error


def _from_store(url: str, declared: View | None) -> Dump:
    with told(url):
        import fsspec

        with fsspec.open(url, "rb") as stream:
            return load_stream(stream, url, declared)


def _rows(place: Place, declared: View | None) -> Iterator[Waiting]:
    assert place.rows is not None
    group, count = place.rows
    try:
        with told(place.url):
            with _parquet_file(place.url) as file:
                table = file.read_row_group(group, columns=[NAME, CONTENT])
            names, contents = (table.column(name).to_pylist() for name in (NAME, CONTENT))
    except InspectorError as error:
        for position in range(place.position, place.position + count):
            yield Waiting(position, place.url, partial(_refused, error))
        return
    for position, name, content in zip(range(place.position, place.position + count), names, contents, strict=True):
        yield Waiting(position, str(name), partial(from_cell, content, str(name), declared))


def from_cell(content: object, name: str, declared: View | None) -> Dump:
    """The dump in a cell of a table: bytes, or a text; an empty cell is an empty file. Raises SourceError."""
    if isinstance(content, str):
        content = content.encode()
    if content is None or (isinstance(content, float) and content != content):  # how pandas shows an empty cell
        content = b""
    if not isinstance(content, (bytes, bytearray, memoryview)):
        raise SourceError(f"is {type(content).__name__}, not bytes", name, f"the column `{CONTENT}` holds files")
    return load_stream(io.BytesIO(content), name, declared)


def in_chunks(places: Sequence[Place], most: int) -> Iterator[list[Place]]:
    """The places in pieces of about `most` dumps."""
    chunk: list[Place] = []
    count = 0
    for place in places:
        chunk.append(place)
        count += place.count
        if count >= most:
            yield chunk
            chunk, count = [], 0
    if chunk:
        yield chunk
