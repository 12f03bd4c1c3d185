"""Write a copy of a saved VM that its destination accepts.

Only the register values that the destination refuses are replaced. The original is never touched and nothing is
overwritten. The copy keeps permissions, owner, holes and compression, and is loaded and checked again before it gets
its name.

What can be written:
  QEMU streams              eight bytes for each value; packed streams are packed again, lz4 and lzop with their library
  libvirt save images       the same behind libvirt's header
  qcow2 internal snapshots  eight bytes for each value, in the snapshot of --snapshot (default the last)
  Cloud Hypervisor          the numbers of the values in state.json
  crosvm                    the numbers of the values in a vCPU's file, CBOR or JSON
  Firecracker vmstate       the bytes of the values, and the checksum (CRC-64) at the end
  Firecracker JSON          the bits of the values
  text and own dumps        the digits of the values: `id value` lines, dumps of this program

Of a snapshot's folder (Cloud Hypervisor, crosvm, Firecracker) the whole folder is copied; -o names a new one.
Core registers (X, V, PC, PSTATE) are never replaced. Whatever else is read can be shown but not written.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from inspector.checks.machine.destination import SAME_HOST
from inspector.checks.repair.fix import FixResult, fix
from inspector.commands.arguments import (
    add_declared,
    add_host_inputs,
    add_kernel,
    add_secrets,
    add_snapshot,
    add_style,
)
from inspector.commands.destinations import add_setup, add_vmm, given_of, given_side
from inspector.commands.opened import given_source
from inspector.commands.output import STANDARD_OUTPUT
from inspector.errors import InspectorError
from inspector.reports import fix as report
from inspector.reports.json import dumps


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("source", metavar="SOURCE", help="the saved VM's own file, of one of the formats above")
    parser.add_argument("destination", metavar="DESTINATION", help=f"a dump of the destination, or `{SAME_HOST}`")
    parser.add_argument(
        "-o", "--output", metavar="NEWFILE", help="new file or folder; must not exist; - for standard output"
    )
    parser.add_argument("--dry-run", action="store_true", help="try and check everything, but write nothing")
    add_kernel(parser)
    add_vmm(parser)
    add_setup(parser)
    add_host_inputs(parser)
    add_declared(parser)
    add_snapshot(parser)
    add_secrets(parser)
    add_style(parser)


def run(options: argparse.Namespace) -> int:
    """Print each change and its risk; 0 when the result loads, 1 when something remains."""
    if options.output is None and not options.dry_run:
        raise InspectorError("names no new file", "fix", "give -o NEWFILE, or --dry-run to write nothing")
    if options.output == STANDARD_OUTPUT and not options.dry_run:
        return _to_standard_output(options)
    result = _fixed(options, options.output or "")
    print(_report(options, result))
    return result.exit_code


def _fixed(options: argparse.Namespace, target: str) -> FixResult:
    source = given_source(options)
    return fix(source, given_side(options), target, given_of(options), dry_run=options.dry_run)


def _report(options: argparse.Namespace, result: FixResult) -> str:
    if options.json:
        return dumps(report.fix_json(result, options.secrets))
    write = report.fix_markdown if options.markdown else report.fix_text
    return write(result, options.secrets)


def _to_standard_output(options: argparse.Namespace) -> int:
    """The copy, which is checked as a file first, to standard output; the report to standard error."""
    import shutil
    import tempfile

    with tempfile.TemporaryDirectory(prefix="vcpu-inspector-") as folder:
        copy = Path(folder) / "copy"
        result = _fixed(options, str(copy))
        print(_report(options, result).replace(str(copy), "standard output"), file=sys.stderr)
        if copy.exists():
            with copy.open("rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)
    return result.exit_code
