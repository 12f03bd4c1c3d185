"""Read many dump files for a comparison: two processes, one file in memory at a time, distinct sets kept."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from inspector.checks.compare.sets import Collection, add_dump
from inspector.errors import InspectorError
from inspector.sources import load
from inspector.sources.dump import View

PARALLEL_FROM = 400
"""Fewer files are read sooner than another process has started."""
_CHUNK = 250


def collect_paths(paths: Sequence[str], wide: bool, jobs: int = 0, declared: View | None = None) -> Collection:
    """The distinct register sets of the dumps at `paths` (anything that `sources.load` takes), in their order.

    Raises InspectorError for the first source that cannot be read. `jobs`: processes; 0 chooses.
    `declared`: whose values texts hold.
    """
    jobs = jobs or (min(4, os.cpu_count() or 1) if len(paths) >= PARALLEL_FROM else 1)
    chunks = [list(paths[at : at + _CHUNK]) for at in range(0, len(paths), _CHUNK)]
    collection = Collection(wide=wide)
    if jobs <= 1 or len(chunks) < 2:
        for chunk in chunks:
            collection.merge(_read(chunk, wide, declared, len(paths) == 1))
        return collection
    # Not fork: the caller may have threads (the TUI has).
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for part in pool.map(_read_safely, ((chunk, wide, declared) for chunk in chunks)):
            if isinstance(part, tuple):
                pool.shutdown(cancel_futures=True)
                raise InspectorError(*part)
            collection.merge(part)
    return collection


def _read(paths: Sequence[str], wide: bool, declared: View | None = None, alone: bool = False) -> Collection:
    collection = Collection(wide=wide)
    for path in paths:
        add_dump(collection, load(path, declared), alone)
    # The look-up tables are only for growing; another process has its own.
    collection.index = {}
    collection.ids = {}
    return collection


def _read_safely(task: tuple[Sequence[str], bool, View | None]) -> Collection | tuple[str, str, str]:
    """For a worker process: an error comes back as its three texts, which survive the way between processes."""
    try:
        return _read(*task)
    except InspectorError as error:
        return error.what, error.where, error.hint
