"""Arguments of commands that ask one thing of any number of dumps: here, on an engine, or apart and merged later."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from inspector import sources
from inspector.checks.fleet.files import decode_part, encode_part, merge_files
from inspector.checks.fleet.part import Part, Sum, Unread
from inspector.checks.fleet.reading import CHUNK, in_order, processes, read_paths
from inspector.checks.fleet.summarise import Asked, tally_of
from inspector.commands.output import STANDARD_OUTPUT, status_of_all, write_out
from inspector.errors import InspectorError, SourceError, one_line
from inspector.new_file import check_target, new_file
from inspector.numbers import count_of
from inspector.progress import Progress, clear
from inspector.reports.unread import unread_count, unread_names
from inspector.sources.opening import open_path, open_standard_input

if TYPE_CHECKING:
    from inspector.checks.fleet.table import Cell, Table

_LONGEST_PATH = 4095
"""Bytes: PATH_MAX of Linux, limits.h, without the byte that ends it; an address of a store has a quarter of it"""
_NO_PATH = f"holds a line of more than {_LONGEST_PATH:,} bytes, which is no path"
_LIST = "a path on each line, or a NUL behind each (find -print0)"
SKIP = "--skip-unreadable"
FEWEST = 3
"""Sources; of two nobody goes on with one."""


def listed_paths(options: argparse.Namespace, named: Sequence[str]) -> list[str]:
    """What was named, and behind it what the file of `--files-from` lists. Standard input is read once.

    Raises SourceError for a file that is no list.
    """
    paths = list(named)
    if options.files_from:
        paths += _listed(options.files_from)
        options.files_from = None
    return paths


def _listed(name: str) -> Iterator[str]:
    try:
        content = open_standard_input() if name == "-" else open_path(name, name)
    except SourceError as error:
        hint = _LIST if error.what.startswith("is empty") else error.hint
        raise SourceError(error.what, error.where, hint) from None
    with content:
        stream, ends = content.stream(), b"\0" if b"\0" in content.head else b"\n"
        rest = b""
        while data := stream.read(1 << 16):
            *lines, rest = (rest + data).split(ends)
            yield from _paths(lines, name, ends)
            if len(rest) > _LONGEST_PATH:
                raise SourceError(_NO_PATH, name, _LIST)
        yield from _paths([rest], name, ends)


def _paths(lines: Sequence[bytes], name: str, ends: bytes) -> Iterator[str]:
    for line in lines:
        path = line if ends == b"\0" else line.removesuffix(b"\r")
        if len(path) > _LONGEST_PATH:
            raise SourceError(_NO_PATH, name, _LIST)
        if path.strip():
            yield os.fsdecode(path)


def part_of(
    options: argparse.Namespace, paths: Sequence[str], asked: Asked, what: str, chunk: int = CHUNK
) -> Part | None:
    """The part of all that was given, dumps or parts; None after it was written to the file of `--partial`.

    `what`: what is done with each dump, for the progress. `chunk`: dumps of one task.
    """
    if options.partial and options.partial != STANDARD_OUTPUT:
        check_target(options.partial, options.force)
    asked = _with_skipping(options, paths, asked)
    part = _part_of(options, paths, asked, what, chunk)
    tell_unread(part.unread)
    if not options.partial:
        return part
    like = status_of_all(paths)
    more = f": {count_of(part.dumps, 'dump')}" + f", {unread_count(part.unread)}" * bool(part.unread)
    write_out(options.partial, encode_part(part), force=options.force, like=like, more=more)
    return None


def _with_skipping(options: argparse.Namespace, paths: Sequence[str], asked: Asked) -> Asked:
    """What is asked, with what becomes of a source that cannot be read."""
    # A part and an address may be of many dumps.
    many = FEWEST if options.engine or (options.merge and len(paths) > 1) else len(paths)
    return msgspec.structs.replace(asked, skip=options.skip_unreadable, advice=advice(many))


def _part_of(options: argparse.Namespace, paths: Sequence[str], asked: Asked, what: str, chunk: int) -> Part:
    if options.merge:
        with Progress("merged parts", len(paths)) as said:
            return merge_files(paths, asked, said)
    if options.engine:
        from inspector.checks.fleet.engine import run_on
        from inspector.checks.fleet.stores import places_of

        with Progress("looked for dumps") as said:
            places = places_of(paths, said, asked)
        with Progress(what, sum(place.count for place in places)) as said:
            return run_on(options.engine, places, asked, tell, said)
    with Progress(what, len(paths)) as said:
        return read_paths(paths, asked, options.jobs, said, chunk)


def check_many(options: argparse.Namespace) -> None:
    """Raises InspectorError where a form is asked of a report that --partial does not print, for secrets that a part
    does not hold, and for processes that are not this command's own."""
    for form in ("json", "markdown"):
        if options.partial and getattr(options, form):
            raise InspectorError(f"does not go with --{form}", "--partial", f"ask --merge for --{form}")
    for other in ("partial", "merge"):
        if options.secrets and getattr(options, other):
            raise InspectorError(f"does not go with --{other}", "--secrets", "a part holds no secrets of guests")
    for other, reads in (("merge", "parts are merged in one process"), ("engine", "the engine has its own processes")):
        if options.jobs and getattr(options, other):
            raise InspectorError(f"does not go with --{other}", "--jobs", reads)


