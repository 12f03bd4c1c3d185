"""Compare the model's answers with those of real kernels, from recordings."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from inspector.checks.recordings.agreement import Agreement
from inspector.checks.recordings.verify import verify
from inspector.commands.arguments import add_inputs, add_style
from inspector.errors import EXIT_NO, EXIT_YES, InspectorError, one_line
from inspector.numbers import count_of
from inspector.reports import conformance as report
from inspector.reports.json import dumps


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "recordings", metavar="RECORDING", nargs="+", help="kvm-recordings, plain or compressed; with --summary folders"
    )
    parser.add_argument(
        "--kernel", metavar="K", help="this policy instead of the one that the recording's kernel names"
    )
    add_inputs(parser)
    parser.add_argument("--summary", action="store_true", help="one row for each recording instead of its phases")
    add_style(parser)


def _paths(given: list[str]) -> list[str]:
    """The recordings of the folders among `given`, by name, and the others as they are."""
    found: list[str] = []
    for text in given:
        if not Path(text).is_dir():
            found.append(text)
            continue
        inside = sorted(str(path) for path in Path(text).iterdir() if ".jsonl" in path.name)
        if not inside:
            raise InspectorError("holds no recording", text, "a folder with .jsonl files, plain or compressed")
        found += inside
    return found


def run(options: argparse.Namespace) -> int:
    """Print agreement by phase, and every class of disagreement; 1 when there is any."""
    results = []
    whole = not options.json and not options.summary and not options.markdown
    paths = _paths(options.recordings)
    for path in paths:
        result = verify(path, kernel=options.kernel or "", host=options.host)
        results.append(result)
        if whole:
            alone = len(paths) == 1 and path != "-" and not options.kernel
            print(report.agreement_text(result, _explained(path, options.host, result) if alone else ""), flush=True)
    if options.json:
        print(dumps({"recordings": [report.agreement_json(result) for result in results]}))
    elif not whole:
        print(report.summary_markdown(results) if options.markdown else report.summary_text(results))
    disagreeing = [result for result in results if not result.perfect]
    if disagreeing and not options.json:
        print(one_line(f"{len(disagreeing)} of {count_of(len(results), 'recording')} disagree"), file=sys.stderr)
    return EXIT_NO if disagreeing else EXIT_YES


def _explained(path: str, host: str, result: Agreement) -> str:
    """Whether `learn` would explain what disagrees; it is tried for one recording whose kernel was not named."""
    if not result.disagreements or not result.policy:
        return ""
    from inspector.checks.recordings.learn import learn, would_explain

    print("looking for rules of other kernels that explain what disagrees ...", file=sys.stderr)
    return would_explain(learn([path], host))
