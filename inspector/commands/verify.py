"""Compare the model with kvm-recordings of real kernels."""

from __future__ import annotations

import argparse
import sys

from inspector.checks.recordings.verify import verify
from inspector.commands.arguments import add_style
from inspector.errors import EXIT_NO, EXIT_YES, one_line
from inspector.reports import conformance as report
from inspector.reports.json import dumps


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("recordings", metavar="RECORDING", nargs="+", help="kvm-recordings, plain or compressed")
    parser.add_argument(
        "--kernel", metavar="K", help="this policy instead of the one that the recording's kernel names"
    )
    add_style(parser, markdown=False)


def run(options: argparse.Namespace) -> int:
    """Print agreement by phase, and every class of disagreement; 1 when there is any."""
    results = []
    for path in options.recordings:
        result = verify(path, kernel=options.kernel or "")
        results.append(result)
        if not options.json:
            print(report.agreement_text(result), flush=True)
    if options.json:
        print(dumps({"recordings": [report.agreement_json(result) for result in results]}))
    disagreeing = [result for result in results if not result.perfect]
    if disagreeing and not options.json:
        print(one_line(f"{len(disagreeing)} of {len(results)} recordings disagree"), file=sys.stderr)
    return EXIT_NO if disagreeing else EXIT_YES
