"""Write a dump in this program's own JSON format.

Its provenance goes with it.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from inspector import sources
from inspector.commands.arguments import add_declared
from inspector.errors import EXIT_YES, InspectorError, one_line
from inspector.sources.dump import renumbered, select_vcpus
from inspector.sources.formats import dump_json


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("source", metavar="SOURCE", help="a dump: file, -, builtin:NAME or a live source")
    add_declared(parser)
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="file to write; - for standard output")
    parser.add_argument("--vcpu", metavar="N", action="append", help="only this vCPU (index or name); may be repeated")


def run(options: argparse.Namespace) -> int:
    """Write the file; it is complete or it is not there at all."""
    both = [Path(name) for name in (options.output, options.source)]
    if all(path.exists() for path in both) and both[0].samefile(both[1]):
        raise InspectorError("is the source itself", options.output, "name another file with -o")
    dump = sources.load(options.source, options.declared)
    dump = renumbered(select_vcpus(dump, options.vcpu or []))
    data = dump_json.write(dump)
    if options.output == "-":
        sys.stdout.buffer.write(data)
        return EXIT_YES
    write_whole(options.output, data)
    count = sum(len(v.values) for v in dump.vcpus)
    print(one_line(f"wrote {options.output}: {len(dump.vcpus)} vCPUs, {count} registers"), file=sys.stderr)
    return EXIT_YES


def write_whole(path: str, data: bytes) -> None:
    """Write `data` to `path` through a temporary file beside it, so that a reader never meets half of it.

    Raises InspectorError when the folder is missing or not writable.
    """
    target = Path(path)
    try:
        if target.exists() and not target.is_file():
            target.write_bytes(data)
            return
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            mask = os.umask(0)
            os.umask(mask)
            Path(name).chmod(0o666 & ~mask)
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise InspectorError(
            f"cannot be written: {error.strerror}", path, "name a file in a folder that you may write"
        ) from error
