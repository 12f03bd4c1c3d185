"""Check whether a saved VM would load on a destination, by the VMM's own restore rule.

DESTINATION is a dump of a fresh vCPU there, a host's raw registers (with --kernel), `same-host` (with --kernel: the
source's own machine under another kernel), or `all-kernels` (one row per kernel: where can this VM go?).
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from inspector.commands.arguments import add_declared, add_kernel, add_setup, add_style
from inspector.errors import InspectorError, one_line

if TYPE_CHECKING:
    from inspector.policies.model import Policy
    from inspector.policies.setup import VcpuSetup
    from inspector.sources.dump import Dump

VMMS = ("qemu-7.2", "qemu-10.0", "qemu-11.1", "firecracker", "cloud-hypervisor", "crosvm")
SAME_HOST, ALL_KERNELS = "same-host", "all-kernels"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("source", metavar="SOURCE", help="the saved VM")
    parser.add_argument("destination", metavar="DESTINATION", help=f"a dump, `{SAME_HOST}` or `{ALL_KERNELS}`")
    add_kernel(parser)
    parser.add_argument("--vmm", choices=VMMS, help="whose restore rule (default: as the source's format suggests)")
    add_setup(parser)
    parser.add_argument("--all", action="store_true", help="a finding for every register")
    add_declared(parser)
    add_style(parser)


def given_setup(options: argparse.Namespace, source: Dump) -> VcpuSetup | None:
    """The setup that `--features` or `--gic` ask for; None when neither is given (the source's is taken then).

    `--gic` alone leaves the features as the saved vCPU has them.
    """
    if options.features is None and options.gic is None:
        return None
    import msgspec

    from inspector.checks.machine.destination import source_vcpus
    from inspector.checks.machine.vcpu_setup import setup_of
    from inspector.checks.vmms.table import find_vmm, vmm_for
    from inspector.policies.setup import parse_features

    if options.features is not None:
        return parse_features(options.features, gic=options.gic or "v3")
    rule = find_vmm(options.vmm or vmm_for(source.provenance.format, source.provenance.tool))
    vcpus, _ = source_vcpus(source)
    return msgspec.structs.replace(setup_of(vcpus[0], rule.family), gic=options.gic)


def given_kernel(options: argparse.Namespace) -> Policy | None:
    """The policy of `--kernel`, its doubts told on standard error; None when it is not given."""
    if options.kernel is None:
        return None
    from inspector.policies.release import choose

    choice = choose(options.kernel)
    if choice.text:
        print(one_line(choice.text), file=sys.stderr)
    return choice.policy


def run(options: argparse.Namespace) -> int:
    """Print the verdict and its findings; 0 loads, 1 fails."""
    from inspector import sources
    from inspector.checks.restore.migration import migrate, migrate_all_kernels, migrate_same_host
    from inspector.reports import migration as report
    from inspector.reports.json import dumps
    from inspector.reports.migration_text import matrix_text, migration_text

    kernel, source = given_kernel(options), sources.load(options.source, options.declared)
    setup = given_setup(options, source)
    if options.destination == ALL_KERNELS:
        matrix = migrate_all_kernels(source, options.vmm or "", setup)
        if options.json:
            print(dumps(report.matrix_json(matrix)))
        else:
            print(report.matrix_markdown(matrix) if options.markdown else matrix_text(matrix))
        return matrix.exit_code
    if options.destination == SAME_HOST:
        if kernel is None:
            raise InspectorError("needs a kernel", SAME_HOST, "name it with --kernel")
        result = migrate_same_host(source, kernel, options.vmm or "", setup)
    else:
        result = migrate(source, sources.load(options.destination, options.declared), kernel, options.vmm or "", setup)
    if options.json:
        print(dumps(report.migration_json(result, options.all)))
    elif options.markdown:
        print(report.migration_markdown(result, options.all))
    else:
        print(migration_text(result, options.all))
    return result.exit_code
