"""Arguments of commands that ask one thing of any number of dumps: here, on an engine, or apart and merged later."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from inspector.checks.fleet.files import encode_part, merge_files
from inspector.checks.fleet.part import Part
from inspector.checks.fleet.reading import CHUNK, read_paths
from inspector.checks.fleet.summarise import Asked
from inspector.commands.output import check_output, status_of_all, write_out
from inspector.errors import InspectorError, one_line
from inspector.progress import Progress
from inspector.sources.opening import open_path, open_standard_input


def listed_paths(options: argparse.Namespace, named: Sequence[str]) -> list[str]:
    """What was named, and behind it what the file of `--files-from` lists. Standard input is read once."""
    paths = list(named)
    if options.files_from:
        with (
            open_standard_input()
            if options.files_from == "-"
            else open_path(options.files_from, options.files_from) as content
        ):
            lines = (os.fsdecode(line.rstrip(b"\r\n")) for line in content.stream())
            paths += [line for line in lines if line.strip()]
        options.files_from = None
    return paths


def part_of(
    options: argparse.Namespace, paths: Sequence[str], asked: Asked, what: str, chunk: int = CHUNK
) -> Part | None:
    """The part of all that was given, dumps or parts; None after it was written to the file of `--partial`.

    `what`: what is done with each dump, for the progress. `chunk`: dumps of one task.
    """
    check_output(options.partial, options.force)
    if options.merge:
        with Progress("merged parts", len(paths)) as said:
            part = merge_files(paths, asked.question, said)
    elif options.engine:
        from inspector.checks.fleet.engine import run_on
        from inspector.checks.fleet.stores import places_of

        with Progress("looked for dumps") as said:
            places = places_of(paths, said)
        with Progress(what, sum(place.count for place in places)) as said:
            part = run_on(options.engine, places, asked, tell, said)
    else:
        with Progress(what, len(paths)) as said:
            part = read_paths(paths, asked, options.jobs, said, chunk)
    if not options.partial:
        return part
    like = status_of_all(paths)
    write_out(options.partial, encode_part(part), force=options.force, like=like, more=f": {part.dumps} dumps")
    return None


def tell(text: str) -> None:
    """One line on standard error."""
    print(one_line(text), file=sys.stderr)


def nothing_given(command: str, hint: str) -> InspectorError:
    """The error where there is no dump at all."""
    return InspectorError(f"nothing to {command}", command, hint)
