"""Ask whether KVM of a kernel would accept a register write, and why not.

The host is the one that SOURCE describes. Writes are made one after another on one simulated vCPU. Nothing is sent to
any machine unless --for-real is given, and then only to a scratch vCPU that is thrown away.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from inspector.checks.machine.machine import machine
from inspector.checks.machine.question import ask, own_question
from inspector.checks.writing.bench import Bench, bench_of
from inspector.checks.writing.history import FIRST_RUN, steps_of, written
from inspector.commands.arguments import (
    add_declared,
    add_host_inputs,
    add_kernel,
    add_snapshot,
    add_style,
    add_why,
)
from inspector.commands.destinations import add_setup, given_of
from inspector.commands.opened import given_source
from inspector.errors import EXIT_NO, EXIT_YES, InspectorError, one_line
from inspector.kvm.cases import candidates_of
from inspector.kvm.cores import hints
from inspector.kvm.host_inputs import Fact, facts
from inspector.reports.host_facts import facts_json, facts_lines
from inspector.reports.json import Json, dumps
from inspector.reports.writes import entry_json, entry_lines
from inspector.sources.dump import vcpu_named


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("source", metavar="SOURCE", help="a dump: file, -, builtin:NAME or a live source")
    add_declared(parser)
    add_snapshot(parser)
    parser.add_argument(
        "writes",
        metavar="REG=VALUE",
        nargs="+",
        help="REG=VALUE, or REG.FIELD=VALUE for one field, 'REG.FIELD=VALUE FIELD=VALUE' for several "
        "in one write; `run`: the VM runs for the first time",
    )
    add_kernel(parser)
    add_setup(parser)
    add_host_inputs(parser)
    parser.add_argument("--vcpu", metavar="N", help="the vCPU that shows features and host (index or name)")
    add_why(parser)
    parser.add_argument("--ran", action="store_true", help="the VM has already run")
    parser.add_argument("--for-real", action="store_true", help="also write to a scratch vCPU of a live source")
    add_style(parser, markdown=False)


def run(options: argparse.Namespace) -> int:
    """Print a verdict per write; 1 when any is refused or uncertain."""
    if options.for_real:
        return _run_on_scratch(options)
    dump = given_source(options)
    found = machine(dump, given_of(options), vcpu_named(dump, options.vcpu))
    steps = [step for text in options.writes for step in steps_of(text)]
    entries = written(bench_of(found), [*([FIRST_RUN] if options.ran else []), *steps])[options.ran :]
    verdicts = [one.verdict for one in entries if one.verdict is not None]
    known = facts(found.exposure, [verdict.id for verdict in verdicts]) if options.why else None
    if options.json:
        _print_json(found.policy.name, [entry_json(one) for one in entries], known)
    else:
        _print_text([entry_lines(one) for one in entries], known)
    talk = (*found.notes, *(() if options.assume else hints(found.host, (verdict.id for verdict in verdicts))))
    if talk:
        print("\n".join(map(one_line, talk)), file=sys.stderr)
    return EXIT_NO if any(one.outcome in ("refused", "uncertain") for one in entries) else EXIT_YES


def _run_on_scratch(options: argparse.Namespace) -> int:
    """`write live: --for-real`: predicted and actual answers side by side; 1 when they differ or any is refused.

    The prediction starts from the fresh vCPU's own values, read before the first write.
    """
    # What talks to machines: a question about a file does without.
    from inspector.checks.writing.scratch import predict_writes, write_and_predict
    from inspector.reports.scratch import pair_json, pair_lines
    from inspector.sources.live import is_live, open_live
    from inspector.sources.live.source import LiveOptions

    if not (is_live(options.source) and hasattr(open_live(options.source), "answer")):
        hint = "--for-real goes with live:, lab:KERNEL or ssh://[user@]host[:port]"
        raise InspectorError("has no scratch vCPU to write to", options.source, hint)
    if options.ran:
        raise InspectorError("--ran has no meaning for a scratch vCPU", "--for-real", "leave one of them out")
    live = LiveOptions(features=options.features or "qemu", gic=options.gic or "v3")
    dump = given_source(options)
    asked = ask(options.kernel, dump=dump) if options.kernel else own_question(dump)
    policies = candidates_of(asked.policy, asked.candidates)
    bench = Bench(lambda: (predict_writes(dump, asked.policy),))
    steps = [step for text in options.writes for step in steps_of(text)]
    if any(step.runs for step in steps):
        raise InspectorError("a scratch vCPU is never run", "--for-real", "leave `run` out")
    writes = [(step.id, bench.parse(*step.write)[0].value) for step in steps]
    model, pairs = write_and_predict(options.source, writes, policies, live)
    known = facts(model.exposure, [reg_id for reg_id, _ in writes]) if options.why else None
    if options.json:
        _print_json(asked.policy.name, [pair_json(pair) for pair in pairs], known)
    else:
        _print_text([pair_lines(pair) for pair in pairs], known)
    if asked.explanation:
        print(one_line(asked.explanation), file=sys.stderr)
    return EXIT_YES if all(pair.agrees and not pair.actual.errno for pair in pairs) else EXIT_NO


def _print_json(kernel: str, writes: Sequence[Json], known: Sequence[Fact] | None) -> None:
    """The answers, and the facts of the host where they are asked for."""
    print(dumps({"kernel": kernel, "writes": writes} | (facts_json(known) if known is not None else {})))


def _print_text(writes: Sequence[list[str]], known: Sequence[Fact] | None) -> None:
    blocks = [*writes, facts_lines(known)] if known is not None else writes
    print("\n\n".join(map("\n".join, blocks)))
