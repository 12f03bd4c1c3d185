"""Where the dumps of a fleet lie: files, object stores, archives, columns of Parquet files. Needs the extra `fleet`."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from inspector.errors import InspectorError, SourceError
from inspector.progress import Progress
from inspector.sources import load, load_stream
from inspector.sources.dump import Dump, View

EXTRA = "pip install 'vcpu-inspector[fleet]'"
NAME, CONTENT = "name", "dump"
"""Columns of a Parquet file of dumps: a text, and the bytes of a file."""


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Dumps that are read together: one file, or some rows of a Parquet file."""

    position: int
    """of the first of them"""
    url: str
    rows: tuple[int, int] | None = None
    """(row group, how many rows) of a Parquet file"""

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
    except ImportError as error:
        raise InspectorError(f"needs a library that is not installed ({error})", where, EXTRA) from None
    except Exception as error:
        # Every store has errors of its own.
        raise SourceError(f"cannot be read ({type(error).__name__}: {error})", where) from None


def places_of(urls: Sequence[str], said: Progress | None = None) -> list[Place]:
    """Where the dumps of all `urls` are: names of files, globs, `s3://...`, `zip://...::...`, Parquet files.

    `said` is told how many were found. Raises InspectorError for a store that cannot be asked, and for a glob that
    nothing fits.
    """
    found: list[Place] = []
    position = 0
    for url in urls:
        with told(url):
            for one in _expanded(url):
                for place in _parquet(one, position) if one.endswith(".parquet") else [Place(position, one)]:
                    found.append(place)
                    position += place.count
        if said is not None:
            said.at(position)
    return found


def _expanded(url: str) -> Sequence[str]:
    if "*" not in url:
        return [url]
    import fsspec

    found = sorted(one.full_name for one in fsspec.open_files(url, "rb"))
    if not found:
        raise InspectorError("fits no file", url, "give the path of dumps, or a pattern of such paths")
    rest = "".join(url.partition("::")[1:])  # the archive or cache that a chained address goes through
    return [one.removeprefix("file://") + rest for one in found]


def _parquet(url: str, position: int) -> Iterator[Place]:
    with _parquet_file(url) as file:
        names = file.schema_arrow.names
        if NAME not in names or CONTENT not in names:
            hint = f"columns `{NAME}` (text) and `{CONTENT}` (the bytes of a dump)"
            raise SourceError(f"has no columns of dumps, but {', '.join(names[:8])}", url, hint)
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            yield Place(position, url, (group, rows))
            position += rows


@contextmanager
def _parquet_file(url: str) -> Iterator[Any]:
    import fsspec
    from pyarrow.parquet import ParquetFile

    with fsspec.open(url, "rb") as stream, ParquetFile(stream) as file:
        yield file


def dumps_at(place: Place, declared: View | None = None) -> Iterator[tuple[int, Dump]]:
    """(position, dump) of everything at a place. Raises InspectorError."""
    if place.rows is not None:
        yield from _rows(place, declared)
    elif "://" in place.url:
        with told(place.url):
            import fsspec

            with fsspec.open(place.url, "rb") as stream:
                dump = load_stream(stream, place.url, declared)
        yield place.position, dump
    else:
        yield place.position, load(place.url, declared)


def _rows(place: Place, declared: View | None) -> Iterator[tuple[int, Dump]]:
    assert place.rows is not None
    with told(place.url):
        with _parquet_file(place.url) as file:
            table = file.read_row_group(place.rows[0], columns=[NAME, CONTENT])
        names, contents = (table.column(name).to_pylist() for name in (NAME, CONTENT))
        for number, (name, content) in enumerate(zip(names, contents, strict=True)):
            data = content.encode() if isinstance(content, str) else bytes(content or b"")
            yield place.position + number, load_stream(io.BytesIO(data), str(name), declared)


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
