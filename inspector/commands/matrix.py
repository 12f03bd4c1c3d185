"""Show between which kernels VMs move, and what a machine type has to fix.

For each pair of kernels a fresh vCPU is saved under the one and restored under the other, by the VMM's own rule. A pair
that fails gets the shortest list of QEMU properties, or the Firecracker template, with which it loads in both
directions; each list was tried before it is shown.
"""

from __future__ import annotations

import argparse

from inspector.checks.compat.matrix import compat_matrix
from inspector.commands.arguments import add_declared, add_host_inputs, add_snapshot, add_style, add_why
from inspector.commands.destinations import add_setup, add_vmm, given_of
from inspector.commands.opened import given_source
from inspector.reports import matrix as report
from inspector.reports.host_facts import facts_json, facts_lines, facts_markdown
from inspector.reports.json import dumps


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("source", metavar="HOST", help="a dump of the host: raw registers, a recording, or a vCPU")
    parser.add_argument(
        "--kernels",
        metavar="LIST",
        default="",
        help="the kernels, separated by commas (default: of each series of which a stable release from .40 on is known "
        "the newest, and the newest of all)",
    )
    add_vmm(parser)
    add_setup(parser)
    add_host_inputs(parser)
    add_why(parser)
    add_declared(parser)
    add_snapshot(parser)
    add_style(parser)


def run(options: argparse.Namespace) -> int:
    """Print the matrix; 0 when every pair loads, 1 when one does not."""
    dump = given_source(options)
    kernels = [name.strip() for name in options.kernels.split(",") if name.strip()]
    matrix = compat_matrix(dump, kernels, given_of(options))
    known = matrix.host_facts
    if options.json:
        print(dumps(report.matrix_json(matrix) | (facts_json(known) if options.why else {})))
    elif options.markdown:
        print(report.matrix_markdown(matrix), *[facts_markdown(known)] * options.why, sep="\n\n")
    else:
        print(report.matrix_text(matrix), *["\n".join(facts_lines(known))] * options.why, sep="\n\n")
    return matrix.exit_code
