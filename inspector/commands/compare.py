"""Compare dumps, or find the common baseline of many hosts.

Register lists are compared by the features behind a difference, values field by field. With --baseline: the greatest
common feature set that all hosts can run, the kernel that can write each needed field, and its export for Firecracker,
QEMU or this program. Many dumps are read on every core; hosts may also be summarised where they are (--partial), and
the parts merged (--merge).
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from inspector import sources
from inspector.checks.compare.compare import comparison_of, question_of
from inspector.checks.compare.sets import Scope
from inspector.checks.compare.withheld import told
from inspector.checks.fleet.part import Part, Question
from inspector.checks.fleet.summarise import Asked
from inspector.checks.machine.question import Given
from inspector.commands.arguments import add_declared, add_kernel, add_many, add_secrets, add_style
from inspector.commands.fleet import (
    advice,
    check_many,
    check_table,
    listed_paths,
    nothing_given,
    part_of,
    tell_unread,
    write_table,
)
from inspector.commands.output import add_force, check_force, status_of_all, write_out
from inspector.errors import EXIT_NO, EXIT_YES, InspectorError, one_line
from inspector.progress import Progress
from inspector.registers import catalog
from inspector.registers.definitions.special import FEATURE_PREFIX
from inspector.reports import compare as report
from inspector.reports.json import dumps

if TYPE_CHECKING:
    from inspector.registers.features import Feature


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "dumps",
        metavar="DUMP",
        nargs="*",
        help="dumps; of a single one, its vCPUs are compared; FEAT_ names: which dump has these features",
    )
    parser.add_argument("--all", action="store_true", help="compare the guest's own state too")
    parser.add_argument("--baseline", action="store_true", help="find what all hosts can run")
    add_kernel(parser)
    parser.add_argument("--firecracker", metavar="FILE", help="with --baseline: write a Firecracker CPU template")
    parser.add_argument("--qemu", action="store_true", help="with --baseline: print QEMU's SYSREG_... properties only")
    parser.add_argument("--dump", metavar="FILE", help="with --baseline: write the common values as a dump")
    add_force(parser)
    add_declared(parser)
    add_secrets(parser)
    add_style(parser)
    add_many(
        parser,
        "a row for each host, a column for each register and field that host and kernel decide (--all: every register)",
    )


def _paths(options: argparse.Namespace) -> list[str]:
    options.dumps = paths = listed_paths(options, options.dumps)
    if not paths:
        raise nothing_given("compare", "name at least two dumps, or one with several vCPUs")
    return paths


def run(options: argparse.Namespace) -> int:
    """Print the comparison (0 when all are equal) or the baseline (0 when all hosts can be levelled)."""
    exports = [name for name in ("firecracker", "qemu", "dump") if getattr(options, name)]
    if exports and not options.baseline:
        raise InspectorError("goes with --baseline", f"--{exports[0]}", "add --baseline")
    check_table(options, "merge", "partial", "baseline")
    _check_together(options)
    if options.baseline:
        return _baseline(options)
    wanted = _features(options)
    if not wanted:
        if options.kernel:
            raise InspectorError("goes with --baseline or FEAT_ names", "--kernel", "dumps are compared as they are")
        return _compare(options)
    if options.secrets:
        raise InspectorError("does not go with FEAT_ names", "--secrets", "no feature is a secret")
    for one in ("partial", "merge", "engine", "jobs", "table", "skip_unreadable", "all"):
        if getattr(options, one):
            hint = "they ask a few dumps; of many, a --table has every field"
            raise InspectorError("does not go with FEAT_ names", f"--{one.replace('_', '-')}", hint)
    return _compare_features(options, wanted)


def _check_together(options: argparse.Namespace) -> None:
    """Raises InspectorError for an option that would have no effect beside another."""
    if options.partial and options.all:
        raise InspectorError("holds no values of the guests", "--partial", "leave out --all")
    for other in ("all", "secrets"):
        if options.baseline and getattr(options, other):
            hint = "a baseline is of what host and kernel decide"
            raise InspectorError("does not go with --baseline", f"--{other}", hint)
    if options.qemu and (options.json or options.markdown):
        other = "--json" if options.json else "--markdown"
        raise InspectorError(f"does not go with {other}", "--qemu", "it prints QEMU's properties and nothing else")
    check_many(options)
    check_force(options, "partial", "table", "firecracker", "dump")


def _features(options: argparse.Namespace) -> tuple[Feature, ...]:
    """The features named among the dumps, which are taken out of them. Raises RegisterError for one that is none."""
    names = [name for name in options.dumps if name.upper().startswith(FEATURE_PREFIX) and not os.path.lexists(name)]
    if not names:
        return ()
    # What says which features there are: a comparison of registers does without.
    from inspector.registers.features import named

    options.dumps = [name for name in options.dumps if name not in names]
    unknown = next((name for name in names if not named(name)), None)
    if unknown is not None:
        catalog.look_up(unknown)
    return tuple(one for name in names for one in named(name))


def _compare_features(options: argparse.Namespace, wanted: tuple[Feature, ...]) -> int:
    """Which dump has the features on its host and shows them to its vCPU; 0 when all agree."""
    from inspector.checks.features.presence import states_of
    from inspector.checks.features.sides import sides_of
    from inspector.reports import summary as features_report

    found = [sides_of(sources.load(path, options.declared), Given(options.kernel)) for path in _paths(options)]
    states = [states_of(sides, wanted) for sides in found]
    if options.json:
        print(dumps(features_report.compared_json(found, states)))
    else:
        print("\n".join(features_report.compared_lines(found, states, markdown=options.markdown)))
    return (
        EXIT_YES
        if all(len({(one.host, one.vcpu) for one in row}) == 1 for row in zip(*states, strict=True))
        else EXIT_NO
    )


def _part(options: argparse.Namespace, question: Question) -> Part | None:
    """The part of all that was given; None after it was written to a file."""
    paths = _paths(options)
    asked = Asked(
        question=question,
        declared=options.declared,
        alone=len(paths) == 1 and not options.engine,
        secrets_out=bool(options.partial),
        limit=options.limit,
    )
    return part_of(options, paths, asked, "read dumps")


def _compare(options: argparse.Namespace) -> int:
    scope: Scope = "all" if options.all else "auto"
    whole = options.partial or options.merge or options.engine
    question = "compare" if whole else question_of(scope, len(_paths(options)))
    part = _part(options, question)
    if part is None:
        return EXIT_YES
    if options.table:
        from inspector.checks.fleet.table import columns_of

        columns = columns_of(part, options.all, options.secrets, options.skip_unreadable)
        again = Asked(question=part.question, declared=options.declared, skip=options.skip_unreadable)
        write_table(options, _paths(options), columns, again, part.subjects + part.unread.count)
    answer = comparison_of(part)
    answer = answer if options.secrets else told(answer)
    if options.json:
        print(dumps(report.comparison_json(answer)))
    else:
        print(report.comparison_markdown(answer) if options.markdown else report.comparison_text(answer, options.all))
    return answer.exit_code


def _baseline(options: argparse.Namespace) -> int:
    # What finds a baseline models hosts under kernels: a comparison does without.
    from inspector.checks.baseline.cases import baseline_under_each
    from inspector.checks.baseline.export import baseline_dump, firecracker_template, qemu_properties
    from inspector.commands.destinations import given_kernel
    from inspector.reports import baseline as baseline_report
    from inspector.sources.formats import dump_json

    choice = given_kernel(options)
    kernel, candidates = (choice.policy, choice.candidates) if choice is not None else (None, ())
    part = _part(options, "baseline")
    if part is None:
        return EXIT_YES
    with Progress("modelled unlike hosts", len(part.groups)) as said:
        asked = Asked(question="baseline", skip=options.skip_unreadable, advice=advice(len(part.groups)))
        answer = baseline_under_each(part, kernel, candidates, said, asked)
    if answer.unread.count > part.unread.count:
        tell_unread(answer.unread)
    if answer.cases and kernel is not None and (options.firecracker or options.dump or options.qemu):
        print(one_line(f"what is written is that of {kernel.label} alone, one of several cases"), file=sys.stderr)
    like = status_of_all(_paths(options)) if options.firecracker or options.dump else None
    if options.firecracker:
        write_out(options.firecracker, firecracker_template(answer).encode(), force=options.force, like=like)
    if options.dump:
        write_out(options.dump, dump_json.write(baseline_dump(answer)), force=options.force, like=like)
    if options.qemu:
        print(qemu_properties(answer))
    elif options.json:
        print(dumps(baseline_report.baseline_json(answer)))
    else:
        print(baseline_report.baseline_markdown(answer) if options.markdown else baseline_report.baseline_text(answer))
    return answer.exit_code
