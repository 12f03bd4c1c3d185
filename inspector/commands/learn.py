"""Find the policy of a kernel that is not known, from recordings of it.

The nearest known point is the base; rules of other points and, where none fits, explicit rules explain the rest. The
file that is written is a policy: `verify RECORDING --kernel POLICY.toml` agrees as far as the report says.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from inspector.checks.recordings.learn import Edit, Learnt, deciding, learn, to_toml, undecided_words
from inspector.commands.arguments import add_inputs, add_style
from inspector.commands.output import add_output, check_output, status_of_all, write_out
from inspector.errors import EXIT_NO, EXIT_YES, one_line
from inspector.reports.json import dumps
from inspector.reports.text import columns

_TOLD = 8


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("recordings", metavar="RECORDING", nargs="+", help="of one kernel, on any CPU models")
    add_output(parser)
    parser.add_argument(
        "--without", metavar="POINT", action="append", default=[], help="leave this policy aside; may be repeated"
    )
    add_inputs(parser)
    add_style(parser, markdown=False)


def run(options: argparse.Namespace) -> int:
    """Search and print; 1 when answers are left that nothing explains."""
    check_output(options)
    found = learn(options.recordings, options.host, options.without, _say)
    text = to_toml(found, [Path(name).name for name in options.recordings])
    if options.output not in (None, "-"):
        write_out(options.output, text.encode(), force=options.force, like=status_of_all(options.recordings))
    elif not options.json:
        print(text, end="")
    if options.json:
        print(dumps(_data(found)))
    else:
        print("\n".join(_lines(found)), file=sys.stderr)
    return EXIT_YES if found.whole else EXIT_NO


def _say(text: str) -> None:
    print(one_line(text), file=sys.stderr)


def _lines(found: Learnt) -> list[str]:
    wrong = f"{found.base_wrong} of {found.compared} answers are wrong"
    lines = [f"{found.base} as base: {wrong}; with what was learnt {found.compared - found.agreed}"]
    rows = [(f"  {edit.origin}", edit.name, edit.donor, f"{edit.gain} answers") for edit in found.edits]
    lines += columns(rows)
    if found.undecided:
        lines.append("not decided by these recordings:")
        first = sorted(found.undecided, key=lambda edit: not edit.decided_on)[:_TOLD]
        lines += columns([(f"  {undecided_words(edit)}", deciding(edit)) for edit in first])
        more = len(found.undecided) - _TOLD
        lines += [f"  and {more} more (the file names them)"] if more > 0 else []
        lines += [f"  such as: {command}" for command in _commands(found)]
    lines += [f"left: {one.phase} {one.register} {one.field}: {one.count}" for one in found.left[:10]]
    return [one_line(line) for line in lines]


def _commands(found: Learnt) -> list[str]:
    """The recording that decides most."""
    models = Counter(cpu for edit in found.undecided for cpu in edit.decided_on)
    return [f"vcpu-inspector record lab:IMAGE,cpu={cpu} -o FILE" for cpu, _ in models.most_common(1)]


def _data(found: Learnt) -> dict[str, object]:
    def edit(one: Edit) -> dict[str, object]:
        return {"name": one.name, "origin": one.origin, "donor": one.donor, "gain": one.gain}

    return {
        "base": found.base, "compared": found.compared, "agreed": found.agreed, "base_wrong": found.base_wrong,
        "whole": found.whole, "edits": [edit(one) for one in found.edits],
        "undecided": [edit(one) | {"decided_on": one.decided_on} for one in found.undecided],
        "left": [{"phase": d.phase, "register": d.register, "field": d.field, "count": d.count} for d in found.left],
    }  # fmt: skip
