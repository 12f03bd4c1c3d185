"""Read many files for one part: on every core, a bounded number of them in memory, ended at once where that is asked.

The order in which processes are done does not matter, as parts merge in any order.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from itertools import islice
from multiprocessing import resource_tracker
from typing import Any, TypeVar

from inspector.budget import raise_limits, raised_by
from inspector.checks.fleet.files import decode_part, encode_part
from inspector.checks.fleet.part import Part, Sum
from inspector.checks.fleet.summarise import Asked, add_source, tally_of
from inspector.errors import InspectorError
from inspector.leaving import SLICE, check, held, unbroken
from inspector.progress import Progress, tell_again
from inspector.sources import load

T = TypeVar("T")
PARALLEL_FROM = 400
"""Fewer files are read sooner than another process has started."""
CHUNK = 250
"""Files of one task: some tens of milliseconds."""
_AHEAD = 3
"""Tasks that wait for each process."""


def read_paths(
    paths: Sequence[str], asked: Asked, jobs: int = 0, progress: Progress | None = None, chunk: int = CHUNK
) -> Part:
    """The part of the dumps at `paths` (anything that `sources.load` takes).

    Raises InspectorError for a source that cannot be read, the first of them, unless `asked.skip`. `jobs`: processes; 0
    chooses. `chunk`: files of one task.
    """
    said = progress or Progress.silent()
    jobs = processes(len(paths), jobs, chunk)
    if jobs == 1:
        return read_some(list(enumerate(paths)), asked, said)
    return _read_on_many(paths, asked, jobs, said, chunk)


def processes(count: int, jobs: int = 0, chunk: int = CHUNK) -> int:
    """How many processes read `count` sources; 1 is this one alone. `jobs`: as asked for, 0 chooses; `chunk`: sources
    of one task."""
    jobs = jobs or (min(len(os.sched_getaffinity(0)), 32) if count >= PARALLEL_FROM * chunk / CHUNK else 1)
    return 1 if count <= chunk else max(jobs, 1)


def in_order(
    work: Callable[[Sequence[tuple[int, str]], Asked], T], paths: Sequence[str], asked: Asked, jobs: int, chunk: int
) -> Generator[T, None, None]:
    """What `work` gives for each chunk of `paths`, in their order, on `jobs` processes. Raises what it raises."""
    left = _chunks(paths, chunk)
    waiting: deque[Future[T]] = deque()
    # As above; at most so many answers wait for one before them.
    with held(), _pool(jobs) as pool:
        while True:
            for task in islice(left, jobs * _AHEAD - len(waiting)):
                with unasked():
                    waiting.append(pool.submit(work, task, asked))
            if not waiting:
                break
            while not wait((waiting[0],), SLICE).done:
                check()
                tell_again()
            check()
            yield waiting.popleft().result()


def read_some(places: Sequence[tuple[int, str]], asked: Asked, said: Progress | None = None) -> Part:
    """The part of some dumps: (position, path) of each."""
    tally = tally_of(asked)
    for done, (position, path) in enumerate(places):
        if said is not None:
            said.at(done)
        add_source(tally, partial(load, path, asked.declared), position, path, asked)
    return tally.part()


def _chunks(paths: Sequence[str], size: int) -> Iterator[list[tuple[int, str]]]:
    for at in range(0, len(paths), size):
        yield list(enumerate(paths[at : at + size], at))


def _read_on_many(paths: Sequence[str], asked: Asked, jobs: int, said: Progress, size: int) -> Part:
    total, done = Sum(asked.question, asked.secrets_out), 0
    tasks = _chunks(paths, size)
    # A signal that broke off the pool's own work would leave its locks and its threads as they stood.
    with held(), _pool(jobs) as pool:
        for data, count in _in_turn(pool, ((chunk, asked) for chunk in tasks), jobs * _AHEAD):
            total.add(decode_part(data, "a process of this command"))
            done += count
            said.at(done)
    return total.part()


def _in_turn(pool: ProcessPoolExecutor, tasks: Iterable[tuple[Any, Asked]], ahead: int) -> Iterator[tuple[bytes, int]]:
    """What the tasks give, in the order in which they are done; at most `ahead` of them wait.

    Of several that fail, the first task's error is raised: the tasks before it are waited for.
    """
    left, order = iter(tasks), 0
    waiting: dict[Future[tuple[bytes, int]], int] = {}
    failed: tuple[int, BaseException] | None = None
    while True:
        for task in islice(left, ahead - len(waiting) if failed is None else 0):
            with unasked():
                waiting[pool.submit(_task, task)] = order
            order += 1
        if failed is not None:
            waiting = {future: place for future, place in waiting.items() if place < failed[0]}
        if not waiting:
            break
        check()
        tell_again()
        for future in wait(waiting, SLICE, FIRST_COMPLETED).done:
            place, error = waiting.pop(future), future.exception()
            if error is None:
                yield future.result()
            elif failed is None or place < failed[0]:
                failed = place, error
    if failed is not None:
        raise failed[1]


def _task(task: tuple[Sequence[tuple[int, str]], Asked]) -> tuple[bytes, int]:
    """In another process: (the part of some dumps as bytes, how many they are)."""
    places, asked = task
    return encode_part(read_some(places, asked)), len(places)


def _start(times: int) -> None:
    """In another process, first: ctrl+c is the business of the one who started it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with_parent, daemon=True).start()
    raise_limits(times)


def _end_with_parent() -> None:
    """A parent that is killed (SIGKILL, no memory left) ends nobody: its processes would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def unasked() -> Iterator[None]:
    """Processes that start here have ctrl+c blocked, until `_start` ignores it: they would tell of it at length."""
    resource_tracker.ensure_running()  # its start would take the block away from the thread that it is started by
    with unbroken((signal.SIGINT,)):
        yield


@contextmanager
def _pool(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that are gone when the block ends, however it ends."""
    before = set(multiprocessing.active_children())
    # Not fork: the caller may have threads (the screens have).
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_start, initargs=(raised_by(),))
    try:
        yield pool
        pool.shutdown()
    except BrokenProcessPool:
        what = "a process that reads was ended from outside"
        raise InspectorError(what, "", "is there enough memory? --jobs 1 reads in one process") from None
    finally:
        for child in set(multiprocessing.active_children()) - before:
            child.kill()
        # Nobody is left to wait for but the pool's own thread, which would complain at exit.
        pool.shutdown(cancel_futures=True)