def check_table(options: argparse.Namespace, *without: str) -> None:
    """Raises InspectorError where no table could be written: before the work, not after it. `without`: options that it
    does not go with."""
    if not options.table:
        return
    for other in without:
        if getattr(options, other):
            raise InspectorError(f"does not go with --{other}", "--table", "ask for the table alone")
    from inspector.checks.fleet.table import writer_of

    writer_of(options.table)
    check_target(options.table, options.force)


def counted_table(
    options: argparse.Namespace,
    paths: Sequence[str],
    asked: Asked,
    table_for: Callable[..., Table],
    rows_for: Callable[[Sequence[tuple[int, str]], Asked], tuple[bytes, list[list[Cell]]]],
    chunk: int,
) -> Part:
    """Write a table that counts what its rows tell; gives the part of that. Every dump is read once.

    `table_for`: the table that counts in a tally; `rows_for`: what another process gives of some dumps, the part and
    the rows; `chunk`: dumps of one task.
    """
    asked = _with_skipping(options, paths, asked)
    jobs = processes(len(paths), options.jobs, chunk)
    if jobs == 1:
        tally = tally_of(asked)
        write_table(options, paths, table_for(tally), asked, len(paths))
        part = tally.part()
    else:
        total = Sum(asked.question, asked.secrets_out)
        with closing(in_order(rows_for, paths, asked, jobs, chunk)) as answers:
            _write_rows(options, paths, table_for(), _counted(answers, total), len(paths))
        part = total.part()
    tell_unread(part.unread)
    return part


def _counted(answers: Iterator[tuple[bytes, list[list[Cell]]]], total: Sum) -> Iterator[list[Cell]]:
    """The rows of all answers, whose parts are added to `total`."""
    for data, rows in answers:
        total.add(decode_part(data, "a process of this command"))
        yield from rows


def write_table(options: argparse.Namespace, paths: Sequence[str], table: Table, asked: Asked, total: int) -> None:
    """Read every dump: a row is written when it was read, and nothing is kept of it. `total`: rows to come, about."""
    from inspector.checks.fleet.stores import Waiting, places_of, waiting_at
    from inspector.checks.fleet.table import rows_of

    if options.engine:
        found = (one for place in places_of(paths, None, asked) for one in waiting_at(place, options.declared))
    else:
        read = partial(sources.load, declared=options.declared)
        found = (Waiting(position, path, partial(read, path)) for position, path in enumerate(paths))
    _write_rows(options, paths, table, rows_of(found, table, asked), total)


def _write_rows(
    options: argparse.Namespace, paths: Sequence[str], table: Table, found: Iterator[list[Cell]], total: int
) -> None:
    """Write rows as they come."""
    from inspector.checks.fleet.table import writer_of

    count = 0

    def rows() -> Iterator[list[Cell]]:
        nonlocal count
        for row in found:
            yield row
            count += 1
            said.at(count)

    with (
        Progress("written rows", total) as said,
        new_file(options.table, status_of_all(paths), options.force) as temporary,
    ):
        writer_of(options.table)(temporary, table, rows())
    tell(f"wrote {options.table}: {count_of(count, 'row')}")


def advice(count: int) -> str:
    """What the error of one of `count` sources says besides."""
    return f"{SKIP} goes on without it" if count >= FEWEST else ""


def tell_unread(unread: Unread) -> None:
    """What could not be read, on standard error: a line for each that is named."""
    if unread:
        tell(f"{unread_count(unread)}:")
    for line in unread_names(unread):
        tell(f"  {line}")


def tell(text: str) -> None:
    """One line on standard error."""
    clear()
    print(one_line(text), file=sys.stderr)


def nothing_given(command: str, hint: str) -> InspectorError:
    """The error where there is no dump at all."""
    return InspectorError(f"nothing to {command}", command, hint)
