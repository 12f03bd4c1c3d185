"""`-o FILE`, which every command that writes one shares: what is written, with whose permissions, over what."""

from __future__ import annotations

import argparse
import os
import stat
import sys
from collections.abc import Iterable
from functools import reduce
from pathlib import Path

from inspector.errors import InspectorError, one_line
from inspector.new_file import check_target, write_whole

STANDARD_OUTPUT = "-"


def add_output(parser: argparse.ArgumentParser, required: bool = False) -> None:
    """`-o FILE` and `--force`."""
    default = "" if required else " (default)"
    text = f"file to write; - for standard output{default}"
    parser.add_argument("-o", "--output", metavar="FILE", required=required, help=text)
    add_force(parser)


def add_force(parser: argparse.ArgumentParser) -> None:
    """`--force`."""
    parser.add_argument("--force", action="store_true", help="replace the file if it is there")


def check_force(options: argparse.Namespace, *files: str) -> None:
    """Raises InspectorError where `--force` has nothing to replace: none of the options `files` names a file."""
    if options.force and all(getattr(options, name) in (None, "", STANDARD_OUTPUT) for name in files):
        names = ", ".join(f"--{name}" for name in files)
        raise InspectorError("replaces a file, and none is written", "--force", f"it goes with {names}")


def check_output(options: argparse.Namespace) -> None:
    """Raises InspectorError for an `-o` that `write_out` would refuse: before the work, not after it."""
    check_force(options, "output")
    if options.output not in (None, STANDARD_OUTPUT):
        check_target(options.output, options.force)


def write_out(target: str, data: bytes, *, force: bool, like: os.stat_result | None = None, more: str = "") -> None:
    """Write `data` to the file `target`, or to standard output for `-`; what was written is said on standard error.

    Raises InspectorError where the file is there and `force` is not set, is a symbolic link, or cannot be written.
    """
    if target == STANDARD_OUTPUT:
        sys.stdout.buffer.write(data)
        return
    write_whole(target, data, like, force)
    print(one_line(f"wrote {target}{more}"), file=sys.stderr)


def status_of(source: str) -> os.stat_result | None:
    """What the file system says of the file behind a source, whose permissions a file made of it gets; else None."""
    try:
        found = os.fstat(0) if source == "-" else Path(source).stat()
    except (OSError, ValueError):
        return None
    if stat.S_ISDIR(found.st_mode):  # who may enter a folder may read what is in it
        return os.stat_result((found.st_mode & 0o666, *found[1:10]))
    return found if stat.S_ISREG(found.st_mode) else None


def status_of_all(sources: Iterable[str]) -> os.stat_result | None:
    """The permissions of a file that is made of many: what every one of them allows; None where none is a file.

    Files of several owners or groups give one that is the user's own, and nobody else's.
    """
    found = [one for one in map(status_of, sources) if one is not None]
    if not found:
        return None
    mode = reduce(int.__and__, (one.st_mode for one in found)) & 0o666
    owner, group = found[0].st_uid, found[0].st_gid
    if any((one.st_uid, one.st_gid) != (owner, group) for one in found):
        mode, owner, group = mode & 0o600, os.geteuid(), os.getegid()
    return os.stat_result((mode, *found[0][1:4], owner, group, *found[0][6:10]))
