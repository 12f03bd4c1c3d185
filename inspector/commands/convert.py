"""Write a dump in this program's own JSON format.

Its provenance goes with it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from inspector.commands.arguments import add_declared, add_secrets, add_snapshot
from inspector.commands.opened import given_source
from inspector.commands.output import add_output, check_output, status_of, write_out
from inspector.errors import EXIT_YES, InspectorError
from inspector.numbers import count_of
from inspector.sources.dump import renumbered, select_vcpus
from inspector.sources.formats import dump_json
from inspector.sources.withheld import unnamed, withhold


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("source", metavar="SOURCE", help="a dump: file, -, builtin:NAME or a live source")
    add_declared(parser)
    add_snapshot(parser)
    add_output(parser, required=True)
    add_secrets(parser)
    parser.add_argument("--vcpu", metavar="N", action="append", help="only this vCPU (index or name); may be repeated")


def run(options: argparse.Namespace) -> int:
    """Write the file; it is complete or it is not there at all."""
    both = [Path(name) for name in (options.output, options.source)]
    if all(path.exists() for path in both) and both[0].samefile(both[1]):
        raise InspectorError("is the source itself", options.output, "name another file with -o")
    check_output(options)
    dump = given_source(options)
    dump = renumbered(select_vcpus(dump, options.vcpu or []))
    dump = unnamed(dump if options.secrets else withhold(dump))
    data = dump_json.write(dump)
    count, withheld = sum(len(v.ids) for v in dump.vcpus), sum(len(v.withheld) for v in dump.vcpus)
    more = f": {count_of(len(dump.vcpus), 'vCPU')}, {count_of(count, 'register')}"
    more += f"; the values of {withheld} are withheld, as secrets of the guest (--secrets writes them)" * bool(withheld)
    write_out(options.output, data, force=options.force, like=status_of(options.source), more=more)
    return EXIT_YES
