"""Show between which kernels VMs move, and what a machine type has to fix.

For each pair of kernels a fresh vCPU is saved under the one and restored under the other, by the VMM's own rule. A pair
that fails gets the shortest list of QEMU properties, or the Firecracker template, with which it loads in both
directions; each list was tried before it is shown.
"""

from __future__ import annotations

import argparse

from inspector import sources
from inspector.checks.compat.matrix import compat_matrix
from inspector.commands.arguments import add_declared, add_style
from inspector.commands.destinations import add_setup, add_vmm
from inspector.reports import matrix as report
from inspector.reports.json import dumps


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("host", metavar="HOST", help="a dump of the host: raw registers, a recording, or a vCPU")
    parser.add_argument(
        "--kernels",
        metavar="LIST",
        default="",
        help="the kernels, separated by commas (default: the newest of each series kept for years, and the newest)",
    )
    add_vmm(parser)
    add_setup(parser)
    parser.add_argument(
        "--inputs", metavar="LIST", default="", help="as --host of `expose`: what registers do not show"
    )
    add_declared(parser)
    add_style(parser)


def run(options: argparse.Namespace) -> int:
    """Print the matrix; 0 when every pair loads, 1 when one does not."""
    dump = sources.load(options.host, options.declared)
    kernels = [name.strip() for name in options.kernels.split(",") if name.strip()]
    matrix = compat_matrix(dump, kernels, options.vmm or "", options.features, options.gic, options.inputs)
    if options.json:
        print(dumps(report.matrix_json(matrix)))
    else:
        print(report.matrix_markdown(matrix) if options.markdown else report.matrix_text(matrix))
    return matrix.exit_code
