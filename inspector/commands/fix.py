"""Write a copy of a saved VM in which only the register values that the destination refuses are replaced.

The original is never touched and nothing is overwritten. The copy is loaded and checked again before it gets its name.
"""

from __future__ import annotations

import argparse

from inspector.commands.arguments import add_declared, add_kernel, add_setup, add_style
from inspector.commands.migrate import SAME_HOST, VMMS, given_kernel, given_setup
from inspector.errors import InspectorError


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "source", metavar="SOURCE", help="the saved VM: a QEMU stream, Firecracker JSON or a plain dump"
    )
    parser.add_argument("destination", metavar="DESTINATION", help=f"a dump of the destination, or `{SAME_HOST}`")
    parser.add_argument("-o", "--output", metavar="NEWFILE", required=True, help="the new file; must not exist")
    add_kernel(parser)
    parser.add_argument("--vmm", choices=VMMS, help="whose restore rule (default: as the source's format suggests)")
    add_setup(parser)
    add_declared(parser)
    add_style(parser)


def run(options: argparse.Namespace) -> int:
    """Print each change and its risk; 0 when the result loads, 1 when something remains."""
    from inspector import sources
    from inspector.checks.machine.destination import same_host
    from inspector.checks.repair.fix import fix
    from inspector.checks.vmms.table import find_vmm, vmm_for
    from inspector.reports import fix as report
    from inspector.reports.json import dumps

    kernel, source = given_kernel(options), sources.load(options.source, options.declared)
    setup = given_setup(options, source)
    if options.destination == SAME_HOST:
        if kernel is None:
            raise InspectorError("needs a kernel", SAME_HOST, "name it with --kernel")
        rule = find_vmm(options.vmm or vmm_for(source.provenance.format, source.provenance.tool))
        destination = same_host(source, kernel, setup, rule)
        result = fix(source, destination, options.output, vmm=rule.name)
    else:
        result = fix(
            source,
            sources.load(options.destination, options.declared),
            options.output,
            kernel,
            options.vmm or "",
            setup,
        )
    if options.json:
        print(dumps(report.fix_json(result)))
    else:
        print(report.fix_markdown(result) if options.markdown else report.fix_text(result))
    return result.exit_code
