"""Check whether a saved VM would load on a destination.

The VMM's own restore rule decides. DESTINATION is a dump of a fresh vCPU there, a host's raw registers (with --kernel),
`same-host` (with --kernel: the source's own machine under another kernel), or `all-kernels` (one row per kernel: where
can this VM go?).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from inspector.checks.machine.destination import SAME_HOST
from inspector.checks.restore.migration import migrate, migrate_all_kernels
from inspector.checks.restore.withheld import told, told_matrix
from inspector.commands.arguments import (
    add_declared,
    add_host_inputs,
    add_kernel,
    add_many,
    add_secrets,
    add_snapshot,
    add_style,
    add_why,
    is_many,
)
from inspector.commands.destinations import add_setup, add_vmm, given_of, given_side
from inspector.commands.opened import given_source
from inspector.commands.output import add_force, check_force
from inspector.errors import EXIT_YES, InspectorError, encodable
from inspector.reports import migration as report
from inspector.reports.host_facts import facts_json, facts_lines, facts_markdown
from inspector.reports.json import dumps
from inspector.reports.kernel_matrix import matrix_json, matrix_markdown, matrix_text
from inspector.reports.migration_text import migration_text

if TYPE_CHECKING:
    from inspector.checks.fleet.part import Part
    from inspector.checks.fleet.summarise import Asked
    from inspector.checks.fleet.table import Table

ALL_KERNELS = "all-kernels"
CHUNK = 16
"""Saved VMs of one task, each some milliseconds of work."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "source",
        metavar="SOURCE",
        nargs="*",
        help="the saved VM; of several, also on every core, in a cluster, or in parts: which of them load",
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
    add_many(
        parser,
        "a row for each SOURCE, with the verdict, the register that stops it first, its errno and its fields",
        "SOURCE",
    )
    add_force(parser)


def run(options: argparse.Namespace) -> int:
    """Print the verdict and its findings; 0 loads, 1 fails."""
    check_force(options, "partial", "table")
    if len(options.source) > 1 or is_many(options):
        return _run_many(options)
    if not options.source:
        raise InspectorError("is one name, and two are needed", options.destination, "migrate SOURCE DESTINATION")
    (options.source,) = options.source
    source = given_source(options)
    if options.destination == ALL_KERNELS:
        _check_all_kernels(options)
        matrix = migrate_all_kernels(source, given_of(options))
        matrix = matrix if options.secrets else told_matrix(matrix)
        if options.json:
            print(dumps(matrix_json(matrix)))
        else:
            print(matrix_markdown(matrix) if options.markdown else matrix_text(matrix))
        return matrix.exit_code
    result = migrate(source, given_side(options), given_of(options))
    result = result if options.secrets else told(result)
    known = result.host_facts if options.why else ()
    if options.json:
        print(dumps(report.migration_json(result, options.all) | (facts_json(known) if known else {})))
    elif options.markdown:
        print(report.migration_markdown(result, options.all), *[facts_markdown(known)] * bool(known), sep="\n\n")
    else:
        print(migration_text(result, options.all), *["\n".join(facts_lines(known))] * bool(known), sep="\n\n")
    return result.exit_code


def _check_all_kernels(options: argparse.Namespace) -> None:
    """Raises InspectorError for an option that a row for each kernel does not go with."""
    hint = f"ask for one kernel: `{SAME_HOST}` and --kernel"
    if options.why:
        raise InspectorError("has another answer, with facts of its own, for each kernel", "--why", hint)
    if options.kernel:
        raise InspectorError(f"does not go with {ALL_KERNELS}", "--kernel", hint)
    if options.all:
        raise InspectorError(f"does not go with {ALL_KERNELS}, which has no findings", "--all", hint)


def _run_many(options: argparse.Namespace) -> int:
    """Print which of the saved VMs load; 0 when all do."""
    # What reads many files on every core costs the question about one VM more than its answer.
    from inspector.checks.fleet.loading import loading_of
    from inspector.checks.fleet.part import Toward
    from inspector.checks.fleet.summarise import Asked
    from inspector.checks.fleet.written import written
    from inspector.commands.fleet import (
        check_many,
        check_table,
        counted_table,
        listed_paths,
        nothing_given,
        part_of,
        write_table,
    )
    from inspector.reports import loading as loading_report

    alone = [f"--{name}" for name in ("why", "all", "secrets", "snapshot") if getattr(options, name)]
    if alone or options.destination == ALL_KERNELS:
        what = alone[0] if alone else ALL_KERNELS
        raise InspectorError("goes with one SOURCE", what, "name one saved VM, or ask for less of many")
    check_table(options, "merge", "partial")
    check_many(options)
    toward = None
    if options.merge:
        options.source.append(options.destination)  # parts only: they know their destination
    else:
        side, given = given_side(options), given_of(options)
        dump = b"" if isinstance(side, str) else written(side)
        toward = Toward(destination=encodable(options.destination), dump=dump, **msgspec.structs.asdict(given))
    paths = listed_paths(options, options.source)
    if not paths:
        raise nothing_given("migrate", "name at least one saved VM, and the destination behind all of them")
    asked = Asked(
        question="migrate", toward=toward, declared=options.declared, secrets_out=bool(options.partial),
        limit=options.limit,
    )  # fmt: skip
    if options.table and not options.engine:
        from inspector.checks.fleet.loading_table import counted_rows

        part: Part | None = counted_table(options, paths, asked, _table_of(options, asked), counted_rows, CHUNK)
    else:
        part = part_of(options, paths, asked, "checked saved VMs", CHUNK)
    if part is None:
        return EXIT_YES
    if options.table and options.engine:
        # The engine's processes are elsewhere: what they answered comes back counted, without rows.
        write_table(options, paths, _table_of(options, asked)(), asked, part.dumps + part.unread.count)
    answer = loading_of(part)
    if options.json:
        print(dumps(loading_report.loading_json(answer)))
    else:
        print((loading_report.loading_markdown if options.markdown else loading_report.loading_text)(answer))
    return answer.exit_code


def _table_of(options: argparse.Namespace, asked: Asked) -> Callable[..., Table]:
    """What makes the table of the saved VMs, from the tally that counts with it."""
    from inspector.checks.fleet.loading_table import LoadingTable

    assert asked.toward is not None  # parts have no table
    return partial(LoadingTable, asked.toward, options.skip_unreadable)
