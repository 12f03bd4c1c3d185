"""Check whether a saved VM would load on a destination.

The VMM's own restore rule decides. DESTINATION is a dump of a fresh vCPU there, a host's raw registers (with --kernel),
`same-host` (with --kernel: the source's own machine under another kernel), or `all-kernels` (one row per kernel: where
can this VM go?).
"""

from __future__ import annotations

import argparse

from inspector.asking import migrate
from inspector.checks.fleet.loading import Toward, loading_of
from inspector.checks.fleet.reading import read_paths
from inspector.checks.fleet.summarise import Asked
from inspector.checks.machine.destination import SAME_HOST
from inspector.checks.restore.migration import migrate_all_kernels
from inspector.checks.restore.withheld import told, told_matrix
from inspector.commands.arguments import (
    add_declared,
    add_host_inputs,
    add_kernel,
    add_secrets,
    add_snapshot,
    add_style,
    add_why,
)
from inspector.commands.destinations import add_setup, add_vmm, given_destination, given_setup, given_side
from inspector.commands.opened import given_source
from inspector.errors import InspectorError
from inspector.progress import Progress
from inspector.reports import loading as loading_report
from inspector.reports import migration as report
from inspector.reports.host_facts import facts_json, facts_lines, facts_markdown
from inspector.reports.json import dumps
from inspector.reports.migration_text import matrix_text, migration_text

ALL_KERNELS = "all-kernels"
PARALLEL_FROM = 24
"""Saved VMs that are worth more than one process."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "source",
        metavar="SOURCE",
        nargs="+",
        help="the saved VM; of several: which of them load",
    )
    parser.add_argument("destination", metavar="DESTINATION", help=f"a dump, `{SAME_HOST}` or `{ALL_KERNELS}`")
    add_kernel(parser)
    add_vmm(parser)
    add_setup(parser)
    add_host_inputs(parser)
    add_why(parser)
    parser.add_argument("--all", action="store_true", help="a finding for every register")
    add_declared(parser)
    add_secrets(parser)
    add_snapshot(parser)
    add_style(parser)


def run(options: argparse.Namespace) -> int:
    """Print the verdict and its findings; 0 loads, 1 fails."""
    if len(options.source) > 1:
        return _run_many(options)
    (options.source,) = options.source
    source = given_source(options)
    if options.destination == ALL_KERNELS:
        if options.why:
            hint = f"ask for one kernel: `{SAME_HOST}` and --kernel"
            raise InspectorError("has another answer, with facts of its own, for each kernel", "--why", hint)
        matrix = migrate_all_kernels(
            source, options.vmm or "", given_setup(options, source), None, options.host, options.assume
        )
        matrix = matrix if options.secrets else told_matrix(matrix)
        if options.json:
            print(dumps(report.matrix_json(matrix)))
        else:
            print(report.matrix_markdown(matrix) if options.markdown else matrix_text(matrix))
        return matrix.exit_code
    result = migrate(source, given_side(options), *given_destination(options))
    result = result if options.secrets else told(result)
    known = result.host_facts if options.why else ()
    if options.json:
        print(dumps(report.migration_json(result, options.all) | (facts_json(known) if known else {})))
    elif options.markdown:
        print(report.migration_markdown(result, options.all), *[facts_markdown(known)] * bool(known), sep="\n\n")
    else:
        print(migration_text(result, options.all), *["\n".join(facts_lines(known))] * bool(known), sep="\n\n")
    return result.exit_code


def _run_many(options: argparse.Namespace) -> int:
    """Print which of the saved VMs load; 0 when all do."""
    alone = [f"--{name}" for name in ("why", "all", "snapshot") if getattr(options, name)]
    if alone or options.destination == ALL_KERNELS:
        what = alone[0] if alone else ALL_KERNELS
        raise InspectorError("goes with one SOURCE", what, "name one saved VM, or ask for less of many")
    kernel, vmm, features, gic, host, assume = given_destination(options)
    toward = Toward(
        destination=options.destination, kernel=kernel, vmm=vmm, features=features, gic=gic, host=host, assume=assume,
        declared=options.declared,
    )  # fmt: skip
    asked = Asked(question="migrate", toward=toward, declared=options.declared)
    with Progress("checked saved VMs", len(options.source)) as said:
        jobs = 0 if len(options.source) >= PARALLEL_FROM else 1
        answer = loading_of(read_paths(options.source, asked, jobs, said, chunk=4), options.destination)
    if options.json:
        print(dumps(loading_report.loading_json(answer)))
    else:
        print((loading_report.loading_markdown if options.markdown else loading_report.loading_text)(answer))
    return answer.exit_code
