"""List the architecture's features (FEAT_ names) on host and vCPU.

Present on the host, shown to the vCPU, hidden by which rule since which kernel, and which vCPU feature it needs. Names
may be FEAT_ names, HWCAP flags (asimddp), assembler names (+sve2-aes), or words of their titles (pointer).
"""

from __future__ import annotations

import argparse
import sys

from inspector.checks.features.presence import FeatureState, states_of, wanted_features
from inspector.commands.arguments import add_style
from inspector.commands.summary import add_machine, given_sides
from inspector.errors import EXIT_NO, EXIT_YES, one_line
from inspector.reports import summary as report
from inspector.reports.json import dumps, source_json


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_machine(parser)
    parser.add_argument(
        "names", metavar="FEATURE", nargs="*", default=[], help="only these: FEAT_SVE2, asimddp, +lse ..."
    )
    parser.add_argument("--missing", action="store_true", help="only what the vCPU lacks and the host has or may have")
    add_style(parser, markdown=False)


def run(options: argparse.Namespace) -> int:
    """Print the features; 1 when one that was named is known not to be there."""
    wanted = wanted_features(options.names)
    sides = given_sides(options)
    states = states_of(sides, wanted)
    if options.missing:
        states = tuple(one for one in states if _missing(one, both=sides.both))
    host, vcpu = (side.title if side else "" for side in (sides.host, sides.vcpu))
    if options.json:
        print(dumps(report.features_json(states, source_json(sides.dump.provenance), host, vcpu, sides.notes)))
    elif wanted and len(states) <= 12:
        print("\n\n".join("\n".join(report.feature_lines(one, host, vcpu)) for one in states))
    else:
        print("\n".join(report.features_lines(states, host, vcpu)))
    if sides.notes and not options.json:
        print("\n".join(map(one_line, sides.notes)), file=sys.stderr)
    return EXIT_NO if wanted and any(_absent(one) for one in states) else EXIT_YES


def _missing(one: FeatureState, *, both: bool) -> bool:
    return one.missing if both else one.state == "absent"


def _absent(one: FeatureState) -> bool:
    return one.vcpu is False or (one.vcpu is None and one.host is False)
