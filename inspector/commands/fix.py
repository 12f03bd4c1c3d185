"""Write a copy of a saved VM that its destination accepts.

Only the register values that the destination refuses are replaced. The original is never touched and nothing is
overwritten. The copy is loaded and checked again before it gets its name.
"""

from __future__ import annotations

import argparse

from inspector import sources
from inspector.checks.machine.destination import SAME_HOST
from inspector.commands.arguments import add_declared, add_host_inputs, add_kernel, add_style
from inspector.commands.destinations import add_setup, add_vmm, given_destination, given_side
from inspector.library import fix
from inspector.reports import fix as report
from inspector.reports.json import dumps


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "source", metavar="SOURCE", help="the saved VM: a QEMU stream, Firecracker JSON or a plain dump"
    )
    parser.add_argument("destination", metavar="DESTINATION", help=f"a dump of the destination, or `{SAME_HOST}`")
    parser.add_argument("-o", "--output", metavar="NEWFILE", required=True, help="the new file; must not exist")
    add_kernel(parser)
    add_vmm(parser)
    add_setup(parser)
    add_host_inputs(parser)
    add_declared(parser)
    add_style(parser)


def run(options: argparse.Namespace) -> int:
    """Print each change and its risk; 0 when the result loads, 1 when something remains."""
    source = sources.load(options.source, options.declared)
    result = fix(source, given_side(options), options.output, *given_destination(options))
    if options.json:
        print(dumps(report.fix_json(result)))
    else:
        print(report.fix_markdown(result) if options.markdown else report.fix_text(result))
    return result.exit_code
