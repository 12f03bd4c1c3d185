"""Compute every answer of a kvm-recording.

Written is the recording with the computed answers. Answers that are present are ignored; a recording without its `host`
line is predicted from each fresh vCPU's values.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from inspector.checks.recordings.verify import predict_file
from inspector.commands.arguments import add_inputs
from inspector.commands.output import add_output, check_output, status_of, write_out
from inspector.errors import EXIT_YES, InspectorError, escaped_json
from inspector.progress import steps


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "recording", metavar="RECORDING", help="a kvm-recording, plain or compressed; - for standard input"
    )
    add_inputs(parser)
    add_output(parser)
    parser.add_argument(
        "--kernel", metavar="K", help="this policy instead of the one that the recording's kernel names"
    )


def same_file(one: str, other: str) -> bool:
    """True when two paths, however they are spelled, lead to one file."""
    try:
        return Path(one).samefile(other)
    except OSError:
        return False


def run(options: argparse.Namespace) -> int:
    """Write the predicted lines, in the order of the recording."""
    check_output(options)
    lines = map(_shown, predict_file(options.recording, options.kernel or "", options.host))
    if options.output in (None, "-"):
        sys.stdout.buffer.writelines(lines)
        return EXIT_YES
    if same_file(options.recording, options.output):
        raise InspectorError("is the recording itself", options.output, "name another file with -o")
    answered = b"".join(steps(f"answering {options.recording}, lines", lines))
    write_out(options.output, answered, force=options.force, like=status_of(options.recording))
    return EXIT_YES


def _shown(line: bytes) -> bytes:
    """A line of JSON in which no character is hidden or acts on a terminal."""
    return line if line.isascii() and b"\x7f" not in line else escaped_json(line.decode(errors="replace")).encode()
