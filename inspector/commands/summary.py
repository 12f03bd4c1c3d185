"""Say what a CPU is, and what a guest gets of it.

Core, version of the architecture, addresses, vectors, pointer authentication, PMU, caches and more, a line each, the
host beside the vCPU where SOURCE shows both; then what is lost between them, with the rule for each. What SOURCE
does not tell stays unknown.
"""

from __future__ import annotations

import argparse
import shutil
import sys

from inspector.checks.features.sides import Sides, sides_of
from inspector.checks.features.summary import summarise
from inspector.commands.arguments import (
    add_declared,
    add_host_inputs,
    add_kernel,
    add_snapshot,
    add_style,
)
from inspector.commands.destinations import add_setup, given_of
from inspector.commands.opened import given_source
from inspector.errors import EXIT_YES, one_line
from inspector.reports import summary as report
from inspector.reports.json import dumps
from inspector.reports.outline import TEXT_WIDTH
from inspector.sources.dump import vcpu_named


def add_machine(parser: argparse.ArgumentParser) -> None:
    """SOURCE, and which host, kernel and vCPU are meant."""
    parser.add_argument("source", metavar="SOURCE", help="a dump: file, -, builtin:NAME or a live source")
    add_declared(parser)
    add_snapshot(parser)
    add_kernel(parser)
    add_setup(parser)
    add_host_inputs(parser)
    parser.add_argument("--vcpu", metavar="N", help="the vCPU to show (index or name; default: the first)")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_machine(parser)
    add_style(parser)


def given_sides(options: argparse.Namespace) -> Sides:
    """Host and vCPU that the options name."""
    dump = given_source(options)
    return sides_of(dump, given_of(options), vcpu_named(dump, options.vcpu))


def run(options: argparse.Namespace) -> int:
    """Print the summary."""
    found = summarise(given_sides(options))
    if options.json:
        print(dumps(report.summary_json(found)))
        return EXIT_YES
    if options.markdown:
        print(report.summary_markdown(found))
    else:
        cells = shutil.get_terminal_size().columns if sys.stdout.isatty() else TEXT_WIDTH
        print(report.summary_text(found, min(cells, 2 * TEXT_WIDTH)))
    if found.notes:
        print("\n".join(map(one_line, found.notes)), file=sys.stderr)
    return EXIT_YES
